/* SPDX-License-Identifier: ISC */
/* Disks as files: /dev/xvda etc. */
#include "drivers/blkfront.h"
#include "kernel/clock.h"
#include "lib/file/blockdev.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PATIENCE (10 * NSEC_PER_SEC)	/* wait for a disk that is announced in xenstore */

struct blockdev {
	struct file file;
	struct disk disk;
	unsigned vdev;
	off_t at;
};

/* ---- operations */

static ssize_t blockdev_pread(struct file *f, void *to, size_t len, off_t at)
{
	return blkfront_read(&((struct blockdev *)f)->disk, to, len, at);
}

static ssize_t blockdev_pwrite(struct file *f, const void *from, size_t len, off_t at)
{
	struct blockdev *b = (struct blockdev *)f;
	ssize_t n = blkfront_write(&b->disk, from, len, at);
	int rc = n > 0 && f->flags & O_SYNC ? blkfront_flush(&b->disk) : 0;

	return rc ? rc : n;
}

static ssize_t blockdev_read(struct file *f, void *to, size_t len)
{
	struct blockdev *b = (struct blockdev *)f;
	ssize_t n = blockdev_pread(f, to, len, b->at);

	b->at += n > 0 ? n : 0;
	return n;
}

static ssize_t blockdev_write(struct file *f, const void *from, size_t len)
{
	struct blockdev *b = (struct blockdev *)f;
	ssize_t n = blockdev_pwrite(f, from, len, b->at);

	b->at += n > 0 ? n : 0;
	return n;
}

static off_t blockdev_seek(struct file *f, off_t offset, int whence)
{
	struct blockdev *b = (struct blockdev *)f;
	struct disk_info info;
	off_t from = whence == SEEK_CUR ? b->at : 0;
	int rc;

	if (whence != SEEK_SET && whence != SEEK_CUR && whence != SEEK_END)
		return -EINVAL;
	if (whence == SEEK_END) {
		rc = blkfront_info(&b->disk, &info);
		if (rc)
			return rc;
		from = info.size;
	}
	if (__builtin_add_overflow(from, offset, &from) || from < 0)
		return -EINVAL;
	b->at = from;
	return from;
}

static void describe(unsigned vdev, const struct disk_info *info, struct stat *st)
{
	st->st_mode = S_IFBLK | (info->writable ? 0660 : 0440);
	st->st_nlink = 1;
	st->st_rdev = vdev;
	st->st_size = info->size;
	st->st_blksize = 4096;
	st->st_blocks = info->size / 512;
}

static int blockdev_stat(struct file *f, struct stat *st)
{
	struct blockdev *b = (struct blockdev *)f;
	struct disk_info info;
	int rc = blkfront_info(&b->disk, &info);

	if (!rc)
		describe(b->vdev, &info, st);
	return rc;
}

static int blockdev_ioctl(struct file *f, unsigned long request, void *arg)
{
	struct blockdev *b = (struct blockdev *)f;
	const uint64_t *range = arg;
	struct disk_info info;
	int rc = blkfront_info(&b->disk, &info);

	if (rc)
		return rc;
	switch (request) {
	case BLKGETSIZE64:
		*(uint64_t *)arg = info.size;
		return 0;
	case BLKGETSIZE:
		*(unsigned long *)arg = info.size / 512;
		return 0;
	case BLKSSZGET:
		*(int *)arg = info.sector_size;
		return 0;
	case BLKROGET:
		*(int *)arg = !info.writable;
		return 0;
	case BLKFLSBUF:
		return blkfront_flush(&b->disk);
	case BLKDISCARD:
		if ((f->flags & O_ACCMODE) == O_RDONLY)
			return -EBADF;
		return blkfront_discard(&b->disk, range[0], range[1]);
	}
	return -ENOTTY;
}

static int blockdev_sync(struct file *f)
{
	return blkfront_flush(&((struct blockdev *)f)->disk);
}

static void blockdev_close(struct file *f)
{
	free(f);
}

static const struct file_ops blockdev_ops = {
	.read = blockdev_read, .write = blockdev_write,
	.pread = blockdev_pread, .pwrite = blockdev_pwrite,
	.seek = blockdev_seek, .stat = blockdev_stat, .ioctl = blockdev_ioctl,
	.sync = blockdev_sync, .close = blockdev_close,
};

/* ---- names */

static int lookup(const char *name, struct disk *disk, unsigned *vdev)
{
	int rc;

	if (!blkfront_number(name, vdev))
		return -ENOENT;
	rc = blkfront_open(disk, *vdev, clock_now() + PATIENCE);
	return rc == -ENODEV ? -ENOENT : rc == -EPROTO ? -EIO : rc;
}

int blockdev_open(const char *name, int flags, struct file **f)
{
	struct blockdev *b = calloc(1, sizeof(*b));
	struct disk_info info;
	int rc;

	if (!b)
		return -ENOMEM;
	rc = lookup(name, &b->disk, &b->vdev);
	if (!rc)
		rc = blkfront_info(&b->disk, &info);
	if (!rc && !info.writable && (flags & O_ACCMODE) != O_RDONLY)
		rc = -EROFS;
	if (!rc && (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
		rc = -EEXIST;
	if (rc) {
		free(b);
		return rc;
	}
	b->file.ops = &blockdev_ops;
	*f = &b->file;
	return 0;
}

int blockdev_describe(const char *name, struct stat *st)
{
	struct disk_info info;
	struct disk disk;
	unsigned vdev;
	int rc = lookup(name, &disk, &vdev);

	if (!rc)
		rc = blkfront_info(&disk, &info);
	if (!rc)
		describe(vdev, &info, st);
	return rc;
}

int blockdev_list(unsigned i, struct dirent *entry)
{
	int64_t vdev = -1;

	do
		vdev = blkfront_next(vdev + 1);
	while (vdev >= 0 && i--);
	if (vdev < 0)
		return 0;
	*entry = (struct dirent){ .d_type = DT_BLK };
	blkfront_name(vdev, entry->d_name, sizeof(entry->d_name));
	return 1;
}

/* SPDX-License-Identifier: ISC */
/*
 * Disks as files: /dev/xvda and the like.
 *
 * A name is a number by xen-vbd-interface(7), whatever the toolstack calls the disk:
 * xvda, sda1, hdc2; /dev/vbd-N for numbers that have no name.
 */
#include "drivers/blkfront.h"
#include "kernel/clock.h"
#include "kernel/log.h"
#include "lib/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PATIENCE (10 * NSEC_PER_SEC)	/* with a disk that is announced */

struct blockdev {
	struct file file;
	struct disk disk;
	unsigned vdev;
	off_t at;
};

/* ---- names and numbers */

/* Where a family's numbers begin, of which disk, and how many bits are the partition. */
static const struct family {
	char name[4];
	unsigned base, first_disk, disks, shift;
} families[] = {
	{ "xvd", 202 << 8, 0, 16, 4 },
	{ "xvd", 1 << 28, 0, 1 << 20, 8 },	/* those that do not fit above */
	{ "sd", 8 << 8, 0, 16, 4 },
	{ "hd", 3 << 8, 0, 2, 6 },
	{ "hd", 22 << 8, 2, 2, 6 },
};

#define FAMILIES (sizeof(families) / sizeof(families[0]))

static bool decimal(const char *text, unsigned *n)
{
	char *end;
	unsigned long value;

	if (*text < '0' || *text > '9')
		return false;
	value = strtoul(text, &end, 10);
	*n = value;
	return !*end && value <= UINT32_MAX;
}

/* a, b ... z, aa, ab ...: from 0 on.  What follows; NULL: no letter, or too many. */
static const char *letters(const char *text, unsigned *disk)
{
	const char *p = text;

	for (*disk = 0; *p >= 'a' && *p <= 'z'; p++) {
		if (p - text == 4)
			return NULL;
		*disk = *disk * 26 + (*p - 'a' + 1);
	}
	*disk -= 1;
	return p == text ? NULL : p;
}

static bool number_of(const char *name, unsigned *vdev)
{
	unsigned disk, partition;

	if (strncmp(name, "vbd-", 4) == 0)
		return decimal(name + 4, vdev);
	for (size_t i = 0; i < FAMILIES; i++) {
		const struct family *f = &families[i];
		size_t n = strlen(f->name);
		const char *rest;

		if (strncmp(name, f->name, n))
			continue;
		rest = letters(name + n, &disk);
		partition = 0;
		if (!rest || (*rest && (*rest == '0' || !decimal(rest, &partition))))
			return false;
		if (disk < f->first_disk || disk - f->first_disk >= f->disks ||
		    partition >= 1u << f->shift)
			continue;
		*vdev = f->base | (disk - f->first_disk) << f->shift | partition;
		return true;
	}
	return false;
}

static void spell(char *to, size_t size, const char *family, unsigned disk,
		  unsigned partition)
{
	char text[8] = "", *p = text + sizeof(text) - 1;

	for (disk++; disk; disk = (disk - 1) / 26)
		*--p = 'a' + (disk - 1) % 26;
	if (partition)
		format(to, size, "%s%s%u", family, p, partition);
	else
		format(to, size, "%s%s", family, p);
}

static void name_of(char *to, size_t size, unsigned vdev)
{
	for (size_t i = 0; i < FAMILIES; i++) {
		const struct family *f = &families[i];
		unsigned n = vdev - f->base;

		if (vdev < f->base || n >> f->shift >= f->disks)
			continue;
		spell(to, size, f->name, f->first_disk + (n >> f->shift),
		      n & ((1u << f->shift) - 1));
		return;
	}
	format(to, size, "vbd-%u", vdev);
}

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

/* ---- /dev */

static int find(const char *path, struct disk *disk, unsigned *vdev)
{
	int rc;

	if (!number_of(path, vdev))
		return -ENOENT;
	rc = blkfront_open(disk, *vdev, clock_now() + PATIENCE);
	return rc == -ENODEV ? -ENOENT : rc == -EPROTO ? -EIO : rc;
}

static int dev_open(const char *path, int flags, mode_t mode, struct file **f)
{
	struct blockdev *b;
	struct disk_info info;
	int rc;

	(void)mode;
	if (!*path)
		return -EISDIR;
	b = calloc(1, sizeof(*b));
	if (!b)
		return -ENOMEM;
	rc = find(path, &b->disk, &b->vdev);
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

static int dev_stat(const char *path, struct stat *st)
{
	struct disk_info info;
	struct disk disk;
	unsigned vdev;
	int rc;

	if (!*path) {
		st->st_mode = S_IFDIR | 0755;
		st->st_nlink = 2;
		return 0;
	}
	rc = find(path, &disk, &vdev);
	if (!rc)
		rc = blkfront_info(&disk, &info);
	if (!rc)
		describe(vdev, &info, st);
	return rc;
}

static int dev_list(const char *path, unsigned i, struct dirent *entry)
{
	int64_t vdev = -1;

	if (*path)
		return -ENOTDIR;
	do
		vdev = blkfront_next(vdev + 1);
	while (vdev >= 0 && i--);
	if (vdev < 0)
		return 0;
	*entry = (struct dirent){ .d_type = DT_BLK };
	name_of(entry->d_name, sizeof(entry->d_name), vdev);
	return 1;
}

struct mount blockdev_mount = {
	.at = "/dev", .open = dev_open, .stat = dev_stat, .list = dev_list,
	.next = &proc_mount,
};

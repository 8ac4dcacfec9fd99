/* SPDX-License-Identifier: ISC */
/* Open regular files of file systems. */
#define _GNU_SOURCE
#include "fs/lock.h"
#include "lib/file/mapped.h"
#include "lib/file/path.h"
#include "lib/file/stat.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#define DIRECT_ALIGN 512		/* of O_DIRECT: the address, the length and the offset */

struct fsfile {
	struct file file;
	struct place place;
	struct fs_open open;
	struct rwlock moving;		/* held by calls that use the file position */
	off_t at;
};

static struct fsfile *of(struct file *f)
{
	return (struct fsfile *)f;
}

static const struct fs_ops *ops_of(const struct fsfile *s)
{
	return s->open.inode->fs->ops;
}

/* ---- Reading and writing. */

/* For O_DIRECT, as Linux has it: what is not aligned is refused.  The cache is used all the same. */
static int refused_as_direct(const struct file *f, const struct iovec *v, int count, off_t at)
{
	uintptr_t all = at;

	if (!(f->flags & O_DIRECT))
		return 0;
	for (int i = 0; i < count; i++)
		all |= (uintptr_t)v[i].iov_base | v[i].iov_len;
	return all % DIRECT_ALIGN ? -EINVAL : 0;
}

_Static_assert(sizeof(struct fs_vec) == sizeof(struct iovec) &&
	       offsetof(struct fs_vec, data) == offsetof(struct iovec, iov_base) &&
	       offsetof(struct fs_vec, len) == offsetof(struct iovec, iov_len), "fs_vec");

static size_t length(const struct iovec *v, unsigned count)
{
	size_t sum = 0;

	for (unsigned i = 0; i < count; i++)
		sum += v[i].iov_len;
	return sum;
}

static ssize_t read_all(struct file *f, const struct iovec *to, int count, off_t at)
{
	int rc = refused_as_direct(f, to, count, at);

	return rc ? rc : ops_of(of(f))->read(&of(f)->open, (const struct fs_vec *)to, count, at);
}

/* Makes durable what O_SYNC and O_DSYNC ask for. */
static int make_durable(struct file *f)
{
	if (!(f->flags & (O_SYNC | O_DSYNC)))
		return 0;
	return ops_of(of(f))->sync(&of(f)->open, (f->flags & O_SYNC) != O_SYNC);
}

/* *at becomes where the writing ended. */
static ssize_t write_all(struct file *f, const struct iovec *from, int count, off_t *at)
{
	int rc = refused_as_direct(f, from, count, *at);
	uint64_t place = *at;
	ssize_t n;

	if (rc)
		return rc;
	n = ops_of(of(f))->write(&of(f)->open, (const struct fs_vec *)from, count, &place,
				 f->flags & O_APPEND);
	if (n <= 0)
		return n;
	*at = place + n;
	mapped_refresh(of(f)->open.inode, place, *at);
	rc = make_durable(f);
	return rc ? rc : n;
}

/* A write cannot be longer than the file position; fs/ knows the limits of files. */
static bool too_long(off_t at, size_t len)
{
	off_t end;

	return len > SSIZE_MAX || __builtin_add_overflow(at, (off_t)len, &end);
}

static ssize_t fsfile_pread(struct file *f, void *to, size_t len, off_t at)
{
	struct iovec v = { to, len };

	return len > SSIZE_MAX ? -EINVAL : read_all(f, &v, 1, at);
}

static ssize_t fsfile_pwritev(struct file *f, const struct iovec *from, int count, off_t at)
{
	return too_long(at, length(from, count)) ? -EFBIG : write_all(f, from, count, &at);
}

static ssize_t fsfile_pwrite(struct file *f, const void *from, size_t len, off_t at)
{
	return fsfile_pwritev(f, &(struct iovec){ (void *)from, len }, 1, at);
}

static ssize_t fsfile_readv(struct file *f, const struct iovec *to, int count)
{
	struct fsfile *s = of(f);
	ssize_t n;

	lock_write(&s->moving);
	n = read_all(f, to, count, s->at);
	s->at += n > 0 ? n : 0;
	unlock_write(&s->moving);
	return n;
}

static ssize_t fsfile_writev(struct file *f, const struct iovec *from, int count)
{
	struct fsfile *s = of(f);
	ssize_t n = -EFBIG;
	off_t at;

	lock_write(&s->moving);
	at = s->at;
	if (f->flags & O_APPEND || !too_long(at, length(from, count)))
		n = write_all(f, from, count, &at);
	if (n > 0)
		s->at = at;
	unlock_write(&s->moving);
	return n;
}

static ssize_t fsfile_read(struct file *f, void *to, size_t len)
{
	struct iovec v = { to, len };

	return len > SSIZE_MAX ? -EINVAL : fsfile_readv(f, &v, 1);
}

static ssize_t fsfile_write(struct file *f, const void *from, size_t len)
{
	struct iovec v = { (void *)from, len };

	return len > SSIZE_MAX ? -EINVAL : fsfile_writev(f, &v, 1);
}

/* ---- The position, and the rest. */

static off_t moved(struct fsfile *s, off_t offset, int whence)
{
	off_t from = whence == SEEK_CUR ? s->at :
		     whence == SEEK_END ? (off_t)s->open.inode->size : 0;

	if (whence == SEEK_DATA || whence == SEEK_HOLE)
		return offset < 0 ? -ENXIO :
		       ops_of(s)->seek(s->open.inode, offset,
				       whence == SEEK_DATA ? FS_SEEK_DATA : FS_SEEK_HOLE);
	if (whence != SEEK_SET && whence != SEEK_CUR && whence != SEEK_END)
		return -EINVAL;
	if (__builtin_add_overflow(from, offset, &from))
		return offset > 0 ? -EOVERFLOW : -EINVAL;
	return from < 0 ? -EINVAL : from;
}

static off_t fsfile_seek(struct file *f, off_t offset, int whence)
{
	struct fsfile *s = of(f);
	off_t at;

	lock_write(&s->moving);
	at = moved(s, offset, whence);
	if (at >= 0)
		s->at = at;
	unlock_write(&s->moving);
	return at;
}

static int fsfile_stat(struct file *f, struct stat *st)
{
	return place_stat(&of(f)->place, st);
}

static int sync_file(struct fsfile *s, bool data_only)
{
	int rc = mapped_collect_file(s->open.inode), error;

	error = ops_of(s)->sync(&s->open, data_only);
	return rc ? rc : error;
}

static int fsfile_sync(struct file *f)
{
	return sync_file(of(f), false);
}

static int fsfile_datasync(struct file *f)
{
	return sync_file(of(f), true);
}

static const struct place *fsfile_place(struct file *f)
{
	return &of(f)->place;
}

static struct fs_open *fsfile_fs_open(struct file *f)
{
	return &of(f)->open;
}

static void fsfile_close(struct file *f)
{
	fs_open_end(&of(f)->open);
	place_put(&of(f)->place);
	free(f);
}

static const struct file_ops fsfile_ops = {
	.read = fsfile_read, .write = fsfile_write,
	.readv = fsfile_readv, .writev = fsfile_writev,
	.pread = fsfile_pread, .pwrite = fsfile_pwrite,
	.preadv = read_all, .pwritev = fsfile_pwritev,
	.seek = fsfile_seek, .stat = fsfile_stat,
	.sync = fsfile_sync, .datasync = fsfile_datasync,
	.place = fsfile_place, .fs_open = fsfile_fs_open, .close = fsfile_close,
};

int fsfile_open(const struct place *at, struct file **f)
{
	struct fsfile *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return -ENOMEM;
	rc = place_copy(&s->place, at);
	if (rc) {
		free(s);
		return rc;
	}
	s->file.ops = &fsfile_ops;
	fs_open_begin(&s->open, at->inode);
	*f = &s->file;
	return 0;
}

/* SPDX-License-Identifier: ISC */
/* fallocate() of Linux, posix_fallocate() of POSIX.1-2017. */
#define _GNU_SOURCE
#include "kernel/sched.h"
#include "lib/file/mapped.h"
#include "lib/file/path.h"
#include "lib/result.h"

#include <errno.h>
#include <fcntl.h>

static int allocate(struct file *f, int mode, off_t at, off_t len)
{
	struct fs_open *o = file_fs_open(f);
	struct stat st = { 0 };
	off_t end;
	int rc;

	if (at < 0 || len <= 0)
		return -EINVAL;
	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE) || mode == FALLOC_FL_PUNCH_HOLE)
		return -EOPNOTSUPP;
	if ((f->flags & O_ACCMODE) == O_RDONLY)
		return -EBADF;
	if (f->ops->stat)
		f->ops->stat(f, &st);
	if (S_ISFIFO(st.st_mode))
		return -ESPIPE;
	if (!o || !S_ISREG(st.st_mode))
		return -ENODEV;
	if (__builtin_add_overflow(at, len, &end))
		return -EFBIG;
	rc = o->inode->fs->ops->fallocate(o->inode, mode, at, len);
	mapped_refresh(o->inode, at, end);
	return rc;
}

static int call(int fd, int mode, off_t at, off_t len)
{
	struct file *f;
	int rc = -EBADF;

	kernel_enter();
	f = file_get(fd);
	if (f) {
		rc = allocate(f, mode, at, len);
		file_put(f);
	}
	kernel_leave();
	return rc;
}

int fallocate(int fd, int mode, off_t at, off_t len)
{
	return result(call(fd, mode, at, len));
}

int posix_fallocate(int fd, off_t at, off_t len)
{
	return -call(fd, 0, at, len);
}

/* SPDX-License-Identifier: ISC */
/*
 * Advice of a program about its use of a file's data: posix_fadvise() (POSIX.1-2017) and
 * readahead() (Linux).  Two kinds of advice have an effect: data that will be needed is read into
 * the cache, and data that is not needed is removed from it.
 */
#define _GNU_SOURCE
#include "kernel/sched.h"
#include "lib/file/path.h"
#include "lib/result.h"

#include <errno.h>
#include <fcntl.h>

static mode_t type_of(struct file *f)
{
	struct stat st = { 0 };

	if (f->ops->stat)
		f->ops->stat(f, &st);
	return st.st_mode & S_IFMT;
}

static int advise(struct file *f, off_t at, off_t len, int advice)
{
	struct fs_open *o = file_fs_open(f);

	if (type_of(f) == S_IFIFO)
		return ESPIPE;
	if (len < 0 || advice < POSIX_FADV_NORMAL || advice > POSIX_FADV_NOREUSE)
		return EINVAL;
	if (!o || type_of(f) != S_IFREG || at < 0)
		return 0;
	if (!len || len > INT64_MAX - at)
		len = INT64_MAX - at;
	if (advice == POSIX_FADV_DONTNEED)
		o->inode->fs->ops->dont_need(o, at, len);
	else if (advice == POSIX_FADV_WILLNEED)
		o->inode->fs->ops->will_need(o, at, len);	/* as much as is possible */
	return 0;
}

int posix_fadvise(int fd, off_t at, off_t len, int advice)
{
	struct file *f;
	int rc = EBADF;

	kernel_enter();
	f = file_get(fd);
	if (f) {
		rc = advise(f, at, len, advice);
		file_put(f);
	}
	kernel_leave();
	return rc;
}

ssize_t readahead(int fd, off_t at, size_t len)
{
	struct file *f;
	int rc = -EBADF;

	kernel_enter();
	f = file_get(fd);
	if (f) {
		if ((f->flags & O_ACCMODE) != O_WRONLY)
			rc = at < 0 || type_of(f) != S_IFREG ? -EINVAL : 0;
		if (!rc && len)
			advise(f, at, len > INT64_MAX ? INT64_MAX : len, POSIX_FADV_WILLNEED);
		file_put(f);
	}
	kernel_leave();
	return result(rc);
}

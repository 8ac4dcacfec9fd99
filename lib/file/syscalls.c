/* SPDX-License-Identifier: ISC */
/* POSIX functions for descriptors, which newlib's stdio uses. */
#include "kernel/sched.h"
#include "lib/file/file.h"
#include "lib/result.h"
#include "lib/thread/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

/* Enters the kernel, evaluates `call` with the file f of fd, and leaves the kernel. */
#define WITH_FILE(fd, type, call)						\
	result(RESTARTED(({							\
		struct file *f;							\
		type rc_ = -EBADF;						\
		kernel_enter();							\
		f = file_get(fd);						\
		if (f) {							\
			rc_ = (call);						\
			file_put(f);						\
		}								\
		kernel_leave();							\
		rc_;								\
	})))

static bool readable(const struct file *f)
{
	return (f->flags & O_ACCMODE) != O_WRONLY;
}

static bool writable(const struct file *f)
{
	return (f->flags & O_ACCMODE) != O_RDONLY;
}

ssize_t read(int fd, void *to, size_t len)
{
	return WITH_FILE(fd, ssize_t,
			 f->ops->read && readable(f) ? f->ops->read(f, to, len) : -EBADF);
}

ssize_t write(int fd, const void *from, size_t len)
{
	return WITH_FILE(fd, ssize_t,
			 f->ops->write && writable(f) ? f->ops->write(f, from, len) : -EBADF);
}

ssize_t pread(int fd, void *to, size_t len, off_t at)
{
	return WITH_FILE(fd, ssize_t,
			 at < 0 ? -EINVAL : !readable(f) ? -EBADF :
			 f->ops->pread ? f->ops->pread(f, to, len, at) : -ESPIPE);
}

ssize_t pwrite(int fd, const void *from, size_t len, off_t at)
{
	return WITH_FILE(fd, ssize_t,
			 at < 0 ? -EINVAL : !writable(f) ? -EBADF :
			 f->ops->pwrite ? f->ops->pwrite(f, from, len, at) : -ESPIPE);
}

#define WHENCE_MAX 4			/* above Linux's SEEK_HOLE */

off_t lseek(int fd, off_t offset, int whence)
{
	return WITH_FILE(fd, off_t, whence < 0 || whence > WHENCE_MAX ? -EINVAL :
			 f->ops->seek ? f->ops->seek(f, offset, whence) : -ESPIPE);
}

int fstat(int fd, struct stat *st)
{
	memset(st, 0, sizeof(*st));
	return WITH_FILE(fd, int, f->ops->stat ? f->ops->stat(f, st) : -EINVAL);
}

int fsync(int fd)
{
	return WITH_FILE(fd, int, f->ops->sync ? f->ops->sync(f) : -EINVAL);
}

int fdatasync(int fd)
{
	return WITH_FILE(fd, int, f->ops->datasync ? f->ops->datasync(f) :
			 f->ops->sync ? f->ops->sync(f) : -EINVAL);
}

int isatty(int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return 0;
	if (S_ISCHR(st.st_mode) && st.st_rdev == TTY_DEVICE)
		return 1;
	errno = ENOTTY;
	return 0;
}

int close(int fd)
{
	int rc;

	kernel_enter();
	rc = file_close(fd);
	kernel_leave();
	return result(rc);
}

int dup(int fd)
{
	int rc;

	kernel_enter();
	rc = file_dup_from(fd, 0);
	kernel_leave();
	return result(rc);
}

int dup2(int fd, int at)
{
	int rc;

	kernel_enter();
	rc = file_dup(fd, at);
	kernel_leave();
	return result(rc);
}

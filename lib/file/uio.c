/* SPDX-License-Identifier: ISC */
/* Scatter-gather I/O (POSIX.1-2017: readv, writev). */
#include "kernel/sched.h"
#include "lib/file/file.h"
#include "lib/result.h"
#include "lib/thread/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/uio.h>

enum how { READ, WRITE, PREAD, PWRITE };

/* Transfers one buffer. Returns a count or -errno. */
static ssize_t piece(struct file *f, enum how how, const struct iovec *v, off_t at)
{
	const struct file_ops *ops = f->ops;

	switch (how) {
	case READ:
		return ops->read ? ops->read(f, v->iov_base, v->iov_len) : -EBADF;
	case WRITE:
		return ops->write ? ops->write(f, v->iov_base, v->iov_len) : -EBADF;
	case PREAD:
		return ops->pread ? ops->pread(f, v->iov_base, v->iov_len, at) : -ESPIPE;
	case PWRITE:
		return ops->pwrite ? ops->pwrite(f, v->iov_base, v->iov_len, at) : -ESPIPE;
	}
	return -EINVAL;
}

/* Returns the number of bytes transferred; an error only if it is 0. */
static ssize_t pieces(struct file *f, enum how how, const struct iovec *iov, int count, off_t at)
{
	ssize_t done = 0, n;

	for (int i = 0; i < count; i++) {
		if (!iov[i].iov_len)
			continue;
		/*
		 * Not if a blocked thread could be interrupted after half of a message.
		 */
		if (done && !f->ops->ready)
			kernel_pause();
		n = piece(f, how, &iov[i], at + done);
		if (n < 0)
			return done ? done : n;
		done += n;
		if ((size_t)n < iov[i].iov_len)
			break;
		/* Do not block for the next buffer after data was read. */
		if (how == READ && f->ops->ready)
			break;
	}
	return done;
}

static ssize_t check(const struct file *f, enum how how, const struct iovec *iov, int count)
{
	int without = how == WRITE || how == PWRITE ? O_RDONLY : O_WRONLY;
	size_t sum = 0;

	if ((f->flags & O_ACCMODE) == without)
		return -EBADF;
	if (count < 0 || count > IOV_MAX)
		return -EINVAL;
	for (int i = 0; i < count; i++)
		if (__builtin_add_overflow(sum, iov[i].iov_len, &sum) || sum > SSIZE_MAX)
			return -EINVAL;
	return 0;
}

static ssize_t all_once(int fd, enum how how, const struct iovec *iov, int count, off_t at)
{
	struct file *f;
	ssize_t rc = -EBADF;

	kernel_enter();
	f = file_get(fd);
	if (f) {
		rc = check(f, how, iov, count);
		if (!rc && how == READ && f->ops->readv)
			rc = f->ops->readv(f, iov, count);
		else if (!rc && how == WRITE && f->ops->writev)
			rc = f->ops->writev(f, iov, count);
		else if (!rc && at < 0)
			rc = -EINVAL;
		else if (!rc && how == PREAD && f->ops->preadv)
			rc = f->ops->preadv(f, iov, count, at);
		else if (!rc && how == PWRITE && f->ops->pwritev)
			rc = f->ops->pwritev(f, iov, count, at);
		else if (!rc)
			rc = pieces(f, how, iov, count, at);
		file_put(f);
	}
	kernel_leave();
	return rc;
}

static ssize_t all(int fd, enum how how, const struct iovec *iov, int count, off_t at)
{
	return result(RESTARTED(all_once(fd, how, iov, count, at)));
}

ssize_t readv(int fd, const struct iovec *iov, int count)
{
	return all(fd, READ, iov, count, 0);
}

ssize_t writev(int fd, const struct iovec *iov, int count)
{
	return all(fd, WRITE, iov, count, 0);
}

ssize_t preadv(int fd, const struct iovec *iov, int count, off_t at)
{
	return all(fd, PREAD, iov, count, at);
}

ssize_t pwritev(int fd, const struct iovec *iov, int count, off_t at)
{
	return all(fd, PWRITE, iov, count, at);
}

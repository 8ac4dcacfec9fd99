/* SPDX-License-Identifier: ISC */
/* eventfd as on Linux (eventfd(2)): a counter as a file. */
#include "kernel/sched.h"
#include "lib/file/file.h"
#include "lib/result.h"
#include "lib/thread/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define MOST (UINT64_MAX - 1)

struct eventfd {
	struct file file;
	uint64_t count;
	bool semaphore;
	struct waitq readers, writers;
};

static ssize_t eventfd_take(struct file *f, void *to, size_t len)
{
	struct eventfd *e = (struct eventfd *)f;
	uint64_t n;

	if (len < sizeof(n))
		return -EINVAL;
	if (!e->count && f->flags & O_NONBLOCK)
		return -EAGAIN;
	if (wait_or_signal(&e->readers, NEVER, SIGNAL_RESTARTS, e->count) <= 0)
		return -EINTR;
	n = e->semaphore ? 1 : e->count;
	e->count -= n;
	memcpy(to, &n, sizeof(n));
	wake(&e->writers);
	file_changed(f);
	return sizeof(n);
}

static ssize_t eventfd_add(struct file *f, const void *from, size_t len)
{
	struct eventfd *e = (struct eventfd *)f;
	uint64_t n;

	if (len < sizeof(n))
		return -EINVAL;
	memcpy(&n, from, sizeof(n));
	if (n > MOST)
		return -EINVAL;
	if (n > MOST - e->count && f->flags & O_NONBLOCK)
		return -EAGAIN;
	if (wait_or_signal(&e->writers, NEVER, SIGNAL_RESTARTS, n <= MOST - e->count) <= 0)
		return -EINTR;
	e->count += n;
	wake(&e->readers);
	file_changed(f);
	return sizeof(n);
}

static unsigned eventfd_ready(struct file *f)
{
	const struct eventfd *e = (struct eventfd *)f;

	return (e->count ? POLLIN | POLLRDNORM : 0) |
	       (e->count < MOST ? POLLOUT | POLLWRNORM : 0);
}

static int eventfd_stat(struct file *f, struct stat *st)
{
	(void)f, (void)st;
	return 0;
}

static void eventfd_close(struct file *f)
{
	free(f);
}

static const struct file_ops eventfd_ops = {
	.read = eventfd_take, .write = eventfd_add, .ready = eventfd_ready,
	.stat = eventfd_stat, .close = eventfd_close,
};

int eventfd(unsigned count, int flags)
{
	struct eventfd *e;
	int rc = -ENOMEM;

	if (flags & ~(EFD_NONBLOCK | EFD_CLOEXEC | EFD_SEMAPHORE))
		return result(-EINVAL);
	kernel_enter();
	e = calloc(1, sizeof(*e));
	if (e) {
		e->file = (struct file){ .ops = &eventfd_ops, .flags = O_RDWR, .refs = 1 };
		e->file.flags |= flags & EFD_NONBLOCK ? O_NONBLOCK : 0;
		e->count = count;
		e->semaphore = flags & EFD_SEMAPHORE;
		rc = file_set_cloexec(file_install(&e->file), flags & EFD_CLOEXEC);
		file_put(&e->file);
	}
	kernel_leave();
	return result(rc);
}

int eventfd_read(int fd, eventfd_t *value)
{
	return read(fd, value, sizeof(*value)) == sizeof(*value) ? 0 : -1;
}

int eventfd_write(int fd, eventfd_t value)
{
	return write(fd, &value, sizeof(value)) == sizeof(value) ? 0 : -1;
}

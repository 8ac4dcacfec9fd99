/* SPDX-License-Identifier: ISC */
/* timerfd as on Linux (timerfd_create(2)): see sys/timerfd.h. */
#define _GNU_SOURCE
#include "kernel/sched.h"
#include "lib/file/file.h"
#include "lib/result.h"
#include "lib/thread/signals.h"
#include "lib/thread/timers.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>

struct timerfd {
	struct file file;
	struct timer timer;
	clockid_t clock;
	uint64_t expired;		/* since the last read */
	struct waitq readers;
};

static const struct itimerspec stopped;

static void fire(struct timer *timer, uint64_t n)
{
	struct timerfd *t = (struct timerfd *)((char *)timer - offsetof(struct timerfd, timer));

	t->expired += n;
	wake(&t->readers);
	file_changed(&t->file);
}

static ssize_t timerfd_read(struct file *f, void *to, size_t len)
{
	struct timerfd *t = (struct timerfd *)f;

	if (len < sizeof(t->expired))
		return -EINVAL;
	if (!t->expired && f->flags & O_NONBLOCK)
		return -EAGAIN;
	if (wait_or_signal(&t->readers, NEVER, SIGNAL_RESTARTS, t->expired) <= 0)
		return -EINTR;
	memcpy(to, &t->expired, sizeof(t->expired));
	t->expired = 0;
	file_changed(f);
	return sizeof(t->expired);
}

static unsigned timerfd_ready(struct file *f)
{
	return ((struct timerfd *)f)->expired ? POLLIN | POLLRDNORM : 0;
}

static int timerfd_stat(struct file *f, struct stat *st)
{
	(void)f, (void)st;
	return 0;
}

static void timerfd_close(struct file *f)
{
	timer_run(&((struct timerfd *)f)->timer, CLOCK_MONOTONIC, false, &stopped, NULL);
	free(f);
}

static const struct file_ops timerfd_ops = {
	.read = timerfd_read, .ready = timerfd_ready, .stat = timerfd_stat,
	.close = timerfd_close,
};

int timerfd_create(int clock, int flags)
{
	struct timerfd *t;
	int rc = -ENOMEM;

	if (flags & ~(TFD_NONBLOCK | TFD_CLOEXEC) ||
	    (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME))
		return result(-EINVAL);
	kernel_enter();
	t = calloc(1, sizeof(*t));
	if (t) {
		t->file = (struct file){ .ops = &timerfd_ops, .flags = O_RDONLY, .refs = 1 };
		t->file.flags |= flags & TFD_NONBLOCK ? O_NONBLOCK : 0;
		t->timer.fire = fire;
		t->clock = clock;
		rc = file_set_cloexec(file_install(&t->file), flags & TFD_CLOEXEC);
		file_put(&t->file);
	}
	kernel_leave();
	return result(rc);
}

/* Returns its file with a reference; NULL with *rc = -EBADF or -EINVAL. Kernel code. */
static struct timerfd *get(int fd, int *rc)
{
	struct file *f = file_get(fd);

	*rc = f ? -EINVAL : -EBADF;
	if (!f || f->ops == &timerfd_ops)
		return (struct timerfd *)f;
	file_put(f);
	return NULL;
}

int timerfd_settime(int fd, int flags, const struct itimerspec *to, struct itimerspec *old)
{
	struct timerfd *t;
	int rc;

	if (flags & ~TFD_TIMER_ABSTIME)
		return result(-EINVAL);
	kernel_enter();
	t = get(fd, &rc);
	if (t) {
		rc = timer_run(&t->timer, t->clock, flags & TFD_TIMER_ABSTIME, to, old);
		if (!rc)
			t->expired = 0;
		file_put(&t->file);
	}
	kernel_leave();
	return result(rc);
}

int timerfd_gettime(int fd, struct itimerspec *to)
{
	struct timerfd *t;
	int rc;

	kernel_enter();
	t = get(fd, &rc);
	if (t) {
		timer_left(&t->timer, to);
		file_put(&t->file);
		rc = 0;
	}
	kernel_leave();
	return result(rc);
}

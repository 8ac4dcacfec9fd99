/* SPDX-License-Identifier: ISC */
/* Barriers (POSIX.1-2017: pthread_barrier_wait). */
#include "kernel/sched.h"
#include "lib/thread/wait_fifo.h"
#include "lib/thread/pthread.h"
#include "lib/thread/signals.h"

#include <errno.h>
#include <pthread.h>

static struct wait_fifo *fifo_of(pthread_barrier_t *b)
{
	return (struct wait_fifo *)&b->__waiters;
}

int pthread_barrier_init(pthread_barrier_t *b, const pthread_barrierattr_t *attr,
			 unsigned count)
{
	if (!count || (attr && attr->__initialized != PTHREAD_INITIALIZED))
		return EINVAL;
	*b = (pthread_barrier_t){ .__count = count };
	return 0;
}

int pthread_barrier_destroy(pthread_barrier_t *b)
{
	return fifo_of(b)->first ? EBUSY : 0;
}

static int barrier_sleep(pthread_barrier_t *b)
{
	struct pthread *self = pthread_current();
	struct fifo_waiter s = { 0 };

	wait_fifo_add(fifo_of(b), &s);
	self->nested++;		/* it is not a cancellation point */
	(void)wait_or_signal(&s.queue, NEVER, SIGNAL_CONTINUES, s.granted);
	self->nested--;
	return 0;
}

static int open_barrier(pthread_barrier_t *b)
{
	b->__arrived = 0;
	while (fifo_of(b)->first)
		wait_fifo_grant(fifo_of(b));
	return PTHREAD_BARRIER_SERIAL_THREAD;
}

int pthread_barrier_wait(pthread_barrier_t *b)
{
	int rc;

	if (!b->__count)
		return EINVAL;
	kernel_enter();
	rc = ++b->__arrived == b->__count ? open_barrier(b) : barrier_sleep(b);
	kernel_leave();
	return rc;
}

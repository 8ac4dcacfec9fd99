/* SPDX-License-Identifier: ISC */
/*
 * Condition variables (POSIX.1-2017: pthread_cond_wait, pthread_cond_signal).
 *
 * A signal wakes the thread that has waited longest, and no other: there are no spurious
 * wake-ups.
 */
#include "kernel/sched.h"
#include "lib/thread/clocks.h"
#include "lib/thread/wait_fifo.h"
#include "lib/thread/pthread.h"
#include "lib/thread/signals.h"

#include <errno.h>
#include <pthread.h>

_Static_assert(sizeof(struct wait_fifo) == sizeof(struct __wait_fifo), "as in _pthreadtypes.h");

static struct wait_fifo *fifo_of(pthread_cond_t *c)
{
	return (struct wait_fifo *)&c->__waiters;
}

int pthread_cond_init(pthread_cond_t *c, const pthread_condattr_t *attr)
{
	if (attr && attr->__initialized != PTHREAD_INITIALIZED)
		return EINVAL;
	*c = (pthread_cond_t){ .__clock = attr ? attr->clock : 0 };
	return 0;
}

int pthread_cond_destroy(pthread_cond_t *c)
{
	return fifo_of(c)->first ? EBUSY : 0;
}

/* Handlers run while it waits, but the thread is not cancelled before it has the mutex. */
static int relock(pthread_mutex_t *m)
{
	struct pthread *p = pthread_current();
	int error = pthread_mutex_trylock(m);

	if (error != EBUSY)
		return error;
	p->nested++;
	kernel_leave();
	error = pthread_mutex_lock(m);
	kernel_enter();
	p->nested--;
	current->signal_due |= p->cancelled;
	return error;
}

/*
 * Kernel code, so no thread can signal between unlocking the mutex and sleeping. A
 * recursive mutex is unlocked completely, and gets its recursion count back.
 */
static int cond_sleep(pthread_cond_t *c, pthread_mutex_t *m, uint64_t deadline)
{
	struct mutex *mutex = pthread_mutex_of(m);
	struct fifo_waiter s = { 0 };
	unsigned depth = mutex->depth;
	int error;

	if (mutex_owner(mutex) != current)
		return EPERM;
	wait_fifo_add(fifo_of(c), &s);
	mutex->depth = 0;
	pthread_mutex_unlock(m);
	if (wait_or_signal(&s.queue, deadline, SIGNAL_CONTINUES, s.granted) <= 0)
		wait_fifo_remove(fifo_of(c), &s);
	error = relock(m);		/* EOWNERDEAD, ENOTRECOVERABLE: of a robust one */
	mutex->depth = depth;
	return error ? error : s.granted ? 0 : ETIMEDOUT;
}

int pthread_cond_wait(pthread_cond_t *c, pthread_mutex_t *m)
{
	int error;

	kernel_enter();
	error = cond_sleep(c, m, NEVER);
	kernel_leave();
	return error;
}

int pthread_cond_clockwait(pthread_cond_t *c, pthread_mutex_t *m, clockid_t clock,
			   const struct timespec *when)
{
	uint64_t deadline;
	int error = time_deadline(clock, when, &deadline);

	if (error)
		return error;
	kernel_enter();
	error = cond_sleep(c, m, deadline);
	kernel_leave();
	return error;
}

int pthread_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *m,
			   const struct timespec *when)
{
	return pthread_cond_clockwait(c, m, c->__clock ?: CLOCK_REALTIME, when);
}

int pthread_cond_signal(pthread_cond_t *c)
{
	kernel_enter();
	if (fifo_of(c)->first)
		wait_fifo_grant(fifo_of(c));
	kernel_leave();
	return 0;
}

int pthread_cond_broadcast(pthread_cond_t *c)
{
	kernel_enter();
	while (fifo_of(c)->first)
		wait_fifo_grant(fifo_of(c));
	kernel_leave();
	return 0;
}

/* SPDX-License-Identifier: ISC */
/*
 * Condition variables (POSIX.1-2017: pthread_cond_wait, pthread_cond_signal).
 *
 * A signal wakes the thread that has waited longest, and no other: there are no spurious
 * wake-ups.
 */
#include "kernel/sched.h"
#include "lib/thread/clocks.h"
#include "lib/thread/line.h"
#include "lib/thread/pthread.h"
#include "lib/thread/signals.h"

#include <errno.h>
#include <pthread.h>

_Static_assert(sizeof(struct line) == sizeof(struct __pthread_line), "as in _pthreadtypes.h");

static struct line *line_of(pthread_cond_t *c)
{
	return (struct line *)&c->__line;
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
	return line_of(c)->first ? EBUSY : 0;
}

/*
 * Kernel code, so no thread can signal between unlocking the mutex and sleeping. A
 * recursive mutex is unlocked completely, and gets its recursion count back.
 */
static int cond_sleep(pthread_cond_t *c, pthread_mutex_t *m, uint64_t deadline)
{
	struct mutex *mutex = pthread_mutex_of(m);
	struct sleeper s = { 0 };
	unsigned depth = mutex->depth;
	int error;

	if (mutex_owner(mutex) != current)
		return EPERM;
	line_join(line_of(c), &s);
	mutex->depth = 0;
	pthread_mutex_unlock(m);
	if (wait_or_signal(&s.queue, deadline, SIGNAL_CONTINUES, s.granted) <= 0)
		line_leave(line_of(c), &s);
	error = pthread_mutex_lock(m);	/* EOWNERDEAD, ENOTRECOVERABLE: of a robust one */
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
	if (line_of(c)->first)
		line_grant(line_of(c));
	kernel_leave();
	return 0;
}

int pthread_cond_broadcast(pthread_cond_t *c)
{
	kernel_enter();
	while (line_of(c)->first)
		line_grant(line_of(c));
	kernel_leave();
	return 0;
}

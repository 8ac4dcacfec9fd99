/* SPDX-License-Identifier: ISC */
/*
 * POSIX mutexes (POSIX.1-2017: pthread_mutex_lock, ...).
 *
 * If the owner locks a normal mutex again it waits for ever, as POSIX requires. Unlocking
 * a mutex of another thread is EPERM for each type.
 */
#include "kernel/sched.h"
#include "lib/thread/clocks.h"
#include "lib/thread/mutex.h"
#include "lib/thread/pthread.h"

#include <errno.h>
#include <pthread.h>

_Static_assert(sizeof(struct mutex) == sizeof(struct __pthread_lock), "as in _pthreadtypes.h");

struct mutex *pthread_mutex_of(pthread_mutex_t *m)
{
	return (struct mutex *)&m->__mutex;
}

/* trylock() by the owner never waits. */
static bool checked(const pthread_mutex_t *m)
{
	return m->__type != PTHREAD_MUTEX_NORMAL;
}

static bool is_owned(pthread_mutex_t *m)
{
	return mutex_owner(pthread_mutex_of(m)) == current;
}

int pthread_mutex_init(pthread_mutex_t *m, const pthread_mutexattr_t *attr)
{
	if (attr && attr->__initialized != PTHREAD_INITIALIZED)
		return EINVAL;
	*m = (pthread_mutex_t){
		.__type = attr ? attr->type : PTHREAD_MUTEX_DEFAULT,
		.__robust = attr && attr->robust ? MUTEX_ROBUST : 0,
	};
	return 0;
}

int pthread_mutex_destroy(pthread_mutex_t *m)
{
	return pthread_mutex_of(m)->owner || m->__mutex.__waiters.__first ? EBUSY : 0;
}

/* The result if the caller already owns the mutex, if it does not wait for ever. */
static int again(pthread_mutex_t *m)
{
	struct mutex *mutex = pthread_mutex_of(m);

	if (m->__type != PTHREAD_MUTEX_RECURSIVE)
		return EDEADLK;
	if (mutex->depth + 1 == 0)
		return EAGAIN;
	mutex->depth++;
	return 0;
}

static int lock(pthread_mutex_t *m, uint64_t deadline)
{
	if (is_owned(m) && checked(m))
		return again(m);
	if (m->__robust)
		return mutex_lock_robust(m, deadline);
	return mutex_lock(pthread_mutex_of(m), deadline) ? 0 : ETIMEDOUT;
}

int pthread_mutex_lock(pthread_mutex_t *m)
{
	return lock(m, NEVER);
}

static bool must_wait(pthread_mutex_t *m)
{
	return pthread_mutex_of(m)->owner && !(is_owned(m) && checked(m));
}

/* An invalid time is an error only if the call would have to wait. */
int pthread_mutex_clocklock(pthread_mutex_t *m, clockid_t clock, const struct timespec *when)
{
	uint64_t deadline = 0;
	int error;
	bool waits;

	kernel_enter();
	waits = must_wait(m);
	error = waits ? time_deadline(clock, when, &deadline) : lock(m, deadline);
	kernel_leave();
	/* Outside the kernel, so that handlers run meanwhile. */
	if (waits && !error) {
		error = lock(m, deadline);
		current->by_wall = 0;	/* if it did not wait */
	}
	return error;
}

int pthread_mutex_timedlock(pthread_mutex_t *m, const struct timespec *when)
{
	return pthread_mutex_clocklock(m, CLOCK_REALTIME, when);
}

int pthread_mutex_trylock(pthread_mutex_t *m)
{
	if (is_owned(m) && m->__type == PTHREAD_MUTEX_RECURSIVE)
		return again(m);
	if (m->__robust)
		return mutex_trylock_robust(m);
	return mutex_trylock(pthread_mutex_of(m)) ? 0 : EBUSY;
}

int pthread_mutex_unlock(pthread_mutex_t *m)
{
	struct mutex *mutex = pthread_mutex_of(m);

	if (!is_owned(m))
		return EPERM;
	if (mutex->depth)
		mutex->depth--;
	else if (m->__robust)
		mutex_unlock_robust(m);
	else
		mutex_unlock(mutex);
	return 0;
}

/* There are no priorities, and so no ceilings. */
int pthread_mutex_getprioceiling(const pthread_mutex_t *m, int *ceiling)
{
	(void)m;
	(void)ceiling;
	return EINVAL;
}

int pthread_mutex_setprioceiling(pthread_mutex_t *m, int ceiling, int *old)
{
	(void)m;
	(void)ceiling;
	(void)old;
	return EINVAL;
}

/* SPDX-License-Identifier: ISC */
/*
 * Robust mutexes (POSIX.1-2017: pthread_mutexattr_setrobust, pthread_mutex_consistent).
 *
 * A thread has a list of those that it holds. When it ends they are unlocked, and the next owner
 * gets EOWNERDEAD, since the data may be inconsistent.
 */
#include "lib/thread/pthread.h"

#include <errno.h>
#include <pthread.h>

int pthread_mutexattr_setrobust(pthread_mutexattr_t *attr, int robust)
{
	if (attr->__initialized != PTHREAD_INITIALIZED ||
	    (robust != PTHREAD_MUTEX_ROBUST && robust != PTHREAD_MUTEX_STALLED))
		return EINVAL;
	attr->robust = robust;
	return 0;
}

int pthread_mutexattr_getrobust(const pthread_mutexattr_t *attr, int *robust)
{
	if (attr->__initialized != PTHREAD_INITIALIZED)
		return EINVAL;
	*robust = attr->robust;
	return 0;
}

/* Kernel code; the mutex was locked. */
static int locked(pthread_mutex_t *m)
{
	struct pthread *p = pthread_current();

	if (m->__robust == MUTEX_LOST) {
		mutex_unlock(pthread_mutex_of(m));	/* the next waiter fails, too */
		return ENOTRECOVERABLE;
	}
	m->__next = p->robust;
	p->robust = m;
	return m->__robust == MUTEX_INCONSISTENT ? EOWNERDEAD : 0;
}

/* It is on the thread's list before a handler runs, which may end the thread. */
int mutex_lock_robust(pthread_mutex_t *m, uint64_t deadline)
{
	struct mutex *mutex = pthread_mutex_of(m);
	uint64_t by_wall = current->by_wall;
	int error, rc;

	do {
		kernel_enter();
		current->by_wall = by_wall;
		rc = mutex_trylock(mutex) ? 1 : mutex_wait(mutex, deadline);
		error = rc > 0 ? locked(m) : ETIMEDOUT;
		kernel_leave();
	} while (rc < 0);
	return error;
}

int mutex_trylock_robust(pthread_mutex_t *m)
{
	int error;

	kernel_enter();
	error = mutex_trylock(pthread_mutex_of(m)) ? locked(m) : EBUSY;
	kernel_leave();
	return error;
}

void mutex_unlock_robust(pthread_mutex_t *m)
{
	pthread_mutex_t **link = &pthread_current()->robust;

	kernel_enter();
	while (*link != m)
		link = &(*link)->__next;
	*link = m->__next;
	if (m->__robust == MUTEX_INCONSISTENT)
		m->__robust = MUTEX_LOST;
	mutex_unlock(pthread_mutex_of(m));
	kernel_leave();
}

int pthread_mutex_consistent(pthread_mutex_t *m)
{
	if (m->__robust != MUTEX_INCONSISTENT || mutex_owner(pthread_mutex_of(m)) != current)
		return EINVAL;
	m->__robust = MUTEX_ROBUST;
	return 0;
}

void mutex_thread_ends(struct pthread *p)
{
	pthread_mutex_t *m;

	while ((m = p->robust)) {
		p->robust = m->__next;
		m->__robust = MUTEX_INCONSISTENT;
		pthread_mutex_of(m)->depth = 0;
		mutex_unlock(pthread_mutex_of(m));
	}
}

/* SPDX-License-Identifier: ISC */
/*
 * Read-write locks (POSIX.1-2017: pthread_rwlock_rdlock, pthread_rwlock_wrlock).
 *
 * First come, first served: a reader that arrives after a writer waits behind it, so
 * neither can starve the other. (A thread that has the lock for reading and locks it
 * again behind a waiting writer waits for itself; POSIX leaves this to the
 * implementation.)
 */
#include "kernel/sched.h"
#include "lib/thread/clocks.h"
#include "lib/thread/wait_fifo.h"
#include "lib/thread/signals.h"
#include "lib/thread/pthread.h"

#include <errno.h>
#include <pthread.h>

enum { READ, WRITE };

static struct wait_fifo *fifo_of(pthread_rwlock_t *l)
{
	return (struct wait_fifo *)&l->__waiters;
}

int pthread_rwlock_init(pthread_rwlock_t *l, const pthread_rwlockattr_t *attr)
{
	if (attr && attr->__initialized != PTHREAD_INITIALIZED)
		return EINVAL;
	*l = (pthread_rwlock_t){ 0 };
	return 0;
}

int pthread_rwlock_destroy(pthread_rwlock_t *l)
{
	return l->__writer || l->__readers || fifo_of(l)->first ? EBUSY : 0;
}

/* Takes the lock if its current use allows it. */
static bool take(pthread_rwlock_t *l, int what, struct thread *t)
{
	if (l->__writer || (what == WRITE && l->__readers))
		return false;
	if (what == WRITE)
		l->__writer = t;
	else
		l->__readers++;
	return true;
}

/* Grants the lock to the first writer, or to all readers before the next writer. */
static void grant_waiters(pthread_rwlock_t *l)
{
	struct wait_fifo *fifo = fifo_of(l);

	while (fifo->first && take(l, fifo->first->what, fifo->first->thread))
		wait_fifo_grant(fifo);
}

static int rwlock_sleep(pthread_rwlock_t *l, int what, uint64_t deadline)
{
	struct fifo_waiter s = { .what = what };
	int rc;

	wait_fifo_add(fifo_of(l), &s);
	rc = wait_with_signals(&s.queue, deadline, wait_fifo_granted, &s);
	if (rc > 0)
		return 0;
	wait_fifo_remove(fifo_of(l), &s);
	grant_waiters(l);			/* threads that waited only because of this one */
	return rc ? EINTR : ETIMEDOUT;
}

/*
 * when: NULL: no timeout. An invalid time is an error only if the call would have to
 * wait, as in POSIX.
 */
static int lock_once(pthread_rwlock_t *l, int what, const struct timespec *when)
{
	uint64_t deadline = NEVER;
	int error = 0;

	kernel_enter();
	if (l->__writer == current)
		error = EDEADLK;
	else if (fifo_of(l)->first || !take(l, what, current)) {
		if (when)
			error = time_deadline(CLOCK_REALTIME, when, &deadline);
		if (!error)
			error = rwlock_sleep(l, what, deadline);
	}
	kernel_leave();
	return error;
}

/* A handler runs outside the kernel, and may not return. */
static int lock(pthread_rwlock_t *l, int what, const struct timespec *when)
{
	int error;

	while ((error = lock_once(l, what, when)) == EINTR)
		;
	return error;
}

static int try(pthread_rwlock_t *l, int what)
{
	int error;

	kernel_enter();
	error = fifo_of(l)->first || !take(l, what, current) ? EBUSY : 0;
	kernel_leave();
	return error;
}

int pthread_rwlock_rdlock(pthread_rwlock_t *l)
{
	return lock(l, READ, NULL);
}

int pthread_rwlock_wrlock(pthread_rwlock_t *l)
{
	return lock(l, WRITE, NULL);
}

int pthread_rwlock_timedrdlock(pthread_rwlock_t *l, const struct timespec *when)
{
	return lock(l, READ, when);
}

int pthread_rwlock_timedwrlock(pthread_rwlock_t *l, const struct timespec *when)
{
	return lock(l, WRITE, when);
}

int pthread_rwlock_tryrdlock(pthread_rwlock_t *l)
{
	return try(l, READ);
}

int pthread_rwlock_trywrlock(pthread_rwlock_t *l)
{
	return try(l, WRITE);
}

int pthread_rwlock_unlock(pthread_rwlock_t *l)
{
	int error = 0;

	kernel_enter();
	if (l->__writer == current)
		l->__writer = NULL;
	else if (!l->__writer && l->__readers)
		l->__readers--;
	else
		error = EPERM;
	if (!error)
		grant_waiters(l);
	kernel_leave();
	return error;
}

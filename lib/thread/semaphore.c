/* SPDX-License-Identifier: ISC */
/*
 * Semaphores (POSIX.1-2017: sem_init, sem_wait, sem_post).
 *
 * If threads wait, sem_post() grants to the first of them; the value counts only posts
 * for which no thread waits.
 */
#include "kernel/sched.h"
#include "lib/result.h"
#include "lib/thread/clocks.h"
#include "lib/thread/wait_fifo.h"
#include "lib/thread/signals.h"

#include <errno.h>
#include <limits.h>
#include <semaphore.h>

static struct wait_fifo *fifo_of(sem_t *s)
{
	return (struct wait_fifo *)&s->__waiters;
}

int sem_init(sem_t *s, int shared, unsigned value)
{
	(void)shared;
	if (value > SEM_VALUE_MAX)
		return result(-EINVAL);
	*s = (sem_t){ .__value = value };
	return 0;
}

int sem_destroy(sem_t *s)
{
	return result(fifo_of(s)->first ? -EBUSY : 0);
}

static bool take(sem_t *s)
{
	if (!s->__value)
		return false;
	s->__value--;
	return true;
}

static int sem_sleep(sem_t *s, uint64_t deadline)
{
	struct fifo_waiter waiter = { 0 };
	int rc;

	wait_fifo_add(fifo_of(s), &waiter);
	rc = wait_or_signal(&waiter.queue, deadline, SIGNAL_RESTARTS, waiter.granted);
	if (rc > 0)
		return 0;
	wait_fifo_remove(fifo_of(s), &waiter);
	return rc ? EINTR : ETIMEDOUT;
}

static int wait_once(sem_t *s)
{
	int error;

	kernel_enter();
	error = take(s) ? 0 : sem_sleep(s, NEVER);
	kernel_leave();
	return -error;
}

int sem_wait(sem_t *s)
{
	return result(RESTARTED(wait_once(s)));
}

int sem_trywait(sem_t *s)
{
	bool taken;

	kernel_enter();
	taken = take(s);
	kernel_leave();
	return result(taken ? 0 : -EAGAIN);
}

/*
 * An invalid time is an error only if the call would have to wait (POSIX: sem_timedwait).
 */
static int timedwait_once(sem_t *s, const struct timespec *when)
{
	uint64_t deadline;
	int error = 0;

	kernel_enter();
	if (!take(s)) {
		error = time_deadline(CLOCK_REALTIME, when, &deadline);
		if (!error)
			error = sem_sleep(s, deadline);
	}
	kernel_leave();
	return -error;
}

int sem_timedwait(sem_t *restrict s, const struct timespec *restrict when)
{
	return result(RESTARTED(timedwait_once(s, when)));
}

int sem_post(sem_t *s)
{
	int error = 0;

	kernel_enter();
	if (fifo_of(s)->first)
		wait_fifo_grant(fifo_of(s));
	else if (s->__value == SEM_VALUE_MAX)
		error = EOVERFLOW;
	else
		s->__value++;
	kernel_leave();
	return result(-error);
}

int sem_getvalue(sem_t *restrict s, int *restrict value)
{
	*value = s->__value;
	return 0;
}

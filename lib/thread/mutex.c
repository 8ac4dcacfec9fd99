/* SPDX-License-Identifier: ISC */
/*
 * The part of mutex.h that enters the kernel: waiting, and waking a waiter.
 *
 * mutex_unlock() lets the first waiter try, but a running thread may lock the mutex
 * before: handing it over each time would cost a thread switch for each short critical
 * section. A waiter that has failed once gets ownership at the next unlock, so no thread
 * starves.
 *
 * A waiter that finds the mutex locked marks it (MUTEX_WAITED), so that the owner enters the
 * kernel to unlock it. Between the unlock and the first waiter's next attempt the mark may be
 * missing, also if another thread locks it then: that waiter is ready to run, and marks again.
 */
#include "lib/thread/mutex.h"
#include "lib/thread/signals.h"

/* The state of a waiter: it will try, it waits for ownership, or it has failed. */
enum { A_TRY, THE_MUTEX, NOTHING };

struct waiting {
	struct mutex *mutex;
	struct fifo_waiter waiter;
};

/*
 * Evaluated before the first sleep and after each wake-up. s->granted: the waiter may
 * try.
 */
static bool acquired(void *arg)
{
	struct mutex *m = ((struct waiting *)arg)->mutex;
	struct fifo_waiter *s = &((struct waiting *)arg)->waiter;

	if (s->what == NOTHING || mutex_trylock(m))
		return true;
	m->owner |= MUTEX_WAITED;
	if (s->granted)
		s->what = THE_MUTEX;
	return false;
}

int mutex_wait(struct mutex *m, uint64_t deadline)
{
	struct waiting w = { m, { .what = A_TRY } };
	int rc;

	wait_fifo_add(&m->waiters, &w.waiter);
	rc = wait_with_signals(&w.waiter.queue, deadline, acquired, &w);
	wait_fifo_remove(&m->waiters, &w.waiter);
	if (m->waiters.first)	/* at the deadline, too, it has an owner */
		m->owner |= MUTEX_WAITED;
	return rc;
}

bool mutex_sleep(struct mutex *m, uint64_t deadline)
{
	uint64_t by_wall = current->by_wall;
	int rc;

	do {
		kernel_enter();
		current->by_wall = by_wall;
		rc = mutex_wait(m, deadline);
		kernel_leave();
	} while (rc < 0);
	return rc;
}

void mutex_wake(struct mutex *m)
{
	struct fifo_waiter *s;

	kernel_enter();
	s = m->waiters.first;
	m->owner = 0;
	if (s && s->what == THE_MUTEX) {
		m->owner = (uintptr_t)s->thread;
		s->what = NOTHING;
	}
	if (s) {
		s->granted = true;
		wake(&s->queue);
	}
	kernel_leave();
}

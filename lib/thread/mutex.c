/* SPDX-License-Identifier: ISC */
/*
 * A mutex for threads that share one CPU.
 *
 * mutex_unlock() lets the first waiter try, but a running thread may lock the mutex
 * before: handing it over each time would cost a thread switch for each short critical
 * section. A waiter that has failed once gets ownership at the next unlock, so no thread
 * starves.
 */
#include "lib/thread/mutex.h"

/* What a waiter waits for: to try, to get ownership; or it has failed. */
enum { A_TRY, THE_MUTEX, NOTHING };

bool mutex_trylock(struct mutex *m)
{
	if (m->owner)
		return false;
	m->owner = current;
	return true;
}

/*
 * Evaluated before the first sleep and after each wake-up. s->granted: the waiter may
 * try.
 */
static bool acquired(struct mutex *m, struct sleeper *s)
{
	if (s->what == NOTHING || mutex_trylock(m))
		return true;
	if (s->granted)
		s->what = THE_MUTEX;
	return false;
}

static bool mutex_sleep(struct mutex *m, uint64_t deadline)
{
	struct sleeper s = { .what = A_TRY };
	bool locked;

	line_join(&m->line, &s);
	locked = wait_until_deadline(&s.queue, deadline, acquired(m, &s));
	line_leave(&m->line, &s);
	return locked;
}

bool mutex_lock(struct mutex *m, uint64_t deadline)
{
	return mutex_trylock(m) || mutex_sleep(m, deadline);
}

void mutex_unlock(struct mutex *m)
{
	struct sleeper *s = m->line.first;

	m->owner = NULL;
	if (!s)
		return;
	if (s->what == THE_MUTEX) {
		m->owner = s->thread;
		s->what = NOTHING;
	}
	s->granted = true;
	wake(&s->queue);
}

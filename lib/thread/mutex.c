/* SPDX-License-Identifier: ISC */
/*
 * A mutex for threads that share one CPU.
 *
 * To unlock it lets the first in the line try, but whoever runs already may take the
 * mutex before; to hand it over each time would cost a switch of threads for each short
 * critical section.  A sleeper that has tried in vain once is handed it the next time,
 * so nobody starves.
 */
#include "lib/thread/mutex.h"

/* A sleeper wants to try, or the mutex itself; or that has been done. */
enum { A_TRY, THE_MUTEX, NOTHING };

bool mutex_trylock(struct mutex *m)
{
	if (m->owner)
		return false;
	m->owner = current;
	return true;
}

/* After a wake(), or before we sleep first.  s->granted here: somebody let us try. */
static bool served(struct mutex *m, struct sleeper *s)
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
	locked = wait_until_deadline(&s.queue, deadline, served(m, &s));
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

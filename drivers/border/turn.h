/* SPDX-License-Identifier: ISC */
/*
 * A FIFO queue of threads, each of which waits for a number of units: slots, pages.
 *
 * The first thread goes first, even if a later one needs fewer units.  So no thread
 * starves, and none holds units while it waits for more.  turn_wake() wakes only the
 * first thread, and only if there is enough for it.  Nothing here sleeps.
 *
 *	struct turn me;
 *
 *	turn_join(&line, &me, n);
 *	wait_until(&me.queue, error || (turn_first(&line, &me) && n <= room));
 *	turn_leave(&line, &me);
 */
#ifndef DRIVERS_BORDER_TURN_H
#define DRIVERS_BORDER_TURN_H

#include "kernel/sched.h"

#include <assert.h>

struct turn {				/* lives on the waiting thread's stack */
	struct turn *next;
	struct waitq queue;
	uint32_t n;
};

/* A zeroed one is empty. */
struct turns {
	struct turn *first, *last;
};

static inline void turn_join(struct turns *line, struct turn *me, uint32_t n)
{
	*me = (struct turn){ .n = n };
	if (line->last)
		line->last->next = me;
	else
		line->first = me;
	line->last = me;
}

static inline bool turn_first(const struct turns *line, const struct turn *me)
{
	return line->first == me;
}

/* After a failure threads leave in any order. */
static inline void turn_leave(struct turns *line, struct turn *me)
{
	struct turn *before = NULL;

	for (struct turn *t = line->first; t != me; t = t->next) {
		assert(t);
		before = t;
	}
	if (before)
		before->next = me->next;
	else
		line->first = me->next;
	if (line->last == me)
		line->last = before;
}

/* `room` units are available now. */
static inline void turn_wake(struct turns *line, uint32_t room)
{
	if (line->first && line->first->n <= room)
		wake(&line->first->queue);
}

static inline void turn_wake_all(struct turns *line)
{
	for (struct turn *t = line->first; t; t = t->next)
		wake(&t->queue);
}

#endif

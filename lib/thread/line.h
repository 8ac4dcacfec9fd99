/* SPDX-License-Identifier: ISC */
/*
 * A FIFO queue of threads, each of which waits to be granted something.
 *
 *	struct sleeper s = { .what = READ };
 *
 *	line_join(line, &s);
 *	if (!wait_until_deadline(&s.queue, deadline, s.granted)) {
 *		line_leave(line, &s);
 *		return ETIMEDOUT;
 *	}
 *
 * The granting thread selects the first waiter and transfers ownership to it, so no running
 * thread can take the object first.  A waiter sleeps on a wait queue of its own, on its
 * stack: after the grant it does not access the object any more, which may be destroyed by
 * then, as POSIX allows.
 *
 * Kernel code only; waiters sleep.
 */
#ifndef LIB_THREAD_LINE_H
#define LIB_THREAD_LINE_H

#include "kernel/sched.h"

struct sleeper {
	struct sleeper *next;
	struct waitq queue;
	struct thread *thread;
	int what;			/* what it waits for; defined by the object */
	bool granted;
};

/* A zeroed struct is empty. Same layout as struct __pthread_line in sys/_pthreadtypes.h. */
struct line {
	struct sleeper *first, *last;
};

static inline void line_join(struct line *line, struct sleeper *s)
{
	s->thread = current;
	s->next = NULL;
	if (line->last)
		line->last->next = s;
	else
		line->first = s;
	line->last = s;
}

static inline void line_leave(struct line *line, struct sleeper *s)
{
	struct sleeper *before = NULL;

	for (struct sleeper *t = line->first; t != s; t = t->next)
		before = t;
	if (before)
		before->next = s->next;
	else
		line->first = s->next;
	if (line->last == s)
		line->last = before;
}

/* For wait_with_signals(); arg: a struct sleeper. */
static inline bool line_granted(void *arg)
{
	return ((const struct sleeper *)arg)->granted;
}

/* Grants to the first waiter, and removes it. */
static inline void line_grant(struct line *line)
{
	struct sleeper *s = line->first;

	line_leave(line, s);
	s->granted = true;
	wake(&s->queue);
}

#endif

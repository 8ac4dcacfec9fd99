/* SPDX-License-Identifier: ISC */
/*
 * A line of threads in which each waits to be granted something.
 *
 *	struct sleeper s = { .what = READ };
 *
 *	line_join(line, &s);
 *	if (!wait_until_deadline(&s.queue, deadline, s.granted)) {
 *		line_leave(line, &s);
 *		return ETIMEDOUT;
 *	}
 *
 * Who grants has chosen whom, so nobody can take away what a sleeper was woken for, and
 * the first in the line is the first served.  A sleeper waits on a queue of its own, on
 * its own stack: once it has been granted what it wants it never touches the object
 * again, which may be destroyed by then, as POSIX lets it be.
 *
 * Kernel code only, as all that sleeps.
 */
#ifndef LIB_THREAD_LINE_H
#define LIB_THREAD_LINE_H

#include "kernel/sched.h"

struct sleeper {
	struct sleeper *next;
	struct waitq queue;
	struct thread *thread;
	int what;			/* it wants, as the object has it */
	bool granted;
};

/* Zero is empty.  lib/include/sys/_pthreadtypes.h has it as struct __line. */
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

/* The first in the line has what it waits for, and leaves. */
static inline void line_grant(struct line *line)
{
	struct sleeper *s = line->first;

	line_leave(line, s);
	s->granted = true;
	wake(&s->queue);
}

#endif

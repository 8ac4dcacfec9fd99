/* SPDX-License-Identifier: ISC */
/*
 * A FIFO queue of threads, each of which waits to be granted something.
 *
 *	struct fifo_waiter w = { .what = READ };
 *
 *	wait_fifo_add(fifo, &w);
 *	if (!wait_until_deadline(&w.queue, deadline, w.granted)) {
 *		wait_fifo_remove(fifo, &w);
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
#ifndef LIB_THREAD_WAIT_FIFO_H
#define LIB_THREAD_WAIT_FIFO_H

#include "kernel/sched.h"

struct fifo_waiter {
	struct fifo_waiter *next;
	struct waitq queue;
	struct thread *thread;
	int what;			/* what it waits for; defined by the object */
	bool granted;
};

/* A zeroed struct is empty. Same layout as struct __wait_fifo in sys/_pthreadtypes.h. */
struct wait_fifo {
	struct fifo_waiter *first, *last;
};

static inline void wait_fifo_add(struct wait_fifo *fifo, struct fifo_waiter *w)
{
	w->thread = current;
	w->next = NULL;
	if (fifo->last)
		fifo->last->next = w;
	else
		fifo->first = w;
	fifo->last = w;
}

static inline void wait_fifo_remove(struct wait_fifo *fifo, struct fifo_waiter *w)
{
	struct fifo_waiter *before = NULL;

	for (struct fifo_waiter *t = fifo->first; t != w; t = t->next)
		before = t;
	if (before)
		before->next = w->next;
	else
		fifo->first = w->next;
	if (fifo->last == w)
		fifo->last = before;
}

/* For wait_with_signals(); arg: a struct fifo_waiter. */
static inline bool wait_fifo_granted(void *arg)
{
	return ((const struct fifo_waiter *)arg)->granted;
}

/* Grants to the first waiter, and removes it. */
static inline void wait_fifo_grant(struct wait_fifo *fifo)
{
	struct fifo_waiter *w = fifo->first;

	wait_fifo_remove(fifo, w);
	w->granted = true;
	wake(&w->queue);
}

#endif

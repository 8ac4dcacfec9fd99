/* SPDX-License-Identifier: ISC */
/*
 * Threads for a proof: wait_until() of kernel/sched.h sleeps at most once.  While it sleeps, other
 * threads run, and others_run() of the proof gives what they may change any value.  So the state
 * after one sleep is that after any number of sleeps.
 */
#ifndef TESTS_PROVE_WAITS_H
#define TESTS_PROVE_WAITS_H

#include "kernel/sched.h"
#include "tests/prove/prove.h"

static void others_run(void);
static void on_wake(const struct waitq *queue);
static bool armed, slept;

void wait_begin(struct waiter *w, struct waitq *queue, uint64_t deadline, const char *where)
{
	*w = (struct waiter){ .queue = queue, .deadline = deadline };
	(void)where;
	armed = slept = false;
}

void wait_arm(void)
{
	armed = true;
}

bool wait_sleep(struct waiter *w)
{
	CLAIM("a thread is armed before it sleeps", armed);
	ASSUME(!slept);
	slept = true;
	armed = false;
	others_run();
	return w->deadline == NEVER || nondet_bool();
}

void wait_end(struct waiter *w)
{
	(void)w;
}

void wake(struct waitq *queue)
{
	on_wake(queue);
}

#endif

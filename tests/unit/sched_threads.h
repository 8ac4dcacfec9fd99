/* SPDX-License-Identifier: ISC */
/* Threads of the tests of kernel/sched.c: both kinds run the same code, in the kernel. */
#ifndef TESTS_UNIT_SCHED_THREADS_H
#define TESTS_UNIT_SCHED_THREADS_H

#include "kernel/arch.h"
#include "kernel/clock.h"
#include "kernel/evtchn.h"
#include "kernel/page.h"
#include "kernel/sched.h"
#include "tests/host/host.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static unsigned running;
static struct waitq ended;

static inline void enter(void)
{
	if (current->kind == THREAD_APP)
		kernel_enter();
}

static inline void leave(void)
{
	if (current->kind == THREAD_APP)
		kernel_leave();
}

static inline void end(void)
{
	running--;
	wake(&ended);
	leave();
}

static inline struct thread *go(const char *name, enum thread_kind kind, void (*main)(void *),
			 void *arg)
{
	struct thread *t = thread_start(name, kind, STACK_KERNEL, main, arg, NULL);

	assert(t);
	running++;
	return t;
}

static inline void join_all(void)
{
	wait_until(&ended, running == 0);
	while (thread_count() > 1)	/* the last one leaves after its end() */
		thread_sleep(clock_now() + NSEC_PER_MSEC);
}

static inline enum thread_kind any_kind(void)
{
	return host_chance(2) ? THREAD_KERNEL : THREAD_APP;
}

static struct waitq queue;
static unsigned tokens, taken;

static unsigned looks;

static unsigned order[16], asleep, woken;
static unsigned last_woken;
static bool called[16];

#endif

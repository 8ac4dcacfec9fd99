/* SPDX-License-Identifier: ISC */
#include "kernel/arch.h"
#include "kernel/clock.h"
#include "kernel/evtchn.h"
#include "kernel/gnttab.h"
#include "kernel/hold.h"
#include "kernel/log.h"
#include "kernel/random.h"
#include "kernel/sched_internal.h"
#include "kernel/suspend.h"
#include "kernel/timer.h"
#include "kernel/watchdog.h"

void kernel_attach(void)
{
	arch_attach();
	clock_attach();
	evtchn_attach();
	if (timer_attach())
		panic("no event channel for the timer");
	hold_attach();
	if (gnttab_attach())
		panic("no grant table");
}

/* This thread sleeps until a time that has come nearer by so many ns. */
static void advance(struct thread *t, uint64_t ns)
{
	uint64_t *deadline = &t->waiter->deadline;

	if (*deadline == NEVER)
		return;
	*deadline -= ns < *deadline ? ns : *deadline;
	thread_wake(t);
}

/* The wall clock continues while the domain does not run; clock_now() does not. */
static void count_suspended(uint64_t before)
{
	uint64_t offset = clock_wall_offset(), ns = offset > before ? offset - before : 0;

	clock_suspended += ns;
	for (struct thread *t = thread_next(NULL); t; t = thread_next(t))
		if (t->waiter && t->by_wall)
			advance(t, ns);
}

int kernel_suspend(void)
{
	uint8_t was = upcall_disable();		/* a profiler's, too */
	uint64_t offset = clock_wall_offset();
	int rc;

	gnttab_detach();
	rc = arch_suspend();
	if (rc == 0) {
		kernel_attach();
		random_restored();
	} else {
		clock_attach();
		gnttab_attach();
	}
	gnttab_map_again(rc == 0);
	watchdog_attach(rc == 0);
	count_suspended(offset);
	hold_begin();			/* the suspend is not a hold */
	upcall_restore(was);
	return rc;
}

/* SPDX-License-Identifier: ISC */
#include "kernel/clock.h"
#include "kernel/evtchn.h"
#include "kernel/sched_internal.h"
#include "kernel/timer.h"

static struct thread *timers;		/* threads with a deadline, the first deadline first */
static struct evtchn timer = { .name = "timer" };
static uint64_t timer_set_for = NEVER;	/* when VIRQ_TIMER will fire; not after `timers` */
static sched_tick *tick;		/* a profiler's */
bool timer_fired;

int timer_attach(void)
{
	timer_set_for = NEVER;
	xen_stop_periodic_timer();
	return evtchn_virq(&timer, "timer", VIRQ_TIMER);
}

/*
 * Xen takes a time more than 2^50 ns ahead for a mistake, and fires after 100 ms
 * (do_set_timer_op() of its sched/core.c), which would repeat for ever.  Half of it is six
 * days.
 */
#define FARTHEST (1ull << 49)

static uint64_t not_too_far(uint64_t when)
{
	uint64_t farthest = clock_now() + FARTHEST;

	return when < farthest ? when : farthest;
}

void timer_set(uint64_t when)
{
	uint8_t was;

	if (when >= timer_set_for)
		return;
	was = upcall_disable();
	when = not_too_far(when);
	if (when < timer_set_for && !xen_set_timer(clock_to_xen(when)))
		timer_set_for = when;
	upcall_restore(was);
}

static void handle_event(const struct regs *where, bool idle)
{
	uint8_t was = upcall_disable();

	timer_set_for = NEVER;
	timer_fired = true;
	if (tick)
		timer_set(tick(where, idle));
	upcall_restore(was);
}

void timer_remove(struct thread *t)
{
	if (!t->sooner)
		return;
	*t->sooner = t->later;
	if (t->later)
		t->later->sooner = t->sooner;
	t->sooner = NULL;
	t->deadline = NEVER;
}

void timer_add(struct thread *t, uint64_t deadline)
{
	struct thread **p = &timers;

	while (*p && (*p)->deadline <= deadline)
		p = &(*p)->later;
	t->deadline = deadline;
	t->later = *p;
	t->sooner = p;
	if (t->later)
		t->later->sooner = &t->later;
	*p = t;
	timer_set(deadline);
}

void timer_expire(void)
{
	uint64_t now;

	if (!timers)
		return;
	now = clock_now();
	while (timers && timers->deadline <= now) {
		struct thread *t = timers;

		timer_remove(t);
		thread_wake(t);
	}
	if (timers)
		timer_set(timers->deadline);
}

void timer_dispatch(const struct regs *where, bool idle)
{
	if (evtchn_take(&timer))
		handle_event(where, idle);
	if (timer_fired) {
		timer_fired = false;
		timer_expire();
	}
}

void timer_defer(const struct regs *where)
{
	if (evtchn_defer(&timer))
		handle_event(where, false);
}

uint64_t timer_next(void)
{
	return timers ? clock_to_xen(not_too_far(timers->deadline)) : 0;
}

void timer_set_tick(sched_tick *new_tick)
{
	tick = new_tick;
}

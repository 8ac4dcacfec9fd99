/* SPDX-License-Identifier: ISC */
/* See timers.h. */
#define _GNU_SOURCE
#include "lib/thread/timers.h"
#include "kernel/clock.h"
#include "kernel/sched.h"
#include "lib/thread/clocks.h"

#include <errno.h>

/*
 * A timer with a shorter interval fires at this distance, and counts what it has missed: the
 * program must get the CPU, too.
 */
#define SHORTEST (50 * 1000)		/* ns */

static struct timer *first;
static struct waitq queue;
static bool changed;			/* the first deadline is earlier than it was */
static bool started;

static void unlink_timer(struct timer *t)
{
	for (struct timer **link = &first; *link; link = &(*link)->next)
		if (*link == t) {
			*link = t->next;
			return;
		}
}

static void link_timer(struct timer *t)
{
	struct timer **link = &first;

	while (*link && (*link)->deadline <= t->deadline)
		link = &(*link)->next;
	t->next = *link;
	*link = t;
	if (first == t) {
		changed = true;
		wake(&queue);
	}
}

static uint64_t read_clock(const struct timer *t)
{
	uint64_t ns = 0;

	(void)time_read(t->clock, &ns);
	return ns;
}

/* Clocks of CPU time advance at most as fast as clock_now(), so it is never looked at too late. */
static uint64_t deadline_of(const struct timer *t)
{
	uint64_t now = read_clock(t), left = t->value > now ? t->value - now : 0;
	uint64_t base = clock_now();

	return left < NEVER - base ? base + left : NEVER - 1;
}

static void look_later(struct timer *t)
{
	uint64_t soonest = clock_now() + SHORTEST;

	t->deadline = deadline_of(t);
	if (t->deadline < soonest)
		t->deadline = soonest;
	link_timer(t);
}

static void look_at(struct timer *t)
{
	uint64_t now = read_clock(t), n = 1;

	unlink_timer(t);
	if (now < t->value) {		/* the clock was set, or counts CPU time */
		look_later(t);
		return;
	}
	if (t->interval) {
		n += (now - t->value) / t->interval;
		if (__builtin_add_overflow(t->value, n * t->interval, &t->value))
			t->value = NEVER - 1;
		look_later(t);
	} else {
		t->value = 0;
	}
	t->fire(t, n);
}

static void timers_main(void *arg)
{
	uint64_t seen = clock_suspended;

	(void)arg;
	for (;;) {
		current->by_wall = clock_by_wall();
		wait_until_deadline(&queue, first ? first->deadline : NEVER,
				    changed || seen != clock_suspended);
		if (seen != clock_suspended) {
			seen = clock_suspended;
			timers_clock_set();
		}
		changed = false;
		while (first && first->deadline <= clock_now())
			look_at(first);
	}
}

/* All timers of the clocks that were set, or that count a suspend, are looked at again. */
void timers_clock_set(void)
{
	struct timer *rest = first, *t;

	first = NULL;
	while ((t = rest)) {
		rest = t->next;
		if (t->clock == CLOCK_REALTIME || t->clock == CLOCK_BOOTTIME)
			t->deadline = 0;
		link_timer(t);
	}
}

static bool start_thread(void)
{
	if (!started)
		started = thread_start("timers", THREAD_KERNEL, STACK_KERNEL, timers_main, NULL,
				       NULL);
	return started;
}

/* Returns the clock on which a time is counted, or -1. */
static clockid_t counted_on(clockid_t clock, bool absolute)
{
	uint64_t ns;

	switch (clock) {
	case CLOCK_REALTIME:	/* a distance does not depend on what the clock is set to */
		return absolute ? CLOCK_REALTIME : CLOCK_MONOTONIC;
	case CLOCK_THREAD_CPUTIME_ID:
		return time_thread_clock(current);
	case CLOCK_REALTIME_COARSE:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_MONOTONIC_RAW:
		return -1;
	}
	return time_read(clock, &ns) ? (clockid_t)-1 : clock;
}

static struct timespec from_ns(uint64_t ns)
{
	return (struct timespec){
		.tv_sec = ns / NSEC_PER_SEC, .tv_nsec = ns % NSEC_PER_SEC,
	};
}

void timer_left(const struct timer *t, struct itimerspec *to)
{
	uint64_t now = t->value ? read_clock(t) : 0;

	to->it_interval = from_ns(t->interval);
	to->it_value = from_ns(!t->value ? 0 : t->value > now ? t->value - now : 1);
}

int timer_run(struct timer *t, clockid_t clock, bool absolute, const struct itimerspec *to,
	      struct itimerspec *old)
{
	uint64_t now = 0, value = timespec_ns(&to->it_value);

	clock = counted_on(clock, absolute);
	if (clock == (clockid_t)-1 || !timespec_valid(&to->it_value) || to->it_value.tv_sec < 0 ||
	    !timespec_valid(&to->it_interval) || to->it_interval.tv_sec < 0)
		return -EINVAL;
	if (value && !start_thread())
		return -EAGAIN;
	if (old)
		timer_left(t, old);
	unlink_timer(t);
	t->clock = clock;
	if (value && !absolute)
		now = read_clock(t);
	t->value = value < NEVER - now ? now + value : NEVER - 1;
	t->interval = value ? timespec_ns(&to->it_interval) : 0;
	if (!value)
		return t->value = 0;
	t->deadline = deadline_of(t);
	link_timer(t);
	return 0;
}

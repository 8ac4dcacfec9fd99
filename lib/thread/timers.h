/* SPDX-License-Identifier: ISC */
/*
 * Timers of a program: of timer_create(), setitimer() and timerfd_create().
 *
 * One kernel thread, started with the first timer, waits for the earliest of them and calls
 * fire(). A timer may use each clock of clock_gettime(), also those of CPU time. One of
 * CLOCK_REALTIME with an absolute time fires when that clock shows it, also after
 * clock_settime(). Kernel code; none of these sleep.
 */
#ifndef LIB_THREAD_TIMERS_H
#define LIB_THREAD_TIMERS_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* A zeroed struct is a stopped timer. */
struct timer {
	struct timer *next;		/* in the list of those that run, in order of `deadline` */
	uint64_t deadline;		/* when the thread looks at it, in ns of clock_now() */
	clockid_t clock;		/* of `value` */
	uint64_t value, interval;	/* ns; value 0: stopped; interval 0: it fires once */
	/* It has expired n times, n > 0, since the last call. Must not sleep. */
	void (*fire)(struct timer *t, uint64_t n);
};

/*
 * Starts or stops (value 0) a timer. to->it_value is a time of the clock (absolute), or the
 * distance from now. old may be NULL. Returns 0, -EINVAL (invalid time or clock) or -EAGAIN.
 */
int timer_run(struct timer *t, clockid_t clock, bool absolute, const struct itimerspec *to,
	      struct itimerspec *old);

/* The time until it expires next, and its interval. */
void timer_left(const struct timer *t, struct itimerspec *to);

/* The wall clock was set. */
void timers_clock_set(void) __attribute__((weak));

#endif

/* SPDX-License-Identifier: ISC */
/* Time, in ns.  These may also be called in application code, and do not sleep. */
#ifndef KERNEL_CLOCK_H
#define KERNEL_CLOCK_H

#include <stdint.h>

#define NSEC_PER_SEC 1000000000ull
#define NSEC_PER_MSEC 1000000ull

/*
 * Part of kernel_attach(): clock_now() begins with 0, and after a suspend, when system time may be
 * another host's, it continues from the value that it returned last.
 */
void clock_attach(void);

/* How long the guest was suspended in all, by the wall clock.  clock_now() does not count it. */
extern uint64_t clock_suspended;

/* For the by_wall of a thread that calculates a deadline (kernel/sched.h), in the kernel. */
static inline uint64_t clock_by_wall(void)
{
	return clock_suspended + 1;
}

/*
 * The time since boot in which the guest was not suspended: Xen's system time (which may be the host's uptime) minus an
 * offset.
 */
uint64_t clock_now(void);

/* Converts a time of clock_now() to Xen's system time, for timers. */
uint64_t clock_to_xen(uint64_t when);

/*
 * The time since 1970-01-01 UTC as Xen tells it, plus the step that clock_wall_set()
 * made.
 */
uint64_t clock_wall(void);
void clock_wall_set(uint64_t ns);

/* clock_wall() minus clock_now(): grows by the time in which the guest is suspended. */
uint64_t clock_wall_offset(void);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * Holds: non-preemptible sections, in which kernel code does not check events.  The longest one is
 * recorded.  Only time in which the vcpu ran counts (Xen's runstate area), not the time of other
 * domains.
 */
#ifndef KERNEL_HOLD_H
#define KERNEL_HOLD_H

#include <stdbool.h>
#include <stdint.h>

#define HOLDERS 8

/*
 * The longest hold.  The lab reads it from outside, by its symbol (tools/lab/guest.py).
 */
extern struct hold {
	uint64_t ns;
	uintptr_t pcs[HOLDERS];		/* where it ended: hold_end(), its caller ...; ends with 0 */
} hold_longest;

/* Part of kernel_attach() (kernel/suspend.c): gives Xen the runstate area. */
void hold_attach(void);

/* Measures from now on, unless each reading of the cycle counter traps. */
void hold_init(void);

/*
 * Called by kernel/sched.c and suspend.c only: a hold begins when the kernel is entered, and ends
 * when events are checked.  These functions do not sleep.
 */
void hold_begin(void);
void hold_end(void);

/*
 * For loops that can end early: returns whether a few ms have passed; false if nothing is
 * measured.
 */
bool hold_is_long(void);

#endif

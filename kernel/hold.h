/* SPDX-License-Identifier: ISC */
/*
 * How long kernel code goes on without looking at events: the longest time, of the vcpu's
 * running time as Xen counts it (its runstate), so what other domains took is not in it.
 */
#ifndef KERNEL_HOLD_H
#define KERNEL_HOLD_H

#include <stdbool.h>
#include <stdint.h>

#define HOLDERS 8

/* The lab reads it from outside, by its symbol (tools/lab/guest.py). */
extern struct hold {
	uint64_t ns;
	uintptr_t pcs[HOLDERS];		/* where it ended: hold_end(), its caller ...; 0: no more */
} hold_longest;

/* Measure from now on; never where each reading of the counter of cycles traps. */
void hold_init(void);

void hold_begin(void);
void hold_end(void);

/* For a loop that can end early: a few ms are over; false where nothing is measured. */
bool hold_is_long(void);

#endif

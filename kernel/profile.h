/* SPDX-License-Identifier: ISC */
/*
 * A sampling profiler: what the CPU executes, at so many moments in a second that do not
 * depend on the program.  It costs nothing until an operator starts it
 * (control/profile_methods.c, docs/profile.md), and stops when the operator disconnects.
 *
 * Samples are taken in the timer's upcall (sched_profile()) and stored in a ring of fixed
 * size.  If the operator reads too slowly, samples are lost, and counted.  These
 * functions do not sleep.
 */
#ifndef KERNEL_PROFILE_H
#define KERNEL_PROFILE_H

#include "kernel/record.h"

/* The ring while a profile runs; the records are struct sample of profile.c. */
extern struct records profile_records;

/*
 * Takes hz samples a second for `ns` ns, until *until (ns of clock_now()).  Returns 0,
 * -EBUSY (somebody takes samples) or -ENOMEM.
 */
int profile_begin(unsigned hz, uint64_t ns, uint64_t *until);
void profile_end(void);

#endif

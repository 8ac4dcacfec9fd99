/* SPDX-License-Identifier: ISC */
/*
 * A sampling profiler: where the CPU is, so many times a second, at moments that have
 * nothing to do with what it does.  It costs nothing until an operator asks for it
 * (control/profile_methods.c, docs/profile.md), and ends with him.
 *
 * Samples are taken in the timer's upcall (sched_profile()) and go into a ring of fixed
 * size; what a slow operator does not take out is lost, and counted.
 */
#ifndef KERNEL_PROFILE_H
#define KERNEL_PROFILE_H

#include "kernel/record.h"

/* While it runs: struct sample of profile.c. */
extern struct records profile_records;

/* Take hz samples a second for ns, so until *until: 0 or -ENOMEM. */
int profile_begin(unsigned hz, uint64_t ns, uint64_t *until);
void profile_end(void);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * A sampling profiler: where the CPU is, so many times a second, at moments that have
 * nothing to do with what it does.  It costs nothing until an operator asks for it
 * (org.xenolith.profile1, docs/profile.md), and ends with him.
 *
 * Samples are taken in the timer's upcall (sched_profile()) and go into a ring of fixed
 * size; the method takes them out, so what a slow operator does not take is lost, and
 * counted.
 */
#ifndef KERNEL_PROFILE_H
#define KERNEL_PROFILE_H

/* There is org.xenolith.profile1 from now on. */
void profile_init(void);

#endif

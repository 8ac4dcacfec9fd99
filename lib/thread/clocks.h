/* SPDX-License-Identifier: ISC */
/* Conversion of POSIX's times to the kernel's, in ns. */
#ifndef LIB_THREAD_CLOCKS_H
#define LIB_THREAD_CLOCKS_H

#include "kernel/sched.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

bool timespec_valid(const struct timespec *ts);
uint64_t timespec_ns(const struct timespec *ts);	/* NEVER if it does not fit */

/* Reads a clock. Returns 0, or EINVAL if there is no such clock. */
int time_read(clockid_t clock, uint64_t *ns);

/*
 * Converts a time of a clock to a deadline, for the next wait of this thread. Returns 0, or EINVAL (invalid time, or a
 * clock that cannot be waited for).
 */
int time_deadline(clockid_t clock, const struct timespec *when, uint64_t *deadline);

/* The CPU-time clock of a thread. Called when the current thread is about to end. */
clockid_t time_thread_clock(const struct thread *t);
void time_thread_ended(void);

#endif

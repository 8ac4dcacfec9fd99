/* SPDX-License-Identifier: ISC */
/* POSIX's times as the kernel's ns. */
#ifndef LIB_THREAD_TIME_H
#define LIB_THREAD_TIME_H

#include "kernel/sched.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

bool timespec_valid(const struct timespec *ts);
uint64_t timespec_ns(const struct timespec *ts);	/* NEVER: it does not fit */

/* What a clock says now: 0, or EINVAL: there is no such clock. */
int time_read(clockid_t clock, uint64_t *ns);

/*
 * When the clock will be at `when`, as a deadline: 0, or EINVAL (not a time, or not a
 * clock to wait by).
 */
int time_deadline(clockid_t clock, const struct timespec *when, uint64_t *deadline);

/* A thread's CPU-time clock; the running one is about to end. */
clockid_t time_thread_clock(const struct thread *t);
void time_thread_ended(void);

#endif

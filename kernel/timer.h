/* SPDX-License-Identifier: ISC */
/*
 * Deadlines of sleeping threads, and Xen's timer (VIRQ_TIMER), which is set for the first of
 * them.
 *
 * The timer is set when a deadline is added that is earlier than the current setting, and is
 * never set back to a later time: a deadline that was removed costs one early event, not a
 * hypercall for each deadline.
 *
 * Times are in ns of clock_now().  For the scheduler and wait.c; none of these sleep.
 */
#ifndef KERNEL_TIMER_H
#define KERNEL_TIMER_H

#include "kernel/sched.h"

/*
 * Part of kernel_attach() (kernel/suspend.c): binds the timer's event channel, and stops the periodic
 * timer.  Returns 0 or -errno.
 */
int timer_attach(void);

/* Sets the timer, unless it is set for an earlier time. */
void timer_set(uint64_t when);

/* Wakes t at its deadline, or does not any more; timer_remove() may be called at any time. */
void timer_add(struct thread *t, uint64_t deadline);
void timer_remove(struct thread *t);

/* The timer has fired, and its event is not handled yet. */
extern bool timer_fired;

/*
 * Takes the timer's event, if there is one, and wakes the threads whose deadlines have passed.
 * where, idle: for a profiler's tick, see sched_profile().
 */
void timer_dispatch(const struct regs *where, bool idle);

/* The same in an upcall that interrupted kernel code: no thread is woken yet. */
void timer_defer(const struct regs *where);

/* Wakes the threads whose deadlines have passed. */
void timer_expire(void);

/* The first deadline as Xen system time, for arch_idle(); 0: there is none. */
uint64_t timer_next(void);

/* A profiler's function that is called when the timer fires; NULL: none. */
void timer_set_tick(sched_tick *tick);

#endif

/* SPDX-License-Identifier: ISC */
/* Internal declarations of the scheduler and of sched_brief.h; none of these functions sleep. */
#ifndef KERNEL_SCHED_INTERNAL_H
#define KERNEL_SCHED_INTERNAL_H

#include "kernel/arch.h"
#include "kernel/evtchn.h"
#include "kernel/sched.h"
#include "kernel/timer.h"

/* The upcall mask in kernel code: 1, or 0 while a profile runs (sched_profile()). */
extern uint8_t kernel_mask;

/* The upcall mask. */
static inline volatile uint8_t *upcall_mask(void)
{
	return &arch_shared_info.vcpu_info[0].evtchn_upcall_mask;
}

/*
 * Masks upcalls for a few lines of kernel code that a profiler's upcall must not interrupt.
 * Returns the old mask, for upcall_restore().
 */
static inline uint8_t upcall_disable(void)
{
	uint8_t was = *upcall_mask();

	*upcall_mask() = 1;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	return was;
}

static inline void upcall_restore(uint8_t was)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	*upcall_mask() = was;
}

/* Whether an event or the timer waits to be handled. */
static inline bool events_pending(void)
{
	return evtchn_any_pending() || timer_fired;
}

/* ---- thread.c */

/* The thread of the running flow, for sched_init().  Panics without memory. */
struct thread *thread_adopt(const char *name, enum thread_kind kind);

/* Frees the threads that have ended; not on the stack of one of them. */
void thread_reap(void);

#endif

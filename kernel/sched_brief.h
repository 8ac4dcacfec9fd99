/* SPDX-License-Identifier: ISC */
/*
 * The kernel monitor for code that is short, does not sleep, and wakes no thread, such as malloc(): it
 * enters without a call of a function.  It is not measured (kernel/hold.h).  Calls nest, also with
 * kernel_enter().
 */
#ifndef KERNEL_SCHED_BRIEF_H
#define KERNEL_SCHED_BRIEF_H

#include "kernel/sched_internal.h"

static inline void kernel_enter_briefly(void)
{
	*upcall_mask() = kernel_mask;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	current->depth++;
}

static inline void kernel_leave_briefly(void)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (--current->depth)
		return;
	*upcall_mask() = 0;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (events_pending()) {
		kernel_enter();
		kernel_leave();
	}
}

#endif

/* SPDX-License-Identifier: ISC */
/*
 * Signals, for those who wait: what lib/process/signal.c does for other calls.
 *
 * All of it is weak: a program that calls no function on signals gets none, and its image has
 * none of this.  Kernel code.
 */
#ifndef LIB_THREAD_SIGNALS_H
#define LIB_THREAD_SIGNALS_H

#include "kernel/sched.h"

#include <errno.h>
#include <signal.h>

/* What a wait does when the thread has a signal to handle (POSIX.1-2017, 2.4.4). */
enum signal_way {
	SIGNAL_ENDS,		/* ends with EINTR: poll, sleep */
	SIGNAL_RESTARTS,	/* ends, or goes on if the handler has SA_RESTART: read, accept */
	SIGNAL_GOES_ON,		/* goes on after the handler: pthread_cond_wait, pthread_join */
};

/* The running thread has one that it does not block and that is not ignored. */
bool signal_waiting(void) __attribute__((weak));

/* The wait goes on: the handlers have run.  Leaves the kernel for that. */
bool signal_handled(enum signal_way way) __attribute__((weak));

/* Take *mask for the thread's until signal_unmask(); NULL: as it is. */
void signal_mask(const sigset_t *mask) __attribute__((weak));

/* From application code: those that interrupted have been handled, so the old mask returns. */
void signal_unmask(const sigset_t *mask) __attribute__((weak));

/* Of a call that sleeps until the deadline, as on Linux: SO_RCVTIMEO keeps it from going on. */
static inline enum signal_way signal_way(uint64_t deadline)
{
	return deadline == NEVER ? SIGNAL_RESTARTS : SIGNAL_ENDS;
}

static inline bool signal_came(void)
{
	return signal_waiting && signal_waiting();
}

/*
 * As wait_until_deadline(), of an application's thread: 1 if the condition holds, 0 if the
 * deadline has passed, -EINTR.
 */
#define wait_or_signal(queue, deadline, way, condition)				\
	({									\
		bool true_;							\
										\
		do								\
			true_ = false;						\
		while (wait_until_deadline(queue, deadline,			\
					   (true_ = (condition)) || signal_came()) && \
		       !true_ && signal_handled(way));				\
		true_ ? 1 : signal_came() ? -EINTR : 0;				\
	})

#endif

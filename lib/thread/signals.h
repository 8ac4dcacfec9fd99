/* SPDX-License-Identifier: ISC */
/*
 * Signals in calls that wait: the interface to lib/signal/signal.c.
 *
 * All functions are weak: a program without signal functions gets no signals, and its
 * image does not contain them. Kernel code.
 */
#ifndef LIB_THREAD_SIGNALS_H
#define LIB_THREAD_SIGNALS_H

#include "kernel/sched.h"

#include <errno.h>
#include <signal.h>

/*
 * A signal that is pending. taken: called when it is delivered, before its info is used; NULL:
 * the struct is of malloc() and is freed. Otherwise its owner uses it again.
 */
struct signal_info {
	struct signal_info *next;
	void (*taken)(struct signal_info *s);
	bool queued;
	siginfo_t info;
};

/* The pending signals of a thread or of the process; a zeroed struct has none. */
struct pending {
	sigset_t set;
	struct signal_info *first;	/* in the order of sending; a signal may have none */
};

/* The effect of a signal on a waiting call (POSIX.1-2017, 2.4.4). */
enum signal_way {
	SIGNAL_ENDS,		/* returns EINTR: poll, sleep */
	/* Returns EINTR, or continues if the handler has SA_RESTART: read, accept */
	SIGNAL_RESTARTS,
	/* Continues after the handler: pthread_cond_wait, pthread_join */
	SIGNAL_CONTINUES,
};

/* Whether the current thread has a signal to handle: not blocked, and not ignored. */
bool signal_waiting(void) __attribute__((weak));

/*
 * A signal ended the wait of a call. SIGNAL_CONTINUES: leaves the kernel to run the handlers, and
 * returns true if the call is to continue. Otherwise false: the call returns -EINTR, the handlers
 * run when it has left the kernel and holds nothing, and there RESTARTED() begins it again.
 */
bool signal_handled(enum signal_way way) __attribute__((weak));

/*
 * Called outside the kernel after a call returned -EINTR: whether it is to begin again, since all
 * handlers that have run had SA_RESTART.
 */
bool signal_restarts(void) __attribute__((weak));

/* Replaces the thread's mask until signal_unmask(); *before becomes the present one. */
void signal_mask(const sigset_t *mask, sigset_t *before) __attribute__((weak));

/*
 * Called outside the kernel: runs the handlers that interrupted the call, then restores
 * the mask.
 */
void signal_unmask(const sigset_t *before) __attribute__((weak));

/* A thread ends: discards its pending signals. */
void signal_thread_ends(struct pending *p) __attribute__((weak));

/*
 * Cancellation (lib/signal/cancel.c). cancel_waits(): called when a cancellation point is
 * about to sleep; true: it must not, and returns -EINTR. cancel_act(): called outside the kernel
 * when signals are delivered; ends the thread if it was cancelled.
 */
bool cancel_waits(void) __attribute__((weak));
void cancel_act(void) __attribute__((weak));

/*
 * For calls that are not cancellation points and continue after a handler, such as
 * pthread_mutex_lock(): held(arg) is the condition. Returns 1 if it holds, 0 if the deadline has
 * passed, or -EINTR: the caller must leave the kernel, where the handlers run, and begin again.
 */
int signal_wait_until(struct waitq *queue, uint64_t deadline, bool (*held)(void *arg), void *arg)
	__attribute__((weak));

static inline int wait_with_signals(struct waitq *queue, uint64_t deadline,
				    bool (*held)(void *arg), void *arg)
{
	if (signal_wait_until)
		return signal_wait_until(queue, deadline, held, arg);
	return wait_until_deadline(queue, deadline, held(arg));
}

/* For a call with a deadline, as on Linux: with SO_RCVTIMEO it is not restarted. */
static inline enum signal_way signal_way(uint64_t deadline)
{
	return deadline == NEVER ? SIGNAL_RESTARTS : SIGNAL_ENDS;
}

static inline bool signal_is_waiting(void)
{
	return signal_waiting && signal_waiting();
}

/*
 * wait_until_deadline() for an application's thread. Evaluates to 1 if the condition
 * holds, 0 if the deadline has passed, or -EINTR.
 */
#define wait_or_signal(queue, deadline, way, condition)				\
	({									\
		bool true_, woken_;						\
										\
		do {								\
			true_ = false;						\
			woken_ = wait_until_deadline(queue, deadline,		\
				(true_ = (condition)) || signal_is_waiting());	\
		} while (woken_ && !true_ && signal_handled(way));		\
		true_ ? 1 : woken_ ? -EINTR : 0;				\
	})

/*
 * The result of a call, which enters and leaves the kernel: -errno or another one. It is evaluated
 * again if handlers with SA_RESTART interrupted it.
 */
#define RESTARTED(call)								\
	({									\
		long again_;							\
										\
		do								\
			again_ = (call);					\
		while (again_ == -EINTR && signal_restarts && signal_restarts());	\
		again_;								\
	})

#endif

/* SPDX-License-Identifier: ISC */
/* Internal declarations of lib/signal: sending and waiting for signals. Kernel code. */
#ifndef LIB_SIGNAL_SIGNAL_H
#define LIB_SIGNAL_SIGNAL_H

#include "lib/thread/pthread.h"

#include <signal.h>
#include <stdbool.h>

#define BIT(sig) ((sigset_t)1 << ((sig) - 1))
#define NOT_BLOCKED (BIT(SIGKILL) | BIT(SIGSTOP))
#define QUEUED_MAX 1024			/* signals with information that may be pending */

static inline bool is_signal(int sig)
{
	return sig > 0 && sig < NSIG;
}

extern struct sigaction signal_actions[NSIG];

/*
 * Sends a signal to a thread that has not ended, or, NULL, to the process. own: the caller's
 * memory for it, which is not queued now; NULL: allocated. Returns 0; -ENOTSUP: it would stop
 * the process; -EAGAIN: it needs to be queued, and cannot. Also from kernel threads.
 */
int signal_send(struct pthread *to, const siginfo_t *info, struct signal_info *own);

/* It is not pending any more. */
void signal_withdraw(struct signal_info *own);

/* Whether the thread takes it: it is not blocked, or waited for by sigwait(). */
bool signal_accepted(const struct pthread *p, int sig);

/*
 * Takes a pending signal of the set, of the thread or of the process. Returns its number, or 0.
 * info may be NULL.
 */
int signal_take(struct pthread *p, sigset_t set, siginfo_t *info);

/* The signals that are pending for the thread or the process. */
sigset_t signal_pending(const struct pthread *p);

/* Discards a signal that has come to be ignored. */
void signal_discard(int sig);

/* Sets the thread's mask. */
void signal_block(struct pthread *p, sigset_t set);

/* The thread calls thread_deliver_signals() soon, and ends a sleep. */
void signal_notify(struct pthread *p);

/* signalfd.c: signals have become pending. */
void signalfd_changed(void) __attribute__((weak));
/* Whether a signalfd has the signal. */
bool signalfd_has(int sig) __attribute__((weak));

#endif

/* SPDX-License-Identifier: ISC */
/* For the tests of signals: a handler that counts, and masks. */
#ifndef TESTS_XEN_POSIX_SIGNALS_HELP_H
#define TESTS_XEN_POSIX_SIGNALS_HELP_H

#include "../test.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>

#define MS 1000
#define LONG 20				/* seconds: longer than any wait of a passing test */

/* The signals that handler() has received: their sum, and calls in other threads than main. */
extern volatile int came, came_in_other;
extern pthread_t main_thread;

void handle(int sig, int flags);		/* by handler(); sets both counts to 0 */
sigset_t set_of(int sig);
void block(int how, int sig);			/* or SIG_UNBLOCK, for this thread */

void test_interrupted_calls(void);		/* interrupted.c */
void test_timers(void);				/* timers.c */
void test_cancel(void);				/* cancel.c */

#endif

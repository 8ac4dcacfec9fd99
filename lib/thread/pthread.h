/* SPDX-License-Identifier: ISC */
/* POSIX's half of a thread: what struct thread's `local` points to. */
#ifndef LIB_THREAD_PTHREAD_H
#define LIB_THREAD_PTHREAD_H

#include "kernel/sched.h"
#include "lib/thread/mutex.h"

#include <pthread.h>
#include <reent.h>
#include <signal.h>

#define PTHREAD_STACK_DEFAULT (128 * 1024)	/* `stack=` says otherwise */

struct pthread {
	struct _reent *reent;		/* errno and the like; of main newlib's own */
	struct pthread *next;		/* all that are not joined yet */
	struct thread *thread;		/* NULL: it has ended */
	void *(*main)(void *arg);
	void *arg;
	void *result;			/* for who joins it */
	bool detached;
	struct pthread *joining;	/* whose end it waits for */
	bool joined;			/* somebody waits for its end */
	struct waitq ended;
	struct _pthread_cleanup_context *cleanup;
	void **values;			/* of keys, PTHREAD_KEYS_MAX of them; or NULL */
	int cancel_state, cancel_type;
	sigset_t blocked, pending;	/* signals: lib/process/signal.c */
	sigset_t awaited;		/* by sigwait() */
	sigset_t unmasked;		/* what is blocked after signal_unmask() */
	struct _reent own;
};

/* What __initialized is in an attribute object that is. */
#define PTHREAD_INITIALIZED 0x5a17u

/* pthread_attr.c: how big a thread's stack will be; NULL: by default. */
size_t pthread_stack_size(const pthread_attr_t *attr);

/* The running thread's.  Not for kernel threads, which have none. */
struct pthread *pthread_half(void);

/* The thread with this id, or NULL.  Kernel code. */
struct pthread *pthread_find(pthread_t id);

/* The one after p, of NULL the first: all that are not joined.  Kernel code. */
struct pthread *pthread_next(const struct pthread *p);

/* pthread_key.c: run the destructors of all values, and forget them. */
void pthread_key_destroy_values(void);

/* Clear a key's value in every thread.  Kernel code. */
void pthread_forget(pthread_key_t key);

/* pthread_mutex.c: what is in it. */
struct mutex *pthread_mutex_of(pthread_mutex_t *m);

#endif

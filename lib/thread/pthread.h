/* SPDX-License-Identifier: ISC */
/* The POSIX part of a thread: struct thread's `local` points to it. */
#ifndef LIB_THREAD_PTHREAD_H
#define LIB_THREAD_PTHREAD_H

#include "kernel/sched.h"
#include "lib/thread/mutex.h"
#include "lib/thread/signals.h"

#include <pthread.h>
#include <reent.h>
#include <signal.h>

#define PTHREAD_STACK_DEFAULT (128 * 1024)	/* bytes; changed by `stack=` */

struct pthread {
	struct _reent *reent;		/* errno etc.; main uses newlib's static one */
	struct pthread *next;		/* in the list of all that are not joined */
	struct thread *thread;		/* NULL: the thread has ended */
	void *(*main)(void *arg);
	void *arg;
	void *result;			/* for pthread_join() */
	bool detached;
	struct pthread *joining;	/* the thread whose end it waits for */
	bool joined;			/* a thread waits for its end */
	struct waitq ended;
	struct _pthread_cleanup_context *cleanup;
	pthread_mutex_t *robust;	/* the first robust mutex that it holds */
	void **values;			/* of PTHREAD_KEYS_MAX keys; NULL: none set */
	int cancel_state, cancel_type;
	bool cancelled;			/* pthread_cancel() was called */
	bool cancel_now;		/* a cancellation point was reached since */
	unsigned nested;		/* handlers that run in the middle of a call */
	bool restarts;			/* the call that was interrupted begins again */
	sigset_t blocked;		/* signals: lib/signal/signal.c */
	struct pending pending;
	sigset_t waited_for;		/* set that sigwait() waits for */
	struct _reent own;
};

/* The value of __initialized in an initialised attribute object. */
#define PTHREAD_INITIALIZED 0x5a17u

/* pthread_attr.c: the stack size in bytes; attr NULL: default. */
size_t pthread_stack_size(const pthread_attr_t *attr);

/* The current thread's. Not for kernel threads, which have none. */
struct pthread *pthread_current(void);

/* Returns the thread with this id, or NULL. Kernel code. */
struct pthread *pthread_lookup(pthread_t id);

/*
 * Returns the thread after p, or the first one for NULL, of all that are not joined.
 * Kernel code.
 */
struct pthread *pthread_next(const struct pthread *p);

/* pthread_key.c: runs the destructors of all values, and clears them. */
void pthread_key_destroy_values(void);

/* Clears a key's value in all threads. Kernel code. */
void pthread_clear_key(pthread_key_t key);

/*
 * pthread_robust.c: robust mutexes (the first one is made by pthread_mutexattr_setrobust(), which
 * links it). They return 0, EBUSY, ETIMEDOUT, EOWNERDEAD or ENOTRECOVERABLE.
 */
#define MUTEX_ROBUST 1			/* values of __robust */
#define MUTEX_INCONSISTENT 2		/* its owner has ended */
#define MUTEX_LOST 3			/* it was unlocked so */
int mutex_lock_robust(pthread_mutex_t *m, uint64_t deadline) __attribute__((weak));
int mutex_trylock_robust(pthread_mutex_t *m) __attribute__((weak));
void mutex_unlock_robust(pthread_mutex_t *m) __attribute__((weak));

/* Unlocks the robust mutexes of a thread that ends. Kernel code. */
void mutex_thread_ends(struct pthread *p) __attribute__((weak));

/* pthread_mutex.c: the mutex in it. */
struct mutex *pthread_mutex_of(pthread_mutex_t *m);

#endif

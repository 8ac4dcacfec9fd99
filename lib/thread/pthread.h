/* SPDX-License-Identifier: ISC */
/* The POSIX part of a thread: struct thread's `local` points to it. */
#ifndef LIB_THREAD_PTHREAD_H
#define LIB_THREAD_PTHREAD_H

#include "kernel/sched.h"
#include "lib/thread/mutex.h"

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
	void **values;			/* of PTHREAD_KEYS_MAX keys; NULL: none set */
	int cancel_state, cancel_type;
	sigset_t blocked, pending;	/* signals: lib/process/signal.c */
	sigset_t waited_for;		/* set that sigwait() waits for */
	sigset_t unmasked;		/* blocked signals after signal_unmask() */
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

/* pthread_mutex.c: the mutex in it. */
struct mutex *pthread_mutex_of(pthread_mutex_t *m);

#endif

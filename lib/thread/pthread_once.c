/* SPDX-License-Identifier: ISC */
/*
 * POSIX.1-2017: pthread_once. With C++ it is compiled again with -fexceptions (Makefile): an
 * exception of the init routine, as of std::call_once(), then passes through to the caller, and the
 * next call calls a routine again.  So does one after an init routine that was cancelled.
 */
#include "kernel/sched.h"

#include <pthread.h>

enum { NEW, RUNNING, DONE };

struct call {
	pthread_once_t *once;
	unsigned char after;
	struct _pthread_cleanup_context cancelled;
};

static struct waitq waiters;	/* for all objects: an init routine runs only once */

static void set_state(void *arg)
{
	const struct call *call = arg;

	kernel_enter();
	call->once->__state = call->after;
	wake(&waiters);
	kernel_leave();
}

/* Also called when an exception unwinds. */
static void end(struct call *call)
{
	_pthread_cleanup_pop(&call->cancelled, 1);
}

static void run(pthread_once_t *once, void (*init)(void))
{
	struct call call __attribute__((cleanup(end))) = { .once = once, .after = NEW };

	_pthread_cleanup_push(&call.cancelled, set_state, &call);
	init();
	call.after = DONE;
}

int pthread_once(pthread_once_t *once, void (*init)(void))
{
	bool first;

	if (*(volatile unsigned char *)&once->__state == DONE)
		return 0;
	kernel_enter();
	wait_until(&waiters, once->__state != RUNNING);
	first = once->__state == NEW;
	if (first)
		once->__state = RUNNING;
	kernel_leave();
	if (first)
		run(once, init);
	return 0;
}

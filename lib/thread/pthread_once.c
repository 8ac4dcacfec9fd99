/* SPDX-License-Identifier: ISC */
/* POSIX.1-2017: pthread_once. */
#include "kernel/sched.h"

#include <pthread.h>

enum { NEW, RUNNING, DONE };

static struct waitq waiters;		/* for all objects: an init routine runs only once */

/* init() was cancelled: the next call runs it again. */
static void cancelled(void *arg)
{
	kernel_enter();
	((pthread_once_t *)arg)->__state = NEW;
	wake(&waiters);
	kernel_leave();
}

int pthread_once(pthread_once_t *once, void (*init)(void))
{
	if (*(volatile unsigned char *)&once->__state == DONE)
		return 0;
	kernel_enter();
	wait_until(&waiters, once->__state != RUNNING);
	if (once->__state == NEW) {
		once->__state = RUNNING;
		kernel_leave();
		pthread_cleanup_push(cancelled, once);
		init();
		pthread_cleanup_pop(0);
		kernel_enter();
		once->__state = DONE;
		wake(&waiters);
	}
	kernel_leave();
	return 0;
}

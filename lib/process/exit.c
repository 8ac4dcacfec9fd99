/* SPDX-License-Identifier: ISC */
/*
 * exit(), callable from any thread. As newlib's, but a stream locked by another thread
 * does not delay it, and a second thread that calls it sleeps until the guest ends.
 */
#include "kernel/sched.h"
#include "lib/libc/locks.h"

#include <reent.h>
#include <stdlib.h>
#include <unistd.h>

/* newlib's; linked only if something calls atexit(), or uses streams. */
void __call_exitprocs(int status, void *dso) __attribute__((weak));
extern void (*__stdio_exit_handler)(void) __attribute__((weak));

static void only_once(void)
{
	static struct thread *who;
	static struct waitq others;

	kernel_enter();
	if (who)	/* ... unless a handler has called exit() again */
		wait_until(&others, who == current);
	who = current;
	kernel_leave();
}

_Noreturn void exit(int status)
{
	only_once();
	if (__call_exitprocs)
		__call_exitprocs(status, NULL);
	locks_limit_wait();
	if (&__stdio_exit_handler && __stdio_exit_handler)
		__stdio_exit_handler();
	_exit(status);
}

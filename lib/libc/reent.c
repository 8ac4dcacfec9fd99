/* SPDX-License-Identifier: ISC */
/*
 * Which struct _reent (errno, strtok's memory, ...) newlib uses: each thread has its own.
 *
 * A thread that pthread_create() did not make is main, or the one that boots: newlib's
 * static one is theirs.  Kernel threads call no more than malloc() and share one, so that
 * they do not change the errno of the application which they interrupt.
 */
#include "kernel/sched.h"
#include "lib/thread/pthread.h"

#include <reent.h>

static struct _reent kernel_reent;

struct _reent *__getreent(void)
{
	const struct pthread *p;

	if (!current)
		return _impure_ptr;
	if (current->kind == THREAD_KERNEL) {
		if (!kernel_reent._stdout)
			_REENT_INIT_PTR_ZEROED(&kernel_reent);
		return &kernel_reent;
	}
	p = current->local;
	return p ? p->reent : _impure_ptr;
}

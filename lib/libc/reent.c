/* SPDX-License-Identifier: ISC */
/*
 * Selects newlib's struct _reent (errno, strtok()'s state, ...): each thread has its own.
 *
 * main() and the boot thread, which pthread_create() did not make, use newlib's static
 * one. Kernel threads call nothing but malloc(), and share one, so that they do not
 * change errno of the interrupted application.
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

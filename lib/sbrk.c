/* SPDX-License-Identifier: ISC */
/* Where newlib's malloc gets its memory: all of it, mapped as it is asked for. */
#include "kernel/page.h"
#include "kernel/sched.h"

#include <errno.h>
#include <stddef.h>
#include <unistd.h>

void *sbrk(ptrdiff_t delta)
{
	void *old;

	kernel_enter();
	old = page_brk(delta);
	kernel_leave();
	if (old)
		return old;
	errno = ENOMEM;
	return (void *)-1;
}

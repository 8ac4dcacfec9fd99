/* SPDX-License-Identifier: ISC */
/* Memory for newlib's malloc: all of the guest's, mapped when it is requested. */
#include "kernel/arch.h"
#include "kernel/page.h"
#include "kernel/sched.h"
#include "kernel/shutdown.h"
#include "lib/libc/heap.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

/*
 * A failed request for a large part of memory does not mean that memory is used up; nor does one
 * while malloc keeps freed blocks: malloc tries again without them.  An sbrk() of the application
 * then fails without onoom=.
 */
static bool is_used_up(ptrdiff_t delta)
{
	struct page_stats stats;

	page_stats(&stats);
	return delta > 0 && (size_t)delta / PAGE_SIZE < stats.total / 16 && !heap_keeps();
}

void *sbrk(ptrdiff_t delta)
{
	void *old;

	kernel_enter();
	old = page_brk(delta);
	if (!old && is_used_up(delta))
		shutdown_loss("onoom", STATUS_MEMORY, "memory is exhausted");
	kernel_leave();
	if (old)
		return old;
	errno = ENOMEM;
	return (void *)-1;
}

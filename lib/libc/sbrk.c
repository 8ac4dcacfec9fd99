/* SPDX-License-Identifier: ISC */
/* Where newlib's malloc gets its memory: all of it, mapped as it is asked for. */
#include "kernel/arch.h"
#include "kernel/page.h"
#include "kernel/sched.h"
#include "kernel/shutdown.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

/* That somebody asks for a large part of all does not mean that there is none left. */
static bool modest(ptrdiff_t delta)
{
	struct page_stats stats;

	page_stats(&stats);
	return delta > 0 && (size_t)delta / PAGE_SIZE < stats.total / 16;
}

void *sbrk(ptrdiff_t delta)
{
	void *old;

	kernel_enter();
	old = page_brk(delta);
	if (!old && modest(delta))
		shutdown_loss("onoom", STATUS_MEMORY, "memory is exhausted");
	kernel_leave();
	if (old)
		return old;
	errno = ENOMEM;
	return (void *)-1;
}

/* SPDX-License-Identifier: ISC */
/* mallinfo(): newlib's stores ints, but its <malloc.h> declares size_t. */
#include "lib/libc/chunk.h"

#include "kernel/arch.h"
#include "kernel/page.h"
#include "kernel/sched.h"

#include <malloc.h>
#include <reent.h>

extern struct {				/* newlib's statistics, which malloc_stats() prints */
	int arena, ordblks, smblks, hblks, hblkhd, usmblks, fsmblks, uordblks, fordblks,
	    keepcost;
} __malloc_current_mallinfo;

void __malloc_update_mallinfo(void);

static struct mallinfo count(void)
{
	size_t top = size_of(last());
	struct mallinfo m = {
		.ordblks = top >= CHUNK_MIN, .fordblks = top, .keepcost = top,
	};
	struct page_stats pages;

	page_stats(&pages);
	m.arena = pages.heap * PAGE_SIZE;
	for (unsigned i = 1; i < LISTS; i++) {
		/* The head of the list */
		const struct chunk *end = chunk_of(&__malloc_av_[1 + i]);

		for (const struct chunk *c = end->prev; c != end; c = c->prev) {
			m.ordblks++;
			m.fordblks += size_of(c);
		}
	}
	m.uordblks = m.arena - m.fordblks;
	return m;
}

struct mallinfo _mallinfo_r(struct _reent *reent)
{
	struct mallinfo m;

	(void)reent;
	kernel_enter();
	m = count();
	kernel_leave();
	return m;
}

/* For malloc_stats(), which holds malloc's lock. */
void __malloc_update_mallinfo(void)
{
	struct mallinfo m = count();

	__malloc_current_mallinfo.ordblks = m.ordblks;
	__malloc_current_mallinfo.uordblks = m.uordblks;
	__malloc_current_mallinfo.fordblks = m.fordblks;
	__malloc_current_mallinfo.keepcost = m.keepcost;
}

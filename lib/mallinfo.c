/* SPDX-License-Identifier: ISC */
/*
 * mallinfo(): newlib's fills in ints where its <malloc.h> says size_t.
 *
 * __malloc_av_ is newlib's own (mallocr.c): a pair of list heads for each size of free
 * chunk, but the first pair, which begins with the chunk at the heap's end.
 */
#include "kernel/arch.h"
#include "kernel/page.h"
#include "kernel/sched.h"

#include <malloc.h>
#include <reent.h>

#define LISTS 128
#define CHUNK_MIN 32

struct chunk {
	size_t before, size;		/* the lowest two bits of size say other things */
	struct chunk *next, *prev;
};

struct pair {
	struct chunk *next, *prev;
};

extern struct pair __malloc_av_[1 + LISTS];
extern struct {				/* what newlib keeps, and malloc_stats() prints */
	int arena, ordblks, smblks, hblks, hblkhd, usmblks, fsmblks, uordblks, fordblks,
	    keepcost;
} __malloc_current_mallinfo;

void __malloc_update_mallinfo(void);

static size_t size_of(const struct chunk *c)
{
	return c->size & ~(size_t)3;
}

/* The chunk whose links are this pair. */
static const struct chunk *head(const struct pair *p)
{
	return (const struct chunk *)((const char *)p - offsetof(struct chunk, next));
}

static struct mallinfo count(void)
{
	size_t top = size_of(__malloc_av_[1].next);
	struct mallinfo m = {
		.ordblks = top >= CHUNK_MIN, .fordblks = top, .keepcost = top,
	};
	struct page_stats pages;

	page_stats(&pages);
	m.arena = pages.heap * PAGE_SIZE;
	for (unsigned i = 1; i < LISTS; i++) {
		const struct chunk *end = head(&__malloc_av_[1 + i]);

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

/* For malloc_stats(), which holds malloc()'s lock. */
void __malloc_update_mallinfo(void)
{
	struct mallinfo m = count();

	__malloc_current_mallinfo.ordblks = m.ordblks;
	__malloc_current_mallinfo.uordblks = m.uordblks;
	__malloc_current_mallinfo.fordblks = m.fordblks;
	__malloc_current_mallinfo.keepcost = m.keepcost;
}

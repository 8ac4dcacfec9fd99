/* SPDX-License-Identifier: ISC */
/*
 * Pages, and the one range of memory that both they and the heap come from.
 *
 *	memory_start   brk ->       never used        <- top    pages     memory_end
 *
 * The heap grows upwards, pages are taken downwards; what is in between has never
 * been handed out and is not even mapped, so boot time does not depend on how much
 * there is.  Freed pages are kept in order of address and joined; a free run that
 * reaches top becomes part of the middle again.
 */
#ifndef KERNEL_PAGE_H
#define KERNEL_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void page_init(void);

/* n consecutive pages, not zeroed; NULL: no memory.  Never sleeps. */
void *page_alloc(size_t n);
void page_free(void *pages, size_t n);

/*
 * Keep n pages of what was never used for kernel threads: an application that has taken all
 * can still be asked and ended.
 */
void page_reserve(size_t n);

/* Move the end of the heap by delta bytes: its old end, or NULL: no memory. */
void *page_brk(ptrdiff_t delta);

/*
 * Map the next PAGE_STEP bytes of what the heap would grow by, if it grew by size: true, as
 * long as more is left.  So that page_brk() has nothing to map, and is short.
 */
#define PAGE_STEP (1ul << 20)
bool page_prepare(size_t size);

/* The same for page_alloc(n), if it takes pages that were never used. */
bool page_prepare_pages(size_t n);

struct page_stats {
	size_t total, heap, used, free;	/* in pages; free: also what is not yet mapped */
};
void page_stats(struct page_stats *stats);

#endif

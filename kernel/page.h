/* SPDX-License-Identifier: ISC */
/*
 * Pages and the heap share one range of memory.
 *
 *	memory_start   brk ->       never used        <- top    pages     memory_end
 *
 * The heap grows upwards, and pages are allocated downwards.  The memory between them was
 * never used and is not even mapped, so boot time does not depend on its size.  Freed
 * pages are kept in order of address and joined; a free run that reaches top becomes part
 * of the unused memory again.  None of these functions sleep.
 */
#ifndef KERNEL_PAGE_H
#define KERNEL_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void page_init(void);

/* Allocates n consecutive pages, which are not zeroed.  Returns NULL without memory. */
void *page_alloc(size_t n);
void page_free(void *pages, size_t n);

/*
 * A page for a cache, unless that would take a page of the half of memory into which the heap
 * grows: what is freed there may lie between pages that stay, where the heap cannot use it.
 */
void *page_alloc_spare(void);

/*
 * Reserves n unused pages for kernel threads, so that an operator can still reach and end
 * an application that has allocated all memory.
 */
void page_reserve(size_t n);

/*
 * Sets a function that gives back memory of a cache.  It frees at least `bytes` by page_free()
 * if it can, and returns how many bytes it freed.  It neither sleeps nor allocates.  page_alloc()
 * and page_brk() call it before they fail, for a part of what they need, and if necessary again.
 */
void page_set_reclaim(size_t (*reclaim)(size_t bytes));

extern uintptr_t page_break;	/* the end of the heap; read only */

/*
 * Moves the end of the heap by delta bytes.  Returns its old end, or NULL without memory.
 */
void *page_brk(ptrdiff_t delta);

/*
 * Maps the next PAGE_STEP bytes of unused memory by which the heap would grow, if it grew
 * by size bytes; or reclaims a part of the memory of a cache, if that is needed.  Returns true
 * while more is left to do.  So a later page_brk() has nothing to map or reclaim, and is short.
 */
#define PAGE_STEP (1ul << 20)
bool page_prepare(size_t size);

/* The same for page_alloc(n). */
bool page_prepare_pages(size_t n);

/*
 * For a suspend: page_release_to_xen() returns the unused memory to Xen, as far as it is in whole
 * granules.  From then on each part of it is taken again when it is allocated; page_take_from_xen()
 * takes the next PAGE_STEP bytes, and returns true while more is left to take.  A part that Xen
 * does not have any more cannot be allocated.  Only these two sleep: page_release_to_xen() does so
 * between its steps.
 */
void page_release_to_xen(void);
bool page_take_from_xen(void);

/*
 * After page_release_to_xen(): fills the free memory that Xen does not have with zeroes.  Returns 0, or
 * -ENOMEM if some of it could not be mapped.
 */
int page_clear(void);

struct page_stats {
	size_t total, heap, used, free;	/* pages; free includes unused memory */
};
void page_stats(struct page_stats *stats);

#endif

/* SPDX-License-Identifier: ISC */
#include "kernel/arch.h"
#include "kernel/page.h"
#include "kernel/sched.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* A run of freed pages; stored in the first of them. */
struct extent {
	struct extent *lower;
	size_t n;
};

static struct extent *highest;
uintptr_t page_break;
static uintptr_t heap_end;		/* page_break, rounded up to a page */
static uintptr_t top;
static uintptr_t low_mapped, high_mapped;	/* memory outside of these is mapped */
static uintptr_t hole, hole_end;	/* Xen has this part of the unused memory */
static size_t freed, reserve;
static size_t (*reclaim)(size_t bytes);

static uintptr_t end_of(const struct extent *e)
{
	return (uintptr_t)e + e->n * PAGE_SIZE;
}

void page_init(void)
{
	page_break = heap_end = boot_info.memory_start;
	top = high_mapped = boot_info.memory_end;
	low_mapped = boot_info.memory_start;
	hole = hole_end = 0;
	highest = NULL;
	freed = reserve = 0;
	reclaim = NULL;
}

void page_set_reclaim(size_t (*function)(size_t bytes))
{
	reclaim = function;
}

#define RECLAIM_STEP (64 * PAGE_SIZE)

/* Whether another attempt to get this much memory may succeed: a cache gave back a part of it. */
static __attribute__((noinline)) bool reclaimed(size_t bytes)
{
	return reclaim && bytes < boot_info.memory_end - heap_end &&
	       reclaim(bytes < RECLAIM_STEP ? bytes : RECLAIM_STEP);
}

void page_reserve(size_t n)
{
	reserve = n;
}

/* How far the heap and the pages may grow towards each other. */
static uintptr_t middle(void)
{
	uintptr_t kept = current->kind == THREAD_APP ? reserve * PAGE_SIZE : 0;

	return top - heap_end > kept ? top - heap_end - kept : 0;
}

static uintptr_t granule_down(uintptr_t address)
{
	return address & -ARCH_GRANULE;
}

static uintptr_t granule_up(uintptr_t address)
{
	return granule_down(address + ARCH_GRANULE - 1);
}

/* Takes memory up to, or from, an address again, or a part of it: 0 or -ENOMEM. */
static int fill_up(uintptr_t to)
{
	uintptr_t end = granule_up(to) < hole_end ? granule_up(to) : hole_end;

	for (; hole < end; hole += ARCH_GRANULE)
		if (arch_take(hole))
			return -ENOMEM;
	return 0;
}

static int fill_down(uintptr_t from)
{
	uintptr_t start = granule_down(from) > hole ? granule_down(from) : hole;

	for (; hole_end > start; hole_end -= ARCH_GRANULE)
		if (arch_take(hole_end - ARCH_GRANULE))
			return -ENOMEM;
	return 0;
}

/* arch_map() up to, or down to, an address: 0 or -ENOMEM. */
static int map_up(uintptr_t to)
{
	int rc = to > low_mapped ? fill_up(to) : 0;

	if (!rc && to > low_mapped)
		rc = arch_map(low_mapped, to - low_mapped);
	if (!rc && to > low_mapped)
		low_mapped = to;
	return rc;
}

static int map_down(uintptr_t to)
{
	int rc = to < high_mapped ? fill_down(to) : 0;

	if (!rc && to < high_mapped)
		rc = arch_map(to, high_mapped - to);
	if (!rc && to < high_mapped)
		high_mapped = to;
	return rc;
}

/* The link to the highest run of at least n freed pages; *link is NULL if there is none. */
static struct extent **find_freed(size_t n)
{
	struct extent **p = &highest;

	while (*p && (*p)->n < n)
		p = &(*p)->lower;
	return p;
}

bool page_prepare(size_t size)
{
	uintptr_t to = low_mapped + PAGE_STEP;

	if (size >= middle())
		return reclaimed(size);
	return to < heap_end + size && !map_up(to);
}

bool page_prepare_pages(size_t n)
{
	uintptr_t to = high_mapped - PAGE_STEP;

	if (*find_freed(n))
		return false;
	if (n > middle() / PAGE_SIZE)
		return n < SIZE_MAX / PAGE_SIZE && reclaimed(n * PAGE_SIZE);
	return n < middle() / PAGE_SIZE && to > top - n * PAGE_SIZE && !map_down(to);
}

static void *take_freed(size_t n)
{
	struct extent **p = find_freed(n), *e = *p;

	if (!e)
		return NULL;
	e->n -= n;
	freed -= n;
	if (e->n == 0)
		*p = e->lower;
	return (void *)((uintptr_t)e + e->n * PAGE_SIZE);
}

static void *take(size_t n)
{
	void *pages = take_freed(n);
	uintptr_t start;

	if (pages)
		return pages;
	/*
	 * arch_map() may call this function for page tables: then the pages have changed.
	 */
	do {
		if (n > middle() / PAGE_SIZE)
			return NULL;
		start = top - n * PAGE_SIZE;
		if (map_down(start))
			return NULL;
	} while (start != top - n * PAGE_SIZE);
	top = start;
	return (void *)start;
}

void *page_alloc_spare(void)
{
	uintptr_t half = (boot_info.memory_end - boot_info.memory_start) / 2;

	return highest || top - boot_info.memory_start > half ? take(1) : NULL;
}

void *page_alloc(size_t n)
{
	void *pages = NULL;

	if (n && n <= SIZE_MAX / PAGE_SIZE)
		do
			pages = take(n);
		while (!pages && reclaimed(n * PAGE_SIZE));
	return pages;
}

/*
 * A free run just above the unused memory becomes unused memory again, so the heap can
 * use it.
 */
static void widen_middle(void)
{
	struct extent **p = &highest;

	if (!*p)
		return;
	while ((*p)->lower)
		p = &(*p)->lower;
	if ((uintptr_t)*p == top) {
		top = end_of(*p);
		freed -= (*p)->n;
		*p = NULL;
	}
}

void page_free(void *pages, size_t n)
{
	struct extent *e = pages, **p = &highest, *higher = NULL;

	if (!pages || !n)
		return;
	assert((uintptr_t)pages >= top && (uintptr_t)pages + n * PAGE_SIZE <= boot_info.memory_end);
	while (*p && *p > e) {
		higher = *p;
		p = &higher->lower;
	}
	assert(!*p || end_of(*p) <= (uintptr_t)e);
	assert(!higher || (uintptr_t)e + n * PAGE_SIZE <= (uintptr_t)higher);
	*e = (struct extent){ .lower = *p, .n = n };
	*p = e;
	freed += n;
	if (higher && end_of(e) == (uintptr_t)higher) {
		struct extent **h = &highest;

		while (*h != higher)
			h = &(*h)->lower;
		e->n += higher->n;
		*h = e;
	}
	if (e->lower && end_of(e->lower) == (uintptr_t)e) {
		struct extent *lower = e->lower;

		lower->n += e->n;
		for (p = &highest; *p != e; p = &(*p)->lower)
			;
		*p = lower;
	}
	widen_middle();
}

static void *move_brk(ptrdiff_t delta)
{
	uintptr_t old = page_break, end;

	if (delta < 0 ? -(uintptr_t)delta > page_break - boot_info.memory_start :
			(uintptr_t)delta > heap_end - page_break + middle())
		return NULL;
	end = (page_break + delta + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
	if (end > heap_end) {
		uintptr_t was = heap_end;

		heap_end = end;		/* arch_map() may take page tables from the unused memory */
		if (end > top || map_up(end)) {
			heap_end = was;
			return NULL;
		}
	}
	heap_end = end;
	page_break += delta;
	return (void *)old;
}

void *page_brk(ptrdiff_t delta)
{
	void *old;

	do
		old = move_brk(delta);
	while (!old && delta > 0 && reclaimed(delta));
	return old;
}

/* From the highest granule downwards; other threads may allocate between the steps. */
void page_release_to_xen(void)
{
	for (;;) {
		uintptr_t start = granule_up(heap_end);

		if (hole == hole_end)		/* they may have taken all of it again */
			hole = hole_end = granule_down(top);
		if (start >= hole)
			break;
		if (hole - start > ARCH_GRANULE)
			start = hole - ARCH_GRANULE;
		arch_give(start, hole - start);
		hole = start;
		if (low_mapped > hole)
			low_mapped = hole;
		if (high_mapped < hole_end)
			high_mapped = hole_end;
		thread_yield();
	}
}

bool page_take_from_xen(void)
{
	uintptr_t to = hole + PAGE_STEP;

	return hole < hole_end && !fill_up(to) && hole < hole_end;
}

/*
 * What Xen left of the unused memory is mapped as a whole before: low_mapped and high_mapped do not
 * tell which parts of it were in use, if the heap was there and now there are pages, or the reverse.
 */
int page_clear(void)
{
	int rc = map_up(hole < hole_end ? hole : top);
	uintptr_t low, high;

	if (!rc)
		rc = map_down(hole < hole_end ? hole_end : top);
	low = low_mapped < top ? low_mapped : top;
	high = high_mapped > heap_end ? high_mapped : heap_end;
	for (struct extent *e = highest; e; e = e->lower)
		memset(e + 1, 0, e->n * PAGE_SIZE - sizeof(*e));
	memset((void *)page_break, 0, low - page_break);
	if (high < top)
		memset((void *)high, 0, top - high);
	return rc;
}

void page_stats(struct page_stats *stats)
{
	size_t middle = (top - heap_end) / PAGE_SIZE;

	*stats = (struct page_stats){
		.total = (boot_info.memory_end - boot_info.memory_start) / PAGE_SIZE,
		.heap = (heap_end - boot_info.memory_start) / PAGE_SIZE,
		.free = middle + freed,
	};
	stats->used = stats->total - stats->heap - stats->free;
}

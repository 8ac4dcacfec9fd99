/* SPDX-License-Identifier: ISC */
/* kernel/page.c: pages and the heap, from one range of memory. */
#include "kernel/arch.h"
#include "kernel/page.h"
#include "kernel/sched.h"
#include "tests/host/host.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static struct page_stats now(void)
{
	struct page_stats s;

	page_stats(&s);
	assert(s.heap + s.used + s.free == s.total);
	assert(s.total * PAGE_SIZE == boot_info.memory_end - boot_info.memory_start);
	return s;
}

/* ---- a model: each page's contents identify its owner */

#define MAX_RUNS 200

static struct run {
	char *pages;
	size_t n;
	uint64_t mark;
} runs[MAX_RUNS];
static size_t nruns, pages_in_runs;

static void mark(struct run *r)
{
	r->mark = host_random();
	for (size_t i = 0; i < r->n; i++) {
		*(uint64_t *)(r->pages + i * PAGE_SIZE) = r->mark + i;
		*(uint64_t *)(r->pages + (i + 1) * PAGE_SIZE - 8) = r->mark - i;
	}
}

static void check(const struct run *r)
{
	for (size_t i = 0; i < r->n; i++) {
		assert(*(uint64_t *)(r->pages + i * PAGE_SIZE) == r->mark + i);
		assert(*(uint64_t *)(r->pages + (i + 1) * PAGE_SIZE - 8) == r->mark - i);
	}
}

static bool get(size_t n)
{
	struct run *r = &runs[nruns];

	if (nruns == MAX_RUNS)
		return false;
	*r = (struct run){ .pages = page_alloc(n), .n = n };
	if (!r->pages)
		return false;
	assert((uintptr_t)r->pages % PAGE_SIZE == 0);
	assert((uintptr_t)r->pages >= boot_info.memory_start);
	assert((uintptr_t)r->pages + n * PAGE_SIZE <= boot_info.memory_end);
	mark(r);
	nruns++;
	pages_in_runs += n;
	return true;
}

static void put(size_t i)
{
	struct run *r = &runs[i];

	check(r);
	page_free(r->pages, r->n);
	pages_in_runs -= r->n;
	*r = runs[--nruns];
}

static void put_all(void)
{
	while (nruns)
		put(host_below(nruns));
}

static void pages_are_ones_own(void)
{
	struct page_stats before;
	char *heap, *brk;
	size_t heap_size = 0;

	host_set_memory((1 + host_below(8)) << 20);
	page_init();
	before = now();
	heap = brk = page_brk(0);
	for (unsigned step = 0; step < 300; step++) {
		unsigned what = host_below(10);

		if (what < 4) {
			get(1 + host_below(host_chance(4) ? 40 : 3));
		} else if (what < 7 && nruns) {
			put(host_below(nruns));
		} else if (what == 7 && host_chance(4)) {
			page_release_to_xen();	/* tests/host fails if it is mapped or used */
			if (host_chance(2))
				page_clear();
		} else if (what == 8) {
			page_take_from_xen();
		} else {
			ptrdiff_t delta = (int)host_below(60000) - 25000;

			if (delta < -(ptrdiff_t)heap_size)
				delta = -heap_size;
			if (page_brk(delta)) {
				if (delta > 0)
					memset(heap + heap_size, 0x11, delta);
				heap_size += delta;
			}
			assert(page_brk(0) == heap + heap_size);
			for (size_t i = 0; i < heap_size; i += 97)
				assert(heap[i] == 0x11);
		}
		assert(now().used == pages_in_runs + before.used + host_page_tables());
	}
	put_all();
	assert(page_brk(-(ptrdiff_t)heap_size));
	assert(page_brk(0) == brk);
	assert(now().used == before.used + host_page_tables());
	assert(now().heap == before.heap);
}

/* ---- extents */

static void freed_pages_join(void)
{
	char *a[32];
	unsigned order[32];
	size_t free_before;

	host_set_memory(4ul << 20);
	page_init();
	page_free(page_alloc(40), 40);	/* the page tables are made */
	free_before = now().free;
	for (unsigned i = 0; i < 32; i++) {
		a[i] = page_alloc(1);
		assert(a[i] && (i == 0 || a[i] == a[i - 1] - PAGE_SIZE));
		order[i] = i;
	}
	for (unsigned i = 31; i; i--) {
		unsigned j = host_below(i + 1), t = order[i];

		order[i] = order[j];
		order[j] = t;
	}
	/* All but the lowest: one run that does not reach the middle. */
	for (unsigned i = 0; i < 32; i++)
		if (order[i] != 31)
			page_free(a[order[i]], 1);
	assert(page_alloc(31) == a[30]);
	page_free(a[30], 31);
	page_free(a[31], 1);
	assert(now().free == free_before);
}

static void everything_can_be_had(void)
{
	size_t free;
	void *first;

	host_set_memory((1 + host_below(2)) << 20);
	page_init();
	first = page_alloc(1);		/* below it comes the one page table */
	assert(first);
	while (get(1 + host_below(20)))
		;
	while (get(1))
		;
	assert(nruns == MAX_RUNS || now().free == 0);
	assert(nruns == MAX_RUNS || !page_brk(1));
	put_all();
	free = now().free;
	/* As one piece again, for pages or for the heap. */
	if (host_chance(2)) {
		assert(get(free));
		assert(!page_alloc(1) && !page_brk(1));
		put_all();
	} else {
		assert(page_brk(free * PAGE_SIZE));
		assert(!page_alloc(1) && !page_brk(1));
		assert(page_brk(-(free * PAGE_SIZE)));
	}
	assert(now().free == free);
}

static void heap_and_pages_meet(void)
{
	struct page_stats s;

	host_set_memory(1ul << 20);
	page_init();
	for (;;) {
		if (host_chance(2) ? !page_brk(3000) : !get(1))
			break;
		assert((uintptr_t)page_brk(0) + pages_in_runs * PAGE_SIZE <=
		       boot_info.memory_end);
	}
	s = now();
	assert(s.free <= 1);
	for (size_t i = 0; i < nruns; i++)
		check(&runs[i]);
	put_all();
	assert(now().free == s.free + s.used - host_page_tables());
}

/* Then no page is left for page tables, and none is taken from the heap. */
static void heap_may_be_all(void)
{
	size_t total;

	host_set_memory((1 + host_below(8)) << 20);
	page_init();
	total = now().total;
	assert(page_brk(total * PAGE_SIZE - host_below(PAGE_SIZE)));
	assert(now().heap == total && now().used == 0);
	assert(!page_alloc(1));
	assert(page_brk(-(ptrdiff_t)(total / 2 * PAGE_SIZE)));
	assert(get(total / 2 - 1));
	put_all();
}

static void too_much_is_no_memory(void)
{
	struct page_stats before;

	page_init();
	before = now();
	assert(!page_alloc(before.total + 1));
	assert(!page_alloc(SIZE_MAX) && !page_alloc(SIZE_MAX / PAGE_SIZE));
	assert(!page_alloc(SIZE_MAX / PAGE_SIZE + 2));
	assert(!page_alloc(0));
	assert(!page_brk(PTRDIFF_MAX) && !page_brk(PTRDIFF_MIN) && !page_brk(-1));
	assert(!page_brk(before.total * PAGE_SIZE + 1));
	page_free(NULL, 0);
	assert(now().free == before.free && now().used == before.used);
}

static void failing_maps_leave_nothing(void)
{
	host_set_memory(2ul << 20);
	host.map_fails = 3;
	page_init();
	for (unsigned step = 0; step < 200; step++) {
		size_t free = now().free;

		if (!get(1 + host_below(4)) && !host_page_tables())
			assert(now().free == free);
		if (nruns && host_chance(2))
			put(host_below(nruns));
		page_brk(host_below(2000));
	}
	for (size_t i = 0; i < nruns; i++)
		check(&runs[i]);
	put_all();
	assert(now().used == host_page_tables());
}

/* Xen may have only some of what was given back. */
static void a_part_is_taken_again(void)
{
	size_t free;

	host_set_memory(4ul << 20);
	page_init();
	free = now().free;
	for (unsigned step = 0; step < 40; step++) {
		page_release_to_xen();
		host.map_fails = 2;
		for (unsigned i = host_below(8); i--;)
			if (host_chance(2))
				page_take_from_xen();
			else if (!get(1 + host_below(200)))
				page_brk(host_below(300000));
		put_all();
		host.map_fails = 0;
	}
	while (page_take_from_xen())
		;
	assert(page_brk(0) && now().free + now().heap + host_page_tables() == free);
}

static bool take_one(void)
{
	return host_chance(2) ? page_brk(PAGE_SIZE) != NULL : page_alloc(1) != NULL;
}

static void the_reserve_is_the_kernels(void)
{
	unsigned n = 0;

	host_set_memory(2ul << 20);
	page_init();
	page_reserve(16);
	current->kind = THREAD_APP;
	while (take_one())
		;
	assert(!page_alloc(1) && !page_brk(PAGE_SIZE));
	current->kind = THREAD_KERNEL;
	while (take_one())
		n++;
	assert(n + host_page_tables() >= 16 && n <= 16);
}

static void boot_is_flat(void)
{
	host_set_memory(1024ul << 20);
	page_init();
	assert(!host_touchable((void *)boot_info.memory_start));
	assert(!host_touchable((void *)(boot_info.memory_end - PAGE_SIZE)));
	assert(get(1));
	assert(!host_touchable((char *)boot_info.memory_start + (512ul << 20)));
	put_all();
}

/* A cache of single pages, each of which it can give back. */
static char *cached[2048];
static size_t ncached, reclaims, largest;

static size_t give_back(size_t bytes)
{
	size_t n = 0;

	reclaims++;
	largest = bytes > largest ? bytes : largest;
	while (ncached && n * PAGE_SIZE < bytes) {
		page_free(cached[--ncached], 1);
		n++;
	}
	return n * PAGE_SIZE;
}

static void fill_cache(void *(*alloc)(void))
{
	char *page;

	while (ncached < HOST_COUNT(cached) && (page = alloc()))
		cached[ncached++] = page;
}

static void *any_page(void)
{
	return page_alloc(1);
}

static void a_cache_gives_memory_back(void)
{
	size_t free;

	host_set_memory(4ul << 20);
	page_init();
	page_free(page_alloc(1), 1);
	free = now().free;
	fill_cache(any_page);
	assert(now().free == 0 && !page_alloc(1));
	page_set_reclaim(give_back);
	if (host_chance(2)) {
		assert(get(1 + host_below(100)));
	} else {
		/* The pages next to the heap may be page tables, which stay. */
		while (host_chance(2) && page_prepare(PAGE_STEP))
			;
		assert(page_brk(1) ? ncached < free : !ncached);
	}
	/* An allocation that cannot succeed does not empty the cache. */
	reclaims = 0;
	assert(!page_alloc(now().total + 1) && !page_brk(now().total * PAGE_SIZE + 1) && !reclaims);
	put_all();
	give_back(SIZE_MAX);
	assert(now().used == host_page_tables() && now().heap <= 1);
}

static void a_cache_is_emptied_in_steps(void)
{
	size_t n = 100 + host_below(150);

	host_set_memory(8ul << 20);
	page_init();
	fill_cache(any_page);
	page_set_reclaim(give_back);
	reclaims = largest = 0;
	while (page_prepare_pages(n))
		;
	/* Between page tables, which stay, there are so many pages: not everything is needed. */
	assert(ncached && largest <= 256 << 10 && reclaims >= n * PAGE_SIZE / largest);
	reclaims = 0;
	assert(get(n) && !reclaims);
	while (page_prepare(2ul << 20))
		;
	assert(largest <= 256 << 10);
	reclaims = 0;
	assert(page_brk(2ul << 20) || !ncached);
	assert(!reclaims || !ncached);
	/* An allocation that cannot succeed does not empty the cache. */
	page_set_reclaim(NULL);
	fill_cache(any_page);
	page_set_reclaim(give_back);
	reclaims = 0;
	assert(!page_prepare_pages(SIZE_MAX) && !page_prepare_pages(now().total + 1) && !reclaims);
	put_all();
	give_back(SIZE_MAX);
}

static void a_cache_leaves_half_to_the_heap(void)
{
	size_t total;

	host_set_memory((1 + host_below(8)) << 20);
	page_init();
	total = now().total;
	if (host_chance(2))
		page_free(page_alloc(total / 4), total / 4);
	fill_cache(page_alloc_spare);
	assert(ncached + host_page_tables() >= total / 2 - 1 && ncached <= total / 2);
	assert(page_brk((total / 2 - 4) * PAGE_SIZE));
	page_free(cached[--ncached], 1);
	assert((cached[ncached] = page_alloc_spare()));
	ncached++;
	give_back(SIZE_MAX);
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "pages and heap keep their contents", pages_are_ones_own, 200 },
		{ "adjacent freed pages are joined", freed_pages_join, 100 },
		{ "all memory can be allocated, and again after it was freed",
		  everything_can_be_had, 50 },
		{ "heap and pages meet and do not overlap", heap_and_pages_meet, 50 },
		{ "the heap may grow to all memory", heap_may_be_all, 20 },
		{ "a request for too much memory returns NULL",
		  too_much_is_no_memory, 1 },
		{ "a failure to map pages leaks nothing",
		  failing_maps_leave_nothing, 100 },
		{ "a part of the memory that was given back is taken again", a_part_is_taken_again, 20 },
		{ "an application does not get the kernel's reserve",
		  the_reserve_is_the_kernels, 20 },
		{ "a cache gives memory back before an allocation fails",
		  a_cache_gives_memory_back, 50 },
		{ "a cache is emptied in steps, before the allocation",
		  a_cache_is_emptied_in_steps, 20 },
		{ "a cache leaves half of the memory to the heap", a_cache_leaves_half_to_the_heap,
		  50 },
		{ "memory is mapped when it is allocated, not before", boot_is_flat, 1 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}

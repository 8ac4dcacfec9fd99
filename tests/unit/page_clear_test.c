/* SPDX-License-Identifier: ISC */
/* kernel/page.c: before a guest is saved as a snapshot, all of its free memory is filled with zeroes. */
#include "kernel/arch.h"
#include "kernel/page.h"
#include "tests/host/host.h"

#include <assert.h>
#include <string.h>

static size_t free_pages(void)
{
	struct page_stats s;

	page_stats(&s);
	return s.free;
}

static bool zeroes(const char *p, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (p[i])
			return false;
	return true;
}

/* Only what is in use has contents afterwards, but for the words of the list of free pages. */
static void free_memory_is_cleared(void)
{
	static char *pages[40];
	char *heap;

	host_set_memory(4ul << 20);
	page_init();
	heap = page_brk(3 * PAGE_SIZE);
	memset(heap, 7, 3 * PAGE_SIZE);
	for (unsigned i = 0; i < HOST_COUNT(pages); i++)
		memset(pages[i] = page_alloc(1), 7, PAGE_SIZE);
	assert(page_brk(-2 * (ptrdiff_t)PAGE_SIZE));
	for (unsigned i = 0; i < HOST_COUNT(pages); i++)
		if (i % 3)
			page_free(pages[i], 1);
	page_release_to_xen();
	assert(!page_clear());
	assert(heap[PAGE_SIZE - 1] == 7 && zeroes(heap + PAGE_SIZE, 2 * PAGE_SIZE));
	for (unsigned i = 0; i < HOST_COUNT(pages); i++)
		assert(i % 3 ? zeroes(pages[i] + 16, PAGE_SIZE - 16) : pages[i][16] == 7);
}

/* Fills memory, which may be all that is free, and frees it again. */
static void use_and_free(void)
{
	size_t n = free_pages();
	char *p;

	if (!n)
		return;
	n -= host_below(host_chance(2) ? n : n < 70 ? n : 70);
	if (host_chance(2)) {
		p = page_brk(n * PAGE_SIZE);
		if (p) {
			memset(p, 7, n * PAGE_SIZE);
			assert(page_brk(-(ptrdiff_t)(n * PAGE_SIZE)));
		}
	} else {
		p = page_alloc(n);
		if (p) {
			memset(p, 7, n * PAGE_SIZE);
			page_free(p, n);
		}
	}
}

/* Wherever the heap and the pages have met; the host does not write to page tables. */
static void what_was_used_is_cleared(void)
{
	size_t heap_size = host_below(2 * ARCH_GRANULE), tables = 0;
	size_t n = 1 + host_below(70);
	char *heap, *pages;

	host_set_memory((1 + host_below(3)) << 20);
	page_init();
	heap = page_brk(heap_size);
	memset(heap, 9, heap_size);
	for (unsigned i = host_below(5); i--;)
		use_and_free();
	pages = page_alloc(n);
	if (pages)
		memset(pages, 9, n * PAGE_SIZE);
	for (unsigned i = host_below(5); i--;)
		use_and_free();
	page_release_to_xen();
	assert(!page_clear());
	for (size_t i = 0; i < heap_size; i++)
		assert(heap[i] == 9);
	assert(zeroes(heap + heap_size, -(uintptr_t)(heap + heap_size) % PAGE_SIZE));
	for (size_t i = 0; pages && i < n * PAGE_SIZE; i++)
		assert(pages[i] == 9);
	if (pages)
		memset(pages, 0, n * PAGE_SIZE);
	for (char *p = (char *)(((uintptr_t)heap + heap_size + PAGE_SIZE - 1) & -PAGE_SIZE);
	     p < (char *)boot_info.memory_end; p += PAGE_SIZE)
		if (host_touchable(p) && !zeroes(p + 16, PAGE_SIZE - 16))
			tables++;
	assert(tables <= host_page_tables());
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "free memory is filled with zeroes", free_memory_is_cleared, 5 },
		{ "it is so wherever it was used before", what_was_used_is_cleared, 200 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}

/* SPDX-License-Identifier: ISC */
/*
 * Page tables: the memory functions of kernel/arch.h.  Granules of 256 KiB are mapped
 * when they are first used, so that boot time does not depend on the size of memory.
 * Page tables are always mapped, so that they can be read.
 */
#include "arch/x86_64/paging.h"
#include "arch/x86_64/platform.h"
#include "arch/x86_64/x86_64.h"
#include "kernel/page.h"

#include <errno.h>
#include <string.h>

#define CPUID_NX (1u << 20)		/* 0x80000001, edx */
#define TABLES_MAX 3u			/* tables that one granule can need */

uint64_t pte_nx;

static uint64_t *top_table;

/* Mapped pages for page tables, if none can be allocated. */
static uintptr_t reserve[RESERVE];
static unsigned reserved;

static uintptr_t base(void)
{
	return (uintptr_t)image_start;
}

static uint64_t data_entry(uintptr_t page)
{
	return platform->physical(page) | PTE_RW | pte_nx;
}

unsigned long arch_frame(const void *page)
{
	return platform->physical((uintptr_t)page) / PAGE_SIZE;
}

void arch_guard(void *page)
{
	platform->remap((uintptr_t)page, 0);
}

void arch_make_readonly(void *page)
{
	platform->remap((uintptr_t)page, platform->physical((uintptr_t)page) | PTE_RO | pte_nx);
}

void arch_unguard(void *page)
{
	platform->remap((uintptr_t)page, data_entry((uintptr_t)page));
}

uint64_t *pte_lookup(uintptr_t address, int level)
{
	uint64_t *table = top_table, *entry;

	for (int l = 4;; l--) {
		entry = &table[address >> (3 + 9 * l) & 511];
		if (l == level)
			return entry;
		if (!(*entry & PTE_PRESENT))
			return NULL;
		table = platform->virtual(*entry & PTE_FRAME);
	}
}

/*
 * Adds a table of the level below to the entry of `address` at this level.  Returns 0 or
 * -ENOMEM.
 */
static int add_table(uintptr_t address, int level)
{
	uint64_t *entry = pte_lookup(address, level);
	uintptr_t page;

	if (*entry & PTE_PRESENT)
		return 0;
	if (!reserved)
		return -ENOMEM;
	page = reserve[--reserved];
	memset((void *)page, 0, PAGE_SIZE);
	platform->make_table(page);
	platform->set_entry(entry, platform->physical(page) | PTE_TABLE);
	platform->flush();
	return 0;
}

static int map_granule(uintptr_t granule)
{
	uintptr_t end = granule + GRANULE;
	uint64_t *entry;

	for (int level = 4; level > 1; level--)
		if (add_table(granule, level))
			return -ENOMEM;
	if (end > boot_info.memory_end)
		end = boot_info.memory_end;
	entry = pte_lookup(granule, 1);
	for (uintptr_t at = granule; at < end; at += PAGE_SIZE)
		platform->set_entry(entry++, data_entry(at));
	platform->flush();
	return 0;
}

bool pte_present(uintptr_t address, int lowest_level)
{
	for (int level = 4; level >= lowest_level; level--)
		if (!(*pte_lookup(address, level) & PTE_PRESENT))
			return false;
	return true;
}

/* Whether the page is mapped as data: PV's builder maps everything executable. */
static bool ready(uintptr_t address)
{
	return pte_present(address, 1) &&
	       (!pte_nx || *pte_lookup(address, 2) & pte_nx || *pte_lookup(address, 1) & pte_nx);
}

static bool filling;			/* page_alloc() fills the reserve now, and calls arch_map() */

/*
 * A granule needs at most three tables.  The last three pages of the reserve are kept for
 * the granule from which the reserve itself is filled.  So it can be filled again as soon
 * as there is memory, even after failures.
 */
static void fill_reserve(void)
{
	filling = true;
	while (reserved < RESERVE) {
		void *page = page_alloc(1);

		if (!page)
			break;
		reserve[reserved++] = (uintptr_t)page;
	}
	filling = false;
}

/*
 * Granules are mapped, or made data where the builder mapped them, as a whole.  So one
 * page shows the state of all pages of it that were never used.
 */
int arch_map(uintptr_t start, size_t size)
{
	uintptr_t granule = start - (start - base()) % GRANULE;

	for (; granule < start + size; granule += GRANULE) {
		if (ready(granule > start ? granule : start))
			continue;
		if (!filling) {
			fill_reserve();
			if (reserved < 2 * TABLES_MAX)
				return -ENOMEM;
		}
		if (map_granule(granule))
			return -ENOMEM;
	}
	return 0;
}

void arch_hide_frame(void *where)
{
	arch_unguard(where);
}

/*
 * Foreign pages replace allocated pages, which need no new page tables.  There are only a
 * few.
 */
void *arch_map_frames(const unsigned long *frames, unsigned n)
{
	char *pages = page_alloc(n);

	for (unsigned i = 0; pages && i < n; i++)
		arch_map_frame(pages + i * PAGE_SIZE, frames[i]);
	return pages;
}

void arch_map_frame(void *where, unsigned long frame)
{
	platform->remap((uintptr_t)where, frame * PAGE_SIZE | PTE_RW | pte_nx);
}

void *arch_reserve(unsigned n)
{
	uintptr_t pages = (uintptr_t)page_alloc(n);

	for (unsigned i = 0; pages && i < n; i++)
		arch_empty((void *)(pages + i * PAGE_SIZE));
	return (void *)pages;
}

void arch_empty(void *page)
{
	platform->remap((uintptr_t)page, platform->foreign_entry((uintptr_t)page));
}

void arch_unreserve(void *where, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		arch_unguard((char *)where + i * PAGE_SIZE);
	page_free(where, n);
}

uint64_t arch_map_where(void *where)
{
	return platform->foreign_where((uintptr_t)where);
}

int paging_make_tables(uintptr_t address)
{
	if (pte_present(address, 2))
		return 0;
	fill_reserve();
	if (reserved < 2 * TABLES_MAX)
		return -ENOMEM;
	for (int level = 4; level > 1; level--)
		if (add_table(address, level))
			return -ENOMEM;
	return 0;
}

void paging_protect(uintptr_t from, uintptr_t to, uint64_t flags)
{
	for (uintptr_t at = from & ~(PAGE_SIZE - 1); at < to; at += PAGE_SIZE)
		platform->set_entry(pte_lookup(at, 1), platform->physical(at) | flags);
}

void paging_protect_image(void)
{
	paging_protect((uintptr_t)image_start, (uintptr_t)text_end, PTE_RO);
	paging_protect((uintptr_t)rodata_start, (uintptr_t)rodata_end, PTE_RO | pte_nx);
	paging_protect((uintptr_t)data_start, (uintptr_t)boot_stack_guard, PTE_RW | pte_nx);
	platform->set_entry(pte_lookup((uintptr_t)boot_stack_guard, 1), 0);
	paging_protect((uintptr_t)boot_stack, (uintptr_t)hypercall_page, PTE_RW | pte_nx);
	paging_protect((uintptr_t)hypercall_page, (uintptr_t)image_end, PTE_RO);
}

void paging_init(uint64_t *table)
{
	uint32_t r[4];

	top_table = table;
	platform->cpuid(0x80000001, 0, r);
	pte_nx = r[3] & CPUID_NX ? 1ul << 63 : 0;
}

void paging_set_free(uintptr_t free, uintptr_t mapped_end)
{
	while (reserved < RESERVE && free < mapped_end) {
		reserve[reserved++] = free;
		free += PAGE_SIZE;
	}
	boot_info.memory_start = free;
}

/* SPDX-License-Identifier: ISC */
/*
 * Page tables under HVM, which the guest writes.  Physical memory has holes; its ranges
 * are mapped one behind the other from image_start on, the image's first.
 *
 * Other pages (of other domains, the shared page, the grant table) are placed by Xen at a
 * physical address that the guest chooses.  These addresses are behind all memory, so
 * that no memory is lost:
 *
 *	[ memory ... ]	...	[ a place for each page of memory ... | Xen's own pages ]
 *	0		top	foreign				foreign + top
 */
#include "arch/x86_64/hvm/hvm.h"
#include "arch/x86_64/hypercall_page.h"
#include "arch/x86_64/paging.h"
#include "arch/x86_64/platform.h"
#include "arch/x86_64/x86_64.h"
#include "kernel/log.h"

#include <string.h>
#include <xen/memory.h>

#define GIB (1ull << 30)
#define DEVICES_END (4 * GIB)		/* below it there may be devices */

static struct range ranges[RANGES];
static unsigned nr_ranges;
static uint64_t top, foreign;
static uintptr_t early, early_end;	/* mapped and free */

uint64_t hvm_physical(uintptr_t address)
{
	for (const struct range *r = ranges; r < ranges + nr_ranges; r++)
		if (address - r->address < r->size)
			return r->start + (address - r->address);
	panic("address %lx is not in RAM", address);
}

void *hvm_virtual(uint64_t physical)
{
	for (const struct range *r = ranges; r < ranges + nr_ranges; r++)
		if (physical - r->start < r->size)
			return (void *)(r->address + (physical - r->start));
	panic("physical address %lx is not in RAM", physical);
}

void hvm_make_table(uintptr_t page)
{
	(void)page;		/* any page can be a table */
}

void hvm_set_entry(uint64_t *entry, uint64_t value)
{
	*(volatile uint64_t *)entry = value;
}

/* Only hvm_paging_init() changes mapped pages in this way. */
void hvm_flush(void)
{
}

void hvm_remap(uintptr_t page, uint64_t entry)
{
	hvm_set_entry(pte_lookup(page, 1), entry);
	__asm__ volatile("invlpg %0" : : "m"(*(char *)page) : "memory");
}

uint64_t hvm_foreign_where(uintptr_t page)
{
	return foreign + hvm_physical(page);
}

uint64_t hvm_foreign_entry(uintptr_t page)
{
	return hvm_foreign_where(page) | PTE_RW | pte_nx;
}

static uint64_t place(unsigned slot)
{
	return foreign + top + slot * PAGE_SIZE;
}

static int show(unsigned slot, unsigned space, unsigned long index)
{
	struct xen_add_to_physmap op = {
		.domid = DOMID_SELF, .space = space, .idx = index,
		.gpfn = place(slot) / PAGE_SIZE,
	};

	return hypercall2(__HYPERVISOR_memory_op, XENMEM_add_to_physmap, &op);
}

static unsigned shown;			/* frames of the grant table */

/* At boot, and in a restored domain, where nothing else is shown yet. */
uint64_t hvm_shared_info(void)
{
	int rc = show(0, XENMAPSPACE_shared_info, 0);

	shown = 0;
	if (rc)
		panic("cannot map the shared page (error %d)", rc);
	return place(0);
}

int hvm_grant_setup(unsigned n, unsigned long *frames)
{
	for (; shown < n; shown++) {
		int rc = show(1 + shown, XENMAPSPACE_grant_table, shown);

		if (rc)
			return rc;
	}
	for (unsigned i = 0; i < n; i++)
		frames[i] = place(1 + i) / PAGE_SIZE;
	return 0;
}

void *hvm_early_pages(unsigned n)
{
	void *pages = (void *)early;

	early += n * PAGE_SIZE;
	return pages;
}

static void find_ranges(void)
{
	uintptr_t address = (uintptr_t)image_start;

	nr_ranges = hvm_memory_map(ranges);
	for (struct range *r = ranges; r < ranges + nr_ranges; r++) {
		r->address = address;
		address += r->size;
		if (r->start + r->size > top)
			top = r->start + r->size;
	}
	foreign = top < DEVICES_END ? DEVICES_END : (top + GIB - 1) & ~(GIB - 1);
	boot_info.memory_end = address;
}

/*
 * Makes small pages instead of large ones, up to early_end; the rest is not mapped any
 * more.  Until then all memory is mapped, so the new tables can be written.
 */
static void make_tables(void)
{
	uintptr_t chunk = (uintptr_t)image_start;

	for (unsigned i = 0; i < 512; i++, chunk += CHUNK) {
		uint64_t *table;

		if (chunk >= early_end) {
			hvm_level2[i] = 0;
			continue;
		}
		table = hvm_early_pages(1);
		memset(table, 0, PAGE_SIZE);
		for (unsigned k = 0; k < 512 && chunk + k * PAGE_SIZE < early_end; k++)
			table[k] = hvm_physical(chunk + k * PAGE_SIZE) | PTE_RW;
		hvm_level2[i] = hvm_physical((uintptr_t)table) | PTE_TABLE;
	}
	hvm_level3[0] = 0;
	paging_protect_image();	/* this code was writable until here */
	paging_protect((uintptr_t)image_end, early_end, PTE_RW | pte_nx);
	__asm__ volatile("mov %0, %%cr3" : : "r"(hvm_physical((uintptr_t)hvm_level4)) : "memory");
}

/*
 * Pages that are needed early: stacks, the reserve, two rings; and a table for each
 * chunk.
 */
#define EARLY_PAGES 32

void hvm_paging_init(void)
{
	uintptr_t base = (uintptr_t)image_start;

	find_ranges();
	paging_init(hvm_level4);
	early = (uintptr_t)image_end;
	early_end = early + EARLY_PAGES * PAGE_SIZE + (early - base) / 512;
	if (early_end > base + ranges[0].size)
		panic("too little memory");
	early_end += GRANULE - 1 - (early_end - base + GRANULE - 1) % GRANULE;
	if (early_end > base + ranges[0].size)
		early_end = base + ranges[0].size;
	make_tables();
}

void hvm_early_end(void)
{
	paging_set_free(early, early_end);
}

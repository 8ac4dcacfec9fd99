/* SPDX-License-Identifier: ISC */
/* Windows: pages of memory that are seen at a second address (kernel/arch.h). */
#include "arch/x86_64/paging.h"
#include "arch/x86_64/platform.h"

int arch_window_prepare(uintptr_t chunk)
{
	return paging_make_tables(chunk);
}

static uint64_t entry_of(const void *page, bool writable)
{
	uint64_t flags = PTE_RO | (writable ? PTE_WRITE : 0) | pte_nx;

	return page ? platform->physical((uintptr_t)page) | flags : 0;
}

void arch_window_show(void *where, const void *page, bool writable)
{
	platform->remap((uintptr_t)where, entry_of(page, writable));
}

/*
 * The CPU sets PTE_DIRTY.  Nothing else runs between reading an entry and writing it.  An entry
 * that is not present keeps the bit, too: the CPU ignores it, and Xen accepts it, since there is no
 * frame in the entry.
 */
void arch_window_protect(void *where, const void *page, bool writable)
{
	uint64_t dirty = *pte_lookup((uintptr_t)where, 1) & PTE_DIRTY;

	platform->remap((uintptr_t)where, entry_of(page, writable) | dirty);
}

void arch_window_mark(void *where)
{
	platform->remap((uintptr_t)where, *pte_lookup((uintptr_t)where, 1) | PTE_DIRTY);
}

bool arch_window_written(void *where)
{
	uint64_t entry = *pte_lookup((uintptr_t)where, 1);

	if (!(entry & PTE_DIRTY))
		return false;
	platform->remap((uintptr_t)where, entry & ~PTE_DIRTY);
	return true;
}

/* SPDX-License-Identifier: ISC */
/* Windows: pages of memory that are seen at a second address (kernel/arch.h). */
#include "arch/x86_64/paging.h"
#include "arch/x86_64/platform.h"

int arch_window_prepare(uintptr_t chunk)
{
	return paging_make_tables(chunk);
}

void arch_window_show(void *where, const void *page, bool writable)
{
	uint64_t flags = PTE_RO | (writable ? PTE_WRITE : 0) | pte_nx;

	platform->remap((uintptr_t)where,
			page ? platform->physical((uintptr_t)page) | flags : 0);
}

/* The CPU sets the bit.  Nothing else runs between reading and clearing it. */
bool arch_window_written(void *where)
{
	uint64_t entry = *pte_lookup((uintptr_t)where, 1);

	if (!(entry & PTE_PRESENT) || !(entry & PTE_DIRTY))
		return false;
	platform->remap((uintptr_t)where, entry & ~PTE_DIRTY);
	return true;
}

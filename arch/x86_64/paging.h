/* SPDX-License-Identifier: ISC */
/*
 * Page tables, for all guest types.
 *
 * All memory is mapped from image_start on, without holes, whatever its frames are.  The
 * image is at the beginning; the rest is mapped in granules at its first use.
 */
#ifndef ARCH_X86_64_PAGING_H
#define ARCH_X86_64_PAGING_H

#include "kernel/arch.h"

#include <stdbool.h>

#define PTE_PRESENT 1ul
#define PTE_WRITE 2ul
#define PTE_USER 4ul			/* for PV's ring 3; no effect in HVM's ring 0 */
#define PTE_ACCESSED 0x20ul
#define PTE_DIRTY 0x40ul
#define PTE_FRAME 0x000ffffffffff000ul

#define PTE_TABLE (PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED)
#define PTE_RO (PTE_PRESENT | PTE_USER | PTE_ACCESSED)
#define PTE_RW (PTE_RO | PTE_WRITE | PTE_DIRTY)

#define CHUNK (512 * PAGE_SIZE)		/* bytes that one page table maps */
#define GRANULE ARCH_GRANULE		/* bytes that are mapped at a time */
#define RESERVE 8u			/* pages kept for page tables */

extern uint64_t pte_nx;			/* the no-execute bit, where the CPU has it */

/* Sets the top-level table. */
void paging_init(uint64_t *top_table);

/*
 * Returns the entry for address in the table of this level (1 to 4), or NULL if there is
 * no table.
 */
uint64_t *pte_lookup(uintptr_t address, int level);

/* Returns whether the entries for address are present down to lowest_level. */
bool pte_present(uintptr_t address, int lowest_level);

/* Adds the page tables for an address, all levels.  Returns 0 or -ENOMEM. */
int paging_make_tables(uintptr_t address);

/*
 * paging_protect() changes the flags of mapped pages; paging_protect_image() sets those
 * of the image's parts.
 */
void paging_protect(uintptr_t from, uintptr_t to, uint64_t flags);
void paging_protect_image(void);

/*
 * Memory up to `mapped_end` is mapped, and free from `free` on.  The reserve is taken
 * from it; the rest becomes boot_info's memory.
 */
void paging_set_free(uintptr_t free, uintptr_t mapped_end);

#endif

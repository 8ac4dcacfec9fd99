/* SPDX-License-Identifier: ISC */
/*
 * Page tables, as both doors have them.
 *
 * All memory has one place: from image_start on, without holes, whatever frames it is made
 * of.  The image is at its beginning; what lies behind is mapped in granules when first
 * handed out.
 */
#ifndef ARCH_X86_64_PAGING_H
#define ARCH_X86_64_PAGING_H

#include "kernel/arch.h"

#include <stdbool.h>

#define PRESENT 1ul
#define WRITE 2ul
#define USER 4ul			/* PV's ring 3; nothing to HVM's ring 0 */
#define ACCESSED 0x20ul
#define DIRTY 0x40ul
#define FRAME 0x000ffffffffff000ul

#define TABLE (PRESENT | WRITE | USER | ACCESSED)
#define RO (PRESENT | USER | ACCESSED)
#define RW (RO | WRITE | DIRTY)

#define CHUNK (512 * PAGE_SIZE)		/* what one page table maps */
#define GRANULE (64 * PAGE_SIZE)	/* what is mapped at a time */
#define RESERVE 8u			/* pages kept for page tables */

extern uint64_t nx;			/* the no-execute bit, where the CPU has it */

/* The tables there are. */
void memory_init(uint64_t *top_table);

/* The entry for address in a table of this level (1 to 4); NULL: there is no table. */
uint64_t *find(uintptr_t address, int level);

/* Whether there are tables for it down to lowest_level. */
bool mapped(uintptr_t address, int lowest_level);

/* Mapped pages of ours get these flags; the image's parts what they are for. */
void protect(uintptr_t from, uintptr_t to, uint64_t flags);
void protect_image(void);

/*
 * Everything up to `mapped_end` is mapped, and free from `free` on: the reserve is taken from
 * it, the rest is boot_info's memory.
 */
void memory_give(uintptr_t free, uintptr_t mapped_end);

#endif

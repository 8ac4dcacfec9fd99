/* SPDX-License-Identifier: ISC */
/* Internal declarations of arch/x86_64/hvm, mostly the functions of platform.h. */
#ifndef ARCH_X86_64_HVM_H
#define ARCH_X86_64_HVM_H

#include "kernel/arch.h"

extern char image_physical[];		/* its address is the physical address of the image */

/* The tables that entry.S made: 2 MiB pages, from 0 and from image_start on. */
extern uint64_t hvm_level4[512], hvm_level3[512], hvm_level2[512];

/* A part of the guest's physical memory, and the address at which it is mapped. */
#define RANGES 16
struct range {
	uint64_t start, size;
	uintptr_t address;
};

/*
 * GRUB's memory map, copied by entry.S: its room, and its size in bytes (0: there is
 * none).
 */
extern char hvm_map[], hvm_map_end[];
extern uint32_t hvm_map_size;

/*
 * hvm_memory_map(): fills in the ranges of memory, in the order in which they are used,
 * and returns their number.  hvm_param(): a parameter of Xen, 0 if it is not set.
 */
unsigned hvm_memory_map(struct range ranges[RANGES]);
uint64_t hvm_param(unsigned index);
int hvm_set_param(unsigned index, uint64_t value);

/*
 * Makes page tables, and protects the image.  Physical memory is not mapped at its own
 * addresses any more.
 */
void hvm_paging_init(void);

/*
 * hvm_early_pages(): n mapped pages, until hvm_early_end() gives the rest to the kernel.
 */
void *hvm_early_pages(unsigned n);
void hvm_early_end(void);

/*
 * The physical addresses of Xen's pages: the shared page, the frames of the grant table.
 */
uint64_t hvm_shared_info(void);
int hvm_grant_setup(unsigned n, unsigned long *frames);

uint64_t hvm_physical(uintptr_t address);
void *hvm_virtual(uint64_t physical);
void hvm_make_table(uintptr_t page);
void hvm_set_entry(uint64_t *entry, uint64_t value);
void hvm_flush(void);
void hvm_remap(uintptr_t page, uint64_t entry);
uint64_t hvm_foreign_entry(uintptr_t page);
uint64_t hvm_foreign_where(uintptr_t page);

void hvm_traps_init(void);
void hvm_block(void);

/*
 * The PC, which only HVM has: masks interrupts and unplugs devices; writes to its serial
 * line.
 */
void hvm_devices_init(void);
void hvm_serial_write(const char *text, size_t len);

/*
 * Enables the interrupt of Xen's platform device.  Returns its line, or 0 if there is
 * none.
 */
unsigned hvm_platform_interrupt(void);

/* Enables events, by the vector or by that interrupt. */
void hvm_enable_upcalls(bool by_vector);

#endif

/* SPDX-License-Identifier: ISC */
/* What the files of arch/x86_64/hvm share: HVM's side of platform.h, mostly. */
#ifndef ARCH_X86_64_HVM_H
#define ARCH_X86_64_HVM_H

#include "kernel/arch.h"

extern char image_physical[];		/* a number: where the image was loaded */

/* The tables that entry.S made: 2 MiB pages, from 0 and from image_start on. */
extern uint64_t hvm_level4[512], hvm_level3[512], hvm_level2[512];

/* A part of the guest's physical memory, and where we have it. */
#define RANGES 16
struct range {
	uint64_t start, size;
	uintptr_t address;
};

/* What GRUB told of memory, copied by entry.S: so many bytes; and the room for such a map. */
extern char hvm_map[], hvm_map_end[];
extern uint32_t hvm_map_size;

/* The memory there is, in the order we use it.  Of Xen: a parameter, 0 for none. */
unsigned hvm_memory_map(struct range ranges[RANGES]);
uint64_t hvm_param(unsigned index);
int hvm_set_param(unsigned index, uint64_t value);

/* Page tables of our own, the image protected; physical memory is not to be seen any more. */
void hvm_paging_init(void);

/* n mapped pages for good, until what is left is given to the kernel. */
void *hvm_early_pages(unsigned n);
void hvm_early_end(void);

/* Where Xen's own pages are that it showed us: its shared page, the grant table's frames. */
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

/* The PC around us, which is there under HVM only: masked, unplugged; its serial line. */
void hvm_devices_init(void);
void hvm_serial_write(const char *text, size_t len);

/* The interrupt of Xen's platform device is let in: its line, or 0 where there is no such. */
unsigned hvm_platform_interrupt(void);

/* From now on events come: by the vector, or by that interrupt. */
void hvm_enable_upcalls(bool by_vector);

#endif

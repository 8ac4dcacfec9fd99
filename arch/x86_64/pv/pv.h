/* SPDX-License-Identifier: ISC */
/* Internal declarations of arch/x86_64/pv, mostly the functions of platform.h. */
#ifndef ARCH_X86_64_PV_H
#define ARCH_X86_64_PV_H

#include "kernel/arch.h"

/*
 * Protects the image, and finds free memory.  builder_stack: the end of the builder's
 * stack.
 */
void pv_paging_init(const struct start_info *info, uintptr_t builder_stack);

/*
 * Tells the toolstack, in the shared page, where the machine frames of the domain are listed:
 * otherwise it cannot save the domain.
 */
void pv_publish_frames(void);

unsigned long pv_frame(unsigned long own);		/* the machine frame of a frame */
void pv_set_frame(uintptr_t page, unsigned long frame);
uint64_t pv_physical(uintptr_t address);
void *pv_virtual(uint64_t physical);
void pv_make_table(uintptr_t page);
void pv_set_entry(uint64_t *entry, uint64_t value);
void pv_flush(void);
void pv_remap(uintptr_t page, uint64_t entry);
uint64_t pv_foreign_entry(uintptr_t page);
uint64_t pv_foreign_where(uintptr_t page);

int pv_grant_setup(unsigned n, unsigned long *frames);

void pv_traps_init(void);
void pv_block(void);

#endif

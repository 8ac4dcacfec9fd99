/* SPDX-License-Identifier: ISC */
/* What the files of arch/x86_64/pv share. */
#ifndef ARCH_X86_64_PV_H
#define ARCH_X86_64_PV_H

#include "kernel/arch.h"

extern const unsigned long *pv_p2m;	/* machine frame of each of our frames */

/* Protect the image, take stock of memory; builder_stack: what the builder gave us. */
void pv_memory_init(const struct start_info *info, uintptr_t builder_stack);

/* Put a machine frame where one of our pages is. */
void pv_remap(void *page, uint64_t machine_address);

/* A machine frame of ours as the address we have it at. */
void *pv_machine_to_virt(unsigned long mfn);

void pv_traps_init(void);
void pv_block(void);
void pv_upcall(void);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * The functions that differ between the guest types: PV, where the guest runs in ring 3
 * and Xen writes the page tables, and HVM (also PVH), where the guest has the CPU. The
 * entry code selects one table at boot; pv/ and hvm/ implement it, and the rest of
 * arch/x86_64 is common.
 *
 * "Physical" is what a page table entry contains: machine addresses under PV, the guest's
 * physical addresses under HVM.
 */
#ifndef ARCH_X86_64_PLATFORM_H
#define ARCH_X86_64_PLATFORM_H

#include <stddef.h>
#include <stdint.h>

#define NO_FRAME (~0ul)

struct platform {
	void (*attach)(void);			/* arch_attach() */
	int (*suspend)(void);			/* arch_suspend() */

	/* The CPU. */
	void (*cpuid)(uint32_t leaf, uint32_t sub, uint32_t regs[4]);	/* as Xen shows it */
	void (*set_fs_base)(uintptr_t base);	/* without wrfsbase */
	uintptr_t (*fault_address)(void);	/* of the last page fault */
	void (*block)(void);			/* sleep until an event is pending */

	/* Memory and its page tables, which are in it. */
	uint64_t (*physical)(uintptr_t address);
	void *(*virtual)(uint64_t physical);
	void (*make_table)(uintptr_t page);	/* a mapped, zeroed page becomes a page table */
	void (*set_entry)(uint64_t *entry, uint64_t value);	/* in effect after flush() */
	void (*flush)(void);
	void (*remap)(uintptr_t page, uint64_t entry);	/* at once */

	/* The page has another machine frame now, or none (NO_FRAME).  NULL: it has none. */
	void (*set_frame)(uintptr_t page, unsigned long frame);

	/* Frames of Xen and of other domains. */
	int (*grant_setup)(unsigned n, unsigned long *frames);
	uint64_t (*foreign_entry)(uintptr_t page);	/* for a page that is reserved for one */
	uint64_t (*foreign_where)(uintptr_t page);	/* the address for xen_grant_map() */

	void (*serial_write)(const char *text, size_t len);	/* NULL: no PC, no serial line */
};
extern const struct platform *platform;

#endif

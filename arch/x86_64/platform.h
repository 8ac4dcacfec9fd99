/* SPDX-License-Identifier: ISC */
/*
 * What differs between the doors that one image can be entered by: PV, where Xen runs us in
 * ring 3 and writes our page tables, and HVM (and PVH), where the CPU is ours.  Each door's
 * entry code says which it is, once; pv/ and hvm/ are their two sides of this table, and all
 * else in arch/x86_64 is the same for both.
 *
 * "Physical" is what a page table entry holds: machine addresses under PV, the guest's own
 * under HVM.
 */
#ifndef ARCH_X86_64_PLATFORM_H
#define ARCH_X86_64_PLATFORM_H

#include <stddef.h>
#include <stdint.h>

struct platform {
	/*
	 * Takes what Xen gives to the domain: maps the shared page, masks events, tells Xen where
	 * events enter, and finds the rings and ports of console and xenstore (boot_info).  All
	 * of it is new after a resume, which would call this again.
	 */
	void (*attach)(void);

	/* The CPU. */
	void (*cpuid)(uint32_t leaf, uint32_t sub, uint32_t regs[4]);	/* as we are to see it */
	void (*set_fs_base)(uintptr_t base);	/* where there is no wrfsbase */
	uintptr_t (*fault_address)(void);	/* of the last page fault */
	void (*block)(void);			/* sleep until an event is pending */

	/* Our memory and its page tables, which are in it. */
	uint64_t (*physical)(uintptr_t address);
	void *(*virtual)(uint64_t physical);
	void (*make_table)(uintptr_t page);	/* a mapped, zeroed page is to be a page table */
	void (*set_entry)(uint64_t *entry, uint64_t value);	/* in force after flush() */
	void (*flush)(void);
	void (*remap)(uintptr_t page, uint64_t entry);	/* at once; what was there is forgotten */

	/* Frames that are not ours. */
	int (*grant_setup)(unsigned n, unsigned long *frames);
	uint64_t (*foreign_entry)(uintptr_t page);	/* of a page kept for one */
	uint64_t (*foreign_where)(uintptr_t page);	/* what xen_grant_map() is told */

	void (*serial_write)(const char *text, size_t len);	/* NULL: no PC, no serial line */
};
extern const struct platform *platform;

#endif

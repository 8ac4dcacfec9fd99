/* SPDX-License-Identifier: ISC */
/*
 * From Xen's entry to start().
 *
 * The environment may be second-hand (PV-GRUB ran here before): rings are in the
 * middle of their indexes, events may be pending, masks may be anything.
 */
#include "arch/x86_64/hypercall_page.h"
#include "arch/x86_64/paging.h"
#include "arch/x86_64/platform.h"
#include "arch/x86_64/pv/pv.h"
#include "arch/x86_64/x86_64.h"

#include <string.h>

/*
 * The prefix makes Xen emulate the instruction (arch-x86/xen.h, XEN_CPUID): without
 * it we would see features of the machine that we are not to use.
 */
static void cpuid_by_xen(uint32_t leaf, uint32_t sub, uint32_t regs[4])
{
	__asm__ volatile("ud2a; .ascii \"xen\"; cpuid"
			 : "=a"(regs[0]), "=b"(regs[1]), "=c"(regs[2]), "=d"(regs[3])
			 : "a"(leaf), "c"(sub));
}

static void set_fs_base_by_xen(uintptr_t base)
{
	hypercall2(__HYPERVISOR_set_segment_base, SEGBASE_FS, base);
}

static uintptr_t fault_address(void)
{
	return arch_shared_info.vcpu_info[0].arch.cr2;
}

static const struct platform pv = {
	.cpuid = cpuid_by_xen,
	.set_fs_base = set_fs_base_by_xen,
	.fault_address = fault_address,
	.block = pv_block,
	.physical = pv_physical,
	.virtual = pv_virtual,
	.make_table = pv_make_table,
	.set_entry = pv_set_entry,
	.flush = pv_flush,
	.remap = pv_remap,
	.grant_setup = pv_grant_setup,
	.foreign_entry = pv_foreign_entry,
	.foreign_where = pv_foreign_where,
};

/*
 * The builder (start_info_x86_64() of xg_dom_x86.c) copies MAX_GUEST_CMDLINE - 1 bytes of the
 * command line and says nothing of the others.  So a line of that many may have been longer.
 */
static void copy_boot_info(const struct start_info *info)
{
	memcpy(boot_info.command_line, info->cmd_line, MAX_GUEST_CMDLINE);
	boot_info.command_line_max = MAX_GUEST_CMDLINE - 2;
	boot_info.privileged = info->flags & SIF_INITDOMAIN;
	if (!boot_info.privileged && info->console.domU.mfn) {
		boot_info.console_ring = pv_virtual(info->console.domU.mfn * PAGE_SIZE);
		boot_info.console_port = info->console.domU.evtchn;
	}
	if (info->store_evtchn) {
		boot_info.xenstore_ring = pv_virtual(info->store_mfn * PAGE_SIZE);
		boot_info.xenstore_port = info->store_evtchn;
	}
}

_Noreturn void pv_start(const struct start_info *info, uintptr_t builder_stack);
_Noreturn void pv_start(const struct start_info *info, uintptr_t builder_stack)
{
	platform = &pv;
	set_fs_base_by_xen((uintptr_t)&boot_tcb);
	pv_paging_init(info, builder_stack);
	pv_remap((uintptr_t)&arch_shared_info, info->shared_info | PTE_RW | pte_nx);
	arch_shared_info.vcpu_info[0].evtchn_upcall_mask = 1;
	pv_traps_init();
	copy_boot_info(info);
	boot_arch();
}

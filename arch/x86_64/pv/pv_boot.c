/* SPDX-License-Identifier: ISC */
/*
 * Boot of a PV guest: from entry.S to kernel_main().
 *
 * A boot loader (PV-GRUB) may have used the domain before: ring indexes are not 0, events may
 * be pending, and masks may have any value.
 */
#include "arch/x86_64/hypercall_page.h"
#include "arch/x86_64/paging.h"
#include "arch/x86_64/platform.h"
#include "arch/x86_64/pv/pv.h"
#include "arch/x86_64/x86_64.h"

#include <stdbool.h>
#include <string.h>

/*
 * The prefix makes Xen emulate the instruction (arch-x86/xen.h, XEN_CPUID).  Without it the
 * guest would see features of the machine that it may not use.
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

static struct start_info *start_info;

/* The shared page has no frame of the domain, so it is not mapped while the domain is saved. */
static void show_shared_page(void)
{
	pv_remap((uintptr_t)&arch_shared_info, start_info->shared_info | PTE_RW | pte_nx);
	arch_shared_info.vcpu_info[0].evtchn_upcall_mask = 1;
}

/* xen/xen.h, struct start_info; the toolstack writes a new one for a resume. */
static void attach(void)
{
	const struct start_info *info = start_info;

	show_shared_page();
	pv_publish_frames();
	pv_traps_init();
	if (!boot_info.privileged && info->console.domU.mfn) {
		boot_info.console_ring = pv_virtual(info->console.domU.mfn * PAGE_SIZE);
		boot_info.console_port = info->console.domU.evtchn;
	}
	if (info->store_evtchn) {
		boot_info.xenstore_ring = pv_virtual(info->store_mfn * PAGE_SIZE);
		boot_info.xenstore_port = info->store_evtchn;
	}
}

/* The domain's own number of a frame, and back. */
static void exchange(xen_pfn_t *frame, bool own)
{
	if (*frame)
		*frame = own ? machine_to_phys_mapping[*frame] : pv_frame(*frame);
}

/*
 * xg_sr_save_x86_pv.c and xg_sr_restore_x86_pv.c of Xen's libs/guest: rdx of the hypercall is the
 * frame of start_info, which has the domain's own numbers of both rings meanwhile.
 */
static int suspend(void)
{
	struct sched_shutdown op = { .reason = SHUTDOWN_suspend };
	uintptr_t info = (uintptr_t)start_info, shared = (uintptr_t)&arch_shared_info;
	long rc;

	exchange(&start_info->store_mfn, true);
	exchange(&start_info->console.domU.mfn, true);
	pv_remap(shared, pv_physical(shared) | PTE_RW | pte_nx);
	rc = hypercall3(__HYPERVISOR_sched_op, SCHEDOP_shutdown, &op, pv_physical(info) / PAGE_SIZE);
	if (rc == 0)
		return 0;
	exchange(&start_info->store_mfn, false);
	exchange(&start_info->console.domU.mfn, false);
	show_shared_page();
	return rc;
}

static const struct platform pv = {
	.attach = attach,
	.suspend = suspend,
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
	.set_frame = pv_set_frame,
	.grant_setup = pv_grant_setup,
	.foreign_entry = pv_foreign_entry,
	.foreign_where = pv_foreign_where,
};

/*
 * The builder (start_info_x86_64() of xg_dom_x86.c) copies at most MAX_GUEST_CMDLINE - 1 bytes
 * of the command line.  So a line of this length may have been longer.
 */
static void copy_boot_info(const struct start_info *info)
{
	memcpy(boot_info.command_line, info->cmd_line, MAX_GUEST_CMDLINE);
	boot_info.command_line_max = MAX_GUEST_CMDLINE - 2;
	boot_info.privileged = info->flags & SIF_INITDOMAIN;
}

_Noreturn void pv_start(struct start_info *info, uintptr_t builder_stack);
_Noreturn void pv_start(struct start_info *info, uintptr_t builder_stack)
{
	platform = &pv;
	start_info = info;
	set_fs_base_by_xen((uintptr_t)&boot_tcb);
	pv_paging_init(info, builder_stack);
	copy_boot_info(info);
	kernel_main();
}

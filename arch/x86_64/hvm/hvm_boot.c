/* SPDX-License-Identifier: ISC */
/* Boot of a PVH or HVM guest: from entry.S to kernel_main(). */
#include "arch/x86_64/hvm/hvm.h"
#include "arch/x86_64/hvm/segments.h"
#include "arch/x86_64/hypercall_page.h"
#include "arch/x86_64/paging.h"
#include "arch/x86_64/platform.h"
#include "arch/x86_64/x86_64.h"
#include "kernel/log.h"

#include <errno.h>
#include <string.h>
#include <xen/arch-x86/cpuid.h>
#include <xen/features.h>
#include <xen/hvm/params.h>
#include <xen/version.h>

#define CPUID_7_EBX_FSGSBASE 1u
#define CR4_FSGSBASE (1ul << 16)
#define MSR_FS_BASE 0xc0000100
#define LAST_LEAF 0x40010000		/* Xen's leaves begin at or before it (Viridian's may come first) */

static void cpuid(uint32_t leaf, uint32_t sub, uint32_t regs[4])
{
	__asm__ volatile("cpuid" : "=a"(regs[0]), "=b"(regs[1]), "=c"(regs[2]), "=d"(regs[3])
			 : "a"(leaf), "c"(sub));
}

static void wrmsr(uint32_t msr, uint64_t value)
{
	__asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)value), "d"(value >> 32) : "memory");
}

static void set_fs_base_by_msr(uintptr_t base)
{
	wrmsr(MSR_FS_BASE, base);
}

static uintptr_t fault_address(void)
{
	uintptr_t address;

	__asm__ volatile("mov %%cr2, %0" : "=r"(address));
	return address;
}

static void *console_page, *xenstore_page;	/* to map the rings to */
static void attach(void);

static int suspend(void)
{
	return xen_sched_shutdown(SHUTDOWN_suspend);
}

static const struct platform hvm = {
	.attach = attach,
	.suspend = suspend,
	.cpuid = cpuid,
	.set_fs_base = set_fs_base_by_msr,
	.fault_address = fault_address,
	.block = hvm_block,
	.physical = hvm_physical,
	.virtual = hvm_virtual,
	.make_table = hvm_make_table,
	.set_entry = hvm_set_entry,
	.flush = hvm_flush,
	.remap = hvm_remap,
	.grant_setup = hvm_grant_setup,
	.foreign_entry = hvm_foreign_entry,
	.foreign_where = hvm_foreign_where,
	.serial_write = hvm_serial_write,
};

/* xen/arch-x86/cpuid.h.  Without Xen there is no console for a message. */
static void fill_hypercall_page(void)
{
	uint32_t base = XEN_CPUID_FIRST_LEAF, r[4];

	for (;; base += 0x100) {
		cpuid(base, 0, r);
		if (r[1] == XEN_CPUID_SIGNATURE_EBX && r[2] == XEN_CPUID_SIGNATURE_ECX &&
		    r[3] == XEN_CPUID_SIGNATURE_EDX)
			break;
		if (base == LAST_LEAF)
			__builtin_trap();
	}
	cpuid(base + 2, 0, r);
	wrmsr(r[1], (uintptr_t)hypercall_page - (uintptr_t)image_start + (uintptr_t)image_physical);
}

static void *map_ring(void *page, uint64_t frame)
{
	hvm_remap((uintptr_t)page, frame * PAGE_SIZE | PTE_RW | pte_nx);
	return page;
}

static void find_rings(void)
{
	uint64_t frame = hvm_param(HVM_PARAM_CONSOLE_PFN);

	boot_info.console_port = hvm_param(HVM_PARAM_CONSOLE_EVTCHN);
	if (frame && boot_info.console_port)
		boot_info.console_ring = map_ring(console_page, frame);
	frame = hvm_param(HVM_PARAM_STORE_PFN);
	boot_info.xenstore_port = hvm_param(HVM_PARAM_STORE_EVTCHN);
	if (frame && boot_info.xenstore_port)
		boot_info.xenstore_ring = map_ring(xenstore_page, frame);
}

/* Since Xen 4.0. */
static bool vector_is_offered(void)
{
	struct xen_feature_info features = { 0 };

	return hypercall2(__HYPERVISOR_xen_version, XENVER_get_features, &features) == 0 &&
	       features.submap & 1u << XENFEAT_hvm_callback_vector;
}

/*
 * The vector is the domain's (HVM_PARAM_CALLBACK_IRQ), which needs no acknowledgement.  The local
 * APIC's (HVMOP_set_evtchn_upcall_vector) would cost a second exit to Xen for each event.
 */
void hvm_enable_upcalls(bool by_vector)
{
	uint64_t via = (uint64_t)HVM_PARAM_CALLBACK_TYPE_VECTOR << 56 | UPCALL_VECTOR;
	int rc;

	if (!by_vector)		/* the number of a line: HVM_PARAM_CALLBACK_TYPE_GSI is 0 */
		via = hvm_platform_interrupt();
	rc = via ? hvm_set_param(HVM_PARAM_CALLBACK_IRQ, via) : -ENODEV;
	if (rc)
		panic("cannot set the interrupt for events (error %d)", rc);
	__asm__ volatile("sti");	/* stays set: events are masked in vcpu_info (entry.S) */
}

static void attach(void)
{
	hvm_devices_init();		/* a restored domain has its emulated devices again */
	hvm_remap((uintptr_t)&arch_shared_info, hvm_shared_info() | PTE_RW | pte_nx);
	arch_shared_info.vcpu_info[0].evtchn_upcall_mask = 1;
	find_rings();
	hvm_enable_upcalls(vector_is_offered());
}

static void allow_wrfsbase(void)
{
	uint32_t r[4];
	uint64_t cr4;

	cpuid(0, 0, r);
	if (r[0] < 7)
		return;
	cpuid(7, 0, r);
	if (!(r[1] & CPUID_7_EBX_FSGSBASE))
		return;
	__asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
	__asm__ volatile("mov %0, %%cr4" : : "r"(cr4 | CR4_FSGSBASE));
}

/*
 * entry.S copies at most LINE_ROOM bytes of the command line to the beginning of boot_info: one
 * more than is accepted, so that a longer line is detected.  The byte behind them stays 0.
 */
_Static_assert(offsetof(struct boot_info, command_line) == 0 && COMMAND_LINE_MAX == 8192 - 1 &&
	       sizeof(boot_info.command_line) == 8192 + 1, "LINE_ROOM");

_Noreturn void hvm_start(void);
_Noreturn void hvm_start(void)
{
	platform = &hvm;
	set_fs_base_by_msr((uintptr_t)&boot_tcb);
	fill_hypercall_page();
	hvm_paging_init();
	hvm_traps_init();
	console_page = hvm_early_pages(1);
	xenstore_page = hvm_early_pages(1);
	hvm_early_end();
	boot_info.command_line_max = COMMAND_LINE_MAX;
	allow_wrfsbase();
	kernel_main();
}

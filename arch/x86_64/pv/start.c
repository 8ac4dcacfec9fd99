/* SPDX-License-Identifier: ISC */
/*
 * From Xen's entry to start().
 *
 * The environment may be second-hand (PV-GRUB ran here before): rings are in the
 * middle of their indexes, events may be pending, masks may be anything.
 */
#include "arch/x86_64/arch.h"
#include "arch/x86_64/hypercall.h"
#include "arch/x86_64/pv/pv.h"
#include "kernel/log.h"
#include "kernel/sched.h"

#include <string.h>

struct boot_info boot_info;
uintptr_t __stack_chk_guard;

_Noreturn void __stack_chk_fail(void);
_Noreturn void __stack_chk_fail(void)
{
	kernel_enter();
	panic("stack smashed");
}

static bool have_wrfsbase;

void set_fs_base(uintptr_t base)
{
	if (have_wrfsbase)
		__asm__ volatile("wrfsbase %0" : : "r"(base));
	else
		hypercall2(__HYPERVISOR_set_segment_base, SEGBASE_FS, base);
}

/* CPUID tells of the CPU; only CR4 tells whether this Xen lets us. */
static void detect_wrfsbase(void)
{
	uint64_t cr4;

	__asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
	have_wrfsbase = cr4 & (1ul << 16);
}

static void copy_boot_info(const struct start_info *info)
{
	memcpy(boot_info.command_line, info->cmd_line, MAX_GUEST_CMDLINE);
	boot_info.privileged = info->flags & SIF_INITDOMAIN;
	if (!boot_info.privileged && info->console.domU.mfn) {
		boot_info.console_ring = pv_machine_to_virt(info->console.domU.mfn);
		boot_info.console_port = info->console.domU.evtchn;
	}
	if (info->store_evtchn) {
		boot_info.xenstore_ring = pv_machine_to_virt(info->store_mfn);
		boot_info.xenstore_port = info->store_evtchn;
	}
}

_Noreturn void pv_start(const struct start_info *info, uintptr_t builder_stack);
_Noreturn void pv_start(const struct start_info *info, uintptr_t builder_stack)
{
	set_fs_base((uintptr_t)&boot_tcb);
	pv_memory_init(info, builder_stack);
	pv_remap(&arch_shared_info, info->shared_info);
	arch_shared_info.vcpu_info[0].evtchn_upcall_mask = 1;
	pv_traps_init();
	detect_wrfsbase();
	cpu_init();
	copy_boot_info(info);
	__stack_chk_guard = arch_entropy() & ~0xfful;	/* a NUL stops string functions */
	start();
}

void pv_upcall(void)
{
	if (!sched_upcall())
		return;

	char area[fpu_size() + 64];
	void *aligned = (void *)(((uintptr_t)area + 63) & ~63ul);

	fpu_save(aligned);
	sched_preempt();
	fpu_restore(aligned);
}

void arch_idle(uint64_t deadline)
{
	(void)deadline;		/* the scheduler has set the timer */
	pv_block();
}

/* SPDX-License-Identifier: ISC */
/* Faults: all are the end, after a report.  And the NMI, which is a question. */
#include "arch/x86_64/arch.h"
#include "arch/x86_64/hypercall.h"
#include "arch/x86_64/pv/pv.h"
#include "kernel/dump.h"
#include "kernel/log.h"
#include "kernel/sched.h"

#include <xen/callback.h>
#include <xen/nmi.h>

#define PF_PRESENT 1u
#define PF_WRITE 2u
#define PF_FETCH 16u

void trap(struct regs *r);
void nmi(struct regs *r);
void nmi_entry(void), upcall_entry(void), failsafe_entry(void);
void trap_0(void), trap_1(void), trap_3(void), trap_4(void), trap_5(void), trap_6(void),
	trap_7(void), trap_8(void), trap_10(void), trap_11(void), trap_12(void), trap_13(void),
	trap_14(void), trap_16(void), trap_17(void), trap_18(void), trap_19(void), trap_21(void);

static const char *const names[] = {
	[0] = "division error", [1] = "debug trap", [3] = "breakpoint", [4] = "overflow",
	[5] = "bound range", [6] = "invalid opcode", [7] = "no FPU", [8] = "double fault",
	[10] = "invalid TSS", [11] = "segment not present", [12] = "stack segment",
	[13] = "general protection", [14] = "page fault", [16] = "x87 error",
	[17] = "alignment", [18] = "machine check", [19] = "SIMD error",
	[21] = "control protection",
};

void print_regs(const struct regs *r)
{
	print("  rip %016lx rsp %016lx rflags %lx\n", r->rip, r->rsp, r->rflags);
	print("  rax %016lx rbx %016lx rcx %016lx\n", r->rax, r->rbx, r->rcx);
	print("  rdx %016lx rsi %016lx rdi %016lx\n", r->rdx, r->rsi, r->rdi);
	print("  rbp %016lx  r8 %016lx  r9 %016lx\n", r->rbp, r->r8, r->r9);
	print("  r10 %016lx r11 %016lx r12 %016lx\n", r->r10, r->r11, r->r12);
	print("  r13 %016lx r14 %016lx r15 %016lx\n", r->r13, r->r14, r->r15);
}

static bool within(uintptr_t address, const char *from, const char *to)
{
	return address >= (uintptr_t)from && address < (uintptr_t)to;
}

static const char *what_is_at(uintptr_t address)
{
	if (address < PAGE_SIZE)
		return "a null pointer";
	if (within(address, image_start, text_end))
		return "text, which is read-only";
	if (within(address, rodata_start, rodata_end))
		return "constants, which are read-only";
	if (within(address, data_start, image_end))
		return "data";
	if (address >= boot_info.memory_start && address < boot_info.memory_end)
		return "heap, stack or guard page";
	return "nothing of ours";
}

static void print_where(const struct regs *r)
{
	print_pc(r->rip);
	/* A jump to nowhere: the return address is all that tells where from. */
	if (!within(r->rip, image_start, text_end) && on_current_stack(r->rsp))
		print_caller(*(const uintptr_t *)r->rsp);
	backtrace_from(r->rbp, print_caller);
}

static void print_page_fault(const struct regs *r)
{
	uintptr_t address = arch_shared_info.vcpu_info[0].arch.cr2;

	print("  %s %016lx (%s)\n",
	      r->error_code & PF_FETCH ? "execution of" :
	      r->error_code & PF_WRITE ? "write to" : "read of",
	      address, what_is_at(address));
}

void trap(struct regs *r)
{
	const char *name = r->vector < sizeof(names) / sizeof(*names) && names[r->vector] ?
			   names[r->vector] : "trap";

	kernel_enter();
	if (panicking)
		panic_end();
	print("\nfault: %s (vector %u, error code %lx), thread %s\n", name, (unsigned)r->vector,
	      r->error_code, current->name);
	if (r->vector == 14)
		print_page_fault(r);
	print_regs(r);
	print("  backtrace:\n");
	print_where(r);
	panic_reported("%s", name);
}

/*
 * Events are not masked by an NMI, nor it by them: only look, and print.  Anything may
 * be interrupted, so the FPU is saved: printing is not confined to general registers.
 */
void nmi(struct regs *r)
{
	char area[fpu_size() + 64];
	void *aligned = (void *)(((uintptr_t)area + 63) & ~63ul);

	fpu_save(aligned);
	print("\nNMI: thread %s is at\n", current->name);
	print_where(r);
	dump_state();
	fpu_restore(aligned);
}

static void hook_callbacks(void)
{
	struct callback_register nmi_callback = {
		.type = CALLBACKTYPE_nmi, .address = (unsigned long)nmi_entry,
	};

	hypercall3(__HYPERVISOR_set_callbacks, upcall_entry, failsafe_entry, 0);
	hypercall2(__HYPERVISOR_callback_op, CALLBACKOP_register, &nmi_callback);
}

void pv_traps_init(void)
{
#define TRAP(n) { n, n == 3 || n == 4 ? 3 : 0, FLAT_KERNEL_CS, (unsigned long)trap_##n }
	static const struct trap_info table[] = {
		TRAP(0), TRAP(1), TRAP(3), TRAP(4), TRAP(5), TRAP(6), TRAP(7), TRAP(8),
		TRAP(10), TRAP(11), TRAP(12), TRAP(13), TRAP(14), TRAP(16), TRAP(17),
		TRAP(18), TRAP(19), TRAP(21), { 0 },
	};
	long rc = hypercall1(__HYPERVISOR_set_trap_table, table);

	if (rc)
		panic("Xen refuses the trap table: %d", (int)rc);
	hook_callbacks();
}

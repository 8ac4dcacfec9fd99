/* SPDX-License-Identifier: ISC */
/*
 * Faults and the NMI. A fault that is not a debugger's is reported and ends the guest.
 * The NMI prints the state of the kernel.
 */
#include "arch/x86_64/platform.h"
#include "arch/x86_64/x86_64.h"
#include "kernel/arch.h"
#include "kernel/dump.h"
#include "kernel/log.h"
#include "kernel/sched.h"

#define DOUBLE_FAULT 8
#define PAGE_FAULT 14
#define PF_WRITE 2u
#define PF_FETCH 16u

static const char *const names[] = {
	[0] = "division error", [1] = "debug trap", [3] = "breakpoint", [4] = "overflow",
	[5] = "bound range", [6] = "invalid opcode", [7] = "no FPU", [8] = "double fault",
	[10] = "invalid TSS", [11] = "segment not present", [12] = "stack segment",
	[13] = "general protection", [14] = "page fault", [16] = "x87 error",
	[17] = "alignment", [18] = "machine check", [19] = "SIMD error",
	[21] = "control protection",
};

static void print_regs(const struct regs *r)
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
	return "not mapped";
}

static void print_where(const struct regs *r)
{
	struct arch_call top = callers_top(r);

	print_pc(r->rip);
	if (top.to)
		print_pc(top.to);
	if (top.back)
		print_caller(top.back);
	backtrace_from(r->rbp, print_caller);
}

static void print_page_fault(const struct regs *r)
{
	uintptr_t address = platform->fault_address();

	print("  %s %016lx (%s)\n",
	      r->error_code & PF_FETCH ? "execution of" :
	      r->error_code & PF_WRITE ? "write to" : "read of",
	      address, what_is_at(address));
}

static void print_fault(const char *name, const struct regs *r)
{
	print("\nfault: %s (vector %u, error code %lx), thread %s\n", name, (unsigned)r->vector,
	      r->error_code, current->name);
	if (r->vector == PAGE_FAULT)
		print_page_fault(r);
}

void trap(struct regs *r)
{
	const char *name = r->vector < sizeof(names) / sizeof(*names) && names[r->vector] ?
			   names[r->vector] : "trap";

	if (debug_trap && debug_trap(r))
		return;
	kernel_enter();
	if (panicking)
		panic_end();
	log_unwritten();
	if (r->vector == DOUBLE_FAULT && at_stack_guard(r->rsp)) {
		name = "stack overflow";
		print_stack_overflow();
	} else {
		print_fault(name, r);
	}
	print_regs(r);
	print("  backtrace:\n");
	print_where(r);
	panic_reported("%s", name);
}

/*
 * An NMI does not mask events, and events do not mask it: it only reads and prints.  It
 * may interrupt any code, and the console's code may use the FPU, so the FPU is saved.
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

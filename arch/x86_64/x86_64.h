/* SPDX-License-Identifier: ISC */
/* Internal declarations of arch/x86_64, for all guest types. */
#ifndef ARCH_X86_64_X86_64_H
#define ARCH_X86_64_X86_64_H

#include "kernel/arch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Registers at a fault or an NMI, as the entry code pushes them. */
struct regs {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
	uint64_t vector, error_code;
	uint64_t rip, cs, rflags, rsp, ss;
};

/* From the linker script: the parts of the image, each on pages of its own. */
extern char image_start[], library_text[], application_text[], text_end[];
extern char rodata_start[], rodata_end[], data_start[];
extern char boot_stack_guard[], boot_stack[], boot_stack_end[];
extern char hypercall_page[], image_end[];

/* The thread control block of threads without a block of their own (kernel/arch.h). */
extern struct tcb boot_tcb;

/*
 * Reads the frame at *rbp on a thread's stack (NULL: the running one): its return address, and
 * the frame pointer of its caller, or 0.  Returns false if there is no frame.
 */
bool next_frame(const struct arch_context *c, uintptr_t *rbp, uintptr_t *pc);

/* Calls visit() with the return addresses from a frame on, at most 40. */
void backtrace_from(uintptr_t rbp, void (*visit)(uintptr_t pc));
bool on_current_stack(uintptr_t address);

/*
 * The call whose return address is on top of the stack, if the interrupted function has
 * no frame; {0} if it has one.  to: the called function, if it is another one, which
 * jumped to the interrupted one; else 0.
 */
struct arch_call callers_top(const struct regs *r);

/*
 * Returns whether a stack pointer is in the running stack's guard page, or about to be.
 */
bool at_stack_guard(uintptr_t sp);

/*
 * Called by entry code.  trap(): reports a fault and panics.  nmi(): prints the kernel's
 * state.
 */
void trap(struct regs *r);
void nmi(struct regs *r);

/*
 * In images with a debugger (breaks.c): returns whether the fault was the debugger's, and
 * is handled.
 */
bool debug_trap(struct regs *r) __attribute__((weak));

/*
 * The return addresses of trap() and preempt() in entry code.  A frame with one of them
 * is followed on the stack by the struct regs of the interrupted code.
 */
extern char pv_trapped[], pv_preempted[], hvm_trapped[], hvm_preempted[];

/*
 * For threads that do not run: the registers that a call preserves, and where the thread
 * continues; whether a range is on its stack.
 */
void context_registers(const struct arch_context *c, struct regs *r);
bool context_holds(const struct arch_context *c, uintptr_t address, size_t size);

/*
 * In debug.c, for breaks.c: the registers of an interrupted thread; NULL if it sleeps in
 * the kernel.
 */
struct thread;
struct regs *debug_frame(const struct thread *t);
uint8_t debug_exchange(uintptr_t address, uint8_t byte);	/* in text; returns the old one */
#define FLAG_TRAP 0x100u

/* Report a stack overflow that the guest detects; the second one ends the guest. */
void print_stack_overflow(void);
_Noreturn void stack_overflow(uintptr_t pc, uintptr_t caller);

/* Runs the threads that an upcall in application code woke: see sched_upcall(). */
void preempt(void);

void cpu_init(void);			/* part of arch_init() */

/*
 * The whole state of the FPU, for a thread that was interrupted: in bytes, aligned to 64.
 */
size_t fpu_size(void);
void fpu_save(void *area);
void fpu_restore(const void *area);

void set_fs_base(uintptr_t base);
void string_init(bool fast_bytes);	/* whether rep movsb is fast */
void protector_init(uint64_t canary);

#endif

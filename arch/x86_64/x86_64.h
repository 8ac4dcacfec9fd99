/* SPDX-License-Identifier: ISC */
/* What the files of arch/x86_64 share, for all guest types. */
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

/* From the linker script: the image's parts, each on pages of its own. */
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
 * Whose return address is on top of the stack, as the interrupted function has no frame:
 * {0}: it has one.  to: the function that was called, if it is another than the interrupted
 * one, which it has jumped to; or 0.
 */
struct arch_call callers_top(const struct regs *r);

/* Whether a stack pointer has run into the running stack's guard page, or is about to. */
bool at_stack_guard(uintptr_t sp);

/* A fault: report it and panic.  An NMI: a question, answered.  Called by entry code. */
void trap(struct regs *r);
void nmi(struct regs *r);

/* In images with a debugger (breaks.c): whether a fault was its, and is done with. */
bool debug_trap(struct regs *r) __attribute__((weak));

/*
 * Where entry code is called back by trap() and preempt(): in a frame of these the stack
 * goes on with the struct regs of what was interrupted.
 */
extern char pv_trapped[], pv_preempted[], hvm_trapped[], hvm_preempted[];

/* Of a thread that does not run: the registers a call keeps, where it goes on; its stack. */
void context_registers(const struct arch_context *c, struct regs *r);
bool context_holds(const struct arch_context *c, uintptr_t address, size_t size);

/* debug.c, for breaks.c: what a thread was interrupted in; NULL: it sleeps in the kernel. */
struct thread;
struct regs *debug_frame(const struct thread *t);
uint8_t debug_exchange(uintptr_t address, uint8_t byte);	/* in text; what was there */
#define FLAG_TRAP 0x100u

/* The same for overflows that software finds. */
void print_stack_overflow(void);
_Noreturn void stack_overflow(uintptr_t pc, uintptr_t caller);

/* Run the threads that an upcall in application code woke: see sched_upcall(). */
void preempt(void);

/* The rest of boot, when `platform` and the page tables work; ends in kernel_main(). */
_Noreturn void boot_arch(void);
void cpu_init(void);

/* The FPU's whole state, for a thread that was interrupted: bytes, aligned to 64. */
size_t fpu_size(void);
void fpu_save(void *area);
void fpu_restore(const void *area);

void set_fs_base(uintptr_t base);
void string_init(bool fast_bytes);	/* how memcpy() may copy */
void protector_init(uint64_t canary);

#endif

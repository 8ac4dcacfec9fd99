/* SPDX-License-Identifier: ISC */
/*
 * Switching stacks.  A suspended thread's stack:
 *
 *	return address		of arch_switch()'s caller, or thread_first below
 *	rbp rbx r12 r13 r14 r15
 *	mxcsr, x87 control word	<- the saved sp
 *
 * These are all registers that the ABI preserves across a call.  A thread that was interrupted
 * by an upcall saves the whole state of the FPU before (preempt() in boot.c, fpu_save() in cpu.c).
 */
	.text

/* void switch_stack(void **save, void *load, uintptr_t limit) */
	.globl	switch_stack
switch_stack:
	push	%rbp
	push	%rbx
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	sub	$8, %rsp
	stmxcsr	(%rsp)
	fnstcw	4(%rsp)
	mov	%rsp, (%rdi)
	mov	%rsi, %rsp
	mov	%rdx, %fs:0x70		/* the limit of the new stack: struct tcb in kernel/arch.h */
	ldmxcsr	(%rsp)
	fldcw	4(%rsp)
	add	$8, %rsp
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbx
	pop	%rbp
	ret

/* A new thread begins here: r12 its function, r13 the argument, rbp 0. */
	.globl	thread_first
thread_first:
	mov	%r13, %rdi
	call	*%r12
	ud2

/*
 * Called by the prologue of a function that needs more stack than there is (-fsplit-stack, of
 * which only the check is used: see context.c).  On the stack: the return address into that
 * function, then its caller's.
 */
	.globl	__morestack
__morestack:
	mov	(%rsp), %rdi
	mov	8(%rsp), %rsi
	push	%rbp			/* a frame, so that the backtrace begins at the caller */
	mov	%rsp, %rbp
	and	$-16, %rsp
	call	stack_overflow
	ud2

	.section .note.GNU-stack, "", @progbits

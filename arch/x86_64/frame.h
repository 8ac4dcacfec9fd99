/* SPDX-License-Identifier: ISC */
/*
 * For the entry.S of both doors: the frame that faults and upcalls leave on the stack (struct
 * regs of arch.h), and all the faults that there are.
 */

/* The vector is on the stack: the rest of struct regs, 22 words with what was pushed for us. */
.macro save
	push	%rax
	push	%rcx
	push	%rdx
	push	%rbx
	push	%rbp
	push	%rsi
	push	%rdi
	push	%r8
	push	%r9
	push	%r10
	push	%r11
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	cld
.endm

/* ... up to the vector */
.macro restore
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%r11
	pop	%r10
	pop	%r9
	pop	%r8
	pop	%rdi
	pop	%rsi
	pop	%rbp
	pop	%rbx
	pop	%rdx
	pop	%rcx
	pop	%rax
.endm

/* `trap` vector, whether there is an error code: the door's own macro. */
.macro all_traps
	trap	0
	trap	1
	trap	3
	trap	4
	trap	5
	trap	6
	trap	7
	trap	8, 1
	trap	10, 1
	trap	11, 1
	trap	12, 1
	trap	13, 1
	trap	14, 1
	trap	16
	trap	17, 1
	trap	18
	trap	19
	trap	21, 1
.endm

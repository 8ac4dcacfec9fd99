/* SPDX-License-Identifier: ISC */
/*
 * For pv/entry.S and hvm/entry.S: the frame that faults and upcalls leave on the stack (struct
 * regs of x86_64.h), and the entries of faults and the NMI.
 */

/* With the vector on the stack: pushes the rest of struct regs. */
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

/* Restores all registers that save pushed; the vector stays on the stack. */
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

/*
 * An entry for a fault, 16 bytes from the one before, and its vector in the list TYPE_vectors,
 * from which traps.c makes the table.  at_entry is the guest type's own macro: it removes from
 * the stack what the other guest type does not have.
 */
.macro trap type, vector, code=0
	.balign	16
	at_entry
	.if	\code == 0
	push	$0
	.endif
	push	$\vector
	jmp	trap_common

	.pushsection .rodata.\type\()_vectors, "a", @progbits
	.byte	\vector
	.popsection
.endm

/*
 * TYPE_trap_entries, the entries of all faults; what they have in common, which calls trap(); and
 * TYPE_nmi_entry.  `leave` is the guest type's way back.  A frame is 22 words, so rsp is aligned
 * for the calls.
 */
.macro trap_entries type
	.pushsection .rodata.\type\()_vectors, "a", @progbits
	.globl	\type\()_vectors, \type\()_vectors_end
\type\()_vectors:
	.popsection

	.balign	16
	.globl	\type\()_trap_entries
\type\()_trap_entries:
	trap	\type, 0
	trap	\type, 1
	trap	\type, 3
	trap	\type, 4
	trap	\type, 5
	trap	\type, 6
	trap	\type, 7
	trap	\type, 8, 1
	trap	\type, 10, 1
	trap	\type, 11, 1
	trap	\type, 12, 1
	trap	\type, 13, 1
	trap	\type, 14, 1
	trap	\type, 16
	trap	\type, 17, 1
	trap	\type, 18
	trap	\type, 19
	trap	\type, 21, 1

	.pushsection .rodata.\type\()_vectors, "a", @progbits
\type\()_vectors_end:
	.popsection

trap_common:
	save
	mov	%rsp, %rdi
	call	trap
	.globl	\type\()_trapped
\type\()_trapped:
	jmp	leave

	.globl	\type\()_nmi_entry
\type\()_nmi_entry:
	at_entry
	push	$0
	push	$2
	save
	mov	%rsp, %rdi
	call	nmi
	jmp	leave
.endm

/* SPDX-License-Identifier: ISC */
/*
 * Where Xen enters us: at boot, for faults, for events, for an NMI.
 *
 * A PV guest's kernel runs in ring 3 and stays on the stack it has.  Xen pushes, on
 * that stack, aligned to 16:
 *
 *	ss
 *	rsp
 *	rflags		IF tells whether upcalls were unmasked
 *	cs
 *	rip
 *	[error code]
 *	r11
 *	rcx		<- rsp
 *
 * and we go back by the iret hypercall only, which restores rip to ss and the upcall
 * mask as one: no critical region, no fix-up.  It wants, above that frame, one word of
 * flags, and pushes rcx, r11 and rax itself.
 */
#define __ASSEMBLY__ 1
#include <xen/xen.h>

#define SCHEDOP_block 1		/* xen/sched.h, which is for C only */
#define SHARED_UPCALL_MASK arch_shared_info + 1	/* vcpu_info[0].evtchn_upcall_mask */

/* void _start(void): rsi = start_info, rsp = a small stack of the builder's */
	.section .text.entry, "ax", @progbits
	.globl _start
_start:
	cld
	mov	%rsi, %rdi
	mov	%rsp, %rsi		/* what lies above it is free */
	lea	boot_stack_end(%rip), %rsp
	xor	%ebp, %ebp
	call	pv_start
	ud2

	.text

/* rcx, r11 and an error code are off the stack, the vector is on: struct regs (regs.h) */
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

leave:
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
	add	$8, %rsp		/* the vector; the error code's word becomes the flags */
	movq	$0, (%rsp)
	jmp	hypercall_page + __HYPERVISOR_iret * 32

.macro trap vector, code=0
	.globl	trap_\vector
trap_\vector:
	pop	%rcx
	pop	%r11
	.if	\code == 0
	push	$0
	.endif
	push	$\vector
	jmp	trap_common
.endm

	trap 0
	trap 1
	trap 3
	trap 4
	trap 5
	trap 6
	trap 7
	trap 8, 1
	trap 10, 1
	trap 11, 1
	trap 12, 1
	trap 13, 1
	trap 14, 1
	trap 16
	trap 17, 1
	trap 18
	trap 19
	trap 21, 1

/* A frame is 22 words: rsp is aligned for the calls. */
trap_common:
	save
	mov	%rsp, %rdi
	call	trap
	jmp	leave

	.globl	nmi_entry
nmi_entry:
	pop	%rcx
	pop	%r11
	push	$0
	push	$2
	save
	mov	%rsp, %rdi
	call	nmi
	jmp	leave

/*
 * An event, upcalls now masked.  It interrupts application code, or it ends pv_block():
 * then there is nothing to restore but what pv_block() restores itself, and nothing
 * to unmask.
 */
	.globl	upcall_entry
upcall_entry:
	cmpq	$0, blocked_sp(%rip)
	jne	unblock
	pop	%rcx
	pop	%r11
	push	$0
	push	$-1
	save
	call	pv_upcall
	jmp	leave

/*
 * void pv_block(void): sleep until an event is pending.  Blocking unmasks, so the
 * event's upcall comes before the hypercall returns, or at its return.
 */
	.globl	pv_block
pv_block:
	mov	%rsp, blocked_sp(%rip)
	mov	$SCHEDOP_block, %edi
	xor	%esi, %esi
	call	hypercall_page + __HYPERVISOR_sched_op * 32
	movb	$1, SHARED_UPCALL_MASK(%rip)
unblock:
	mov	blocked_sp(%rip), %rsp
	movq	$0, blocked_sp(%rip)
	ret

	.local	blocked_sp
	.comm	blocked_sp, 8, 8

/* Segment state we never have made Xen reload fails: our own bug. */
	.globl	failsafe_entry
failsafe_entry:
	ud2

	.section .note.GNU-stack, "", @progbits

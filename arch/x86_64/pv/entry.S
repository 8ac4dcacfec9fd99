/* SPDX-License-Identifier: ISC */
/*
 * The entry points of a PV guest: at boot, for faults, for events, for an NMI.
 *
 * The kernel of a PV guest runs in ring 3 and keeps its stack.  Xen pushes, on that
 * stack, aligned to 16:
 *
 *	ss
 *	rsp
 *	rflags		IF: whether upcalls were unmasked
 *	cs
 *	rip
 *	[error code]
 *	r11
 *	rcx		<- rsp
 *
 * Only the iret hypercall returns.  It restores rip to ss and the upcall mask in one
 * operation, so there is no critical region and no fix-up.  It needs one word of flags
 * above that frame, and pushes rcx, r11 and rax itself.
 */
#define __ASSEMBLY__ 1
#include "arch/x86_64/frame.h"
#include <xen/xen.h>

#define SCHEDOP_block 1		/* xen/sched.h, which is for C only */
#define SHARED_UPCALL_MASK arch_shared_info + 1	/* vcpu_info[0].evtchn_upcall_mask */

/* void _start(void): rsi = start_info, rsp = a small stack of the builder */
	.section .text.entry, "ax", @progbits
	.globl _start
_start:
	cld
	mov	%rsi, %rdi
	mov	%rsp, %rsi		/* memory above it is unused */
	lea	boot_stack_end(%rip), %rsp
	xor	%ebp, %ebp
	call	pv_start
	ud2

	.text

leave:
	restore
	add	$8, %rsp		/* the vector; the error code's word becomes the flags */
	movq	$0, (%rsp)
	jmp	hypercall_page + __HYPERVISOR_iret * 32

/* Xen pushes rcx and r11, too. */
.macro at_entry
	pop	%rcx
	pop	%r11
.endm

	trap_entries pv

/*
 * An event; upcalls are masked now.  It interrupts unmasked code, or it ends pv_block().
 * In the second case only pv_block() has something to restore, and upcalls stay masked.
 */
	.globl	pv_upcall_entry
pv_upcall_entry:
	cmpq	$0, blocked_sp(%rip)
	jne	unblock
	pop	%rcx
	pop	%r11
	push	$0
	push	$-1
	save
	mov	%rsp, %rdi
	call	sched_upcall
	test	%al, %al
	jz	leave
	call	preempt
	.globl	pv_preempted
pv_preempted:
	jmp	leave

/*
 * void pv_block(void): sleeps until an event is pending.  Blocking unmasks, so the
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

/* Xen could not load the guest's segments, which it never changes: a bug. */
	.globl	pv_failsafe_entry
pv_failsafe_entry:
	ud2

	.section .note.GNU-stack, "", @progbits

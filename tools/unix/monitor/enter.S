/* SPDX-License-Identifier: ISC */
/*
 * Transitions between the guest's code and the monitor's.  Between monitor_begin and monitor_end a
 * signal is not delivered to the guest, except where the guest's stack is in use: at the end of a
 * hypercall (tail) and of the iret hypercall (iret_open).  Before these, both look for what came
 * meanwhile.
 */
	.set	PENDING, 0		/* in struct shared_info: vcpu_info[0].evtchn_upcall_pending */
	.set	MASK, 1
	.set	IF, 0x200

	.text
	.globl	hypercall_entry, iret_entry
	.globl	tail, tail_end, iret_open, iret_end, monitor_restorer, monitor_enter
	.hidden	hypercall_entry, iret_entry
	.hidden	tail, tail_end, iret_open, iret_end, monitor_restorer, monitor_enter

/*
 * A slot of the hypercall page jumps here with its number in eax.  Only rax, rcx and r11 change,
 * and the arguments.  The guest's stack has its rbp, so that a debugger finds the caller.
 */
hypercall_entry:
	push	%rbp
	mov	%rsp, %rbp
	push	%r9
	lea	monitor_stack_end(%rip), %rsp
	mov	%r10, %rcx
	mov	%eax, %r9d
	call	monitor_hypercall
	lea	-8(%rbp), %rsp
	pop	%r9
tail:
	mov	monitor_nmi(%rip), %rcx
	cmpl	$0, (%rcx)
	jne	1f
	mov	monitor_shared(%rip), %rcx
	cmpb	$0, PENDING(%rcx)
	je	2f
	cmpb	$0, MASK(%rcx)
	jne	2f
1:	push	%rax
	push	%rdx
	push	%rsi
	push	%rdi
	call	interrupt_self
	pop	%rdi
	pop	%rsi
	pop	%rdx
	pop	%rax
	jmp	tail
2:	pop	%rbp
	ret

/* A signal to this process, which arrives before the system call returns.  Called from tails. */
interrupt_self:
	mov	monitor_pid(%rip), %edi
	mov	%edi, %esi
	mov	$10, %edx		/* SIGUSR1 */
	mov	$234, %eax		/* tgkill */
	syscall
	ret
tail_end:

/*
 * The iret hypercall.  On the guest's stack: flags, rip, cs, rflags, rsp, ss.  IF in rflags says
 * whether upcalls become unmasked.
 */
iret_entry:
	mov	%rax, (%rsp)
	mov	monitor_shared(%rip), %rax
	testl	$IF, 24(%rsp)
	jnz	3f
	movb	$1, MASK(%rax)
	mov	(%rsp), %rax
	add	$8, %rsp
	iretq
3:	movb	$0, MASK(%rax)
iret_open:
	mov	monitor_shared(%rip), %rax
	cmpb	$0, PENDING(%rax)
	jne	4f
	mov	(%rsp), %rax
	add	$8, %rsp
	iretq
4:	push	%rcx
	push	%rdx
	push	%rsi
	push	%rdi
	push	%r11
	call	interrupt_self
	pop	%r11
	pop	%rdi
	pop	%rsi
	pop	%rdx
	pop	%rcx
	jmp	iret_open
iret_end:

/* The end of a signal handler: rt_sigreturn */
monitor_restorer:
	mov	$15, %eax
	syscall

/* void monitor_enter(uint64_t entry, uint64_t stack, uint64_t start_info) */
monitor_enter:
	mov	%rsi, %rsp
	mov	%rdx, %rsi
	push	$0x202
	popfq
	jmp	*%rdi

	.bss
	.balign	4096
	.skip	32768
monitor_stack_end:
	.hidden	monitor_stack_end

	.section .note.GNU-stack, "", @progbits

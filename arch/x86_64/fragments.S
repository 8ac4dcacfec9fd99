/* SPDX-License-Identifier: ISC */
/*
 * The .init and .fini sections of linked objects are pieces of two functions: the linker
 * (xenolith.lds) puts them between the parts here, as it does between gcc's crti.o and crtn.o.
 *
 *	return address
 *	rbp		<- rsp, rbp: aligned to 16 for what the pieces call
 */
	/* void run_init(void) */
	.section .init.begin, "ax", @progbits
	.globl	run_init
run_init:
	push	%rbp
	mov	%rsp, %rbp

	.section .init.end, "ax", @progbits
	pop	%rbp
	ret

	/* void run_fini(void) */
	.section .fini.begin, "ax", @progbits
	.globl	run_fini
run_fini:
	push	%rbp
	mov	%rsp, %rbp

	.section .fini.end, "ax", @progbits
	pop	%rbp
	ret

	.section .note.GNU-stack, "", @progbits

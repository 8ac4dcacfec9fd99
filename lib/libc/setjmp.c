/* SPDX-License-Identifier: ISC */
/*
 * setjmp() and longjmp() in place of newlib's.  A jmp_buf has rbx, rbp, r12 to r15, rsp and rip.
 * rbp, rsp and rip are mangled by a secret (as by glibc), so that who overwrites a jmp_buf cannot
 * choose where longjmp() goes.  Almost all other addresses are not canonical: the jump is a fault.
 *
 * gdb stops where longjmp() goes.  It finds that address by a probe, as in glibc: a note with
 * the place of an instruction and its operands (format of SystemTap's sys/sdt.h).  gdb's breakpoints
 * must lie in the C library's part of the text: hence the section.
 */
#include "kernel/random.h"
#include "kernel/sched.h"

#include <setjmp.h>
#include <stdint.h>

#define IN_LIBRARY __attribute__((naked, section(".library_text")))

static __attribute__((used)) uint64_t secret;

static void choose_secret(void)
{
	kernel_enter();
	secret = random_word();
	kernel_leave();
}

/* Before any code of the application. */
static void (*const before_all)(void)
	__attribute__((used, section(".preinit_array.00000"))) = choose_secret;

IN_LIBRARY int setjmp(__attribute__((unused)) jmp_buf env)
{
	__asm__("mov	secret(%rip), %rdx\n\t"
		"mov	%rbx, (%rdi)\n\t"
		"mov	%rbp, %rax\n\t"
		"xor	%rdx, %rax\n\t"
		"rol	$17, %rax\n\t"
		"mov	%rax, 8(%rdi)\n\t"
		"mov	%r12, 16(%rdi)\n\t"
		"mov	%r13, 24(%rdi)\n\t"
		"mov	%r14, 32(%rdi)\n\t"
		"mov	%r15, 40(%rdi)\n\t"
		"lea	8(%rsp), %rax\n\t"
		"xor	%rdx, %rax\n\t"
		"rol	$17, %rax\n\t"
		"mov	%rax, 48(%rdi)\n\t"
		"xor	(%rsp), %rdx\n\t"
		"rol	$17, %rdx\n\t"
		"mov	%rdx, 56(%rdi)\n\t"
		"xor	%eax, %eax\n\t"
		"ret");
}

/* setjmp() does not return 0 here: C11, 7.13.2.1. */
IN_LIBRARY void longjmp(__attribute__((unused)) jmp_buf env, __attribute__((unused)) int value)
{
	__asm__("mov	secret(%rip), %r8\n\t"
		"mov	$1, %eax\n\t"
		"test	%esi, %esi\n\t"
		"cmovne	%esi, %eax\n\t"
		"mov	8(%rdi), %rbp\n\t"
		"mov	48(%rdi), %rcx\n\t"
		"mov	56(%rdi), %rdx\n\t"
		"ror	$17, %rbp\n\t"
		"ror	$17, %rcx\n\t"
		"ror	$17, %rdx\n\t"
		"xor	%r8, %rbp\n\t"
		"xor	%r8, %rcx\n\t"
		"xor	%r8, %rdx\n\t"
		"mov	(%rdi), %rbx\n\t"
		"mov	16(%rdi), %r12\n\t"
		"mov	24(%rdi), %r13\n\t"
		"mov	32(%rdi), %r14\n\t"
		"mov	40(%rdi), %r15\n\t"
		"mov	%rcx, %rsp\n\t"
".Lprobe:	 jmp	*%rdx");
}

/* Name, type; the address, the base (gdb requires its section), no semaphore; the probe's name. */
__asm__(".pushsection .stapsdt.base, \"a\"\n"
	".Lprobe_base: .byte 0\n\t"
	".popsection\n\t"
	".pushsection .note.stapsdt, \"\", @note\n\t"
	".balign	4\n\t"
	".long	8, 1f - 0f, 3\n\t"
	".asciz	\"stapsdt\"\n"
"0:	 .quad	.Lprobe, .Lprobe_base, 0\n\t"
	".asciz	\"libc\", \"longjmp\", \"8@%rdi -4@%eax 8@%rdx\"\n"
"1:	 .balign	4\n\t"
	".popsection");

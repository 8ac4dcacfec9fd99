/* SPDX-License-Identifier: ISC */
/*
 * The entry points of a PVH or HVM guest: at boot, for faults, the NMI and events.
 *
 * The kernel runs in ring 0.  The CPU pushes, on the current stack or on that of the IDT's
 * entry (traps.c), aligned to 16:
 *
 *	ss
 *	rsp
 *	rflags
 *	cs
 *	rip
 *	[error code]	<- rsp
 */
#define __ASSEMBLY__ 1
#include "arch/x86_64/frame.h"
#include "arch/x86_64/hvm/segments.h"

/* The address of the image; the linker script checks it. */
#define OFFSET 0x3fe00000
#define PHYSICAL(symbol) (symbol - OFFSET)
	.globl	image_offset
	.set	image_offset, OFFSET

#define PAGE_FLAGS 0x83			/* present, writable, of 2 MiB */
#define TABLE_FLAGS 3
#define CR0 0x80010033			/* paging, write protection, numeric error, MP, PE */
#define CR4 0x660			/* machine checks, PAE, FXSAVE, SSE's exceptions */
#define MSR_EFER 0xc0000080
#define EFER_LME 0x100
#define EFER_NXE 0x800
#define CPUID_NX 0x100000

/*
 * For GRUB on a PC's disk (Multiboot 0.6.96), which jumps to the entry in the ELF header.
 */
#define MULTIBOOT_HEADER 0x1badb002
#define MULTIBOOT_WANTS_MAP 2
#define MULTIBOOT_IS_LOADER 0x2badb002	/* in eax */
#define MULTIBOOT_LINE 16		/* in its information */
#define MULTIBOOT_MAP_SIZE 44
#define MULTIBOOT_MAP 48
#define MAP_ROOM (128 * 24)		/* Xen's entries have 20 bytes, Multiboot's 24 */
#define LINE_ROOM 8192			/* at the beginning of boot_info */
#define START_INFO_LINE 24		/* in xen/arch-x86/hvm/start_info.h */

	.section .text.entry, "ax", @progbits
	.long	MULTIBOOT_HEADER, MULTIBOOT_WANTS_MAP, -(MULTIBOOT_HEADER + MULTIBOOT_WANTS_MAP)

/*
 * The entry of XEN_ELFNOTE_PHYS32_ENTRY and of Multiboot: 32 bits, no paging, flat
 * segments, no stack; ebx = the loader's data.  That may lie anywhere, so the necessary
 * parts are copied first.
 *
 * The code runs below 1 GiB, where it was loaded, until there are page tables: one of 2
 * MiB pages for these addresses (its page is the boot stack's guard later), and one for
 * the addresses at which the image is linked.
 */
	.code32
	.globl	hvm_entry
hvm_entry:
	cld
	mov	START_INFO_LINE(%ebx), %esi
	cmp	$MULTIBOOT_IS_LOADER, %eax
	jne	1f
	mov	MULTIBOOT_MAP(%ebx), %esi
	mov	MULTIBOOT_MAP_SIZE(%ebx), %ecx
	cmp	$MAP_ROOM, %ecx
	jbe	0f
	mov	$MAP_ROOM, %ecx
0:	mov	%ecx, PHYSICAL(hvm_map_size)
	mov	$PHYSICAL(hvm_map), %edi
	rep movsb
	mov	MULTIBOOT_LINE(%ebx), %esi
1:	test	%esi, %esi
	jz	2f
	mov	$PHYSICAL(boot_info), %edi
	mov	$LINE_ROOM, %ecx
0:	lodsb				/* up to its NUL, as far as there is room */
	stosb
	test	%al, %al
	loopne	0b
2:	xor	%ecx, %ecx
1:	mov	%ecx, %eax
	shl	$21, %eax
	or	$PAGE_FLAGS, %eax
	mov	%eax, PHYSICAL(boot_stack_guard)(, %ecx, 8)
	add	$PHYSICAL(image_start), %eax
	mov	%eax, PHYSICAL(hvm_level2)(, %ecx, 8)
	inc	%ecx
	cmp	$512, %ecx
	jb	1b
	movl	$PHYSICAL(boot_stack_guard) + TABLE_FLAGS, PHYSICAL(hvm_level3)
	movl	$PHYSICAL(hvm_level2) + TABLE_FLAGS, PHYSICAL(hvm_level3) + 8
	movl	$PHYSICAL(hvm_level3) + TABLE_FLAGS, PHYSICAL(hvm_level4)

	mov	$0x80000001, %eax
	cpuid
	mov	$EFER_LME, %esi
	test	$CPUID_NX, %edx
	jz	2f
	or	$EFER_NXE, %esi
2:	mov	$CR4, %eax
	mov	%eax, %cr4
	mov	$PHYSICAL(hvm_level4), %eax
	mov	%eax, %cr3
	mov	$MSR_EFER, %ecx
	rdmsr
	or	%esi, %eax
	wrmsr
	mov	$CR0, %eax
	mov	%eax, %cr0
	lgdt	PHYSICAL(loaded_table)
	ljmp	$CODE_SEGMENT, $PHYSICAL(3f)

	.code64
3:	mov	$4f, %eax
	jmp	*%rax
4:	lgdt	linked_table(%rip)
	mov	$DATA_SEGMENT, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	xor	%eax, %eax
	mov	%eax, %fs
	mov	%eax, %gs
	fninit
	lea	boot_stack_end(%rip), %rsp
	xor	%ebp, %ebp
	call	hvm_start
	ud2

	.data
	.balign	8
	.globl	hvm_segments
hvm_segments:
	.quad	0
	.quad	0x00af9b000000ffff	/* CODE_SEGMENT: 64 bits */
	.quad	0x00cf93000000ffff	/* DATA_SEGMENT */
	.quad	0, 0			/* TASK_SEGMENT: traps.c */
segments_end:
loaded_table:
	.word	segments_end - hvm_segments - 1
	.long	PHYSICAL(hvm_segments)
linked_table:
	.word	segments_end - hvm_segments - 1
	.quad	hvm_segments

	.bss
	.balign	4096
	.globl	hvm_level4, hvm_level3, hvm_level2
hvm_level4:
	.skip	4096
hvm_level3:
	.skip	4096
hvm_level2:
	.skip	4096
	.globl	hvm_map, hvm_map_end, hvm_map_size
hvm_map:
	.skip	MAP_ROOM
hvm_map_end:
hvm_map_size:
	.skip	4

	.text

leave:
	restore
	add	$16, %rsp		/* the vector, the error code */
	iretq

.macro at_entry
.endm

	trap_entries hvm

/*
 * An event.  Xen ignores the mask of vcpu_info here, so this code checks it.  The CPU's
 * interrupt flag is set, except during the few instructions below, so that kernel_enter()
 * and kernel_leave() are stores as under PV.
 *
 * Xen interrupts while vcpu_info shows a pending upcall (hvm_vcpu_has_pending_irq()), and
 * sets this when a bit of pending_sel becomes set (evtchn_2l_set_pending()). If the mask
 * is set, this code clears the former and keeps the latter, which kernel code checks when
 * it is left.
 */
#define UPCALL_PENDING arch_shared_info
#define UPCALL_MASK arch_shared_info + 1
#define PENDING_SEL arch_shared_info + 8

	.globl	hvm_upcall_entry
hvm_upcall_entry:
	cmpb	$0, blocking(%rip)
	jne	1f
	cmpb	$0, UPCALL_MASK(%rip)
	je	2f
	movb	$0, UPCALL_PENDING(%rip)
	iretq

1:	movb	$0, UPCALL_PENDING(%rip)
	cmpq	$before_hlt, (%rsp)
	jb	0f
	cmpq	$at_hlt, (%rsp)
	ja	0f
	movq	$behind_hlt, (%rsp)
0:	iretq

2:	movb	$1, UPCALL_MASK(%rip)
	push	$0
	push	$-1
	save
3:	mov	%rsp, %rdi
	call	sched_upcall
	test	%al, %al
	jz	4f
	sti				/* other threads run, with interrupts enabled */
	call	preempt
	.globl	hvm_preempted
hvm_preempted:
	cli
4:	movb	$0, UPCALL_MASK(%rip)
	cmpq	$0, PENDING_SEL(%rip)	/* events whose interrupt was dismissed above */
	je	leave
	movb	$1, UPCALL_MASK(%rip)
	jmp	3b

/*
 * void hvm_block(void). Xen treats hlt as SCHEDOP_block, which clears the mask
 * (vcpu_block_enable_events()).
 *
 * The interrupt of an event between the check and hlt is dismissed as in other kernel
 * code, and hlt would sleep in spite of it: so it returns behind hlt.  sti before hlt
 * would not suffice: an NMI there ends its shadow, and so does, in QEMU's SVM, any exit.
 */
	.globl	hvm_block
hvm_block:
	movb	$1, blocking(%rip)
before_hlt:
	cmpq	$0, PENDING_SEL(%rip)
	jne	1f
at_hlt:
	hlt
behind_hlt:
	movb	$1, UPCALL_MASK(%rip)
1:	movb	$0, blocking(%rip)
	ret

	.local	blocking
	.comm	blocking, 1

	.section .note.GNU-stack, "", @progbits

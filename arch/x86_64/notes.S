/* SPDX-License-Identifier: ISC */
/*
 * The ELF notes for the domain builder and PV-GRUB (xen/elfnote.h). PHYS32_ENTRY is for
 * PVH.  The last note is for the tender of a process, where a domain is a PV one whose table of
 * frames lies elsewhere (tools/unix/guest.h).
 */
#include <xen/elfnote.h>

.macro note type, desc:vararg
	.pushsection .note.Xen, "a", @note
	.balign 4
	.long 2f - 1f, 4f - 3f, \type
1:	.asciz "Xen"
2:	.balign 4
3:	\desc
4:	.balign 4
	.popsection
.endm

note XEN_ELFNOTE_GUEST_OS,	.asciz "Xenolith"
note XEN_ELFNOTE_GUEST_VERSION,	.asciz "1"
note XEN_ELFNOTE_LOADER,	.asciz "generic"
note XEN_ELFNOTE_XEN_VERSION,	.asciz "xen-3.0"
note XEN_ELFNOTE_VIRT_BASE,	.quad image_start
note XEN_ELFNOTE_PADDR_OFFSET,	.quad image_physical
note XEN_ELFNOTE_ENTRY,		.quad _start
note XEN_ELFNOTE_HYPERCALL_PAGE, .quad hypercall_page
note XEN_ELFNOTE_PAE_MODE,	.asciz "yes"
note XEN_ELFNOTE_FEATURES,	.asciz "!writable_page_tables|pae_pgdir_above_4gb"
note XEN_ELFNOTE_L1_MFN_VALID,	.quad 1, 1
note XEN_ELFNOTE_PHYS32_ENTRY,	.long hvm_entry_physical
note 0x786e6f6c, .quad pv_m2p	/* UNIX_NOTE */

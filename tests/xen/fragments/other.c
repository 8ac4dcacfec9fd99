/* SPDX-License-Identifier: ISC */
/* Pieces of another object, and one with a call that is aligned: the linker fills the gap. */
__asm__(".section .init, \"ax\"; .p2align 4; mov $init_name, %edi; call say; .previous");
__asm__(".section .fini, \"ax\"; .p2align 4; mov $fini_name, %edi; call say; .previous");
__asm__(".section .rodata.names; init_name: .string \"init of other\"; "
	"fini_name: .string \"fini of other\"; .previous");

# SPDX-License-Identifier: ISC
# Of an archive: linked as main() calls archived().
	.text
	.globl	archived
archived:
	ret

	.section .init, "ax", @progbits
	mov	$init_name, %edi
	call	say

	.section .fini, "ax", @progbits
	mov	$fini_name, %edi
	call	say

	.section .rodata
init_name:
	.string	"init of archived"
fini_name:
	.string	"fini of archived"

	.section .note.GNU-stack, "", @progbits

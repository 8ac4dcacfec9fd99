/* SPDX-License-Identifier: ISC */
/* The descriptor table of entry.S, for traps.c too; and the vectors that events come by. */
#ifndef ARCH_X86_64_SEGMENTS_H
#define ARCH_X86_64_SEGMENTS_H

#define CODE_SEGMENT 0x08
#define DATA_SEGMENT 0x10
#define TASK_SEGMENT 0x18

#define UPCALL_VECTOR 0x20
#define INTERRUPTS 16			/* of the PIC, from that on */

#endif

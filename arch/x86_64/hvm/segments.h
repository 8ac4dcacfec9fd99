/* SPDX-License-Identifier: ISC */
/* The segments of entry.S and traps.c, and the vectors of events. */
#ifndef ARCH_X86_64_SEGMENTS_H
#define ARCH_X86_64_SEGMENTS_H

#define CODE_SEGMENT 0x08
#define DATA_SEGMENT 0x10
#define TASK_SEGMENT 0x18

#define UPCALL_VECTOR 0x20
#define INTERRUPTS 16			/* of the PIC, from that on */

#endif

/* SPDX-License-Identifier: ISC */
/*
 * What a debugger wants of the platform, and the platform of a debugger; of no use to others,
 * and linked only with one (control/gdb/gdb.h).
 *
 * A debugger is a kernel thread.  What it stops is the application: its threads are held
 * (sched_freeze()), each in the state in which it was preempted, or fell asleep in the kernel,
 * or trapped.  All of this is for such moments but for what says otherwise, and for the
 * application's threads.
 */
#ifndef KERNEL_DEBUG_H
#define KERNEL_DEBUG_H

#include "kernel/sched.h"

/* 0 or -ENOMEM; once, and at any time. */
int debug_init(void);

/*
 * In gdb's order: rax rbx rcx rdx rsi rdi rbp rsp r8 ... r15 rip rflags, then cs ss ds es fs
 * gs.  Of a thread asleep in the kernel they are the kernel's, where it will wake.
 */
#define DEBUG_REGISTERS 24
void debug_registers(const struct thread *t, uint64_t values[DEBUG_REGISTERS]);

/*
 * 0; -EBUSY: it is asleep in the kernel, and values are others; -EINVAL: a pc that is not the
 * application's, a stack pointer that is not on its stack.  Of the flags only what
 * arithmetic leaves is taken, of the segments nothing.
 */
int debug_set_registers(struct thread *t, const uint64_t values[DEBUG_REGISTERS]);

/*
 * Memory, as far as it is there.  A read is of so many bytes, 0 if there are none; a write
 * of all, or -EFAULT: what is neither data nor the image's own text and constants.
 */
size_t debug_read(uintptr_t address, void *to, size_t len);
int debug_write(uintptr_t address, const void *from, size_t len);

/*
 * Breakpoints: -EFAULT: that is neither the application nor the C library; -ENOSPC.  One
 * where the kernel comes by (it uses the C library too) does not stop it.
 */
int debug_break(uintptr_t address);
void debug_unbreak(uintptr_t address);
void debug_unbreak_all(void);

/*
 * The application is let run, step first, where it is not NULL: one instruction of its
 * text; what lies outside of that (the kernel, the C library) counts as one with the call.
 */
void debug_plant(struct thread *step);
void debug_lift(void);			/* the application has stopped */

/*
 * What the debugger provides.  The running thread, an application's, trapped outside the
 * kernel, with this signal of gdb's numbers.  Whether there is a debugger that wants to
 * know; it sleeps then until the thread is to go on, and *fatal says whether the fault
 * takes its course.
 */
#define DEBUG_TRAP 5
bool debug_wants(void);
void debug_stopped(int signal, bool breakpoint, bool *fatal);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * The interface between a debugger and the platform.  Only images with a debugger link it
 * (control/gdb/gdb.h).
 *
 * The debugger is a kernel thread.  It stops the application: its threads are frozen
 * (sched_freeze()), each in the state in which it was preempted, fell asleep in the
 * kernel, or trapped.  Unless stated otherwise, the functions are for the time in which
 * the application is stopped, and for its threads, and do not sleep.
 */
#ifndef KERNEL_DEBUG_H
#define KERNEL_DEBUG_H

#include "kernel/sched.h"

/* Returns 0 or -ENOMEM. Called once, at any time. */
int debug_init(void);

/*
 * The registers in gdb's order: rax rbx rcx rdx rsi rdi rbp rsp r8 ... r15 rip rflags,
 * then cs ss ds es fs gs.  For a thread that sleeps in the kernel they are those with
 * which it will continue there.
 */
#define DEBUG_REGISTERS 24
void debug_registers(const struct thread *t, uint64_t values[DEBUG_REGISTERS]);

/*
 * Returns 0; -EBUSY if the thread sleeps in the kernel and the values differ; -EINVAL for
 * a pc outside the application, or a stack pointer outside its stack.  Only arithmetic
 * flags are changed, and no segments.
 */
int debug_set_registers(struct thread *t, const uint64_t values[DEBUG_REGISTERS]);

/*
 * A read returns the number of bytes that could be read.  A write changes all bytes or
 * returns -EFAULT: only data, and the image's own text and constants can be written.
 */
size_t debug_read(uintptr_t address, void *to, size_t len);
int debug_write(uintptr_t address, const void *from, size_t len);

/*
 * Breakpoints.  Returns 0; -EFAULT outside the application and the C library; -ENOSPC. A
 * breakpoint does not stop kernel code, which uses the C library, too.
 */
int debug_break(uintptr_t address);
void debug_unbreak(uintptr_t address);
void debug_unbreak_all(void);

/*
 * Writes the breakpoints, before the application continues.  If step is not NULL, this
 * thread executes one instruction of the application; code outside (kernel, C library)
 * counts as one instruction with its call.
 */
void debug_plant(struct thread *step);
void debug_lift(void);			/* removes them: the application has stopped */

/*
 * Functions of the debugger.  debug_stopped(): the running thread, one of the
 * application, has trapped outside the kernel, with a signal of gdb's numbers.  It sleeps
 * until the thread may continue.  *fatal tells whether the fault is handled as without a
 * debugger.  debug_attached(): whether a debugger is attached.
 */
#define DEBUG_TRAP 5
bool debug_attached(void);
void debug_stopped(int signal, bool breakpoint, bool *fatal);

#endif

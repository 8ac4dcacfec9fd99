/* SPDX-License-Identifier: ISC */
/*
 * What a platform provides to the kernel.
 *
 * Two platforms implement this file: arch/x86_64 (a Xen guest) and tests/host (a
 * Linux process with a fake hypervisor).  Everything above it is the same source
 * on both.
 */
#ifndef KERNEL_ARCH_H
#define KERNEL_ARCH_H

#include "kernel/hypercall.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_SIZE 4096ul

/* The page Xen shares with us: pending and mask bits, the upcall mask, clocks. */
extern struct shared_info arch_shared_info;

/* What the domain builder told us; filled in before kernel_main() is called. */
#define COMMAND_LINE_MAX 8191
struct boot_info {
	char command_line[COMMAND_LINE_MAX + 2];
	unsigned command_line_max;	/* a longer line may have been cut: it is refused */
	uintptr_t memory_start;		/* the pages that nobody uses yet ... */
	uintptr_t memory_end;		/* ... as addresses; mapped by arch_map() only */
	void *console_ring;		/* NULL: there is none */
	evtchn_port_t console_port;
	void *xenstore_ring;
	evtchn_port_t xenstore_port;
	bool privileged;		/* we are dom0 */
};
extern struct boot_info boot_info;

/*
 * A suspended flow of control: its stack, with the registers saved on it (a
 * pthread on the host).  The stack lies above a guard page.
 */
struct arch_context;

/* main == NULL adopts the running flow, whose stack is the boot stack.  NULL: no memory. */
struct arch_context *arch_context_new(void (*main)(void *), void *arg, size_t stack_size);
void arch_context_free(struct arch_context *context);	/* never the running one */
void arch_switch(struct arch_context *from, struct arch_context *to);

/*
 * The block that the thread pointer (%fs on x86_64) points to.  Compiled code finds thread-local
 * data below `self` (x86-64 psABI), and the limit of the stack in word 14 (-fsplit-stack), which
 * arch_switch() sets.
 */
struct tcb {
	struct tcb *self;
	uint64_t unused[13];
	uint64_t stack_limit;
	uint64_t reserved;
};

/* Sets the thread pointer; 0: that of the block made at boot. */
void arch_set_tls(uintptr_t tls);

/* Bytes of stack it has, and how many it ever used. */
void arch_context_stack(const struct arch_context *context, size_t *size, size_t *used);

/* Which of n equal threads runs next: 0 on Xen; the host draws lots to find races. */
unsigned arch_choose(unsigned n);

/*
 * Nothing is runnable: give the CPU back until an event is pending or the deadline
 * (Xen system time in ns, 0 for never) is reached.  Called, and returns, with
 * upcalls masked; it may also return early.
 */
void arch_idle(uint64_t deadline);

/* Xen system time in ns: monotonic, its zero is anywhere.  Callable from anywhere. */
uint64_t arch_clock(void);

/* A counter that runs at a steady rate, read at once; what a difference of it is in ns. */
uint64_t arch_cycles(void);
uint64_t arch_cycles_ns(uint64_t cycles);
extern bool arch_cycles_trap;		/* each reading costs a trap */

/* Map [start, start + size) of boot_info's memory, readable and writable: 0 or -ENOMEM. */
int arch_map(uintptr_t start, size_t size);

/* Unmap one page of it, so that touching it is a fault; or writing to it; map it again. */
void arch_guard(void *page);
void arch_make_readonly(void *page);
void arch_unguard(void *page);

/* The frame number to put into a grant of this page. */
unsigned long arch_frame(const void *page);

/*
 * Map n frames that are not ours to own (grant table frames) for reading and
 * writing: the address, or NULL.  Mapped for good.
 */
void *arch_map_frames(const unsigned long *frames, unsigned n);

/*
 * Address space, n pages, in which xen_grant_map() can place foreign pages: its
 * addresses have page tables but no pages.  NULL: no memory.
 */
void *arch_reserve(unsigned n);
void arch_unreserve(void *where, unsigned n);

/* How xen_grant_map() is told where: the address itself on PV, a frame number on HVM. */
uint64_t arch_map_where(void *where);

/* Call visit for each return address of the running thread, innermost first. */
void arch_backtrace(void (*visit)(uintptr_t pc));

/*
 * Where an upcall interrupted the running thread, and the return addresses above it,
 * innermost first: how many, n at the most.  NULL: those of the caller.
 *
 * A function that is interrupted before it made its frame, or never makes one, leaves its
 * caller out.  *top is a call whose return address lies where that caller's would: if it
 * calls the function that was interrupted, it belongs behind the first.  {0}: no call.
 */
struct regs;
struct arch_call {
	uintptr_t back, to;		/* where it returns to, what it calls */
};
unsigned arch_callers(const struct regs *where, uintptr_t *pcs, unsigned n,
		      struct arch_call *top);

/*
 * 64 random bits of the CPU.  False: it has no such instruction, or that gives none; *bits is
 * the time to the cycle then.  For kernel/random.h.
 */
bool arch_random(uint64_t *bits);

/* What the kernel provides to the platform: called once, on the boot stack. */
_Noreturn void kernel_main(void);

/*
 * An upcall, in application code or where kernel code has upcalls unmasked.  True: it was
 * application code, and there is work, so call sched_preempt().
 */
bool sched_upcall(const struct regs *where);
void sched_preempt(void);

#endif

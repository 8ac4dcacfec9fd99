/* SPDX-License-Identifier: ISC */
/*
 * The functions that a platform provides to the kernel.
 *
 * Two platforms implement this file: arch/x86_64 (a Xen guest) and tests/host (a Linux
 * process with a fake Xen). The code above is the same on both.  None of these functions
 * sleep; arch_switch(), arch_idle() and sched_preempt() let other threads run.
 */
#ifndef KERNEL_ARCH_H
#define KERNEL_ARCH_H

#include "kernel/hypercall.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_SIZE 4096ul

/*
 * The page that Xen shares with the guest: pending and mask bits, the upcall mask,
 * clocks.
 */
extern struct shared_info arch_shared_info;

/*
 * The values that the domain builder passed to the guest; set before kernel_main() is called.
 */
#define COMMAND_LINE_MAX 8191
struct boot_info {
	char command_line[COMMAND_LINE_MAX + 2];
	unsigned command_line_max;	/* a longer line may have been cut: it is refused */
	uintptr_t memory_start;		/* unused pages: the first address ... */
	uintptr_t memory_end;		/* ... and the end; mapped by arch_map() only */
	void *console_ring;		/* NULL: there is none */
	evtchn_port_t console_port;
	void *xenstore_ring;
	evtchn_port_t xenstore_port;
	bool privileged;		/* the guest is dom0 */
};
extern struct boot_info boot_info;

/*
 * A suspended flow of control: its stack, with the registers saved on it (a pthread on
 * the host). The stack lies above a guard page.
 */
struct arch_context;

/*
 * Makes a flow that calls main(arg), with a stack of so many bytes.  If main is NULL it
 * adopts the running flow, whose stack is the boot stack.  Returns NULL without memory.
 */
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

/* The size of the stack, and how much of it was ever used, in bytes. */
void arch_context_stack(const struct arch_context *context, size_t *size, size_t *used);
uintptr_t arch_context_low(const struct arch_context *context);	/* the stack's first byte */

/* Which of n equal threads runs next: 0 on Xen; random on the host, to find races. */
unsigned arch_choose(unsigned n);

/*
 * No thread is ready: gives the CPU back until an event is pending or the deadline (Xen
 * system time in ns, 0: none) is reached.  Called, and returns, with upcalls masked.  May
 * return early.
 */
void arch_idle(uint64_t deadline);

/* Xen system time in ns: monotonic, with any zero.  Callable in any context. */
uint64_t arch_clock(void);

/*
 * A counter of constant rate that is fast to read, and the conversion of a difference to
 * ns.
 */
uint64_t arch_cycles(void);
uint64_t arch_cycles_ns(uint64_t cycles);
extern bool arch_cycles_trap;		/* each reading traps */

/*
 * Maps [start, start + size) of boot_info's memory, readable and writable.  Returns 0 or
 * -ENOMEM.
 */
int arch_map(uintptr_t start, size_t size);

/*
 * Give unused granules of boot_info's memory to Xen, without their mappings, and take them again:
 * arch_take() takes one of them; it returns 0, or -ENOMEM if Xen does not have it any more.
 */
#define ARCH_GRANULE (64 * PAGE_SIZE)	/* arch_map() maps whole ones */
void arch_give(uintptr_t start, size_t size);
int arch_take(uintptr_t granule);

/* Unmap one page, so that each access is a fault; make it read-only; map it again. */
void arch_guard(void *page);
void arch_make_readonly(void *page);
void arch_unguard(void *page);

/* The frame number for a grant of this page. */
unsigned long arch_frame(const void *page);

/*
 * Maps n frames of Xen (the grant table's) for reading and writing, for good.  Returns
 * the address, or NULL.
 */
void *arch_map_frames(const unsigned long *frames, unsigned n);

/* Maps another frame at an address that arch_map_frames() returned; or the guest's own page. */
void arch_map_frame(void *where, unsigned long frame);
void arch_hide_frame(void *where);

/*
 * Windows are addresses above all memory, in [ARCH_WINDOWS, 2 * ARCH_WINDOWS), at which pages of
 * memory are seen a second time.  The caller knows which of them are in use.  Only arch/x86_64
 * has them.
 *
 * arch_window_prepare() makes page tables for one chunk of ARCH_WINDOW_CHUNK bytes: 0 or -ENOMEM.
 * arch_window_show() shows a page there, or nothing (NULL).  arch_window_written() returns whether
 * it was written through the window since it was shown, or since the last call; after
 * arch_window_mark() it was.  arch_window_protect() changes how the same page is seen (NULL: it is
 * not), and does not change that.  None of them sleeps.
 */
#define ARCH_WINDOWS (1ul << 40)
#define ARCH_WINDOW_CHUNK (512 * PAGE_SIZE)
int arch_window_prepare(uintptr_t chunk);
void arch_window_show(void *where, const void *page, bool writable);
void arch_window_protect(void *where, const void *page, bool writable);
void arch_window_mark(void *where);
bool arch_window_written(void *where);

/*
 * Reserves address space of n pages for xen_grant_map(), with page tables but without
 * pages.  Returns NULL without memory.
 */
void *arch_reserve(unsigned n);
void arch_unreserve(void *where, unsigned n);

/* Makes a page of them empty again, after arch_unguard() has shown the guest's own page there. */
void arch_empty(void *page);

/*
 * Converts such an address for xen_grant_map(): unchanged on PV, a physical address on
 * HVM.
 */
uint64_t arch_map_where(void *where);

/*
 * Part of kernel_attach() (kernel/suspend.c): maps the shared page, with events masked, tells Xen the
 * entries for events, and finds the rings and ports of console and xenstore (boot_info).
 */
void arch_attach(void);

/*
 * Suspends the domain, with upcalls masked.  No page of another domain is mapped, and none of the
 * grant table.  Returns 0 in a restored domain, where arch_attach() must follow; 1 if the toolstack
 * has cancelled the suspend, and all is as before; -errno if Xen refuses.
 */
int arch_suspend(void);

/*
 * Detects the CPU's features, and sets the stack protector's guard: a caller with a guard must not
 * return.  Called once, after arch_attach().
 */
void arch_init(void);

/* Calls visit() for each return address of the running thread, innermost first. */
void arch_backtrace(void (*visit)(uintptr_t pc));

/*
 * The address at which an upcall interrupted the running thread (NULL: the caller), and the return
 * addresses above it, innermost first.  Returns how many, at most n.
 *
 * If a function is interrupted before it has made its frame, or never makes one, its
 * caller is missing.  *top is a call whose return address is where that caller's would
 * be: if it calls the interrupted function, it belongs behind the first address.  {0}:
 * there is none.
 */
struct regs;
struct arch_call {
	uintptr_t back, to;		/* the address to which it returns, and which it calls */
};
unsigned arch_callers(const struct regs *where, uintptr_t *pcs, unsigned n,
		      struct arch_call *top);

/*
 * 64 random bits of the CPU, for kernel/random.h.  Returns false if the CPU has no such
 * instruction, or it failed; then *bits is the time to the cycle.
 */
bool arch_random(uint64_t *bits);

/*
 * The function that the kernel provides to the platform: called once, on the boot stack.
 * lib/process/start.c has the list of what it starts.
 */
_Noreturn void kernel_main(void);

/*
 * Called in an upcall, which interrupted application code, or kernel code with upcalls
 * unmasked.  Returns true if it was application code and other threads must run: then
 * call sched_preempt().
 */
bool sched_upcall(const struct regs *where);
void sched_preempt(void);

#endif

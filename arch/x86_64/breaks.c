/* SPDX-License-Identifier: ISC */
/*
 * Breakpoints, steps, and the traps that they cause (kernel/debug.h).
 *
 * Breakpoints are in the text only while the application runs.  A trap in the
 * application, outside the kernel, stops it.  Other code that reaches a breakpoint (the
 * kernel, in the C library; at the end of a step, another thread) passes it: the original
 * byte is put back for one instruction, with the trap flag.  The trap flag is on only in
 * the application's own text.
 */
#include "arch/x86_64/x86_64.h"
#include "kernel/arch.h"
#include "kernel/debug.h"

#include <errno.h>

#define DEBUG 1u
#define BREAKPOINT 3u
#define DOUBLE_FAULT 8u
#define MACHINE_CHECK 18u
#define INT3 0xccu
#define BREAKS 64
#define RETURNS 16			/* of a step */

/* gdb's numbers (its include/gdb/signals.def) */
#define SIGNAL_ILL 4
#define SIGNAL_FPE 8
#define SIGNAL_BUS 10
#define SIGNAL_SEGV 11

struct stop {
	uintptr_t at;			/* 0: none */
	bool planted;
	uint8_t byte;			/* the original byte */
};

static struct stop breaks[BREAKS], returns[RETURNS];
static const struct thread *stepping;	/* it steps ... */
static uintptr_t returns_above;		/* ... or returns: its stack pointer is higher */
static struct stop *lifted;		/* for one instruction */

static bool in(uintptr_t at, const char *from, const char *to)
{
	return at >= (uintptr_t)from && at < (uintptr_t)to;
}

/* ---- a byte of text */

static struct stop *find_stop(struct stop *stops, unsigned n, uintptr_t at)
{
	for (unsigned i = 0; i < n; i++)
		if (stops[i].at == at)
			return &stops[i];
	return NULL;
}

/*
 * Two breakpoints at one place each keep the byte that they found, and are removed in
 * reverse order.
 */
static void plant(struct stop *s)
{
	if (!s->at || s->planted)
		return;
	s->byte = debug_exchange(s->at, INT3);
	s->planted = true;
}

static void pull(struct stop *s)
{
	if (!s->planted)
		return;
	debug_exchange(s->at, s->byte);
	s->planted = false;
}

int debug_break(uintptr_t address)
{
	struct stop *s;

	if (!in(address, library_text, text_end))
		return -EFAULT;
	if (find_stop(breaks, BREAKS, address))
		return 0;
	s = find_stop(breaks, BREAKS, 0);
	if (!s)
		return -ENOSPC;
	*s = (struct stop){ .at = address };
	return 0;
}

void debug_unbreak(uintptr_t address)
{
	struct stop *s = address ? find_stop(breaks, BREAKS, address) : NULL;

	if (s)
		s->at = 0;
}

void debug_unbreak_all(void)
{
	for (unsigned i = 0; i < BREAKS; i++)
		breaks[i].at = 0;
}

/* ---- steps */

static bool is_text(uintptr_t at)
{
	return in(at, application_text, text_end);
}

static void add_return(uintptr_t at)
{
	struct stop *s = find_stop(returns, RETURNS, 0);

	if (s && is_text(at) && !find_stop(returns, RETURNS, at) &&
	    !find_stop(breaks, BREAKS, at))
		s->at = at;
}

/*
 * Whether a call instruction is before this address: call rel32, or one of the forms of
 * FF /2. Other values on the stack are not return addresses.
 */
static bool behind_call(uintptr_t at)
{
	const uint8_t *p = (const uint8_t *)at;

	if (!is_text(at) || !is_text(at - 7))
		return false;
	for (int n = 2; n <= 7; n++)
		if (p[-n] == 0xff && (p[1 - n] >> 3 & 7) == 2)
			return true;
	return p[-5] == 0xe8;
}

/*
 * For a step that leaves the application: plants a breakpoint at each return address on
 * the stack.  The innermost is reached first.  A function without a frame has its return
 * address on top.
 */
static void find_returns(const struct thread *t, uintptr_t rsp, uintptr_t rbp)
{
	uintptr_t pc;

	returns_above = rsp;
	if (context_holds(t->context, rsp, 8) && behind_call(*(const uintptr_t *)rsp))
		add_return(*(const uintptr_t *)rsp);
	while (next_frame(t->context, &rbp, &pc))
		add_return(pc);
}

static void plant_all(struct stop *stops, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		plant(&stops[i]);
}

static void pull_all(struct stop *stops, unsigned n)
{
	for (unsigned i = n; i > 0; i--)
		pull(&stops[i - 1]);
}

void debug_plant(struct thread *step)
{
	struct regs *r = step ? debug_frame(step) : NULL;
	struct regs saved;

	stepping = step;
	if (r && is_text(r->rip)) {
		r->rflags |= FLAG_TRAP;
	} else if (step) {
		context_registers(step->context, &saved);
		find_returns(step, r ? r->rsp : saved.rsp, r ? r->rbp : saved.rbp);
	}
	plant_all(breaks, BREAKS);
	plant_all(returns, RETURNS);
}

static void end_step(void)
{
	pull_all(returns, RETURNS);
	for (unsigned i = 0; i < RETURNS; i++)
		returns[i].at = 0;
	stepping = NULL;
}

/* The thread that stepped may have ended in the meantime. */
static void clear_trap_flag(void)
{
	struct thread *t = thread_next(NULL);
	struct regs *r;

	while (t && t != stepping)
		t = thread_next(t);
	r = t && t != current ? debug_frame(t) : NULL;
	if (r)
		r->rflags &= ~(uint64_t)FLAG_TRAP;
}

void debug_lift(void)
{
	if (stepping)
		clear_trap_flag();
	end_step();
	pull_all(breaks, BREAKS);
	lifted = NULL;
}

/* ---- traps: upcalls are masked, or the CPU's flag is off, since before the first line */

static void pass(struct regs *r, struct stop *s)
{
	if (lifted)
		plant(lifted);
	pull(s);
	lifted = s;
	r->rflags |= FLAG_TRAP;
}

/*
 * The instruction at a breakpoint, or one of a step, has been executed.  Returns true if
 * this does not stop the application.
 */
static bool go_on(struct regs *r)
{
	bool step = stepping == current && !lifted;

	r->rflags &= ~(uint64_t)FLAG_TRAP;
	if (lifted)
		plant(lifted);
	lifted = NULL;
	if (!step || current->depth)
		return true;
	if (is_text(r->rip))
		return false;
	find_returns(current, r->rsp, r->rbp);
	plant_all(returns, RETURNS);
	return true;
}

/*
 * At a breakpoint of this file, to which the pc is set back.  Returns true if it does not
 * stop the application.
 */
static bool go_past(struct regs *r, struct stop *s)
{
	bool ours = s >= breaks && s < breaks + BREAKS;

	r->rip--;
	if (!current->depth && (ours || (stepping == current && r->rsp > returns_above)))
		return false;
	pass(r, s);
	return true;
}

static int signal_of(uint64_t vector)
{
	switch (vector) {
	case DEBUG:
	case BREAKPOINT:
		return DEBUG_TRAP;
	case 6:
		return SIGNAL_ILL;
	case 0:
	case 16:
	case 19:
		return SIGNAL_FPE;
	case 17:
		return SIGNAL_BUS;
	default:
		return SIGNAL_SEGV;
	}
}

/*
 * Other threads run in the meantime, so the FPU is saved.  Under HVM the CPU's interrupt
 * flag is off after a gate, and is needed for them; in PV's ring 3 POPF leaves it
 * unchanged (SDM 2, POPF).
 */
static bool stop(struct regs *r, bool breakpoint)
{
	char area[fpu_size() + 64];
	void *aligned = (void *)(((uintptr_t)area + 63) & ~63ul);
	bool fatal = false;

	kernel_enter();
	__asm__ volatile("pushf; orq $0x200, (%%rsp); popf" : : : "memory", "cc");
	fpu_save(aligned);
	debug_stopped(signal_of(r->vector), breakpoint, &fatal);
	kernel_leave();
	fpu_restore(aligned);
	return !fatal;
}

bool debug_trap(struct regs *r)
{
	struct stop *s = NULL;

	if (r->vector == DEBUG && r->rflags & FLAG_TRAP && go_on(r))
		return true;
	if (r->vector == BREAKPOINT) {
		s = find_stop(breaks, BREAKS, r->rip - 1);
		if (!s || !s->planted)
			s = find_stop(returns, RETURNS, r->rip - 1);
		if (s && s->planted && go_past(r, s))
			return true;
	}
	if (current->depth || current->kind != THREAD_APP || !debug_attached() ||
	    r->vector == DOUBLE_FAULT || r->vector == MACHINE_CHECK)
		return false;
	r->rflags &= ~(uint64_t)FLAG_TRAP;
	return stop(r, s && s >= breaks && s < breaks + BREAKS);
}

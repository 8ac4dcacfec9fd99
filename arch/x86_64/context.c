/* SPDX-License-Identifier: ISC */
/*
 * Stacks and switching between them.
 *
 *	[guard][mark ... mark ... mark ....... used][struct arch_context]
 *
 * Marks, written with the stack, show how much of it was ever used.  There is one each
 * 256 bytes, or, in a large stack, MARKS in all, so that writing and reading them is
 * fast.
 *
 * Under PV, Xen itself pushes the frame of a fault onto the stack that overflowed, fails,
 * and ends the domain without a report.  So the guard page is only the last protection
 * there.  Under HVM the double fault has a stack of its own, and is reported.
 * Application code checks its stack in each prologue (-fsplit-stack, which compares rsp
 * with %fs:0x70 and calls __morestack). The limit leaves space for an event's frame, the
 * FPU's state, the C library and the report.
 */
#include "arch/x86_64/x86_64.h"
#include "kernel/arch.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/sched.h"
#include "kernel/symbols.h"

#include <string.h>

#define MARK 0x5afe57acc0ffee00ull
#define MARK_EVERY 256u
#define MARKS 1024u
#define SLACK 8192			/* below the limit, besides the FPU's state */

struct arch_context {
	void *sp;
	uintptr_t low, high;		/* the usable bytes of the stack */
	uintptr_t limit;		/* for application code */
};

struct switched {			/* what switch_stack() pops (switch.S) */
	uint32_t mxcsr, x87_control;
	void *r15, *r14, *arg, *main, *rbx, *rbp;	/* arg in r13, main in r12 */
	void (*resume)(void);
	uint64_t pad[2];		/* thread_first wants rsp aligned to 16 */
};

void switch_stack(void **save, void *load, uintptr_t limit);
void thread_first(void);

static struct arch_context boot_context;

struct tcb boot_tcb = { .self = &boot_tcb };

static size_t round_up(size_t n)
{
	return (n + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
}

static size_t mark_every(size_t size)
{
	size_t every = MARK_EVERY;

	while (every * MARKS < size)
		every *= 2;
	return every;
}

static struct arch_context *adopt(void)
{
	boot_context.low = (uintptr_t)boot_stack;
	boot_context.high = (uintptr_t)boot_stack_end;
	return &boot_context;
}

/* The running stack, also before the first thread exists. */
static const struct arch_context *running(void)
{
	return current->context ? current->context : adopt();
}

struct arch_context *arch_context_new(void (*main)(void *), void *arg, size_t stack_size)
{
	struct arch_context *c;
	struct switched *s;
	size_t size = round_up(stack_size);
	char *base;

	if (!main)
		return adopt();
	if (size < stack_size)
		return NULL;
	base = page_alloc(1 + size / PAGE_SIZE);
	if (!base)
		return NULL;
	arch_guard(base);
	for (size_t at = 0; at < size; at += mark_every(size))
		*(uint64_t *)(base + PAGE_SIZE + at) = MARK;
	c = (struct arch_context *)(base + PAGE_SIZE + size) - 1;
	s = (struct switched *)((uintptr_t)c & ~15ul) - 1;
	*s = (struct switched){
		.mxcsr = 0x1f80, .x87_control = 0x37f,	/* as the ABI wants at a start */
		.main = (void *)main, .arg = arg, .resume = thread_first,
	};
	*c = (struct arch_context){
		.sp = s,
		.low = (uintptr_t)base + PAGE_SIZE,
		.high = (uintptr_t)base + PAGE_SIZE + size,
	};
	c->limit = c->low + SLACK + fpu_size();
	return c;
}

void arch_context_free(struct arch_context *c)
{
	void *base;
	size_t size;

	if (c == &boot_context)
		return;
	base = (void *)(c->low - PAGE_SIZE);
	size = c->high - c->low;
	arch_unguard(base);
	page_free(base, 1 + size / PAGE_SIZE);
}

void arch_switch(struct arch_context *from, struct arch_context *to)
{
	switch_stack(&from->sp, to->sp, to->limit);
}

unsigned arch_choose(unsigned n)
{
	(void)n;
	return 0;		/* first come, first served */
}

void arch_context_stack(const struct arch_context *c, size_t *size, size_t *used)
{
	uint64_t mark = c == &boot_context ? 0 : MARK;
	uintptr_t at = c->low;

	*size = c->high - c->low;
	while (at < c->high && *(const uint64_t *)at == mark)
		at += mark_every(*size);
	*used = at < c->high ? c->high - at : 0;
}

uintptr_t arch_context_low(const struct arch_context *c)
{
	return c->low;
}

void context_registers(const struct arch_context *c, struct regs *r)
{
	const struct switched *s = c->sp;

	*r = (struct regs){
		.rbx = (uintptr_t)s->rbx, .rbp = (uintptr_t)s->rbp,
		.r12 = (uintptr_t)s->main, .r13 = (uintptr_t)s->arg,
		.r14 = (uintptr_t)s->r14, .r15 = (uintptr_t)s->r15,
		.rip = (uintptr_t)s->resume, .rsp = (uintptr_t)s->pad,
	};
}

bool context_holds(const struct arch_context *c, uintptr_t address, size_t size)
{
	return address >= c->low && address < c->high && size <= c->high - address;
}

bool on_current_stack(uintptr_t address)
{
	return context_holds(running(), address, 1);
}

bool at_stack_guard(uintptr_t sp)
{
	const struct arch_context *c = running();

	return sp >= c->low - PAGE_SIZE && sp < c->low + sizeof(struct regs);
}

bool next_frame(const struct arch_context *c, uintptr_t *rbp, uintptr_t *pc)
{
	const uintptr_t *frame = (const uintptr_t *)*rbp;

	if (*rbp & 7 || !context_holds(c ? c : running(), *rbp, 16) || !frame[1])
		return false;
	*pc = frame[1];
	*rbp = frame[0] > *rbp ? frame[0] : 0;	/* the caller's frame lies higher */
	return true;
}

#define FRAMES_MAX 100000
#define LINES_MAX 40

static void print_repeated(unsigned n, uintptr_t pc)
{
	uintptr_t start;
	const char *name = symbol_lookup(pc - 1, &start);

	if (n)
		print("    ... %u more of %s\n", n, name ? name : "the same");
}

/* Successive frames that return to the same address, of a recursion, count as one line. */
void backtrace_from(uintptr_t rbp, void (*visit)(uintptr_t pc))
{
	uintptr_t pc, before = 0;
	unsigned lines = 0, repeated = 0;

	for (int i = 0; i < FRAMES_MAX && next_frame(NULL, &rbp, &pc); i++) {
		if (pc == before) {
			repeated++;
			continue;
		}
		print_repeated(repeated, before);
		repeated = 0;
		if (lines++ == LINES_MAX)
			return;
		visit(pc);
		before = pc;
	}
	print_repeated(repeated, before);
}

void arch_backtrace(void (*visit)(uintptr_t pc))
{
	backtrace_from((uintptr_t)__builtin_frame_address(0), visit);
}

void arch_set_tls(uintptr_t tls)
{
	set_fs_base(tls ? tls : (uintptr_t)&boot_tcb);
}

void print_stack_overflow(void)
{
	size_t size, used;

	arch_context_stack(running(), &size, &used);
	print("\nfault: stack overflow, thread %s, stack of %zu bytes\n", current->name, size);
	if (current->kind == THREAD_APP)
		print("  raise it: stack=%zuM on the command line\n", (size >> 18) < 4 ? 4 : size >> 18);
}

_Noreturn void stack_overflow(uintptr_t pc, uintptr_t caller)
{
	kernel_enter();
	log_unwritten();
	print_stack_overflow();
	print("  backtrace:\n");
	print_pc(pc);
	print_caller(caller);
	backtrace_from((uintptr_t)__builtin_frame_address(0), print_caller);
	panic_reported("stack overflow");
}

/* The same for alloca() and arrays of variable length. */
void *__morestack_allocate_stack_space(size_t size);
void *__morestack_allocate_stack_space(size_t size)
{
	(void)size;
	stack_overflow((uintptr_t)__builtin_return_address(0), 0);
}

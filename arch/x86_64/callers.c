/* SPDX-License-Identifier: ISC */
/*
 * The callers of interrupted code, for a profiler and for reports.
 *
 * C code has frame pointers, but gcc makes no frame for a function that needs no stack,
 * and makes some frames only after a first test.  There rbp is still the caller's.  So
 * the walk misses the caller, whose return address is on top of the stack.
 */
#include "arch/x86_64/x86_64.h"
#include "kernel/arch.h"
#include "kernel/symbols.h"

/* from may have any value, also just below 0. */
static bool in_text(uintptr_t from, uintptr_t to)
{
	return from >= (uintptr_t)image_start && from < to && to <= (uintptr_t)text_end;
}

/* The call instruction before a return address, if it is a direct one: call rel32. */
static struct arch_call call_before(uintptr_t back)
{
	if (!in_text(back - 5, back) || *(const uint8_t *)(back - 5) != 0xe8)
		return (struct arch_call){ 0, 0 };
	return (struct arch_call){ back, back + *(const int32_t *)(back - 4) };
}

/* The offset from rsp to the return address that the walk may miss. */
static uintptr_t above(uintptr_t pc)
{
	/*
	 * In the hypercall page, after the hypercall: pop %r11; pop %rcx; ret under PV,
	 * else ret.
	 */
	if (pc - (uintptr_t)hypercall_page < PAGE_SIZE)
		return *(const uint16_t *)pc == 0x5b41 ? 16 : 0;
	/* Between push %rbp and mov %rsp,%rbp. */
	if (in_text(pc - 1, pc + 3) && *(const uint32_t *)(pc - 1) == 0xe5894855)
		return 8;
	return 0;
}

unsigned arch_callers(const struct regs *where, uintptr_t *pcs, unsigned n,
		      struct arch_call *top)
{
	uintptr_t rbp = where ? where->rbp : (uintptr_t)__builtin_frame_address(0);
	unsigned i = 0;

	*top = (struct arch_call){ 0, 0 };
	if (where) {
		uintptr_t at = where->rsp + above(where->rip);

		pcs[i++] = where->rip;
		if (on_current_stack(at))
			*top = call_before(*(const uintptr_t *)at);
	}
	while (i < n && next_frame(NULL, &rbp, &pcs[i]))
		i++;
	return i;
}

/* Whether call *register or *memory ends there: ff /2 (SDM 2A). */
static bool indirect_call_before(uintptr_t back)
{
	for (uintptr_t n = 2; n <= 8; n++) {
		const uint8_t *p = (const uint8_t *)(back - n);

		if (in_text(back - n, back) && p[0] == 0xff && (p[1] >> 3 & 7) == 2)
			return true;
	}
	return false;
}

/* Whether mov %rsp,%rbp is between the function's start and pc. */
static bool has_frame(uintptr_t start, uintptr_t pc)
{
	for (uintptr_t at = start; at + 3 <= pc; at++) {
		const uint8_t *p = (const uint8_t *)at;

		if (p[0] == 0x48 && p[1] == 0x89 && p[2] == 0xe5)
			return true;
	}
	return false;
}

/*
 * If the compiler made a tail call, the called function ends in a jump to the interrupted
 * one.  Then only its name is known.
 */
struct arch_call callers_top(const struct regs *r)
{
	bool ours = in_text(r->rip, r->rip + 1);
	uintptr_t at = r->rsp + (ours ? above(r->rip) : 0), start = r->rip, back;
	struct arch_call call, none = { 0, 0 };

	if (!on_current_stack(at) || !on_current_stack(at + 7))
		return none;
	back = *(const uintptr_t *)at;
	call = call_before(back);
	if (!ours)			/* a jump to nowhere */
		return call.back ? call : (struct arch_call){ back, 0 };
	if (!symbol_lookup(r->rip, &start))
		start = r->rip;
	if (call.back && call.to == start)
		return (struct arch_call){ back, 0 };
	if (has_frame(start, r->rip))
		return none;
	if (!call.back && indirect_call_before(back))
		call.back = back;
	return call;
}

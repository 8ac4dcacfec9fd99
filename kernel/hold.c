/* SPDX-License-Identifier: ISC */
#include "kernel/arch.h"
#include "kernel/clock.h"
#include "kernel/hold.h"

#include <xen/vcpu.h>

#define LONG (2 * NSEC_PER_MSEC)

/*
 * Xen writes it when the vcpu is scheduled.  It is in one page, since its size divides a
 * page's.
 */
static struct vcpu_runstate_info runstate __attribute__((aligned(64)));

static bool registered, measured;
static uint64_t since, not_running_before;
static uint64_t limit;			/* a hold of fewer cycles is not the longest */
struct hold hold_longest __attribute__((aligned(128)));	/* in one page too */
_Static_assert(sizeof(hold_longest) == 72, "HOLD_SIZE of tools/lab/dom0/guest.c");

/*
 * How long the vcpu did not run, in ns; a hold does not block.  If Xen takes the CPU away
 * between this and reading the cycles, a hold counts as shorter than it was, never as
 * longer.
 */
static uint64_t not_running(void)
{
	const volatile struct vcpu_runstate_info *r = &runstate;

	return r->time[RUNSTATE_runnable] + r->time[RUNSTATE_offline];
}

void hold_begin(void)
{
	if (!measured)
		return;
	not_running_before = not_running();
	since = arch_cycles();
}

void hold_attach(void)
{
	static const struct vcpu_register_runstate_memory_area area = { .addr.v = &runstate };

	registered = !xen_register_runstate(&area);
	measured &= registered;
}

void hold_init(void)
{
	measured = registered && !arch_cycles_trap;
	hold_begin();
}

static void note_hold(uint64_t cycles)
{
	static struct arch_call top;
	uint64_t not_running_since = not_running() - not_running_before;
	uint64_t ns = arch_cycles_ns(cycles);
	unsigned n;

	/* A huge difference: another processor's counter is behind. */
	if (ns >> 62 || ns <= not_running_since + hold_longest.ns)
		return;
	if (!not_running_since)
		limit = cycles;
	hold_longest.ns = ns - not_running_since;
	n = arch_callers(NULL, hold_longest.pcs, HOLDERS, &top);
	if (n < HOLDERS)
		hold_longest.pcs[n] = 0;
}

/* Most are shorter than an earlier one, and need only this. */
void hold_end(void)
{
	uint64_t cycles;

	if (!measured)
		return;
	cycles = arch_cycles() - since;
	if (cycles > limit)
		note_hold(cycles);
}

bool hold_is_long(void)
{
	return measured && arch_cycles_ns(arch_cycles() - since) > LONG;
}

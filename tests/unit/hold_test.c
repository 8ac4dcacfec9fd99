/* SPDX-License-Identifier: ISC */
/* kernel/hold.c: the longest hold of the monitor, and what does not count as a hold. */
#include "kernel/arch.h"
#include "kernel/clock.h"
#include "kernel/hold.h"
#include "kernel/sched.h"
#include "tests/host/host.h"

#include <assert.h>
#include <xen/vcpu.h>

#define MS NSEC_PER_MSEC
#define SLACK (MS / 2)			/* the time of the scheduler itself */

static bool is(uint64_t ms)
{
	return hold_longest.ns >= ms * MS && hold_longest.ns < ms * MS + SLACK;
}

static void hold_for(uint64_t ms)
{
	kernel_pause();
	host_advance(ms * MS);
	kernel_pause();
}

/* The main thread of a test is in the kernel. */
static void the_longest_counts(void)
{
	host_boot();
	hold_for(20);
	assert(is(20) && hold_longest.pcs[0]);
	hold_for(10);
	assert(is(20));
	hold_for(30);
	assert(is(30));
}

static void sleep_is_none(void)
{
	host_boot();
	hold_for(20);
	thread_sleep(clock_now() + 100 * MS);
	assert(is(20));
}

static void applications_hold_nothing(void)
{
	host_boot();
	hold_for(20);
	kernel_leave();
	host_advance(100 * MS);
	kernel_enter();
	host_advance(25 * MS);
	kernel_enter();			/* inside another, it begins nothing */
	host_advance(10 * MS);
	kernel_leave();
	kernel_leave();
	kernel_enter();
	assert(is(35));
}

/* Xen ran others for most of it. */
static void steal(int state, uint64_t ms)
{
	host_xen.runstate->time[state] += ms * MS;
}

static void others_time_does_not_count(void)
{
	static const int states[] = { RUNSTATE_runnable, RUNSTATE_offline };

	host_boot();
	for (unsigned i = 0; i < HOST_COUNT(states); i++) {
		kernel_pause();
		steal(states[i], 90);
		host_advance((100 + 10 * i) * MS);
		kernel_pause();
		assert(is(10 + 10 * i));
	}
	hold_for(15);
	assert(is(20));
	hold_for(25);
	assert(is(25));
}

static uint32_t spun;

static void spinner(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < 5; i++) {
		host_advance(4 * MS);
		thread_yield();
	}
	spun++;
}

/* Each of two kernel threads that take turns holds for its own part. */
static void a_turn_ends_a_hold(void)
{
	host_boot();
	for (unsigned i = 0; i < 2; i++)
		assert(thread_start("spinner", THREAD_KERNEL, STACK_KERNEL, spinner, NULL, NULL));
	while (spun < 2)
		thread_sleep(clock_now() + MS);
	assert(is(4));
}

static void long_is_told(void)
{
	host_boot();
	kernel_pause();
	assert(!hold_is_long());
	host_advance(5 * MS);
	assert(hold_is_long());
	kernel_pause();
	assert(!hold_is_long());
}

static void traps_are_avoided(void)
{
	arch_cycles_trap = true;
	host_boot();
	hold_for(20);
	assert(!hold_is_long() && !hold_longest.ns);
	arch_cycles_trap = false;
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "the longest hold is recorded", the_longest_counts, 20 },
		{ "sleeping is not a hold", sleep_is_none, 20 },
		{ "application code is not a hold", applications_hold_nothing, 20 },
		{ "the time of other domains does not count",
		  others_time_does_not_count, 20 },
		{ "a switch to another thread ends a hold", a_turn_ends_a_hold, 20 },
		{ "hold_is_long() returns true in a long hold", long_is_told, 20 },
		{ "a cycle counter that traps is not read", traps_are_avoided, 20 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}

/* SPDX-License-Identifier: ISC */
#include "kernel/arch.h"
#include "kernel/clock.h"

static uint64_t boot_time;		/* Xen system time minus the time since boot */
static uint64_t latest;			/* the time since boot that was returned last */
static unsigned epoch;			/* counts changes of boot_time */
uint64_t clock_suspended;
static int64_t wall_step;		/* what clock_wall_set() added to Xen's wall clock */

void clock_attach(void)
{
	boot_time = arch_clock() - latest;
	epoch++;
}

/*
 * Xen's time may be a little earlier on one physical processor than on another (their records are
 * made at different times, from counters that differ). So the last time that was returned is a
 * lower bound, also if an upcall interrupts this function.  The upcall may be followed by a
 * suspend, after which a time that was read before means nothing.
 */
uint64_t clock_now(void)
{
	uint64_t last, now;
	unsigned begun;

	do {
		begun = __atomic_load_n(&epoch, __ATOMIC_RELAXED);
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
		now = arch_clock() - boot_time;
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
	} while (begun != __atomic_load_n(&epoch, __ATOMIC_RELAXED));
	last = __atomic_load_n(&latest, __ATOMIC_RELAXED);
	do
		if ((int64_t)(now - last) <= 0)
			return last;
	while (!__atomic_compare_exchange_n(&latest, &last, now, true, __ATOMIC_RELAXED,
					    __ATOMIC_RELAXED));
	return now;
}

uint64_t clock_to_xen(uint64_t when)
{
	return when + boot_time;
}

/* The wall time when system time was 0. Xen changes it when the host's clock is set. */
static uint64_t wall_base(void)
{
	const volatile struct shared_info *s = &arch_shared_info;
	uint32_t version;
	uint64_t base;

	do {
		version = s->wc_version;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		base = s->wc_sec * NSEC_PER_SEC + s->wc_nsec;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while ((version & 1) || version != s->wc_version);
	return base;
}

uint64_t clock_wall_offset(void)
{
	return wall_base() + boot_time + wall_step;
}

uint64_t clock_wall(void)
{
	unsigned begun;
	uint64_t wall;

	do {
		begun = __atomic_load_n(&epoch, __ATOMIC_RELAXED);
		wall = clock_now() + clock_wall_offset();
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
	} while (begun != __atomic_load_n(&epoch, __ATOMIC_RELAXED));
	return wall;
}

void clock_wall_set(uint64_t ns)
{
	wall_step += ns - clock_wall();
}

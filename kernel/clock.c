/* SPDX-License-Identifier: ISC */
#include "kernel/arch.h"
#include "kernel/clock.h"

static uint64_t boot_time;		/* Xen system time minus the time since boot */
static uint64_t latest;			/* system time that was returned last */
static int64_t wall_step;		/* what clock_wall_set() added to Xen's wall clock */

/*
 * Xen's time may be a little earlier on one physical processor than on another (their
 * records are made at different times, from counters that differ). So the last time that
 * was returned is a lower bound, also if an upcall interrupts this function.
 */
static uint64_t system_time(void)
{
	uint64_t now = arch_clock(), last = __atomic_load_n(&latest, __ATOMIC_RELAXED);

	do
		if (now <= last)
			return last;
	while (!__atomic_compare_exchange_n(&latest, &last, now, true, __ATOMIC_RELAXED,
					    __ATOMIC_RELAXED));
	return now;
}

void clock_attach(void)
{
	uint64_t now = latest - boot_time;

	latest = 0;
	boot_time = system_time() - now;
}

uint64_t clock_now(void)
{
	return system_time() - boot_time;
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

uint64_t clock_wall(void)
{
	return wall_base() + system_time() + wall_step;
}

void clock_wall_set(uint64_t ns)
{
	wall_step += ns - clock_wall();
}

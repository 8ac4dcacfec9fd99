/* SPDX-License-Identifier: ISC */
#include "kernel/arch.h"
#include "kernel/clock.h"

static uint64_t boot_time;		/* Xen system time at boot */
static int64_t wall_step;		/* what clock_wall_set() added to Xen's wall clock */

/*
 * Xen's time as one physical processor tells it may be a little behind what another told
 * (their records are made at different times, from counters that differ).  So what was told
 * last is the least that is told, also where an upcall comes between reading and telling.
 */
static uint64_t system_time(void)
{
	static uint64_t latest;
	uint64_t now = arch_clock(), last = __atomic_load_n(&latest, __ATOMIC_RELAXED);

	do
		if (now <= last)
			return last;
	while (!__atomic_compare_exchange_n(&latest, &last, now, true, __ATOMIC_RELAXED,
					    __ATOMIC_RELAXED));
	return now;
}

void clock_init(void)
{
	boot_time = system_time();
}

uint64_t clock_now(void)
{
	return system_time() - boot_time;
}

uint64_t clock_to_xen(uint64_t when)
{
	return when + boot_time;
}

/* Wall time when system time was 0; Xen moves it when somebody sets the host's clock. */
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

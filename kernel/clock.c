/* SPDX-License-Identifier: ISC */
#include "kernel/arch.h"
#include "kernel/clock.h"

static uint64_t boot_time;		/* Xen system time at boot */
static int64_t wall_step;		/* what clock_wall_set() added to Xen's wall clock */

void clock_init(void)
{
	boot_time = arch_clock();
}

uint64_t clock_now(void)
{
	return arch_clock() - boot_time;
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
	return wall_base() + arch_clock() + wall_step;
}

void clock_wall_set(uint64_t ns)
{
	wall_step += ns - clock_wall();
}

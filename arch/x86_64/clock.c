/* SPDX-License-Identifier: ISC */
/* Xen's paravirtual clock: xen/xen.h, struct vcpu_time_info. */
#include "kernel/arch.h"

static uint64_t rdtsc(void)
{
	uint32_t low, high;

	/* Not before the version has been read. */
	__asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
}

uint64_t arch_clock(void)
{
	const volatile struct vcpu_time_info *t = &arch_shared_info.vcpu_info[0].time;
	uint32_t version;
	uint64_t delta, time;

	do {
		version = t->version;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		delta = rdtsc() - t->tsc_timestamp;
		if (t->tsc_shift >= 0)
			delta <<= t->tsc_shift;
		else
			delta >>= -t->tsc_shift;
		time = t->system_time +
		       (uint64_t)((unsigned __int128)delta * t->tsc_to_system_mul >> 32);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while ((version & 1) || version != t->version);
	return time;
}

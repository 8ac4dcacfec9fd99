/* SPDX-License-Identifier: ISC */
/* Xen's paravirtual clock: xen/xen.h, struct vcpu_time_info. */
#include "kernel/arch.h"

uint64_t arch_cycles(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

uint64_t arch_cycles_ns(uint64_t cycles)
{
	const volatile struct vcpu_time_info *t = &arch_shared_info.vcpu_info[0].time;

	if (t->tsc_shift >= 0)
		cycles <<= t->tsc_shift;
	else
		cycles >>= -t->tsc_shift;
	return (unsigned __int128)cycles * t->tsc_to_system_mul >> 32;
}

uint64_t arch_clock(void)
{
	const volatile struct vcpu_time_info *t = &arch_shared_info.vcpu_info[0].time;
	uint32_t version;
	uint64_t time;

	do {
		version = t->version;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		/* The counter is not read before the version (a processor might do so). */
		__asm__ volatile("lfence" : : : "memory");
		time = t->system_time + arch_cycles_ns(arch_cycles() - t->tsc_timestamp);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while ((version & 1) || version != t->version);
	return time;
}

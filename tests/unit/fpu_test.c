/* SPDX-License-Identifier: ISC */
/*
 * arch/x86_64/cpu.c: the state of the FPU of an interrupted thread, on this machine's
 * processor (the emulated one of the lab hides such errors).
 */
#define regs x86_regs
#define arch_cycles_trap x86_cycles_trap
#define arch_random x86_random
#define cpu_init x86_cpu_init
#include "arch/x86_64/cpu.c"
#undef regs
#undef arch_cycles_trap
#undef arch_random

#include "tests/host/host.h"

#include <assert.h>
#include <cpuid.h>
#include <string.h>

const struct platform *platform;	/* nothing that is called here uses it */

void string_init(bool fast_bytes)
{
	(void)fast_bytes;
}

struct environment {			/* as fnstenv stores it: SDM 8.1.10 */
	uint32_t control, status, tags, ip, cs, dp, ds;
};

static _Alignas(64) char area[16384];

static struct environment environment(void)
{
	struct environment e;

	__asm__ volatile("fnstenv %0; fldenv %0" : "+m"(e));
	return e;
}

static uint32_t get_mxcsr(void)
{
	uint32_t value;

	__asm__ volatile("stmxcsr %0" : "=m"(value));
	return value;
}

/* Each way that this machine has: FXSAVE, XSAVE of x87 and SSE, and of AVX. */
static bool choose_way(unsigned way)
{
	uint32_t a, b, c, d, have;

	xcr0 = 0;
	if (way == 0)
		return true;
	__cpuid(1, a, b, c, d);
	if (!(c >> 27 & 1))
		return false;
	__asm__ volatile("xgetbv" : "=a"(have), "=d"(d) : "c"(0));
	xcr0 = way == 1 ? XCR0_X87_SSE : have & (XCR0_X87_SSE | XCR0_AVX | XCR0_AVX512);
	return true;
}

/* The x87 stack is full, rounding is changed, an exception is pending: of a thread. */
static void fill(uint16_t control, uint32_t mxcsr)
{
	static const double zero;

	__asm__ volatile("fninit; fldcw %0; ldmxcsr %1" : : "m"(control), "m"(mxcsr));
	if (control & 4)
		__asm__ volatile("fldpi");
	else			/* a division by zero, not masked: seen by the next instruction */
		__asm__ volatile("fldz; fldz; fldz; fldz; fldz; fldz; fldz; fld1; fdivl %0"
				 : : "m"(zero));
	if (!(control & 4))
		return;
	__asm__ volatile("fld1; fldl2t; fldl2e; fldpi; fldlg2; fldln2; fldz");
}

/*
 * A thread that was not interrupted runs next: its FPU stack is empty, as after a call.
 */
static void who_runs_next_finds_an_empty_fpu(void)
{
	for (unsigned way = 0; way < 3; way++)
		for (unsigned pending = 0; pending < 2; pending++) {
			struct environment e;
			long double sum;

			if (!choose_way(way))
				continue;
			memset(area, 0x5a, sizeof(area));
			fill(pending ? 0x37b : 0xb7f, 0x5f80);
			fpu_save(area);
			e = environment();
			assert((e.tags & 0xffff) == 0xffff && !(e.status & 0xbfff));
			assert((e.control & 0xffff) == 0x37f && get_mxcsr() == 0x1f80);
			__asm__ volatile("fld1; fld1; fld1; fld1; fld1; fld1; fld1; fld1\n\t"
					 "faddp; faddp; faddp; faddp; faddp; faddp; faddp"
					 : "=t"(sum));
			assert(sum == 8);
			__asm__ volatile("fninit");
		}
}

/* And the interrupted thread continues with its whole state. */
static void who_was_interrupted_goes_on(void)
{
	for (unsigned way = 0; way < 3; way++) {
		struct environment before, after;
		double values[8];

		if (!choose_way(way))
			continue;
		memset(area, 0x5a, sizeof(area));
		fill(0xb7f, 0x5f80);
		before = environment();
		fpu_save(area);
		__asm__ volatile("fld1; fld1; fmulp; fstp %st(0)");
		fpu_restore(area);
		after = environment();
		assert(before.control == after.control && before.tags == after.tags);
		assert(before.status == after.status && get_mxcsr() == 0x5f80);
		for (int i = 0; i < 8; i++)
			__asm__ volatile("fstpl %0" : "=m"(values[i]));
		assert(values[0] == 0 && values[6] == 1 && values[7] > 3.14);
		__asm__ volatile("fninit");
	}
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "the thread after an interrupted one finds an empty FPU",
		  who_runs_next_finds_an_empty_fpu, 1 },
		{ "an interrupted thread continues with its FPU", who_was_interrupted_goes_on, 1 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}

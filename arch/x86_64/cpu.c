/* SPDX-License-Identifier: ISC */
/* The CPU's features as Xen shows them, its random numbers, its FPU. */
#include "arch/x86_64/platform.h"
#include "arch/x86_64/x86_64.h"
#include "kernel/arch.h"

#define CPUID_1_ECX_XSAVE (1u << 26)
#define CPUID_1_ECX_RDRAND (1u << 30)
#define CPUID_7_EBX_ERMS (1u << 9)	/* fast rep movsb, rep stosb */
#define CR4_FSGSBASE (1ul << 16)
#define CR4_OSXSAVE (1ul << 18)
#define XEN_CPUID_3_EAX_VTSC 1u		/* Xen emulates rdtsc: arch-x86/cpuid.h */
#define XCR0_X87_SSE 3u
#define XCR0_AVX 4u
#define XCR0_AVX512 (7u << 5)
#define FXSAVE_SIZE 512
#define BASIC_XSAVE_SIZE 576		/* x87 and SSE, and a header */

static size_t area_size = FXSAVE_SIZE;
static uint32_t xcr0;			/* 0: there is only FXSAVE */
static bool have_wrfsbase, have_rdrand;
bool arch_cycles_trap;

bool arch_random(uint64_t *bits)
{
	bool ok;

	for (int i = 0; have_rdrand && i < 10; i++) {
		__asm__ volatile("rdrand %0" : "=r"(*bits), "=@ccc"(ok));
		/*
		 * Broken CPUs report success with all ones (AMD's before Zen 2, fixed by
		 * microcode).
		 */
		if (ok && *bits != UINT64_MAX)
			return true;
	}
	*bits = arch_cycles();
	return false;
}

static void set_xcr0(uint32_t value)
{
	__asm__ volatile("xsetbv" : : "c"(0), "a"(value), "d"(0));
}

/*
 * AVX and later state must be enabled in CR4.OSXSAVE and XCR0. Before 8.2, QEMU's SVM
 * does not tell Xen of XCR0 ("target/i386: check intercept for XSETBV"), so Xen resets it
 * at its next switch.  The size that CPUID reports tells whether Xen knows of AVX.
 */
static void fpu_init(void)
{
	uint32_t r[4], want;
	uint64_t cr4;

	platform->cpuid(1, 0, r);
	if (!(r[2] & CPUID_1_ECX_XSAVE))
		return;
	platform->cpuid(0xd, 0, r);
	want = r[0] & (XCR0_X87_SSE | XCR0_AVX | XCR0_AVX512);
	__asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
	__asm__ volatile("mov %0, %%cr4" : : "r"(cr4 | CR4_OSXSAVE));
	set_xcr0(want);
	platform->cpuid(0xd, 0, r);	/* ebx: the size of the enabled state */
	area_size = r[1];
	if (area_size <= BASIC_XSAVE_SIZE) {
		want &= XCR0_X87_SSE;
		set_xcr0(want);
	}
	xcr0 = want;
}

/* CPUID shows what the CPU has; only CR4 shows whether it is enabled. */
static void detect_wrfsbase(void)
{
	uint64_t cr4;

	__asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
	have_wrfsbase = cr4 & CR4_FSGSBASE;
}

void set_fs_base(uintptr_t base)
{
	if (have_wrfsbase)
		__asm__ volatile("wrfsbase %0" : : "r"(base));
	else
		platform->set_fs_base(base);
}

void cpu_init(void)
{
	uint32_t r[4];

	detect_wrfsbase();
	fpu_init();
	platform->cpuid(1, 0, r);
	have_rdrand = r[2] & CPUID_1_ECX_RDRAND;
	platform->cpuid(0x40000003, 0, r);
	arch_cycles_trap = r[0] & XEN_CPUID_3_EAX_VTSC;
	platform->cpuid(0, 0, r);
	if (r[0] < 7)
		return;
	platform->cpuid(7, 0, r);
	string_init(r[1] & CPUID_7_EBX_ERMS);
}

size_t fpu_size(void)
{
	return area_size;
}

/*
 * Xen switches the FPU lazily: CR0.TS makes the next FPU instruction fault, and then Xen
 * loads the guest's state.  XSAVE and XRSTOR fault, too (SDM 13.7, 13.8), but not in
 * QEMU's TCG up to at least 7.2: it would save another domain's state, or Xen would
 * overwrite the restored one.  An instruction before them that faults everywhere costs
 * little elsewhere.  FXSAVE and FXRSTOR fault in QEMU.
 */
#define FPU_LOADED "movaps %%xmm0, %%xmm0\n\t"

static void save(void *area)
{
	uint64_t *header = (uint64_t *)((char *)area + FXSAVE_SIZE);

	if (!xcr0) {
		__asm__ volatile("fxsave64 (%0)" : : "r"(area) : "memory");
		return;
	}
	/* XSAVE does not write most of its header, and XRSTOR needs zeroes there. */
	for (int i = 0; i < 8; i++)
		header[i] = 0;
	__asm__ volatile(FPU_LOADED "xsave64 (%0)"
			 : : "r"(area), "a"(xcr0), "d"(0) : "memory");
}

/*
 * Saving keeps the registers, but the threads that run next are in a function call: they
 * expect an empty x87 stack, the ABI's control words, and no pending exception.
 */
void fpu_save(void *area)
{
	static const uint32_t mxcsr = 0x1f80;

	save(area);
	__asm__ volatile("fninit; ldmxcsr %0" : : "m"(mxcsr));
}

void fpu_restore(const void *area)
{
	if (xcr0)
		__asm__ volatile(FPU_LOADED "xrstor64 (%0)"
				 : : "r"(area), "a"(xcr0), "d"(0) : "memory");
	else
		__asm__ volatile("fxrstor64 (%0)" : : "r"(area) : "memory");
}

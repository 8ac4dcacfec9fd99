/* SPDX-License-Identifier: ISC */
/*
 * Instructions that Xen emulates for a PV guest, of which the process cannot execute any; and the
 * repetition of a fault for a core dump.
 */
#include "monitor/monitor.h"

#include <signal.h>
#include <sys/syscall.h>

#define CR4_FSGSBASE (1ul << 16)
#define CR4_OSXSAVE (1ul << 18)
#define XSTATE 0xe7u /* x87, SSE, AVX, AVX-512 */
#define CPUID_1_ECX_XSAVE (1u << 26)
#define CPUID_1_ECX_OSXSAVE (1u << 27)

static void cpuid(uint32_t leaf, uint32_t sub, uint32_t r[4])
{
	__asm__ volatile("cpuid"
			 : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3])
			 : "a"(leaf), "c"(sub));
}

/* The size of the state that the guest uses: the kernel may have enabled more (AMX). */
static uint32_t xsave_size(void)
{
	uint32_t size = 576, r[4];

	for (unsigned i = 2; i < 32; i++) {
		if (!(XSTATE >> i & 1))
			continue;
		cpuid(0xd, i, r);
		if (r[0] && r[0] + r[1] > size)
			size = r[0] + r[1];
	}
	return size;
}

static void guest_cpuid(uint32_t leaf, uint32_t sub, uint32_t r[4])
{
	r[0] = r[1] = r[2] = r[3] = 0;
	if (leaf >> 8 == 0x400000) /* not of the hypervisor below Linux */
		return;
	cpuid(leaf, sub, r);
	if (leaf == 1 && !(r[2] & CPUID_1_ECX_OSXSAVE))
		r[2] &= ~CPUID_1_ECX_XSAVE;
	if (leaf == 0xd && sub == 0) {
		uint32_t low, high;

		__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
		r[0] &= low & XSTATE;
		r[1] = r[2] = xsave_size();
		r[3] = 0;
	}
}

static bool starts(const uint8_t *p, const char *bytes, unsigned n)
{
	for (unsigned i = 0; p && i < n; i++)
		if (p[i] != (uint8_t)bytes[i])
			return false;
	return p;
}

/* Whether programs may use wrfsbase: bit 1 of AT_HWCAP2, which the guest asks for as CR4. */
extern bool monitor_fsgsbase;
bool monitor_fsgsbase;

/* mov %cr4, REG or mov REG, %cr4, and xsetbv: arch/x86_64/cpu.c. */
static bool emulate_privileged(const uint8_t *p, greg_t *r)
{
	static const uint8_t order[] = { REG_RAX, REG_RCX, REG_RDX, REG_RBX,
					 REG_RSP, REG_RBP, REG_RSI, REG_RDI };

	if (starts(p, "\x0f\x01\xd1", 3)) {
		r[REG_RIP] += 3;
		return true;
	}
	if (!p || p[0] != 0x0f || (p[1] != 0x20 && p[1] != 0x22) || (p[2] & 0xf8) != 0xe0)
		return false;
	if (p[1] == 0x20)
		r[order[p[2] & 7]] = CR4_OSXSAVE | (monitor_fsgsbase ? CR4_FSGSBASE : 0);
	r[REG_RIP] += 3;
	return true;
}

bool monitor_emulate(uint8_t *ram, greg_t *r)
{
	const uint8_t *p = monitor_instruction(ram, r[REG_RIP], 7);
	uint32_t v[4];

	if (!starts(p, "\x0f\x0bxen\x0f\xa2", 7))
		return emulate_privileged(p, r);
	guest_cpuid(r[REG_RAX], r[REG_RCX], v);
	r[REG_RAX] = v[0];
	r[REG_RBX] = v[1];
	r[REG_RCX] = v[2];
	r[REG_RDX] = v[3];
	r[REG_RIP] += 7;
	return true;
}

/* ---- core dumps */

void monitor_keep(struct monitor_fault *f, const ucontext_t *u, int sig)
{
	f->sig = sig;
	for (int i = 0; i < 23; i++)
		f->gregs[i] = u->uc_mcontext.gregs[i];
}

static const struct monitor_fault *repeated;

/* The registers become those of the fault, whose instruction is executed again. */
static void load(int sig, siginfo_t *info, void *context)
{
	ucontext_t *u = context;

	(void)sig, (void)info;
	for (int i = REG_R8; i <= REG_EFL; i++)
		u->uc_mcontext.gregs[i] = repeated->gregs[i];
}

void monitor_dump_core(const struct monitor_fault *f)
{
	struct {
		void *handler;
		unsigned long flags;
		void *restorer;
		uint64_t mask;
	} a = { load, SA_SIGINFO | SA_ONSTACK | 0x04000000, monitor_restorer, ~0ull };

	if (!f->sig) {
		monitor_default(SIGABRT);
		monitor_syscall(SYS_tgkill, monitor_pid, monitor_pid, SIGABRT, 0, 0, 0);
		return;
	}
	repeated = f;
	monitor_default(f->sig);
	monitor_syscall(SYS_rt_sigaction, SIGUSR1, (long)&a, 0, 8, 0, 0);
	monitor_syscall(SYS_tgkill, monitor_pid, monitor_pid, SIGUSR1, 0, 0, 0);
}

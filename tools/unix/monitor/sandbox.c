/* SPDX-License-Identifier: ISC */
/*
 * The sandbox of the guest's process (docs/security.md has the list for users): a seccomp filter
 * that lets it make the monitor's system calls, with the arguments that the monitor uses.  Any
 * other one kills the process.  The list cannot be changed any more.
 */
#include "monitor/monitor.h"

#include <asm/prctl.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>

/* A check of an argument: its low half, masked, is a value; its high half is 0. */
struct check {
	uint8_t argument;
	uint32_t mask, value;
};

#define ALL 0xffffffffu
#define CHECKS 4

static struct {
	uint32_t nr;
	unsigned n;
	struct check checks[CHECKS];
} rules[] = {
	{ SYS_futex, 1, { { 1, ALL, FUTEX_WAIT } } },
	{ SYS_clock_gettime, 1, { { 0, ~1u, 0 } } },	/* CLOCK_REALTIME, CLOCK_MONOTONIC */
	{ SYS_timer_settime, 2, { { 0, ALL, 0 }, { 1, ALL, 0 } } },	/* its own: set below */
	{ SYS_write, 2, { { 0, ALL, 0 }, { 2, ALL, 8 } } },		/* the eventfd */
	{ SYS_write, 1, { { 0, ALL, 2 } } },			/* messages of the monitor before the end */
	/* Memory of the guest, and never executable. */
	{ SYS_mmap, 3, { { 2, ~(PROT_READ | PROT_WRITE), 0 },
			 { 3, ~MAP_POPULATE, MAP_SHARED | MAP_FIXED },
			 { 4, ALL, 0 } } },	/* the memfd: set below */
	{ SYS_munmap, 0, { { 0 } } },
	{ SYS_arch_prctl, 1, { { 0, ALL, ARCH_SET_FS } } },
	{ SYS_rt_sigreturn, 0, { { 0 } } },
	{ SYS_rt_sigaction, 0, { { 0 } } },
	{ SYS_tgkill, 2, { { 0, ALL, 0 }, { 1, ALL, 0 } } },	/* the process itself: set below */
	{ SYS_exit_group, 0, { { 0 } } },
	/* The kernel's own, to continue a call after a stop. */
	{ SYS_restart_syscall, 0, { { 0 } } },
};

#define NRULES (sizeof(rules) / sizeof(rules[0]))
#define LOW(i) (offsetof(struct seccomp_data, args) + 8 * (i))

static struct sock_filter program[256];
static unsigned length;

static void add(uint16_t code, uint32_t k, uint8_t yes, uint8_t no)
{
	program[length].code = code;
	program[length].k = k;
	program[length].jt = yes;
	program[length++].jf = no;
}

static void load(uint32_t offset)
{
	add(BPF_LD | BPF_W | BPF_ABS, offset, 0, 0);
}

/* An argument is 4 instructions; a rule ends with "allow" and continues with the next rule. */
#define PER_CHECK 5u

static void add_rule(unsigned i)
{
	unsigned n = rules[i].n;

	load(offsetof(struct seccomp_data, nr));
	add(BPF_JMP | BPF_JEQ | BPF_K, rules[i].nr, 0, n * PER_CHECK + 1);
	for (unsigned k = 0; k < n; k++) {
		const struct check *c = &rules[i].checks[k];
		unsigned behind = (n - k - 1) * PER_CHECK + 1;

		load(LOW(c->argument) + 4);
		add(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, behind + 3);
		load(LOW(c->argument));
		add(BPF_ALU | BPF_AND | BPF_K, c->mask, 0, 0);
		add(BPF_JMP | BPF_JEQ | BPF_K, c->value, 0, behind);
	}
	add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
}

static void set(uint32_t nr, unsigned check, uint32_t value)
{
	for (unsigned i = 0; i < NRULES; i++)
		if (rules[i].nr == nr && rules[i].n > check) {
			rules[i].checks[check].value = value;
			return;
		}
}

int sandbox_enter(const struct domain *d, int timer)
{
	struct sock_fprog filter = { .filter = program };
	long rc;

	set(SYS_timer_settime, 0, timer);
	set(SYS_write, 0, d->wakeup);
	set(SYS_mmap, 2, d->memory);
	set(SYS_tgkill, 0, monitor_pid);
	set(SYS_tgkill, 1, monitor_pid);
	load(offsetof(struct seccomp_data, arch));
	add(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
	add(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS, 0, 0);
	for (unsigned i = 0; i < NRULES; i++)
		add_rule(i);
	add(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS, 0, 0);
	filter.len = length;
	rc = monitor_syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0);
	if (!rc)
		rc = monitor_syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, (long)&filter, 0, 0, 0);
	return rc;
}

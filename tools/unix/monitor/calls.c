/* SPDX-License-Identifier: ISC */
/*
 * Over 500 lines: one table of calls, and the signals, which share its state.
 *
 * The monitor: hypercalls, events and faults of a guest in its own process.
 *
 * %fs is the guest's, so nothing here may use thread-local storage, the C library (which uses it,
 * and is not mapped any more), or the FPU.  The code is entered from the guest by the hypercall
 * page (enter.S), on a stack of its own, and by signals, on another one.  It trusts the guest,
 * which could change its memory: what protects the host is the sandbox (sandbox.c).
 */
#include "guest.h"
#include "monitor/monitor.h"

#include <asm/prctl.h>
#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <xen/callback.h>
#include <xen/event_channel.h>
#include <xen/sched.h>
#include <xen/vcpu.h>
#include <xen/version.h>

#define EVENT_SIGNAL SIGUSR1
#define FLAG_TRAP 0x100u
#define FLAG_IF 0x200u
#define FLAG_DF 0x400u
#define FLAGS_CLEAR (FLAG_TRAP | FLAG_DF | 0x54000u) /* NT, RF, AC */
#define USER_CS 0x33
#define USER_SS 0x2b

struct shared_info *monitor_shared;
uint32_t *monitor_nmi;
uint32_t monitor_pid;

static struct domain *d;
static struct link *link_;
static uint8_t *ram;
static uint64_t entries[32], upcall_entry, nmi_entry;
static uint32_t no_nmi; /* instead of link_->nmi while the guest has no entry for it */
static struct monitor_fault fault;

static char signal_stack[65536] __attribute__((aligned(4096)));
static char fault_stack[65536]
	__attribute__((aligned(4096))); /* the guest's, for double faults */

long monitor_syscall(long nr, long a, long b, long c, long e, long f, long g)
{
	register long r10 __asm__("r10") = e, r8 __asm__("r8") = f, r9 __asm__("r9") = g;
	long rc;

	__asm__ volatile("syscall"
			 : "=a"(rc)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return rc;
}

#define SYS3(nr, a, b, c) monitor_syscall(nr, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define SYS6(nr, a, b, c, e, f, g)                                                 \
	monitor_syscall(nr, (long)(a), (long)(b), (long)(c), (long)(e), (long)(f), \
			(long)(g))

void monitor_say(const char *text)
{
	size_t n = 0;

	while (text[n])
		n++;
	SYS3(SYS_write, 2, text, n);
}

_Noreturn void monitor_exit(int status)
{
	for (;;)
		SYS3(SYS_exit_group, status, 0, 0);
}

/* ---- the CPU */

static bool events_due(void)
{
	return __atomic_load_n(&monitor_shared->vcpu_info[0].evtchn_upcall_pending,
			       __ATOMIC_SEQ_CST) ||
	       __atomic_load_n(monitor_nmi, __ATOMIC_SEQ_CST);
}

/*
 * Upcalls stay masked, and nothing is delivered at the end: pv_block() of the guest returns in
 * both ways.
 */
static long block(void)
{
	monitor_sync_clock(false);
	for (;;) {
		struct timespec t, *limit = NULL;
		uint64_t left;

		monitor_check_timer(false);
		if (events_due())
			break;
		left = monitor_time_left();
		if (left) {
			t.tv_sec = left / NSEC;
			t.tv_nsec = left % NSEC;
			limit = &t;
		}
		__atomic_store_n(&link_->sleeping, 1, __ATOMIC_SEQ_CST);
		if (!events_due())
			SYS6(SYS_futex, &link_->sleeping, FUTEX_WAIT, 1, limit, 0, 0);
		__atomic_store_n(&link_->sleeping, 0, __ATOMIC_SEQ_CST);
	}
	monitor_shared->vcpu_info[0].evtchn_upcall_mask = 1;
	return 0;
}

static void wake_tender(void)
{
	uint64_t one = 1;

	if (__atomic_exchange_n(&link_->tender_sleeps, 0, __ATOMIC_SEQ_CST))
		SYS3(SYS_write, d->wakeup, &one, sizeof(one));
}

/*
 * The end.  After a fault that the guest reported, the process faults again where the guest did,
 * for a core dump, if the limits of the process allow one.
 */
static _Noreturn void end(uint32_t reason)
{
	uint64_t one = 1;

	link_->reason = reason;
	SYS3(SYS_write, d->wakeup, &one, sizeof(one));
	if (reason == SHUTDOWN_crash)
		monitor_dump_core(&fault);
	monitor_exit(0);
}

static long sched_op(unsigned cmd, void *arg)
{
	struct sched_watchdog *w = arg;
	uint32_t id;

	switch (cmd) {
	case SCHEDOP_yield:
		return 0;
	case SCHEDOP_block:
		return block();
	case SCHEDOP_shutdown:
		end(((struct sched_shutdown *)arg)->reason);
	case SCHEDOP_watchdog:
		id = w->id;
		if (id > 2 || (!id && !w->timeout))
			return -EINVAL;
		if (!id)
			for (id = 1; id <= 2 && link_->watchdog[id - 1]; id++)
				;
		if (id > 2)
			return -EEXIST;
		__atomic_store_n(&link_->watchdog[id - 1],
				 w->timeout ? monitor_monotonic() + w->timeout * NSEC : 0,
				 __ATOMIC_SEQ_CST);
		wake_tender();
		return w->id ? 0 : (long)id;
	default:
		return -ENOSYS;
	}
}

/* ---- events */

static int free_port(void)
{
	for (unsigned i = FIRST_PORT; i < PORTS; i++)
		if (link_->ports[i] == PORT_FREE)
			return i;
	return -ENOSPC;
}

static long send_event(unsigned port)
{
	if (port >= PORTS || link_->ports[port] == PORT_FREE)
		return -EINVAL;
	if (__atomic_load_n(&link_->ports[port], __ATOMIC_SEQ_CST) != PORT_TENDER)
		return 0;
	__atomic_fetch_or(&link_->sent[port / 64], 1ull << port % 64, __ATOMIC_SEQ_CST);
	wake_tender();
	return 0;
}

/* There is no other domain than 0, the tender, and it offers no ports. */
static long event_op(unsigned cmd, void *arg)
{
	struct evtchn_alloc_unbound *a = arg;
	struct evtchn_bind_virq *v = arg;
	struct evtchn_close *c = arg;
	int port;

	switch (cmd) {
	case EVTCHNOP_alloc_unbound:
		if (a->dom != DOMID_SELF)
			return -EPERM;
		port = free_port();
		if (port < 0)
			return port;
		__atomic_store_n(&link_->ports[port], PORT_UNBOUND, __ATOMIC_SEQ_CST);
		a->port = port;
		return 0;
	case EVTCHNOP_bind_virq:
		if (v->virq != VIRQ_TIMER)
			return -EINVAL;
		if (monitor_timer_port)
			return -EEXIST;
		port = free_port();
		if (port < 0)
			return port;
		link_->ports[port] = PORT_TIMER;
		v->port = monitor_timer_port = port;
		return 0;
	case EVTCHNOP_send:
		return send_event(((struct evtchn_send *)arg)->port);
	case EVTCHNOP_close:
		if (c->port >= PORTS || link_->ports[c->port] == PORT_FREE)
			return -EINVAL;
		if (c->port == monitor_timer_port)
			monitor_timer_port = 0;
		if (link_->ports[c->port] == PORT_TENDER)
			send_event(c->port);
		__atomic_store_n(&link_->ports[c->port], PORT_FREE, __ATOMIC_SEQ_CST);
		return 0;
	case EVTCHNOP_bind_interdomain:
		return -EINVAL;
	default:
		return -ENOSYS;
	}
}

/* ---- grants */

static long grant_op(unsigned cmd, void *arg, unsigned n)
{
	struct gnttab_query_size *q = arg;
	struct gnttab_setup_table *s = arg;
	struct gnttab_map_grant_ref *m = arg;
	struct gnttab_unmap_grant_ref *u = arg;

	switch (cmd) {
	case GNTTABOP_query_size:
		q->nr_frames = link_->grant_frames;
		q->max_nr_frames = GRANT_FRAMES;
		q->status = GNTST_okay;
		return 0;
	case GNTTABOP_setup_table:
		s->status =
			s->nr_frames <= GRANT_FRAMES ? GNTST_okay : GNTST_general_error;
		if (s->status != GNTST_okay)
			return 0;
		for (unsigned i = 0; i < s->nr_frames; i++)
			s->frame_list.p[i] = d->grant_frame + i;
		if (s->nr_frames > link_->grant_frames)
			__atomic_store_n(&link_->grant_frames, s->nr_frames,
					 __ATOMIC_SEQ_CST);
		return 0;
	case GNTTABOP_map_grant_ref:
		for (unsigned i = 0; i < n; i++)
			m[i].status = GNTST_bad_domain;
		return 0;
	case GNTTABOP_unmap_grant_ref:
		for (unsigned i = 0; i < n; i++)
			u[i].status = GNTST_bad_handle;
		return 0;
	default:
		return -ENOSYS;
	}
}

/* ---- the rest of the hypercalls */

/* Fixed sizes, so that no call of memcpy() is made of it. */
static void copy(void *to, const void *from, size_t n)
{
	volatile char *t = to;
	const char *f = from;

	while (n--)
		*t++ = *f++;
}

static long version_op(unsigned cmd, void *arg)
{
	static const char extra[16] = ".process";

	switch (cmd) {
	case XENVER_version:
		return 4 << 16 | 17;
	case XENVER_extraversion:
		copy(arg, extra, sizeof(extra));
		return 0;
	case XENVER_guest_handle:
		copy(arg, d->uuid, sizeof(d->uuid));
		return 0;
	default:
		return -ENOSYS;
	}
}

static long set_traps(const struct trap_info *t)
{
	for (; t->address; t++)
		if (t->vector < 32)
			entries[t->vector] = t->address;
	return 0;
}

static long callback_op(unsigned cmd, const struct callback_register *r)
{
	if (cmd != CALLBACKOP_register || r->type != CALLBACKTYPE_nmi)
		return -ENOSYS;
	nmi_entry = r->address;
	monitor_nmi = nmi_entry ? &link_->nmi : &no_nmi;
	return 0;
}

long monitor_hypercall(uint64_t a, uint64_t b, uint64_t c, uint64_t e, uint64_t f,
		       unsigned nr)
{
	(void)f;
	switch (nr) {
	case __HYPERVISOR_mmu_update:
		return monitor_update(ram, (const struct mmu_update *)a, b, e);
	case __HYPERVISOR_update_va_mapping:
		return monitor_remap(ram, a, b);
	case __HYPERVISOR_mmuext_op:
		return ((struct mmuext_op *)a)->cmd == MMUEXT_TLB_FLUSH_LOCAL ? 0 :
										-ENOSYS;
	case __HYPERVISOR_set_trap_table:
		return set_traps((const struct trap_info *)a);
	case __HYPERVISOR_set_callbacks:
		upcall_entry = a;
		return 0;
	case __HYPERVISOR_callback_op:
		return callback_op(a, (const struct callback_register *)b);
	case __HYPERVISOR_set_segment_base:
		return a == SEGBASE_FS ? SYS3(SYS_arch_prctl, ARCH_SET_FS, b, 0) :
					 -ENOSYS;
	case __HYPERVISOR_sched_op:
		return sched_op(a, (void *)b);
	case __HYPERVISOR_event_channel_op:
		return event_op(a, (void *)b);
	case __HYPERVISOR_set_timer_op:
		return monitor_set_timer(a);
	case __HYPERVISOR_grant_table_op:
		return grant_op(a, (void *)b, c);
	case __HYPERVISOR_xen_version:
		return version_op(a, (void *)b);
	default:
		return -ENOSYS;
	}
}

/* ---- signals */

static bool within(uint64_t at, const char *from, const char *to)
{
	return at >= (uint64_t)from && at < (uint64_t)to;
}

/* Whether the guest's stack is in use, and the code may be interrupted. */
static bool in_guest(uint64_t rip)
{
	if (within(rip, tail, tail_end) || within(rip, iret_open, iret_end))
		return true;
	return !within(rip, d->self_start, d->self_end);
}

/*
 * Lets the guest continue at an entry of its own, with Xen's frame on the stack: ss, rsp, rflags,
 * cs, rip, [error code], r11, rcx.
 */
static void bounce(greg_t *r, uint64_t entry, bool has_code)
{
	struct vcpu_info *v = &monitor_shared->vcpu_info[0];
	uint64_t *sp = (uint64_t *)(r[REG_RSP] & ~15ul);

	if (!monitor_writable(ram, (uint64_t)(sp - 8)) ||
	    !monitor_writable(ram, (uint64_t)(sp - 1))) {
		sp = (uint64_t *)(fault_stack + sizeof(fault_stack));
		entry = entries[8];
		has_code = true;
		r[REG_ERR] = 0;
	}
	*--sp = USER_SS;
	*--sp = r[REG_RSP];
	*--sp = (r[REG_EFL] & ~(uint64_t)FLAG_IF) | (v->evtchn_upcall_mask ? 0 : FLAG_IF);
	*--sp = USER_CS;
	*--sp = r[REG_RIP];
	if (has_code)
		*--sp = r[REG_ERR];
	*--sp = r[REG_R11];
	*--sp = r[REG_RCX];
	v->evtchn_upcall_mask = 1;
	r[REG_RSP] = (uint64_t)sp;
	r[REG_RIP] = entry;
	r[REG_EFL] &= ~(uint64_t)FLAGS_CLEAR;
}

static void deliver(greg_t *r)
{
	struct vcpu_info *v = &monitor_shared->vcpu_info[0];

	if (!in_guest(r[REG_RIP]))
		return;
	if (__atomic_exchange_n(monitor_nmi, 0, __ATOMIC_SEQ_CST))
		bounce(r, nmi_entry, false);
	else if (v->evtchn_upcall_pending && !v->evtchn_upcall_mask && upcall_entry)
		bounce(r, upcall_entry, false);
}

static void on_event(int sig, siginfo_t *info, void *context)
{
	ucontext_t *u = context;

	(void)info;
	if (sig == EVENT_SIGNAL)
		__atomic_store_n(&link_->signalled, 0, __ATOMIC_SEQ_CST);
	else
		monitor_timer_fired();
	if (in_guest(u->uc_mcontext.gregs[REG_RIP]))
		monitor_sync_clock(false);
	monitor_check_timer(true);
	deliver(u->uc_mcontext.gregs);
}

#define INVALID_OPCODE 6
#define PROTECTION 13
#define PAGE_FAULT 14

/* The vectors whose frame has an error code (SDM 3, table 6-1). */
#define WITH_CODE                                                                    \
	(1u << 8 | 1u << 10 | 1u << 11 | 1u << 12 | 1u << 13 | 1u << 14 | 1u << 17 | \
	 1u << 21)

static void on_fault(int sig, siginfo_t *info, void *context)
{
	ucontext_t *u = context;
	greg_t *r = u->uc_mcontext.gregs;
	unsigned vector = r[REG_TRAPNO];

	if (info->si_code <= 0) /* sent by a process */
		return;
	if ((vector == INVALID_OPCODE || vector == PROTECTION) && monitor_emulate(ram, r))
		return;
	if (vector == PAGE_FAULT && monitor_dirty(ram, r[REG_CR2], r[REG_ERR]))
		return;
	if (!in_guest(r[REG_RIP]) || vector >= 32 || !entries[vector]) {
		monitor_say("xenolith: fault in the monitor of the process\n");
		monitor_default(sig);
		return;
	}
	monitor_keep(&fault, u, sig);
	monitor_shared->vcpu_info[0].arch.cr2 = r[REG_CR2];
	bounce(r, entries[vector], WITH_CODE >> vector & 1);
}

/* The kernel's struct sigaction, whose mask has one word. */
struct action {
	void *handler;
	unsigned long flags;
	void *restorer;
	uint64_t mask;
};

static void handle(int sig, void *handler)
{
	struct action a = {
		.handler = handler,
		.restorer = monitor_restorer,
		.mask = ~0ull,
		.flags = SA_SIGINFO | SA_ONSTACK | 0x04000000 /* SA_RESTORER */,
	};

	SYS6(SYS_rt_sigaction, sig, &a, 0, 8, 0, 0);
}

void monitor_default(int sig)
{
	struct action a = { .handler = SIG_DFL,
			    .flags = 0x04000000,
			    .restorer = monitor_restorer };

	SYS6(SYS_rt_sigaction, sig, &a, 0, 8, 0, 0);
}

static void signals_init(void)
{
	static const int faults[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP };
	stack_t stack = { .ss_sp = signal_stack, .ss_size = sizeof(signal_stack) };
	uint64_t none = 0;

	SYS3(SYS_sigaltstack, &stack, 0, 0);
	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++)
		handle(faults[i], on_fault);
	handle(EVENT_SIGNAL, on_event);
	handle(TIMER_SIGNAL, on_event);
	SYS6(SYS_rt_sigprocmask, SIG_SETMASK, &none, 0, 8, 0, 0);
}

_Noreturn void monitor_start(struct domain *domain)
{
	int rc, timer;

	d = domain;
	link_ = d->link;
	monitor_nmi = &no_nmi;
	monitor_shared = d->shared;
	ram = d->ram;
	monitor_pid = SYS3(SYS_getpid, 0, 0, 0);
	rc = monitor_map(d);
	if (rc) {
		monitor_say("xenolith: cannot map the image at its address\n");
		monitor_exit(1);
	}
	timer = monitor_timer_init(d);
	signals_init();
	rc = sandbox_enter(d, timer);
	if (rc) {
		monitor_say("xenolith: the kernel refuses the sandbox (seccomp)\n");
		monitor_exit(1);
	}
	monitor_enter(d->entry, d->stack, d->start_info);
}

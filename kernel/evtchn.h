/* SPDX-License-Identifier: ISC */
/*
 * Event channels: one-bit notifications between domains (xen/event_channel.h, the
 * two-level ABI, which every Xen has). Kernel code only; only evtchn_wait() sleeps.
 */
#ifndef KERNEL_EVTCHN_H
#define KERNEL_EVTCHN_H

#include "kernel/arch.h"
#include "kernel/hypercall.h"
#include "kernel/sched.h"

/*
 * A bound port.  When the peer notifies it, `signalled` is set and `waiters` wake.  An
 * upcall does nothing else; the work is done by a thread.  A port that is notified again
 * before evtchn_take() is masked until then, so a storm of events on a port costs two
 * upcalls.
 */
struct evtchn {
	evtchn_port_t port;		/* 0: not bound */
	const char *name;		/* for reports; must outlive it */
	bool signalled;
	bool masked;
	bool adopted;			/* bound by the domain builder: never unbound */
	uint64_t count;			/* how often it was signalled */
	struct waitq waiters;
	struct waitq *wakes;		/* queue to wake instead of waiters, or NULL */
};

/*
 * Part of kernel_attach() (kernel/suspend.c), before any other: masks all ports.  After a resume no
 * port of before exists, so each struct evtchn that was bound is not bound any more.
 */
void evtchn_attach(void);

/* Bind a port.  They return 0 or -errno (-ENOSPC if Xen has no free port, -ENOMEM). */
int evtchn_listen(struct evtchn *e, const char *name, domid_t remote);
int evtchn_connect(struct evtchn *e, const char *name, domid_t remote, evtchn_port_t port);
int evtchn_virq(struct evtchn *e, const char *name, unsigned virq);
int evtchn_adopt(struct evtchn *e, const char *name, evtchn_port_t port); /* bound by the builder */

void evtchn_notify(struct evtchn *e);
void evtchn_wait(struct evtchn *e);	/* sleeps until it is signalled; clears it */
bool evtchn_take(struct evtchn *e);	/* returns whether it was signalled, and clears it */
void evtchn_close(struct evtchn *e);	/* unbinds it and wakes waiters; adopted ports stay bound */

/*
 * Handles all pending events: wakes the threads that wait for them.  Returns whether
 * there were any.
 */
bool evtchn_dispatch(void);

/*
 * For an upcall that interrupted kernel code: events stay pending until
 * evtchn_dispatch(), and Xen makes upcalls for new ones.  Returns whether e was pending,
 * and clears it.
 */
bool evtchn_defer(const struct evtchn *e);

extern uint64_t evtchn_deferred;	/* bits of evtchn_pending_sel, by evtchn_defer() */

/*
 * Returns whether evtchn_dispatch() has something to do.  A PVH guest's upcall may clear the first and
 * keep the second.
 */
static inline bool evtchn_any_pending(void)
{
	const struct vcpu_info *vcpu = &arch_shared_info.vcpu_info[0];

	return __atomic_load_n(&vcpu->evtchn_upcall_pending, __ATOMIC_RELAXED) ||
	       __atomic_load_n(&vcpu->evtchn_pending_sel, __ATOMIC_RELAXED) ||
	       __atomic_load_n(&evtchn_deferred, __ATOMIC_RELAXED);
}

/* Calls visit() for each bound port, in order. */
void evtchn_list(void (*visit)(const struct evtchn *e, void *arg), void *arg);

#endif

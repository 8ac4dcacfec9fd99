/* SPDX-License-Identifier: ISC */
/*
 * Event channels: one-bit doorbells between domains (xen/event_channel.h, the
 * two-level ABI, which every Xen has).
 */
#ifndef KERNEL_EVTCHN_H
#define KERNEL_EVTCHN_H

#include "kernel/hypercall.h"
#include "kernel/sched.h"

/*
 * A bound port.  When the peer rings, `rung` is set and `waiters` wake: that is all
 * an interrupt ever does here; the work belongs to a thread.  A port that rings
 * again before anybody looked is masked until somebody does, so a storm on one port
 * costs two upcalls, not the machine.
 */
struct evtchn {
	evtchn_port_t port;		/* 0: not bound */
	const char *name;		/* for reports; must outlive it */
	bool signalled;
	bool masked;
	bool adopted;			/* not ours to unbind */
	uint64_t count;			/* how often it rang */
	struct waitq waiters;
	struct waitq *wakes;		/* set by who waits for several: instead of waiters */
};

void evtchn_init(void);		/* once, before any other; masks all ports */

/* Bind: 0 or -errno (-ENOSPC when Xen has no port left, -ENOMEM). */
int evtchn_listen(struct evtchn *e, const char *name, domid_t remote);
int evtchn_connect(struct evtchn *e, const char *name, domid_t remote, evtchn_port_t port);
int evtchn_virq(struct evtchn *e, const char *name, unsigned virq);
int evtchn_adopt(struct evtchn *e, const char *name, evtchn_port_t port); /* bound by the builder */

void evtchn_notify(struct evtchn *e);
void evtchn_wait(struct evtchn *e);	/* sleeps until rung; clears it */
bool evtchn_take(struct evtchn *e);	/* whether it rang; clears it */
void evtchn_close(struct evtchn *e);	/* unbinds, wakes who waits; adopted ports stay bound */

/* Look at what is pending: wake whom it concerns.  True: there was something. */
bool evtchn_dispatch(void);

/*
 * In an upcall that interrupted the kernel itself: what is pending stays so until
 * evtchn_dispatch(), and Xen calls again for what comes next.  True: e rang, and that is
 * taken.
 */
bool evtchn_defer(const struct evtchn *e);

/* Whether evtchn_dispatch() has something to look at. */
bool evtchn_any_pending(void);

/* Every bound port, in order; for reports. */
void evtchn_list(void (*visit)(const struct evtchn *e, void *arg), void *arg);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * A guest as a Linux process: declarations that its process and the tender's share.
 *
 * The tender (main.c) makes a domain from an image as Xen's builder makes a PV domain, and forks.
 * The child is the guest's process.  In it run the image, and under it the monitor (monitor/),
 * which implements the hypercalls of a PV guest.  The tender is the rest of the host: xenstored,
 * the console, the backends.
 *
 *	memfd, in frames	[ memory of the guest ][ shared info ][ grant table ]
 *	guest's process		frame f is mapped at any address that the guest's page tables have,
 *				and all are mapped at `ram`, for the monitor
 *	tender			all at `ram`, at another address
 *
 * Machine frame numbers are the guest's own, from 0.  The guest's page tables exist in its memory
 * as under Xen; the monitor repeats each change of them with mmap().
 */
#ifndef TOOLS_UNIX_GUEST_H
#define TOOLS_UNIX_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xen/xen.h>
#include <xen/grant_table.h>

#define PAGE 4096ul
#define PTES 512u
#define PORTS 4096u
#define XENSTORE_PORT 1u
#define CONSOLE_PORT 2u
#define FIRST_PORT 3u
#define GRANT_FRAMES 64u
#define UNIX_NOTE 0x786e6f6cu /* arch/x86_64/notes.S: the address of pv_m2p */

/* The peer of a port. */
enum { PORT_FREE, PORT_UNBOUND, PORT_TENDER, PORT_TIMER };

/* Reasons of the end in addition to SHUTDOWN_* (xen/sched.h). */
#define NO_REASON 0xffffffffu

/* Memory that both processes write.  Each field has one writer, or is changed atomically. */
struct link {
	uint32_t sleeping;	   /* a futex: 1 while the guest's process sleeps in it */
	uint32_t signalled;	   /* a signal is under way */
	uint32_t nmi;		   /* the guest is to get an NMI */
	uint32_t reason;	   /* of the end: the guest's */
	uint64_t watchdog[2];	   /* CLOCK_MONOTONIC, ns; 0: off */
	uint32_t grant_frames;	   /* in use */
	uint32_t tender_sleeps;	   /* an event needs a write to the eventfd */
	uint64_t sent[PORTS / 64]; /* events for the tender */
	uint8_t ports[PORTS];	   /* PORT_* */
};

/* A domain, before it runs. */
struct domain {
	int memory, wakeup; /* the memfd; an eventfd for the tender */
	uint8_t *ram;
	uint64_t frames; /* of the guest; behind them are the following */
	uint64_t shared_frame, grant_frame, all_frames;
	struct shared_info *shared;
	struct link *link;
	uint64_t tsc, mono; /* of the start, at the same time */
	uint8_t uuid[16];

	/* From the image. */
	uint64_t base, entry, hypercall_page, m2p;
	uint64_t text_start, text_end, image_end;
	bool text_shared; /* text is seen at other addresses, too: the debugger's */

	/* From the builder. */
	uint64_t start_info, stack, top_table, tables, console_frame, store_frame;
	uint64_t mapped_end;

	/* Memory that the guest's process unmaps before the guest runs. */
	struct {
		uint64_t start, end;
	} foreign[512];
	unsigned nforeign;
	const char *self_start, *self_end; /* what stays: the tender's own program */
};

/* Sets a port pending, as Xen does (evtchn_2l_set_pending()).  Returns whether to interrupt. */
static inline bool set_pending(struct shared_info *s, unsigned port)
{
	struct vcpu_info *v = &s->vcpu_info[0];
	uint64_t bit = 1ull << port % 64;

	if (__atomic_fetch_or(&s->evtchn_pending[port / 64], bit, __ATOMIC_SEQ_CST) & bit)
		return false;
	if (__atomic_load_n(&s->evtchn_mask[port / 64], __ATOMIC_SEQ_CST) & bit)
		return false;
	__atomic_fetch_or(&v->evtchn_pending_sel, 1ul << port / 64, __ATOMIC_SEQ_CST);
	return !__atomic_exchange_n(&v->evtchn_upcall_pending, 1, __ATOMIC_SEQ_CST);
}

/* Becomes the guest: called once, in the child. */
_Noreturn void monitor_start(struct domain *d);

/* In the child: allows the system calls of the monitor only.  Returns 0 or -errno. */
int sandbox_enter(const struct domain *d, int timer);

#endif

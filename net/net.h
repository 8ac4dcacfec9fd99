/* SPDX-License-Identifier: ISC */
/*
 * The network: lwIP inside the kernel monitor.
 *
 * There is no lock and no thread of lwIP's: whoever is in kernel code calls lwIP's raw
 * interface (tcp_*, udp_*, raw_*) directly, and its callbacks come from whoever brought
 * the frame or the time.  What lwIP sends is queued; net_push(), at the end of a batch of
 * calls, joins it into frames as large as the backend takes and tells the backend once.
 *
 *	net_init();				once, by the first socket
 *	tcp_write(pcb, ...); tcp_output(pcb);
 *	net_push();				whatever was called of lwIP
 *
 * A callback of lwIP's must not sleep.  Kernel code only.
 */
#ifndef NET_NET_H
#define NET_NET_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Bring the network up: loopback, and every vif there is, configured as the command line
 * says (net/config.h).  Again: nothing.  0, -ENOMEM.  Sleeps until devices are known, not
 * until they have an address.
 */
int net_init(void);

/*
 * After calls of lwIP: what they sent goes out, what they sent to ourselves comes in
 * (so callbacks are called from here), and the timers they started run.  Never sleeps;
 * called from a callback it does nothing, as who called lwIP will do it.
 */
void net_push(void);

/*
 * Sleep until we have an address of that version (4, 6; 0: either) beside loopback's and
 * link-local ones.  0; -ENETUNREACH: there is no vif or its configuration is `off`;
 * -ETIMEDOUT.
 */
int net_wait_up(unsigned version, uint64_t deadline);

/* How long a connection made before there is an address waits for one, in ns. */
#define NET_PATIENCE (10 * 1000000000ull)

struct net_stats {
	uint64_t rx_frames, rx_bytes, rx_merged;	/* merged: of several segments */
	uint64_t rx_copied, rx_dropped;			/* frames */
	uint64_t tx_frames, tx_bytes, tx_segments;	/* segments: before they were joined */
	uint64_t tx_joined;				/* frames made of several */
	uint64_t tx_refused;				/* packets: the queue was full */
	uint64_t tx_errors;
	uint64_t ticks;					/* times the "net" thread woke */
	uint32_t tx_queued;				/* now */
	uint32_t lent_pages, lent_used;			/* now: net/sendbuf.h */
};
void net_stats(struct net_stats *stats);

/*
 * What a TCP window and a send buffer have beyond 64 KiB less 1, from the memory there is;
 * lwipopts.h has the use.
 */
extern uint32_t net_extra_window, net_extra_sndbuf;

/*
 * A packet was refused with ERR_MEM because a device's queue is full.  When it is not any
 * more, net_room wakes and net_has_room() is called, which must not sleep.
 */
bool net_is_full(void);
extern struct waitq net_room;
extern void (*net_has_room)(void);

#endif

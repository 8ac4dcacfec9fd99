/* SPDX-License-Identifier: ISC */
/*
 * The network: lwIP inside the kernel monitor.
 *
 * lwIP has no lock and no thread.  Kernel code calls lwIP's raw interface (tcp_*, udp_*,
 * raw_*) directly.  lwIP calls callbacks in the thread that gave it a frame or ran its timers.
 * Packets that lwIP sends are queued; net_push(), at the end of a batch of calls, joins them
 * into frames as large as the backend accepts, and notifies the backend once.
 *
 *	net_init();				once, by the first socket
 *	tcp_write(pcb, ...); tcp_output(pcb);
 *	net_push();				after any calls of lwIP
 *
 * A callback of lwIP must not sleep.  Kernel code only.
 */
#ifndef NET_NET_H
#define NET_NET_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Starts the network: loopback and all vifs, configured as the command line says
 * (net/config.h). Further calls do nothing. Sleeps until the devices are known, but not
 * until they have addresses. Returns 0 or -ENOMEM.
 */
int net_init(void);

/*
 * Call this after calls of lwIP: it sends their packets, processes those to the guest
 * itself (which calls callbacks), and runs timers. Never sleeps. It does nothing in a
 * callback: lwIP's caller will call it.
 */
void net_push(void);

/*
 * Sleeps until there is an address of this version (4, 6; 0: either) other than loopback
 * and link-local ones. Returns 0; -ENETUNREACH if there is no vif or its configuration is
 * `off`; -ETIMEDOUT.
 */
int net_wait_up(unsigned version, uint64_t deadline);

/* ns: how long a connection waits for an address to be assigned. */
#define NET_PATIENCE (10 * 1000000000ull)

struct net_stats {
	uint64_t rx_frames, rx_bytes, rx_merged;	/* merged: frames of several segments */
	uint64_t rx_copied, rx_dropped;			/* frames */
	uint64_t tx_frames, tx_bytes, tx_segments;	/* segments: before joining */
	uint64_t tx_joined;				/* frames of several segments */
	uint64_t tx_refused;	/* packets refused because the queue was full */
	uint64_t tx_errors;
	uint64_t ticks;					/* wake-ups of the "net" thread */
	uint32_t tx_queued;				/* current number of packets */
	uint32_t lent_pages, lent_used;			/* current numbers: net/sendbuf.h */
};
void net_stats(struct net_stats *stats);

/*
 * Bytes of TCP windows and send buffers above 65,535, depending on the memory size; used
 * by lwipopts.h.
 */
extern uint32_t net_extra_window, net_extra_sndbuf;

/*
 * net_is_full(): a packet was refused with ERR_MEM because a device's queue is full. When
 * there is space again, net_room is woken and net_has_room() is called, which must not
 * sleep.
 */
bool net_is_full(void);
extern struct waitq net_room;
extern void (*net_has_room)(void);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * TCP's policy: what is sent when, what is lost, what is acknowledged when.
 *
 * lwIP has the states, the queues and the segments. Its patch 0016-tcp-policy.patch calls the
 * functions here where it had its own timers, dupacks and congestion control:
 *
 *	tcp_segments.c	which segments have arrived or are lost: SACK (RFC 2018), RACK (RFC 8985)
 *	tcp_recovery.c	recovery: PRR (RFC 6937), undo (RFC 3522, 3708), timeouts, the tail loss
 *			probe (RFC 8985), NewReno (RFC 6582) without SACK
 *	tcp_timer.c	round trips and the retransmission timer (RFC 6298), the list of timers
 *	tcp_cubic.c	the congestion window: CUBIC (RFC 9438), initial window (RFC 6928)
 *	tcp_ack.c	acknowledgements and window updates
 *
 * Kernel code only; nothing sleeps.
 */
#ifndef NET_TCP_H
#define NET_TCP_H

#include "net/tcp_extra.h"

#include <stddef.h>
#include <stdint.h>

/* ---- for sockets */

/*
 * The application has read n bytes. Opens the window, and sends an ACK if it is worth it.
 * Call net_push() later.
 */
void tcp_read(struct tcp_pcb *pcb, size_t n);

/* The connection is established; window: that of SO_RCVBUF, at most. */
void tcp_established(struct tcp_pcb *pcb, uint32_t window);

/* The retransmission timeout and the round trip's estimates, in microseconds. */
uint32_t tcp_rto(const struct tcp_pcb *pcb);

/* ---- for net/timers.c */

void tcp_timers_run(void);		/* runs the timers that are due */
uint64_t tcp_timers_next(void);		/* the time of the next one in ns, or NEVER */
uint32_t net_now_us(void);		/* net/timers.c: lwIP's clock in us */
uint64_t net_now(void);			/* net/timers.c: the same in ns, as clock_now() */
void net_update_now(void);		/* net/timers.c: reads the clock */

/* Time in ms for which a SYN has not been answered since it was sent the last time. */
uint32_t tcp_syn_waits(const struct tcp_pcb *pcb);

#endif

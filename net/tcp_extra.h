/* SPDX-License-Identifier: ISC */
/*
 * What Xenolith's TCP adds to lwIP's struct tcp_pcb and struct tcp_seg: see net/tcp.h. Included
 * by lwipopts.h, so it uses no types of lwIP.
 *
 * Sequence numbers are in host order. Times are microseconds of net_now_us(), unless their name
 * ends in _ms.
 */
#ifndef NET_TCP_EXTRA_H
#define NET_TCP_EXTRA_H

#include <stdbool.h>
#include <stdint.h>

struct tcp_pcb;
struct tcp_seg;

/* Fields of struct tcp_seg, for segments in the queue `unacked`. */
struct tcp_seg_extra {
	uint32_t sent;			/* time of the last transmission */
	uint32_t order;			/* number of the last transmission */
	uint8_t state;			/* SEG_* of net/tcp_internal.h */
};

/* Fields of struct tcp_pcb; all are 0 in a new one. */
struct tcp_extra {
	/* The list of connections with a timer. */
	struct tcp_pcb *timer_next, **timer_link;
	uint32_t due, ack_due, reorder_due;	/* times of the timers; valid with the flags: */
	bool timing, ack_timing, reorder_timing, probe_timing;

	/* Round trip (RFC 6298); 0: not measured. */
	uint32_t srtt, rttvar, min_rtt, min_rtt_at;
	uint32_t rtt_end;		/* the next sample is of an ACK above it */
	uint32_t rto_start;		/* when the retransmission timer was started */
	uint8_t backoff;
	bool syn_lost;			/* a SYN was retransmitted */

	/* Bytes of the queue `unacked`, with SYN and FIN. */
	struct tcp_seg *last;		/* of the queue */
	uint32_t out;			/* all */
	uint32_t sacked, nsacked;	/* received behind a gap; nsacked: segments */
	uint32_t lost;			/* lost and not retransmitted yet */
	uint32_t twice;			/* retransmitted, though not lost: by the probe */

	/* RACK (RFC 8985). */
	uint32_t order;			/* number of transmissions */
	uint32_t rack_order, rack_rtt;	/* of the last sent segment that has arrived */
	uint32_t highest;		/* end of the highest segment that has arrived */
	bool reordered, highest_valid;
	uint8_t patience;		/* DSACKs that were answered with a longer wait */

	/* Recovery: until lastack reaches recover. */
	uint32_t recover;
	uint32_t prr_delivered, prr_out, prr_flight;	/* RFC 6937 */
	uint32_t undo_cwnd, undo_ssthresh, undo_ms;	/* before the reduction */
	uint32_t undo_resent;		/* retransmissions, without those told to be duplicates */
	bool undo, resent_any;

	/* The tail loss probe in flight. */
	uint32_t probe_end;
	uint32_t probe_at;
	bool probing, probe_is_copy;

	/* CUBIC (RFC 9438), in bytes and ms. */
	uint32_t w_max, w_last_max, w_est, k_ms, epoch_ms;
	uint64_t credit, est_credit;
	bool epoch;

	/* Acknowledgements: net/tcp_ack.c. */
	uint32_t rx_frame;		/* size of large received frames */
	uint32_t quick;			/* bytes that are acknowledged without waiting for more */
	uint32_t rx_at_ms;		/* time of the last data */
	uint32_t window;		/* by SO_RCVBUF; 0: lwIP's maximum */
};

/* lwIP's patch 0016 puts them in its structs. */
#define LWIP_TCP_PCB_EXTRA	struct tcp_extra x;
#define LWIP_TCP_SEG_EXTRA	struct tcp_seg_extra x;

#endif

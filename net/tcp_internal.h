/* SPDX-License-Identifier: ISC */
/* What net/tcp_*.c share. */
#ifndef NET_TCP_INTERNAL_H
#define NET_TCP_INTERNAL_H

#include "net/lwip/hooks.h"
#include "net/tcp.h"

#include <lwip/priv/tcp_priv.h>
#include <lwip/sys.h>

/* States of a segment in `unacked`. */
enum {
	SEG_SACKED = 1,			/* arrived, behind a gap */
	SEG_LOST = 2,
	SEG_RESENT = 4,			/* the retransmission is in flight */
	SEG_EVER = 8,			/* was retransmitted */
};

#define MS 1000u			/* us */
#define DUPACKS 3

/* SACK and timestamp options of the segment that is being processed: net/tcp_filter.c. */
#define SACKS_MOST 4
struct tcp_received {
	bool stamped;
	uint32_t value, echo;		/* of the timestamp */
	unsigned nsacks;
	struct { uint32_t left, right; } sacks[SACKS_MOST];
};
extern struct tcp_received tcp_received;

static inline uint32_t seg_seq(const struct tcp_seg *s)
{
	return lwip_ntohl(s->tcphdr->seqno);
}

static inline uint32_t seg_end(const struct tcp_seg *s)
{
	return seg_seq(s) + TCP_TCPLEN(s);
}

static inline bool before(uint32_t a, uint32_t b)	/* times, orders, sequence numbers */
{
	return (int32_t)(a - b) < 0;
}

/* Bytes in the network. */
static inline uint32_t in_flight(const struct tcp_pcb *pcb)
{
	const struct tcp_extra *x = &pcb->x;

	return x->out + x->twice - x->sacked - x->lost;
}

/* What the ACK that is being processed has told. */
struct tcp_facts {
	uint32_t now, flight, delivered, lastack;	/* flight, lastack: before it */
	uint32_t first_sent;		/* of a segment that was sent once */
	bool sampled, copy, duplicate_seen;
};
extern struct tcp_facts tcp_facts;

static inline bool recovering(const struct tcp_pcb *pcb)
{
	return pcb->flags & (TF_INFR | TF_RTO);
}

/* Time in ms of lwIP's clock at which something was sent, not later than it really was. */
static inline uint32_t ms_of(uint32_t us)
{
	return sys_now() - (net_now_us() - us + MS - 1) / MS;
}

/* The ACK was caused by a segment that was sent before this time in ms. */
static inline bool echoes_before(uint32_t ms)
{
	return tcp_received.stamped && before(tcp_received.echo, ms);
}

/* ---- tcp_segments.c */

/* Sends a segment of `unacked` again. ERR_INPROGRESS: the device has not released it yet. */
err_t seg_resend(struct tcp_pcb *pcb, struct tcp_seg *s);
void seg_mark_lost(struct tcp_pcb *pcb, struct tcp_seg *s);
void seg_unmark(struct tcp_pcb *pcb, struct tcp_seg *s);	/* it is not lost */
void seg_acked(struct tcp_pcb *pcb, struct tcp_seg *s);
void sacks_take(struct tcp_pcb *pcb);		/* the SACK blocks of tcp_received */
void sacks_forget(struct tcp_pcb *pcb);
/* Marks what is lost, and sets the timer for what may be reordered. */
void losses_detect(struct tcp_pcb *pcb);

/* ---- tcp_timer.c */

void rtt_sample(struct tcp_pcb *pcb, uint32_t rtt);
void timers_arm(struct tcp_pcb *pcb);	/* after anything that changes a queue */
void ack_timer(struct tcp_pcb *pcb, uint32_t us);
void timers_stop(struct tcp_pcb *pcb);

/* ---- tcp_recovery.c */

void recovery_timeout(struct tcp_pcb *pcb);
void recovery_probe(struct tcp_pcb *pcb);
void recovery_reordered(struct tcp_pcb *pcb);	/* the time for reordered segments is over */
bool recovery_may_probe(const struct tcp_pcb *pcb);

/* ---- tcp_cubic.c */

void cubic_reduce(struct tcp_pcb *pcb);		/* sets ssthresh */
void cubic_grow(struct tcp_pcb *pcb, uint32_t delivered, uint32_t flight);
void cubic_undo(struct tcp_pcb *pcb);

/* ---- tcp_ack.c */

void ack_time_over(struct tcp_pcb *pcb);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * What an ACK, or its absence, means: loss recovery with PRR (RFC 6937), its undoing (RFC 3522 and
 * 3708), timeouts, and the tail loss probe (RFC 8985, 7). net/tcp_segments.c knows the segments.
 *
 * A peer without SACK is handled as RFC 6582 says: three duplicate ACKs, and one segment for
 * each partial ACK.
 */
#include "net/tcp_internal.h"

/* ---- without SACK */

/* Bytes that may have arrived behind the first segment: neither that one, nor lost. */
static uint32_t most_arrived(const struct tcp_pcb *pcb)
{
	uint32_t missing = pcb->x.lost + (pcb->unacked ? TCP_TCPLEN(pcb->unacked) : 0);

	return missing < pcb->x.out ? pcb->x.out - missing : 0;
}

/* Without SACK. Each duplicate ACK tells that one segment has left the network. */
static void count_duplicate(struct tcp_pcb *pcb)
{
	struct tcp_extra *x = &pcb->x;
	uint32_t was = x->sacked;

	if (pcb->dupacks < UINT8_MAX)
		pcb->dupacks++;
	if (pcb->flags & TF_RTO)
		return;
	x->sacked = LWIP_MAX(was, LWIP_MIN(was + pcb->mss, most_arrived(pcb)));
	tcp_facts.delivered += x->sacked - was;
	if (pcb->dupacks >= DUPACKS && !(pcb->flags & TF_INFR))
		seg_mark_lost(pcb, pcb->unacked);
}

static void partial_ack(struct tcp_pcb *pcb)
{
	struct tcp_extra *x = &pcb->x;
	uint32_t known = tcp_facts.delivered > pcb->mss ? tcp_facts.delivered - pcb->mss : 0;

	pcb->dupacks = 0;
	known = LWIP_MIN(known, x->sacked);
	x->sacked = LWIP_MIN(x->sacked - known, most_arrived(pcb));
	tcp_facts.delivered -= known;
	if (!recovering(pcb) || !before(pcb->lastack, x->recover)) {
		x->sacked = 0;
		return;
	}
	if (pcb->unacked && !(pcb->unacked->x.state & SEG_RESENT))
		seg_mark_lost(pcb, pcb->unacked);
}

/* ---- recovery */

static void remember(struct tcp_pcb *pcb)
{
	struct tcp_extra *x = &pcb->x;

	x->undo = true;
	x->undo_cwnd = pcb->cwnd;
	x->undo_ssthresh = pcb->ssthresh;
	x->undo_resent = 0;
	x->resent_any = false;
}

static void begin_recovery(struct tcp_pcb *pcb)
{
	struct tcp_extra *x = &pcb->x;

	remember(pcb);
	cubic_reduce(pcb);
	x->recover = pcb->snd_nxt;
	x->prr_delivered = x->prr_out = 0;
	x->prr_flight = LWIP_MAX(x->out, 1);
	x->probing = false;
	x->rto_start = net_now_us();
	tcp_set_flags(pcb, TF_INFR);
}

/* PRR, RFC 6937, with the slow-start reduction bound. */
static void reduce_rate(struct tcp_pcb *pcb)
{
	struct tcp_extra *x = &pcb->x;
	uint32_t pipe = in_flight(pcb), most;
	int64_t send;

	x->prr_delivered += tcp_facts.delivered;
	if (pipe > pcb->ssthresh) {
		send = ((uint64_t)x->prr_delivered * pcb->ssthresh + x->prr_flight - 1) /
		       x->prr_flight;
		send -= x->prr_out;
	} else {
		most = x->prr_delivered > x->prr_out ? x->prr_delivered - x->prr_out : 0;
		most = LWIP_MAX(most, tcp_facts.delivered) + pcb->mss;
		send = LWIP_MIN(pcb->ssthresh - pipe, most);
	}
	if (!x->prr_out && send < pcb->mss)
		send = pcb->mss;
	pcb->cwnd = pipe + (send > 0 ? send : 0);
}

/* All data that was in the network when the loss was noticed has arrived. */
static void end_recovery(struct tcp_pcb *pcb)
{
	if (pcb->flags & TF_INFR)
		pcb->cwnd = pcb->ssthresh;
	tcp_clear_flags(pcb, TF_INFR | TF_RTO);
	if (!(pcb->flags & TF_SACK))
		pcb->x.sacked = 0;
}

/*
 * What was sent again had not been lost: the timestamp of the ACK is older than the first
 * retransmission (RFC 3522), or the peer has told that all retransmissions were duplicates.
 */
static bool spurious(const struct tcp_pcb *pcb)
{
	const struct tcp_extra *x = &pcb->x;

	if (!x->undo || !x->resent_any)
		return false;
	return (tcp_facts.copy && recovering(pcb) && echoes_before(x->undo_ms)) ||
	       (tcp_facts.duplicate_seen && !x->undo_resent);
}

static void undo(struct tcp_pcb *pcb)
{
	cubic_undo(pcb);
	for (struct tcp_seg *s = pcb->unacked; s; s = s->next)
		seg_unmark(pcb, s);
	if (pcb->flags & TF_INFR)
		pcb->x.reordered = true;
	tcp_clear_flags(pcb, TF_INFR | TF_RTO);
	pcb->x.undo = pcb->x.probing = false;
}

/* RFC 8985, 7.4: if only the probe's copy has arrived, there was a loss. */
static void answer_probe(struct tcp_pcb *pcb)
{
	struct tcp_extra *x = &pcb->x;

	if (!x->probing || before(pcb->lastack, x->probe_end))
		return;
	x->probing = false;
	if (!x->probe_is_copy || tcp_facts.duplicate_seen || recovering(pcb) ||
	    echoes_before(ms_of(x->probe_at)))
		return;
	remember(pcb);
	x->resent_any = true;
	x->undo_resent = 1;
	cubic_reduce(pcb);
	pcb->cwnd = LWIP_MIN(pcb->cwnd, pcb->ssthresh);
}

/* ---- the ACK */

void tcp_ack_begin(struct tcp_pcb *pcb)
{
	tcp_facts.now = net_now_us();
	tcp_facts.flight = in_flight(pcb);
	tcp_facts.delivered = 0;
	tcp_facts.lastack = pcb->lastack;
	tcp_facts.sampled = tcp_facts.copy = tcp_facts.duplicate_seen = false;
}

static void measure(struct tcp_pcb *pcb)
{
	uint32_t ms = sys_now() - tcp_received.echo;

	if (tcp_facts.sampled)
		rtt_sample(pcb, tcp_facts.now - tcp_facts.first_sent);
	else if (tcp_facts.copy && tcp_received.stamped && tcp_received.echo && ms < 60000)
		rtt_sample(pcb, ms * MS);	/* RFC 7323: of a copy, too */
}

void tcp_ack_end(struct tcp_pcb *pcb, bool duplicate)
{
	struct tcp_extra *x = &pcb->x;
	bool advanced = pcb->lastack != tcp_facts.lastack;

	if (pcb->flags & TF_SACK)
		sacks_take(pcb);
	else if (advanced)
		partial_ack(pcb);
	else if (duplicate && pcb->unacked)
		count_duplicate(pcb);
	if (!advanced && !tcp_facts.delivered && !tcp_facts.duplicate_seen)
		return;
	if (advanced) {
		pcb->nrtx = 0;
		x->rto_start = tcp_facts.now;
		measure(pcb);
		answer_probe(pcb);
	}
	if (spurious(pcb))
		undo(pcb);
	if (x->nsacked || x->twice || recovering(pcb))
		losses_detect(pcb);
	else
		x->reorder_timing = false;
	if (recovering(pcb) && !before(pcb->lastack, x->recover))
		end_recovery(pcb);
	if (x->lost && !recovering(pcb))
		begin_recovery(pcb);
	if (pcb->flags & TF_INFR)
		reduce_rate(pcb);
	else if (tcp_facts.delivered && pcb->state >= ESTABLISHED)
		cubic_grow(pcb, tcp_facts.delivered, tcp_facts.flight);
	timers_arm(pcb);
}

void tcp_syn_acked(struct tcp_pcb *pcb, struct tcp_seg *s)
{
	tcp_ack_begin(pcb);
	seg_acked(pcb, s);
	if (tcp_facts.sampled)
		rtt_sample(pcb, tcp_facts.now - tcp_facts.first_sent);
	pcb->nrtx = 0;
	pcb->x.backoff = 0;
	pcb->x.rto_start = tcp_facts.now;
}

/* ---- timers */

void recovery_timeout(struct tcp_pcb *pcb)
{
	struct tcp_extra *x = &pcb->x;

	if (pcb->unacked->x.state & SEG_SACKED)
		sacks_forget(pcb);
	if (!(pcb->flags & TF_SACK))
		x->sacked = 0;
	if (pcb->state >= ESTABLISHED && !(pcb->flags & TF_RTO)) {
		/* During a recovery the window has been reduced already. */
		if (!(pcb->flags & TF_INFR)) {
			remember(pcb);
			cubic_reduce(pcb);
		}
		x->recover = pcb->snd_nxt;
		tcp_clear_flags(pcb, TF_INFR);
		tcp_set_flags(pcb, TF_RTO);
	}
	for (struct tcp_seg *s = pcb->unacked; s; s = s->next)
		seg_mark_lost(pcb, s);
	x->probing = x->reorder_timing = false;
	pcb->dupacks = 0;
	pcb->cwnd = pcb->state >= ESTABLISHED ? pcb->mss : 1;
}

void tcp_resend_first(struct tcp_pcb *pcb)
{
	if (pcb->unacked)
		seg_mark_lost(pcb, pcb->unacked);
}

void recovery_reordered(struct tcp_pcb *pcb)
{
	tcp_facts.delivered = 0;
	losses_detect(pcb);
	if (pcb->x.lost && pcb->state >= ESTABLISHED && !recovering(pcb))
		begin_recovery(pcb);
	if (pcb->flags & TF_INFR)
		reduce_rate(pcb);
	tcp_output(pcb);
}

bool recovery_may_probe(const struct tcp_pcb *pcb)
{
	const struct tcp_extra *x = &pcb->x;

	return pcb->flags & TF_SACK && pcb->state >= ESTABLISHED && !recovering(pcb) &&
	       !x->probing && !x->nsacked && x->srtt;
}

/* RFC 8985, 7.3: sends a new segment, if there is one, or the last one again. */
void recovery_probe(struct tcp_pcb *pcb)
{
	struct tcp_extra *x = &pcb->x;
	uint32_t was = x->order, cwnd = pcb->cwnd;
	err_t err = ERR_OK;

	if (pcb->unsent) {
		pcb->cwnd = LWIP_MAX(cwnd, in_flight(pcb) + pcb->mss);
		tcp_output(pcb);
		pcb->cwnd = cwnd;
	}
	x->probe_is_copy = x->order == was;
	if (x->probe_is_copy) {
		err = seg_resend(pcb, x->last);
		x->probe_is_copy = err == ERR_OK;
	}
	x->rto_start = net_now_us();
	if (err == ERR_INPROGRESS) {
		/* It is still in the device, so its acknowledgement cannot be late. */
		x->last->x.sent = net_now_us();
		return;
	}
	/* After another error there is no second probe: the timeout follows. */
	x->probing = true;
	x->probe_end = pcb->snd_nxt;
	x->probe_at = net_now_us();
}

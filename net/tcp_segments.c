/* SPDX-License-Identifier: ISC */
/*
 * The states of sent segments: which have arrived, which are lost (RACK, RFC 8985; SACK, RFC 2018
 * and 2883), and the retransmission of lost ones.
 *
 * Segments stay in lwIP's queue `unacked` until they are acknowledged, with their state in
 * struct tcp_seg_extra. A segment is lost if one that was sent later has arrived, and a time for
 * reordering is over. tcp_output() sends lost segments before new ones, as far as the congestion
 * window has room for what is in the network.
 *
 * The peer may lie. It can make its own connection slow or fast; all memory is that of the
 * queue, and an ACK costs at most a few steps for each segment in it.
 */
#include "net/tcp_internal.h"

#define PATIENCE_MOST 16
#define RETRY (2 * MS)			/* the device has not released the lost segment yet */

struct tcp_received tcp_received;
struct tcp_facts tcp_facts;

/* ---- transmissions */

static void sent(struct tcp_pcb *pcb, struct tcp_seg *s)
{
	struct tcp_extra *x = &pcb->x;

	s->x.sent = net_now_us();
	s->x.order = ++x->order;
	if (pcb->flags & TF_INFR)
		x->prr_out += TCP_TCPLEN(s);
}

void tcp_segment_sent(struct tcp_pcb *pcb, struct tcp_seg *s)
{
	struct tcp_extra *x = &pcb->x;

	if (!x->out)
		x->rto_start = net_now_us();
	x->out += TCP_TCPLEN(s);
	x->last = s;
	s->x.state = 0;
	sent(pcb, s);
	if (!x->timing || !pcb->unsent)
		timers_arm(pcb);
}

void tcp_segment_refused(struct tcp_pcb *pcb)
{
	if (!pcb->unacked && !pcb->x.timing) {
		pcb->x.rto_start = net_now_us();
		timers_arm(pcb);
	}
}

bool tcp_window_allows(const struct tcp_pcb *pcb, uint32_t len)
{
	uint32_t flight = in_flight(pcb);

	return !flight || flight + len <= pcb->cwnd;
}

err_t seg_resend(struct tcp_pcb *pcb, struct tcp_seg *s)
{
	struct tcp_extra *x = &pcb->x;
	err_t err = tcp_output_again(pcb, s);

	if (err != ERR_OK)
		return err;
	sent(pcb, s);
	if ((s->x.state & (SEG_LOST | SEG_RESENT)) == SEG_LOST)
		x->lost -= TCP_TCPLEN(s);
	else if (!(s->x.state & (SEG_LOST | SEG_RESENT)))
		x->twice += TCP_TCPLEN(s);
	s->x.state |= SEG_RESENT | SEG_EVER;
	x->undo_resent++;
	if (!x->resent_any) {
		x->resent_any = true;
		x->undo_ms = sys_now();
	}
	return ERR_OK;
}

err_t tcp_resend(struct tcp_pcb *pcb)
{
	struct tcp_extra *x = &pcb->x;
	err_t err = ERR_OK;

	if (pcb->unsent || x->lost)
		net_update_now();	/* a program may call long after the last packet */
	for (struct tcp_seg *s = pcb->unacked; s && x->lost; s = s->next) {
		if ((s->x.state & (SEG_LOST | SEG_RESENT)) != SEG_LOST)
			continue;
		if (!tcp_window_allows(pcb, TCP_TCPLEN(s)) ||
		    (s != pcb->unacked && seg_end(s) - pcb->lastack > pcb->snd_wnd))
			break;
		err = seg_resend(pcb, s);
		if (err != ERR_OK)
			break;
	}
	if (err == ERR_INPROGRESS) {
		x->reorder_timing = true;
		x->reorder_due = net_now_us() + RETRY;
		timers_arm(pcb);
		return ERR_OK;
	}
	return err;
}

/* ---- marks */

void seg_mark_lost(struct tcp_pcb *pcb, struct tcp_seg *s)
{
	struct tcp_extra *x = &pcb->x;

	if (s->x.state & SEG_SACKED || (s->x.state & (SEG_LOST | SEG_RESENT)) == SEG_LOST)
		return;
	if (!(s->x.state & SEG_LOST) && s->x.state & SEG_RESENT)
		x->twice -= TCP_TCPLEN(s);
	s->x.state = (s->x.state & ~SEG_RESENT) | SEG_LOST;
	x->lost += TCP_TCPLEN(s);
}

void seg_unmark(struct tcp_pcb *pcb, struct tcp_seg *s)
{
	struct tcp_extra *x = &pcb->x;

	if ((s->x.state & (SEG_LOST | SEG_RESENT)) == SEG_LOST)
		x->lost -= TCP_TCPLEN(s);
	if ((s->x.state & (SEG_LOST | SEG_RESENT)) == SEG_RESENT)
		x->twice -= TCP_TCPLEN(s);
	s->x.state &= ~(SEG_LOST | SEG_RESENT);
}

/* RFC 8985, 6.2, step 2: the segment may be the last sent one that has arrived. */
static void advance_rack(struct tcp_pcb *pcb, const struct tcp_seg *s)
{
	struct tcp_extra *x = &pcb->x;
	uint32_t rtt = tcp_facts.now - s->x.sent;

	if (s->x.state & SEG_EVER && (rtt < x->min_rtt || echoes_before(ms_of(s->x.sent))))
		return;			/* the first copy has arrived */
	if (x->rack_order && !before(x->rack_order, s->x.order))
		return;
	x->rack_order = s->x.order;
	x->rack_rtt = rtt;
}

static void arrived(struct tcp_pcb *pcb, struct tcp_seg *s)
{
	struct tcp_extra *x = &pcb->x;
	uint32_t end = seg_end(s);

	tcp_facts.delivered += TCP_TCPLEN(s);
	advance_rack(pcb, s);
	if (!x->highest_valid || before(x->highest, end))
		x->highest = end;
	else if (!(s->x.state & SEG_EVER))
		x->reordered = true;
	x->highest_valid = true;
	seg_unmark(pcb, s);
}

void seg_acked(struct tcp_pcb *pcb, struct tcp_seg *s)
{
	struct tcp_extra *x = &pcb->x;
	uint32_t len = TCP_TCPLEN(s);

	x->out -= len;
	if (s->x.state & SEG_SACKED) {
		x->sacked -= len;
		x->nsacked--;
		return;
	}
	if (s->x.state & SEG_EVER) {
		tcp_facts.copy = true;
	} else if (!tcp_facts.sampled) {
		tcp_facts.sampled = true;
		tcp_facts.first_sent = s->x.sent;
	}
	arrived(pcb, s);
}

void tcp_segments_acked(struct tcp_pcb *pcb)
{
	struct tcp_seg *s = pcb->unacked;

	for (; s && !before(pcb->lastack, seg_end(s)); s = s->next)
		seg_acked(pcb, s);
}

/* ---- SACK */

/* RFC 2883: the first block is below the ACK, or within the second block. */
static bool is_duplicate(const struct tcp_pcb *pcb)
{
	uint32_t left = tcp_received.sacks[0].left, right = tcp_received.sacks[0].right;

	if (!before(left, right))
		return false;
	if (!before(pcb->lastack, right))
		return pcb->lastack - left <= pcb->snd_wnd_max;
	return tcp_received.nsacks > 1 && !before(left, tcp_received.sacks[1].left) &&
	       !before(tcp_received.sacks[1].right, right);
}

static bool is_sacked(const struct tcp_pcb *pcb, const struct tcp_seg *s)
{
	for (unsigned i = 0; i < tcp_received.nsacks; i++) {
		uint32_t left = tcp_received.sacks[i].left, right = tcp_received.sacks[i].right;

		if (before(left, right) && !before(left, pcb->lastack) &&
		    !before(pcb->snd_nxt, right) && !before(seg_seq(s), left) &&
		    !before(right, seg_end(s)))
			return true;
	}
	return false;
}

void sacks_take(struct tcp_pcb *pcb)
{
	struct tcp_extra *x = &pcb->x;

	if (!tcp_received.nsacks)
		return;
	if (is_duplicate(pcb)) {
		tcp_facts.duplicate_seen = true;
		if (x->undo_resent)
			x->undo_resent--;
		x->patience += x->patience < PATIENCE_MOST;
	}
	for (struct tcp_seg *s = pcb->unacked; s; s = s->next) {
		if (s->x.state & SEG_SACKED || !is_sacked(pcb, s))
			continue;
		arrived(pcb, s);
		s->x.state |= SEG_SACKED;
		x->sacked += TCP_TCPLEN(s);
		x->nsacked++;
	}
}

/* RFC 2018, 8: the peer has discarded what it had acknowledged. */
void sacks_forget(struct tcp_pcb *pcb)
{
	for (struct tcp_seg *s = pcb->unacked; s; s = s->next)
		s->x.state &= ~SEG_SACKED;
	pcb->x.sacked = pcb->x.nsacked = 0;
}

/* ---- losses */

static uint32_t reordering_time(const struct tcp_pcb *pcb)
{
	const struct tcp_extra *x = &pcb->x;
	uint32_t time = x->min_rtt / 4 * (1 + x->patience);

	if (!x->reordered && (recovering(pcb) || x->nsacked >= DUPACKS))
		return 0;
	return LWIP_MIN(time, x->srtt);
}

/* RFC 8985, 6.2, step 5. */
void losses_detect(struct tcp_pcb *pcb)
{
	struct tcp_extra *x = &pcb->x;
	uint32_t wait = x->rack_rtt + reordering_time(pcb), now = net_now_us();
	int32_t left, longest = 0;

	x->reorder_timing = false;
	if (!(pcb->flags & TF_SACK) || !x->rack_order)
		return;
	for (struct tcp_seg *s = pcb->unacked; s; s = s->next) {
		if (s->x.state & SEG_SACKED ||
		    (s->x.state & (SEG_LOST | SEG_RESENT)) == SEG_LOST)
			continue;
		if (!before(s->x.order, x->rack_order)) {
			if (!(s->x.state & SEG_EVER))
				break;	/* what follows was sent later */
			continue;
		}
		left = (int32_t)(s->x.sent + wait - now);
		if (left <= 0)
			seg_mark_lost(pcb, s);
		else if (left > longest)
			longest = left;
	}
	if (longest) {
		x->reorder_timing = true;
		x->reorder_due = now + longest;
	}
}

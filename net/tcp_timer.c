/* SPDX-License-Identifier: ISC */
/*
 * Round trips, the retransmission timeout, and the timers of connections.
 *
 * A connection with a timer is in a list, so that idle connections cost nothing. A timer that
 * is set to a later time keeps its place: when the earlier time comes, it is computed anew.
 */
#include "net/tcp_internal.h"

#include "kernel/sched.h"

#define RTO_FIRST (1000 * MS)		/* RFC 6298, 2.1 */
#define RTO_AFTER_SYN (3000 * MS)	/* if a SYN was lost: RFC 6298, 5.7 */
#define RTO_LEAST (200 * MS)		/* above the round trip, as in Linux */
#define RTO_MOST (120000 * MS)
#define SAMPLE_MOST (60000 * MS)
#define MIN_RTT_MS 10000		/* the smallest round trip is forgotten after this time */
#define PROBE_SLACK (10 * MS)
#define DELAYED_ACK (45 * MS)		/* the peer may delay the ACK of a single segment */

static struct tcp_pcb *timed;
static uint32_t earliest;		/* no timer is due before; valid if there are any */

/* ---- round trips */

void rtt_sample(struct tcp_pcb *pcb, uint32_t rtt)
{
	struct tcp_extra *x = &pcb->x;
	uint32_t diff;

	rtt = rtt < 1 ? 1 : rtt < SAMPLE_MOST ? rtt : SAMPLE_MOST;
	if (!x->min_rtt || rtt <= x->min_rtt || sys_now() - x->min_rtt_at > MIN_RTT_MS) {
		x->min_rtt = rtt;
		x->min_rtt_at = sys_now();
	}
	if (!x->srtt) {
		x->srtt = rtt;
		x->rttvar = rtt / 2;
	} else {
		/* RFC 6298 has gains for one sample of a round trip. */
		if (before(pcb->lastack, x->rtt_end))
			return;
		diff = rtt < x->srtt ? x->srtt - rtt : rtt - x->srtt;
		x->rttvar = x->rttvar - x->rttvar / 4 + diff / 4;
		x->srtt = x->srtt - x->srtt / 8 + rtt / 8;
		x->srtt = x->srtt ? x->srtt : 1;
	}
	x->rtt_end = pcb->snd_nxt;
	x->backoff = 0;
}

uint32_t tcp_rto(const struct tcp_pcb *pcb)
{
	const struct tcp_extra *x = &pcb->x;
	uint64_t rto = x->srtt + LWIP_MAX(4 * x->rttvar, RTO_LEAST);

	if (!x->srtt)
		rto = x->syn_lost && pcb->state >= ESTABLISHED ? RTO_AFTER_SYN : RTO_FIRST;
	rto <<= x->backoff;
	return rto < RTO_MOST ? rto : RTO_MOST;
}

uint32_t tcp_syn_waits(const struct tcp_pcb *pcb)
{
	return pcb->unacked ? (net_now_us() - pcb->unacked->x.sent) / MS :
	       pcb->x.timing ? (net_now_us() - pcb->x.rto_start) / MS : 0;
}

/* ---- the list */

static void link_timer(struct tcp_pcb *pcb, uint32_t due)
{
	struct tcp_extra *x = &pcb->x;

	if (!timed || before(due, earliest))
		earliest = due;
	if (x->timer_link)
		return;
	x->timer_next = timed;
	x->timer_link = &timed;
	if (timed)
		timed->x.timer_link = &x->timer_next;
	timed = pcb;
}

void timers_stop(struct tcp_pcb *pcb)
{
	struct tcp_extra *x = &pcb->x;

	x->timing = x->ack_timing = x->reorder_timing = x->probe_timing = false;
	if (!x->timer_link)
		return;
	*x->timer_link = x->timer_next;
	if (x->timer_next)
		x->timer_next->x.timer_link = x->timer_link;
	x->timer_link = NULL;
	x->timer_next = NULL;
}

/*
 * When the probe is sent: two round trips after the last segment (RFC 8985, 7.2), but not
 * while acknowledgements arrive, since a queue on the path makes them late.
 */
static uint32_t probe_time(const struct tcp_pcb *pcb)
{
	const struct tcp_extra *x = &pcb->x;
	uint32_t due = x->last->x.sent + 2 * x->srtt;
	uint32_t quiet = x->rto_start + x->srtt / 2 + PROBE_SLACK;

	due += pcb->unacked == x->last ? DELAYED_ACK : PROBE_SLACK;
	return before(due, quiet) ? quiet : due;
}

void timers_arm(struct tcp_pcb *pcb)
{
	struct tcp_extra *x = &pcb->x;
	uint32_t probe;

	x->timing = x->probe_timing = false;
	if (!pcb->unacked &&
	    !(pcb->unsent && pcb->flags & TF_NAGLEMEMERR && !pcb->persist_backoff)) {
		x->reorder_timing = false;
		return;
	}
	x->timing = true;
	x->due = x->rto_start + tcp_rto(pcb);
	if (x->reorder_timing) {
		if (before(x->reorder_due, x->due))
			x->due = x->reorder_due;
	} else if (pcb->unacked && recovery_may_probe(pcb)) {
		probe = probe_time(pcb);
		if (before(probe, x->due)) {
			x->due = probe;
			x->probe_timing = true;
		}
	}
	link_timer(pcb, x->due);
}

void ack_timer(struct tcp_pcb *pcb, uint32_t us)
{
	struct tcp_extra *x = &pcb->x;
	uint32_t due = net_now_us() + us;

	if (x->ack_timing && !before(due, x->ack_due))
		return;
	x->ack_timing = true;
	x->ack_due = due;
	link_timer(pcb, due);
}

void tcp_forget(struct tcp_pcb *pcb)
{
	struct tcp_extra *x = &pcb->x;

	timers_stop(pcb);
	x->out = x->sacked = x->nsacked = x->lost = x->twice = 0;
	x->last = NULL;
}

/* ---- expiry */

/* The peer has closed its window in front of data that was sent, but is alive. */
static bool is_closed(const struct tcp_pcb *pcb)
{
	return pcb->state >= ESTABLISHED && !pcb->snd_wnd && !(pcb->flags & TF_RXCLOSED) &&
	       tcp_ticks - pcb->tmr < RTO_MOST / MS / TCP_SLOW_INTERVAL * 2;
}

/* lwIP's tcp_slowtmr() ends the connection if nrtx is TCP_MAXRTX. */
static void timed_out(struct tcp_pcb *pcb)
{
	struct tcp_extra *x = &pcb->x;

	if (pcb->unacked && pcb->unacked->p->ref != 1) {
		x->rto_start = net_now_us();	/* the device has not released it yet */
		return;
	}
	if (pcb->state == SYN_SENT && pcb->nrtx >= TCP_SYN_RETRIES) {
		pcb->nrtx = TCP_SYNMAXRTX;
		x->rto_start = net_now_us();	/* else it would be due again at once */
		return;
	}
	x->syn_lost |= pcb->state < ESTABLISHED;
	if (pcb->unacked)
		recovery_timeout(pcb);
	if (pcb->nrtx < UINT8_MAX && !is_closed(pcb))
		pcb->nrtx++;
	x->backoff += x->backoff < 16;
	x->rto_start = net_now_us();
	tcp_output(pcb);
}

/* No timer is set further ahead than RTO_MOST: such a time has passed (the domain was paused). */
static bool is_due(uint32_t time, uint32_t now)
{
	return time - now - 1 >= RTO_MOST;
}

static void run(struct tcp_pcb *pcb, uint32_t now)
{
	struct tcp_extra *x = &pcb->x;

	if (x->ack_timing && is_due(x->ack_due, now)) {
		x->ack_timing = false;
		ack_time_over(pcb);
	}
	if (!x->timing || !is_due(x->due, now))
		return;
	timers_arm(pcb);
	if (!x->timing || !is_due(x->due, now))
		return;
	if (x->reorder_timing && is_due(x->reorder_due, now)) {
		x->reorder_timing = false;
		recovery_reordered(pcb);
	} else if (x->probe_timing) {
		recovery_probe(pcb);
	} else {
		timed_out(pcb);
	}
	timers_arm(pcb);
}

void tcp_timers_run(void)
{
	uint32_t now = net_now_us();
	struct tcp_pcb *next;

	if (!timed || !is_due(earliest, now))
		return;
	earliest = now + RTO_MOST;
	for (struct tcp_pcb *pcb = timed; pcb; pcb = next) {
		struct tcp_extra *x = &pcb->x;

		next = x->timer_next;
		run(pcb, now);
		if (x->timing && before(x->due, earliest))
			earliest = x->due;
		if (x->ack_timing && before(x->ack_due, earliest))
			earliest = x->ack_due;
		if (!x->timing && !x->ack_timing)
			timers_stop(pcb);
	}
}

uint64_t tcp_timers_next(void)
{
	uint32_t now = net_now_us(), left = is_due(earliest, now) ? 0 : earliest - now;

	if (!timed)
		return NEVER;
	return net_now() + (uint64_t)left * 1000;
}

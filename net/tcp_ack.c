/* SPDX-License-Identifier: ISC */
/*
 * Acknowledgements and window updates.
 *
 * The ACK of data that is in order is sent when the application has read the data, so that one
 * packet acknowledges and opens the window. If the application does not read it, the ACK is sent
 * after SOON, or after DELAYED if it is for less than two segments (RFC 1122, 4.2.3.2; RFC 5681,
 * 4.2).
 *
 * A fast peer's frames have up to 64 KB. Such a stream is acknowledged with every second frame.
 * A peer whose window is smaller would wait for SOON each time, so when that time passes,
 * QUICK bytes are acknowledged when they are read; also at the start, and after a pause.
 *
 * Data that is out of order, or fills a gap, is acknowledged at once, by lwIP.
 */
#include "net/tcp_filter.h"
#include "net/tcp_internal.h"

#define DELAYED (40 * MS)
#define SOON (1 * MS)
#define QUICK (256 * 1024)		/* bytes */
#define PAUSE 200			/* ms */
#define UPDATE (32 * 1024)		/* bytes: of a window that is half closed */

static uint32_t pending(const struct tcp_pcb *pcb)
{
	return pcb->rcv_nxt - pcb->ts_lastacksent;
}

/* The window if the application had read everything. */
static uint32_t window(const struct tcp_pcb *pcb)
{
	uint32_t most = TCP_WND_MAX(pcb);

	return pcb->x.window && pcb->x.window < most ? pcb->x.window : most;
}

/* Two segments of the size that the peer sends. */
static uint32_t two_segments(const struct tcp_pcb *pcb)
{
	return 2 * LWIP_MIN(pcb->mss, pcb->x.rx_frame);
}

/* Bytes that are worth an ACK when they have been read. */
static uint32_t worth(const struct tcp_pcb *pcb)
{
	uint32_t two = two_segments(pcb);

	if (pcb->x.quick)
		return two;
	return LWIP_MAX(two, LWIP_MIN(2 * pcb->x.rx_frame, window(pcb) / 4));
}

void tcp_got_data(struct tcp_pcb *pcb, uint32_t len, bool gap_filled)
{
	struct tcp_extra *x = &pcb->x;

	if (sys_now() - x->rx_at_ms > PAUSE)
		x->quick = QUICK;
	x->quick -= LWIP_MIN(len, x->quick);
	x->rx_at_ms = sys_now();
	x->rx_frame = LWIP_MAX(len, x->rx_frame - x->rx_frame / 16);
	if (gap_filled || pending(pcb) >= window(pcb) / 2) {
		tcp_ack_now(pcb);
		return;
	}
	if (!(pcb->flags & TF_ACK_DELAY))
		x->ack_timing = false;	/* it was for data that is acknowledged */
	tcp_set_flags(pcb, TF_ACK_DELAY);
	ack_timer(pcb, pending(pcb) < two_segments(pcb) ? DELAYED : SOON);
}

void ack_time_over(struct tcp_pcb *pcb)
{
	if (!(pcb->flags & TF_ACK_DELAY))
		return;
	if (pending(pcb) >= two_segments(pcb))
		pcb->x.quick = QUICK;
	tcp_ack_now(pcb);
	tcp_output(pcb);
}

/* Whether the peer should be told of a window that is `more` bytes larger. */
static bool worth_an_update(const struct tcp_pcb *pcb, uint32_t more)
{
	uint32_t open = pcb->rcv_ann_right_edge - pcb->rcv_nxt;

	return more >= window(pcb) / 4 || (more >= UPDATE && open < window(pcb) / 2);
}

void tcp_read(struct tcp_pcb *pcb, size_t n)
{
	uint32_t room = TCP_WND_MAX(pcb) - LWIP_MIN(pcb->rcv_wnd, (uint32_t)TCP_WND_MAX(pcb));
	uint32_t more;

	pcb->rcv_wnd += n < room ? n : room;
	more = tcp_update_rcv_ann_wnd(pcb);
	if (!worth_an_update(pcb, more) &&
	    !(pcb->flags & TF_ACK_DELAY && pending(pcb) >= worth(pcb)))
		return;
	tcp_ack_now(pcb);
	tcp_output(pcb);
}

/*
 * A window below 64 KiB, which needs no scaling, would only be slow. The SYN has not announced
 * more, whatever lwIP assumes.
 */
void tcp_established(struct tcp_pcb *pcb, uint32_t most)
{
	most = most < 65535 ? 65535 : most;
	pcb->x.window = most;
	if (most < pcb->rcv_wnd) {
		pcb->rcv_wnd = pcb->rcv_ann_wnd = most;
		pcb->rcv_ann_right_edge = pcb->rcv_nxt + most;
	}
	pcb->ssthresh = UINT32_MAX / 2;
	tcp_filter_min_mss(pcb);
}

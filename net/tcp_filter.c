/* SPDX-License-Identifier: ISC */
/*
 * Checks each received TCP segment before lwIP processes it.
 *
 * lwIP asserts that some segments do not occur, and a failed assertion is a panic, so
 * these are dropped or changed. Segments that RFC 9293, 3.10.7.4, and RFC 5961 discard
 * are discarded here: lwIP does not check the ACK field, and replies to an ACK with an
 * ACK if the window is 0.
 */
#include "net/tcp_filter.h"

#include "net/lwip/hooks.h"
#include "net/syn_cookie.h"
#include "net/tcp_internal.h"
#include "net/tcp_orphan.h"

#include <lwip/priv/tcp_priv.h>
#include <lwip/sys.h>

#define LEAST 88			/* bytes; Linux: 48, without options */
#define STAMPS_VALID (24u * 24 * 3600 * 1000 / TCP_SLOW_INTERVAL)
#define CHALLENGE_MS 500		/* Linux: net.ipv4.tcp_invalid_ratelimit */

static struct tcp_pcb *widened;		/* its window is increased until tcp_filter_done() */
static unsigned widened_by;

/*
 * lwIP limits its segments to half of the largest window seen. With a window of 0 it
 * makes full ones, which are too large when the window opens ("mss_local is too small").
 * With a window below the length of the options they have the size of the data.
 */
void tcp_filter_min_mss(struct tcp_pcb *pcb)
{
	if (pcb->mss < LEAST)
		pcb->mss = LEAST;
	if (pcb->snd_wnd_max < 2 * LEAST)
		pcb->snd_wnd_max = 2 * LEAST;
}

uint8_t *option_byte(const struct options *o, unsigned i)
{
	return i < o->in_first ? o->first + i : o->second + (i - o->in_first);
}

unsigned option_find(const struct options *o, unsigned i, uint8_t wanted,
		     unsigned *size)
{
	for (; i < o->len; i += *size) {
		uint8_t kind = *option_byte(o, i);

		*size = kind == OPTION_NOP ? 1 : i + 1 < o->len ? *option_byte(o, i + 1) : 0;
		if (kind == OPTION_END || !*size || (kind != OPTION_NOP && *size < 2))
			break;
		if (kind == wanted)
			return i;
	}
	return o->len;
}

/*
 * The MSS option belongs to a SYN (RFC 9293, 3.7.1). lwIP would use it from any segment,
 * and then has larger segments in its queue ("mss_local is too small"). From a repeated
 * SYN it would use one above the MTU.
 */
static void forget_mss(const struct options *o)
{
	unsigned size, i = option_find(o, 0, OPTION_MSS, &size);

	for (; i < o->len; i = option_find(o, i + size, OPTION_MSS, &size))
		for (unsigned n = 0; n < size && i + n < o->len; n++)
			*option_byte(o, i + n) = OPTION_NOP;
}

bool option_number(const struct options *o, uint8_t kind, unsigned bytes, uint64_t *value)
{
	unsigned size, i = option_find(o, 0, kind, &size);

	*value = 0;
	if (i == o->len || size != 2 + bytes || i + size > o->len)
		return false;
	for (unsigned n = 0; n < bytes; n++)
		*value = *value << 8 | *option_byte(o, i + 2 + n);
	return true;
}

static uint32_t number_at(const struct options *o, unsigned i)
{
	uint32_t value = 0;

	for (unsigned n = 0; n < 4; n++)
		value = value << 8 | *option_byte(o, i + n);
	return value;
}

/* Stores the timestamp and the SACK blocks of the segment in tcp_received. */
static void note_options(const struct options *o)
{
	unsigned size, i = option_find(o, 0, OPTION_TIMESTAMP, &size);

	tcp_received.stamped = i < o->len && size == 10 && i + size <= o->len;
	if (tcp_received.stamped) {
		tcp_received.value = number_at(o, i + 2);
		tcp_received.echo = number_at(o, i + 6);
	}
	tcp_received.nsacks = 0;
	if (o->len < 10)
		return;
	i = option_find(o, 0, OPTION_SACKS, &size);
	if (i == o->len || i + size > o->len)
		return;
	for (unsigned at = 2; at + 8 <= size && tcp_received.nsacks < SACKS_MOST; at += 8) {
		tcp_received.sacks[tcp_received.nsacks].left = number_at(o, i + at);
		tcp_received.sacks[tcp_received.nsacks++].right = number_at(o, i + at + 4);
	}
}

/*
 * PAWS (RFC 7323, 5): the segment is older than the last one in order, unless the connection was
 * idle for so long that timestamps may have wrapped.
 */
static bool is_old(const struct tcp_pcb *pcb)
{
	return pcb->flags & TF_TIMESTAMP && tcp_received.stamped &&
	       (int32_t)(tcp_received.value - pcb->ts_recent) < 0 &&
	       tcp_ticks - pcb->tmr < STAMPS_VALID;
}

/*
 * Returns how much later the segment's timestamp is than the last one; 0 without
 * timestamps.
 */
static int32_t later(const struct tcp_pcb *pcb, const struct options *o)
{
	uint64_t both;			/* TSval and TSecr */

	if (!(pcb->flags & TF_TIMESTAMP) || !option_number(o, OPTION_TIMESTAMP, 8, &both))
		return 0;
	return (uint32_t)(both >> 32) - pcb->ts_recent;
}

/* Returns a FIN that is out of order, or NULL. */
static const struct tcp_seg *early_fin(const struct tcp_pcb *pcb)
{
	const struct tcp_seg *s = pcb->ooseq;

	while (s && !(TCPH_FLAGS(s->tcphdr) & TCP_FIN))
		s = s->next;
	return s;
}

/*
 * No data may follow a FIN. lwIP trims the next segment at the end of the window, but not
 * all segments that are out of order ("ooseq tcplen > rcv_wnd").
 */
static bool fits(const struct tcp_pcb *pcb, const struct tcp_hdr *h, unsigned len)
{
	uint32_t end = h->seqno + len, window = pcb->rcv_wnd;
	const struct tcp_seg *fin = early_fin(pcb);

	if (fin && TCP_SEQ_GT(end, fin->tcphdr->seqno + fin->len))
		return false;
	if (TCP_SEQ_LEQ(h->seqno, pcb->rcv_nxt))
		return true;
	if (pcb->state == SYN_RCVD && window > 65535)
		window = 65535;		/* this segment may set it to SO_RCVBUF */
	return TCP_SEQ_LEQ(end + !!(TCPH_FLAGS(h) & TCP_FIN), pcb->rcv_nxt + window);
}

bool tcp_filter_restore(struct pbuf *p, struct tcp_hdr *h)
{
	if (pbuf_add_header_force(p, TCPH_HDRLEN_BYTES(h)))
		return false;
	h->src = lwip_htons(h->src);
	h->dest = lwip_htons(h->dest);
	h->seqno = lwip_htonl(h->seqno);
	h->ackno = lwip_htonl(h->ackno);
	h->wnd = lwip_htons(h->wnd);
	return true;
}

/*
 * A client may open a new connection from the same port while the old one is in
 * TIME_WAIT, if the timestamp, or otherwise the sequence number, is above all of the old
 * one (RFC 6191). lwIP would reply with a reset, or with an ACK of the old connection. A
 * fast peer without timestamps may use a lower number: it replies to the ACK with a
 * reset, which ends the old connection, as in Linux, and then retransmits its SYN.
 */
static int after_the_end(struct tcp_pcb *pcb, struct tcp_hdr *h, const struct options *o,
			 struct pbuf *p)
{
	unsigned flags = TCPH_FLAGS(h) & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN);
	int32_t by = later(pcb, o);

	if (flags & TCP_RST && h->seqno == pcb->rcv_nxt) {
		tcp_abort(pcb);		/* sends nothing in TIME_WAIT */
		return ERR_ABRT;
	}
	if (flags != TCP_SYN || by < 0 || (by == 0 && !TCP_SEQ_GT(h->seqno, pcb->rcv_nxt)))
		return ERR_OK;
	tcp_abort(pcb);
	if (!o->second && tcp_filter_restore(p, h)) {
		pbuf_ref(p);
		tcp_input(p, ip_current_input_netif());
	}				/* no memory: the client retransmits its SYN */
	return ERR_ABRT;
}

/*
 * The challenge ACK for a segment that is not acceptable. The limit is per connection: a
 * common limit would reveal to an attacker whether another connection exists
 * (CVE-2016-5696).
 */
static void challenge(struct tcp_pcb *pcb)
{
	uint32_t now = sys_now() | 1, last = (uintptr_t)tcp_ext_arg_get(pcb, 0);

	if (last && now - last < CHALLENGE_MS)
		return;
	tcp_ext_arg_set(pcb, 0, (void *)(uintptr_t)now);
	tcp_send_empty_ack(pcb);
}

/* RFC 5961, 3: a reset must have exactly the next sequence number. */
static bool resets(struct tcp_pcb *pcb, const struct tcp_hdr *h)
{
	uint32_t ahead = h->seqno - pcb->rcv_nxt;

	if (ahead && ahead < pcb->rcv_wnd)
		challenge(pcb);
	return !ahead;
}

/* RFC 5961, 5.2. lwIP would reply to a wrong ACK in SYN_RCVD with a reset. */
static bool acknowledges(struct tcp_pcb *pcb, const struct tcp_hdr *h)
{
	if (!(TCPH_FLAGS(h) & TCP_ACK))
		return false;
	if (pcb->state == SYN_RCVD ||
	    (TCP_SEQ_LEQ(h->ackno, pcb->snd_nxt) &&
	     TCP_SEQ_GEQ(h->ackno, pcb->lastack - pcb->snd_wnd_max)))
		return true;
	challenge(pcb);
	return false;
}

/*
 * Whether a segment without data is acceptable. It may be at the right edge of the window
 * (the peer has sent a full window, or the window is 0), and one beyond it (after a
 * window probe). lwIP would reply to such an ACK with an ACK, and two lwIPs would do so
 * for ever; it does not if the window is larger.
 */
static bool bare_fits(struct tcp_pcb *pcb, const struct tcp_hdr *h)
{
	uint32_t ahead = h->seqno - pcb->rcv_nxt;

	if (ahead > pcb->rcv_wnd + 1) {
		challenge(pcb);
		return false;
	}
	if (ahead >= pcb->rcv_wnd) {
		widened_by = ahead + 1 - pcb->rcv_wnd;
		pcb->rcv_wnd += widened_by;
		widened = pcb;
	}
	return true;
}

void tcp_filter_done(void)
{
	if (!widened)
		return;
	/* The pcb may be freed. If not, it is the first: lwIP has just moved it there. */
	for (struct tcp_pcb *pcb = tcp_active_pcbs; pcb; pcb = pcb->next) {
		if (pcb == widened) {
			pcb->rcv_wnd -= widened_by;
			break;
		}
	}
	widened = NULL;
}

/*
 * RFC 9293, 3.10.7.3: in SYN_SENT only a SYN with an acceptable ACK opens the connection;
 * another ACK gets a reset. lwIP would also retransmit its SYN and count that, so a few
 * such ACKs would end connect().
 */
static bool opens(struct tcp_pcb *pcb, const struct tcp_hdr *h, unsigned len)
{
	unsigned flags = TCPH_FLAGS(h);

	if (!(flags & TCP_ACK))
		return !(flags & TCP_RST);
	if (h->ackno == pcb->lastack + 1)
		return flags & (TCP_SYN | TCP_RST);
	if (!(flags & TCP_RST))
		tcp_rst(pcb, h->ackno, h->seqno + len + !!(flags & (TCP_SYN | TCP_FIN)),
			ip_current_dest_addr(), ip_current_src_addr(), h->dest, h->src);
	return false;
}

int tcp_filter_input(struct tcp_pcb *pcb, struct tcp_hdr *h, unsigned options, unsigned in_first,
		uint8_t *second, struct pbuf *p)
{
	struct options o = { (uint8_t *)(h + 1), second, second ? in_first : options, options };
	unsigned flags = TCPH_FLAGS(h);

	note_options(&o);
	if (pcb->state == TIME_WAIT)
		return after_the_end(pcb, h, &o, p);
	if (pcb->state == LISTEN)
		return syn_cookie_input((struct tcp_pcb_listen *)pcb, h, &o, p) ? ERR_ABRT : ERR_OK;
	if (pcb->state == SYN_SENT)
		return opens(pcb, h, p->tot_len) ? ERR_OK : ERR_VAL;
	forget_mss(&o);
	if (flags & TCP_RST)
		return resets(pcb, h) ? ERR_OK : ERR_VAL;
	/* This would be a second SYN in the sequence space. */
	if (pcb->state == SYN_RCVD && flags & TCP_SYN && flags & TCP_ACK)
		return ERR_VAL;
	if (flags & TCP_SYN && pcb->state != SYN_RCVD) {
		challenge(pcb);		/* RFC 5961, 4 */
		return ERR_VAL;
	}
	if (!(flags & TCP_SYN) && !acknowledges(pcb, h))
		return ERR_VAL;
	if (is_old(pcb)) {
		if (p->tot_len || flags & TCP_FIN)
			tcp_send_empty_ack(pcb);
		return ERR_VAL;
	}
	if (TCP_SEQ_GT(h->ackno, pcb->lastack))
		tcp_orphan_progress(pcb);
	if (!p->tot_len && !(flags & (TCP_SYN | TCP_FIN)))
		return bare_fits(pcb, h) ? ERR_OK : ERR_VAL;
	if (p->tot_len && !fits(pcb, h, p->tot_len)) {
		tcp_send_empty_ack(pcb);
		return ERR_VAL;
	}
	return ERR_OK;
}

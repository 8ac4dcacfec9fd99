/* SPDX-License-Identifier: ISC */
/*
 * The cookie is the initial sequence number: 28 bits of a keyed hash of addresses, ports,
 * the client's sequence number and the minute; one bit of the minute; and 3 bits for the
 * MSS. It is valid in its minute and the next one. A forged ACK opens a connection with a
 * probability of 2^-28.
 *
 * Window scale and SACK do not fit in these 32 bits. As in Linux, they are in the low
 * bits of the timestamp, which clients with timestamps echo. A client without timestamps
 * gets a window of 64 KiB and no SACK.
 *
 * Known limits, as in Linux: a cookie is not retransmitted, so if it is lost the client
 * must retransmit its SYN. If the client's ACK is lost and the server is to send first,
 * both wait until the client times out.
 */
#include "net/syn_cookie.h"

#include "kernel/clock.h"
#include "net/lwip/hooks.h"

#include <lwip/inet_chksum.h>
#include <lwip/ip.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/sys.h>

#include <string.h>

#define PERIOD (60 * NSEC_PER_SEC)
#define SIZE_BITS 3
#define HASH_BITS (~15u)
#define NO_SCALE 15
#define SACK 16				/* of the timestamp, above the window scale */
#define IN_TIMESTAMP 31
#define OPTIONS_MOST 24			/* bytes, of the SYN-ACK */

/*
 * Common values of MSS: Ethernet, tunnels, jumbo frames. The largest one that is not
 * above the client's is used.
 */
static const uint16_t sizes[1 << SIZE_BITS] = { 88, 536, 1220, 1300, 1380, 1440, 1460, 8940 };

static uint64_t valid_until;		/* expiry of the last cookie sent; 0: none was sent */
/* Hashes of used cookies, so that a repeated ACK opens no second connection */
static uint32_t used[1024];

static uint32_t *place(uint32_t cookie)
{
	return &used[(cookie >> (SIZE_BITS + 1)) % (sizeof(used) / sizeof(*used))];
}

/* isn: the sequence number of the client's SYN. */
static uint32_t make(const struct tcp_hdr *h, uint32_t isn, uint64_t minute, unsigned size)
{
	bool v6 = IP_IS_V6(ip_current_dest_addr());
	uint64_t ports = (uint32_t)h->dest << 16 | h->src;
	uint64_t words[7] = { ports << 16 | v6 << 8 | size, isn, minute };

	if (v6) {
		memcpy(words + 3, ip6_current_dest_addr()->addr, 16);
		memcpy(words + 5, ip6_current_src_addr()->addr, 16);
	} else {
		memcpy(words + 3, ip4_current_dest_addr(), 4);
		memcpy(words + 5, ip4_current_src_addr(), 4);
	}
	return (net_secret(words, 7) & HASH_BITS) | (minute & 1) << SIZE_BITS | size;
}

static bool is_cookie(const struct tcp_hdr *h, uint32_t cookie)
{
	uint64_t minute = clock_now() / PERIOD;

	minute -= (minute ^ cookie >> SIZE_BITS) & 1;
	return make(h, h->seqno - 1, minute, cookie % (1 << SIZE_BITS)) == cookie;
}

static unsigned size_of(const struct options *o)
{
	unsigned size = sizeof(sizes) / sizeof(*sizes) - 1;
	uint64_t mss;

	if (!option_number(o, OPTION_MSS, 2, &mss) || !mss)
		mss = 536;		/* RFC 9293, 3.7.1 */
	while (size && sizes[size] > mss)
		size--;
	return size;
}

static uint8_t *put(uint8_t *to, uint32_t v)
{
	v = lwip_htonl(v);
	return (uint8_t *)memcpy(to, &v, sizeof(v)) + sizeof(v);
}

/* The timestamp carries the client's options. It is never later than the current time. */
static unsigned write_options(uint8_t *to, const struct options *o)
{
	uint16_t mss = tcp_eff_send_mss(TCP_MSS, ip_current_dest_addr(),
					ip_current_src_addr());
	uint8_t *at = put(to, OPTION_MSS << 24 | 4 << 16 | mss);
	uint32_t now = sys_now(), t = now & ~(uint32_t)IN_TIMESTAMP;
	uint64_t theirs, scale, none;
	bool scaled = option_number(o, OPTION_SCALE, 1, &scale);
	bool sack = option_number(o, OPTION_SACK, 0, &none);

	if (!option_number(o, OPTION_TIMESTAMP, 8, &theirs))
		return at - to;
	t |= (scaled ? scale < 14 ? scale : 14 : NO_SCALE) | (sack ? SACK : 0);
	if ((int32_t)(t - now) > 0)
		t -= IN_TIMESTAMP + 1;
	at = put(at, OPTION_NOP << 24 | OPTION_NOP << 16 | OPTION_TIMESTAMP << 8 | 10);
	at = put(put(at, t), theirs >> 32);
	if (scaled)
		at = put(at, OPTION_NOP << 24 | OPTION_SCALE << 16 | 3 << 8 | TCP_RCV_SCALE);
	if (sack)
		at = put(at, OPTION_NOP << 24 | OPTION_NOP << 16 | OPTION_SACK << 8 | 2);
	return at - to;
}

static struct netif *way_back(const struct tcp_pcb_listen *l)
{
	if (l->netif_idx != NETIF_NO_INDEX)
		return netif_get_by_index(l->netif_idx);
	return ip_route(ip_current_dest_addr(), ip_current_src_addr());
}

static void answer(const struct tcp_pcb_listen *l, const struct tcp_hdr *syn,
		   const struct options *o)
{
	uint8_t options[OPTIONS_MOST];
	unsigned len = write_options(options, o);
	struct netif *n = way_back(l);
	struct pbuf *p = n ? pbuf_alloc(PBUF_IP, sizeof(*syn) + len, PBUF_RAM) : NULL;
	struct tcp_hdr *h;

	if (!p)
		return;
	valid_until = clock_now() + 2 * PERIOD;
	h = p->payload;
	h->src = lwip_htons(syn->dest);
	h->dest = lwip_htons(syn->src);
	h->seqno = lwip_htonl(make(syn, syn->seqno, clock_now() / PERIOD, size_of(o)));
	h->ackno = lwip_htonl(syn->seqno + 1);
	TCPH_HDRLEN_FLAGS_SET(h, (sizeof(*h) + len) / 4, TCP_SYN | TCP_ACK);
	h->wnd = lwip_htons(TCPWND_MIN16(TCP_WND));
	h->chksum = h->urgp = 0;
	memcpy(h + 1, options, len);
	if (n->chksum_flags & NETIF_CHECKSUM_GEN_TCP)
		h->chksum = ip_chksum_pseudo(p, IP_PROTO_TCP, p->tot_len, ip_current_dest_addr(),
					     ip_current_src_addr());
	ip_output_if(p, ip_current_dest_addr(), ip_current_src_addr(), l->ttl, l->tos,
		     IP_PROTO_TCP, n);
	pbuf_free(p);
}

static void take_options(struct tcp_pcb *pcb, const struct options *o, unsigned size)
{
	uint64_t both;

	pcb->mss = tcp_eff_send_mss(sizes[size], &pcb->local_ip, &pcb->remote_ip);
	if (!option_number(o, OPTION_TIMESTAMP, 8, &both))
		return;
	tcp_set_flags(pcb, TF_TIMESTAMP);
	pcb->ts_recent = both >> 32;
	pcb->ts_lastacksent = pcb->rcv_nxt;
	if (both & SACK)
		tcp_set_flags(pcb, TF_SACK);
	if (both % SACK == NO_SCALE)
		return;
	tcp_set_flags(pcb, TF_WND_SCALE);
	pcb->snd_scale = both % SACK;
	pcb->rcv_scale = TCP_RCV_SCALE;
	pcb->rcv_wnd = pcb->rcv_ann_wnd = TCP_WND;
}

/*
 * Makes the pcb that lwIP's tcp_listen_input() makes from a SYN, in the state in which
 * the SYN-ACK has been sent and is not acknowledged. NULL: no memory.
 */
static struct tcp_pcb *open_half(struct tcp_pcb_listen *l, const struct tcp_hdr *h,
				 const struct options *o)
{
	struct tcp_pcb *pcb = tcp_alloc(l->prio);
	uint32_t cookie = h->ackno - 1;

	if (!pcb)
		return NULL;
	ip_addr_copy(pcb->local_ip, *ip_current_dest_addr());
	ip_addr_copy(pcb->remote_ip, *ip_current_src_addr());
	pcb->local_port = h->dest;
	pcb->remote_port = h->src;
	pcb->state = SYN_RCVD;
	pcb->rcv_nxt = h->seqno;
	pcb->lastack = pcb->snd_wl2 = cookie;
	pcb->snd_nxt = pcb->snd_lbb = cookie + 1;
	pcb->snd_wl1 = h->seqno - 2;
	pcb->snd_wnd = pcb->snd_wnd_max = h->wnd;
	pcb->callback_arg = l->callback_arg;
	pcb->listener = l;
	pcb->so_options = l->so_options & SOF_INHERITED;
	pcb->netif_idx = l->netif_idx;
	take_options(pcb, o, cookie % (1 << SIZE_BITS));
	pcb->rcv_ann_right_edge = pcb->rcv_nxt + pcb->rcv_ann_wnd;
	TCP_REG_ACTIVE(pcb);
	if (tcp_ext_arg_invoke_callbacks_passive_open(l, pcb) == ERR_OK)
		return pcb;
	tcp_abandon(pcb, 0);
	return NULL;
}

/*
 * While the accept queue is full, the ACK is dropped; the client retransmits its data, as
 * with Linux.
 */
static void open_by(struct tcp_pcb_listen *l, struct tcp_hdr *h, const struct options *o,
		    struct pbuf *p)
{
	uint32_t cookie = h->ackno - 1;

	if (!l->backlog || *place(cookie) == cookie || o->second || !open_half(l, h, o))
		return;
	*place(cookie) = cookie;
	if (!tcp_filter_restore(p, h))
		return;
	pbuf_ref(p);
	tcp_input(p, ip_current_input_netif());
}

bool syn_cookie_input(struct tcp_pcb_listen *l, struct tcp_hdr *h, const struct options *o,
		  struct pbuf *p)
{
	unsigned flags = TCPH_FLAGS(h) & (TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK);

	if (flags == TCP_SYN && l->backlog && l->accepts_pending >= l->backlog) {
		answer(l, h, o);
		return true;
	}
	if ((flags & ~TCP_FIN) != TCP_ACK || clock_now() >= valid_until)
		return false;
	/*
	 * A segment with data may follow an ACK that was lost. It is dropped, but not
	 * reset.
	 */
	if (!is_cookie(h, h->ackno - 1))
		return p->tot_len != 0;
	open_by(l, h, o, p);
	return true;
}

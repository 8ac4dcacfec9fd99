/* SPDX-License-Identifier: ISC */
/*
 * Sequences of frames, socket calls and time for net/ and lwIP: no assertion fails, no memory
 * is lost, and no sanitizer has a complaint.
 *
 * The input is a list of operations.  Frames are built from plausible parts, so that they pass
 * the first checks: addresses of the guest and its neighbours, extension headers, fragments of
 * one datagram in any order, TCP segments relative to a connection that exists, ICMP errors
 * that quote it, DHCP answers to what was asked, Neighbour Discovery options.  Checksums and
 * lengths are right unless the input says otherwise.
 *
 * An hour of it, on N processors; it goes on where it ended, with the same directory:
 *
 *	FUZZ_SECONDS=0 tests/check lwip_fuzz		builds it (and runs nothing)
 *	mkdir -p CORPUS
 *	build/check/tests/fuzz/lwip_fuzz -max_total_time=3600 -max_len=1024 -timeout=20 \
 *		-fork=N -artifact_prefix=CORPUS. CORPUS
 *
 * An input that found something is run again by naming its file in place of the directory.
 */
#include "tests/fuzz/net_direct.h"

#include "net/icmp.h"
#include "net/tcp_filter.h"
#include "net/tcp_orphan.h"

#include <lwip/etharp.h>
#include <lwip/igmp.h>
#include <lwip/mld6.h>
#include <lwip/nd6.h>
#include <lwip/priv/nd6_priv.h>
#include <lwip/raw.h>
#include <xen/io/netif.h>

#define PORT 80
#define PEER_PORT 40000
#define L4_MOST 65535
#define HEADROOM 1024
#define SOCKETS 8
#define UNREAD 32

enum { ICMP = 1, IGMP = 2, TCP = 6, UDP = 17, ROUTING = 43, FRAGMENT = 44, ICMP6 = 58,
       DESTINATION = 60 };

static uint16_t word(void)
{
	uint16_t high = byte();

	return high << 8 | byte();
}

/* ---- what the guest sent last */

static struct {
	uint8_t dhcp[700];
	size_t dhcp_len;
} seen;

static void wire(uint8_t *p, size_t len, const struct offload *o)
{
	(void)o;
	if (len > 42 + 240 && len <= sizeof(seen.dhcp) && get(p + 12, 2) == 0x0800 &&
	    p[23] == UDP && get(p + 36, 2) == 67) {
		memcpy(seen.dhcp, p, len);
		seen.dhcp_len = len;
	}
}

/* ---- addresses */

struct flow {
	unsigned version;
	uint8_t from[16], to[16];
};

static const uint8_t our_mac[6] = { 0, 0x16, 0x3e, 0, 0, 1 };
static const uint8_t peer_mac[6] = { 0, 0x16, 0x3e, 0, 0, 2 };

static size_t size_of(const struct flow *f)
{
	return f->version == 4 ? 4 : 16;
}

static void ours4(uint8_t *to)
{
	uint32_t a = ip4_addr_get_u32(netif_ip4_addr(&vifs->netif));

	memcpy(to, &a, 4);
	if (!a)
		put(to, 0x0a000002, 4);
}

static void ours6(uint8_t *to, unsigned i)
{
	memcpy(to, netif_ip6_addr(&vifs->netif, i % LWIP_IPV6_NUM_ADDRESSES)->addr, 16);
	if (!get(to, 4))
		memcpy(to, netif_ip6_addr(&vifs->netif, 0)->addr, 16);
}

static void any4(uint8_t *to, uint8_t which)
{
	static const uint32_t table[] = {
		0x0a000001, 0x0a000001, 0x0a000003, 0x0a000004, 0xc0000201, 0xffffffff, 0x0a0000ff,
		0xe0000001, 0xe00000fb, 0xef010203, 0x7f000001, 0, 0xa9fe0101, 0x0a000000,
	};

	if (which % 16 < HOST_COUNT(table))
		put(to, table[which % 16], 4);
	else
		ours4(to);
}

static void any6(uint8_t *to, uint8_t which)
{
	static const uint8_t table[][16] = {
		{ 0xfe, 0x80, [15] = 2 }, { 0xfe, 0x80, [15] = 2 }, { 0xfe, 0x80, [15] = 3 },
		{ 0x20, 1, 13, 0xb8, [15] = 9 }, { 0x20, 1, 13, 0xb8, 5, [15] = 1 },
		{ 0xff, 2, [15] = 1 }, { 0xff, 2, [15] = 2 }, { 0xff, 2, [15] = 0xfb },
		{ 0xff, 5, [15] = 3 }, { 0 }, { [15] = 1 }, { [10] = 0xff, 0xff, 10, 0, 0, 1 },
		{ 0xff, 2, [11] = 1, 0xff, 0, 0, 1 },
	};

	if (which % 16 < HOST_COUNT(table))
		memcpy(to, table[which % 16], 16);
	else
		ours6(to, which / 16);
}

static void any(const struct flow *f, uint8_t *to, uint8_t which)
{
	if (f->version == 4)
		any4(to, which);
	else
		any6(to, which);
}

/* From a neighbour to the guest, unless the input changes the addresses. */
static struct flow flow(unsigned version)
{
	struct flow f = { .version = version };
	uint8_t how = byte();

	any(&f, f.from, how & 1 ? byte() : how >> 4 & 3);
	if (how & 2)
		any(&f, f.to, byte());
	else if (version == 4)
		ours4(f.to);
	else
		ours6(f.to, how >> 6);
	return f;
}

/* ---- a packet, which grows towards its beginning */

static uint8_t space[HEADROOM + L4_MOST + 1];
static uint8_t *at;
static size_t len;

static void packet_begin(size_t n)
{
	at = space + HEADROOM;
	len = n;
	memset(at, 0, n);
}

static uint8_t *prepend(size_t n)
{
	assert(at - space >= (ptrdiff_t)n);
	at -= n;
	len += n;
	return memset(at, 0, n);
}

enum how {
	BAD_SUM = 1, HEADERS = 2, PIECES = 4, EARLY = 8, LATE = 16, CUT = 32, PAD = 64, MERGED = 128,
};

static void change(size_t from)
{
	for (unsigned n = 1 + byte() % 3; n; n--) {
		size_t where = from + byte();

		if (where < len)
			at[where] = byte();
	}
}

static void ethernet(const struct flow *f, uint8_t how)
{
	static const uint16_t pages[] = { 4096, 1500, 200, 60 };
	struct offload o = { .csum_valid = true };
	uint8_t b = byte(), *e = prepend(14);
	size_t page = b & 32 ? 14 + byte() : pages[b >> 6];

	memcpy(e, our_mac, 6);
	memcpy(e + 6, peer_mac, 6);
	e[11] += b & 3;
	put(e + 12, f->version == 4 ? 0x0800 : 0x86dd, 2);
	if (f->version == 4 && f->to[0] >> 4 == 0xe) {
		put(e, 0x01005e, 3);
		memcpy(e + 3, f->to + 1, 3);
		e[3] &= 0x7f;
	} else if (f->version == 6 && f->to[0] == 0xff) {
		put(e, 0x3333, 2);
		memcpy(e + 2, f->to + 12, 4);
	} else if (f->version == 4 && (f->to[3] == 255 || b & 16)) {
		memset(e, 0xff, 6);
	}
	if (how & LATE)
		change(14);
	if (how & CUT)
		len = len - word() % len;
	if (how & PAD)
		for (unsigned n = byte() % 64; n && at + len < space + sizeof(space); n--)
			at[len++] = 0;
	len = len < 14 ? 14 : len < FRAME_MAX ? len : FRAME_MAX;
	if (b & 4)
		o.csum_valid = false;
	if (how & MERGED) {
		o.gso_type = f->version == 4 ? XEN_NETIF_GSO_TYPE_TCPV4 : XEN_NETIF_GSO_TYPE_TCPV6;
		o.gso_size = 1 + word();
	}
	vif_deliver(at, len, &o, page);
	if (b & 8)
		settle();
}

/* What an IP header says of fragments: offset in bytes, more to come, id. */
struct piece_of {
	size_t offset;
	bool more;
	uint32_t id;
};

static void ip4(const struct flow *f, uint8_t proto, uint8_t how, const struct piece_of *of)
{
	size_t options = how & HEADERS ? byte() % 11 * 4 : 0, data = len;
	uint8_t *h = prepend(20 + options);

	h[0] = 0x40 | (5 + options / 4);
	put(h + 2, 20 + options + data < 65536 ? 20 + options + data : 65535, 2);
	h[8] = proto == IGMP ? 1 : 64;
	h[9] = proto;
	memcpy(h + 12, f->from, 4);
	memcpy(h + 16, f->to, 4);
	for (size_t i = 0; i < options; i++)
		h[20 + i] = i < 4 && proto == IGMP ? (i == 0 ? 0x94 : i == 1 ? 4 : 0) : byte();
	if (of) {
		put(h + 4, of->id, 2);
		put(h + 6, of->offset / 8 | of->more << 13, 2);
	}
	put(h + 10, ~plain(h, 20 + options, 0), 2);
	ethernet(f, how);
}

static uint8_t extension(uint8_t next)
{
	static const uint8_t kinds[] = { DESTINATION, 0, ROUTING, DESTINATION, FRAGMENT };
	uint8_t b = byte(), kind = kinds[b % 5];
	size_t size = kind == FRAGMENT ? 8 : 8 + b / 5 % 3 * 8;
	uint8_t *h = prepend(size);

	h[0] = next;
	h[1] = kind == FRAGMENT ? 0 : size / 8 - 1;
	if (kind == FRAGMENT) {
		h[7] = b >> 6;
	} else if (kind == ROUTING) {
		h[2] = byte() % 5;
		h[3] = byte() % 3;
	} else if (b & 128) {
		for (size_t i = 2; i < size; i++)
			h[i] = byte();
	} else {
		h[2] = 1;				/* PadN */
		h[3] = size - 4;
	}
	return kind;
}

static void ip6(const struct flow *f, uint8_t next, uint8_t how, const struct piece_of *of)
{
	uint8_t *h;

	if (of) {
		h = prepend(8);
		h[0] = next;
		put(h + 2, of->offset | of->more, 2);
		put(h + 4, of->id, 4);
		next = FRAGMENT;
	}
	if (how & HEADERS)
		for (unsigned n = 1 + byte() % 3; n; n--)
			next = extension(next);
	h = prepend(40);
	h[0] = 0x60;
	put(h + 4, len - 40 < 65536 ? len - 40 : 65535, 2);
	h[6] = next;
	h[7] = 255;
	memcpy(h + 8, f->from, 16);
	memcpy(h + 24, f->to, 16);
	ethernet(f, how);
}

static void ip(const struct flow *f, uint8_t proto, uint8_t how, const struct piece_of *of)
{
	if (f->version == 4)
		ip4(f, proto, how, of);
	else
		ip6(f, proto, how, of);
}

/* The message as fragments of one datagram: in which order, and which twice, the input says. */
static void fragments(const struct flow *f, uint8_t proto, uint8_t how)
{
	static uint8_t whole[L4_MOST + 1];
	size_t total = len, unit = 8 * (1 + byte() % (total > 4000 ? 180 : 16));
	size_t n = (total + unit - 1) / unit;
	uint8_t order = byte(), id = byte() % 4;

	memcpy(whole, at, total);
	n = n < 64 ? n ? n : 1 : 64;
	for (size_t i = 0; i < n; i++) {
		size_t k = order & 1 ? n - 1 - i : i, from, size;
		struct piece_of of = { .id = id };

		if (order & 2)
			k = (k + byte()) % n;
		from = k * unit;
		if (order & 4 && from >= 8u * (order >> 6))
			from -= 8 * (order >> 6);
		size = total - from < unit ? total - from : unit;
		of.offset = from;
		of.more = from + size < total;
		if (order & 8 && !(byte() & 7))
			of.more = !of.more;
		if (order & 16 && !(byte() & 7))
			of.offset = (of.offset + 8 * word()) & 0xfff8;
		if (of.offset > 65528)
			of.offset = 65528;
		packet_begin(size);
		memcpy(at, whole + from, size);
		ip(f, proto, how & ~(order & 32 ? 0 : HEADERS), &of);
	}
}

/* The message that lies in the packet, as it is on the wire. */
static void emit(const struct flow *f, uint8_t proto, uint8_t how)
{
	static const struct { uint8_t proto, sum; } sums[] = {
		{ ICMP, 2 }, { IGMP, 2 }, { TCP, 16 }, { UDP, 6 }, { ICMP6, 2 },
	};
	uint32_t s = 0;

	if (how & EARLY)
		change(0);
	for (unsigned i = 0; i < HOST_COUNT(sums); i++) {
		if (sums[i].proto != proto || len < sums[i].sum + 2u)
			continue;
		if (proto != ICMP && proto != IGMP)
			s = plain(f->to, size_of(f), plain(f->from, size_of(f), proto + len));
		put(at + sums[i].sum, 0, 2);
		put(at + sums[i].sum, ~plain(at, len, s), 2);
		if (how & BAD_SUM)
			at[sums[i].sum] ^= byte();
	}
	if (how & PIECES)
		fragments(f, proto, how);
	else
		ip(f, proto, how, NULL);
}

/* Most packets are as they should be. */
static uint8_t how(void)
{
	uint8_t b = byte();

	return b < 128 ? 0 : b < 192 ? 1u << (b & 7) : byte();
}

/* ---- sockets, as lib/socket/socket_tcp*.c has them */

static struct sock {
	struct tcp_pcb *pcb;
	struct sendbuf out;
	size_t unacked;
	bool used, listens, connecting, connected, eof, shut_wr, orphan, lazy, refuses;
	unsigned backlog;
	struct pbuf *unread[UNREAD];
	unsigned n;
} socks[SOCKETS];

static void failed(void *arg, err_t err);

static struct sock *sock_new(void)
{
	for (struct sock *s = socks; s < socks + SOCKETS; s++)
		if (!s->used) {
			memset(s, 0, sizeof(*s));
			s->used = true;
			return s;
		}
	return NULL;
}

static void sock_free(struct sock *s)
{
	while (s->n)
		pbuf_free(s->unread[--s->n]);
	sendbuf_free(&s->out);
	s->used = false;
}

static void detach(struct sock *s)
{
	tcp_arg(s->pcb, NULL);
	tcp_recv(s->pcb, NULL);
	tcp_sent(s->pcb, NULL);
	tcp_err(s->pcb, NULL);
	s->pcb = NULL;
}

static void over(struct sock *s)
{
	if (s->pcb && s->eof && s->shut_wr && !s->unacked) {
		tcp_orphan_begin(s->pcb);
		detach(s);
	}
}

static err_t got(void *arg, struct tcp_pcb *p, struct pbuf *q, err_t err)
{
	struct sock *s = arg;

	(void)err;
	if (!q) {
		s->eof = true;
		over(s);
		return ERR_OK;
	}
	if ((s->refuses || s->n == UNREAD) && p->state != TIME_WAIT)
		return ERR_MEM;
	if (s->lazy && s->n < UNREAD) {
		s->unread[s->n++] = q;
	} else {
		tcp_recved(p, q->tot_len);
		pbuf_free(q);
	}
	return ERR_OK;
}

static err_t sent(void *arg, struct tcp_pcb *p, u16_t n)
{
	struct sock *s = arg;

	(void)p;
	s->unacked -= n < s->unacked ? n : s->unacked;
	sendbuf_acked(&s->out, n);
	if (s->orphan) {
		if (!s->unacked) {
			detach(s);
			sock_free(s);
		}
		return ERR_OK;
	}
	over(s);
	return ERR_OK;
}

static void attach(struct sock *s, struct tcp_pcb *pcb)
{
	s->pcb = pcb;
	tcp_arg(pcb, s);
	tcp_recv(pcb, got);
	tcp_sent(pcb, sent);
	tcp_err(pcb, failed);
}

static void failed(void *arg, err_t err)
{
	struct sock *s = arg;

	(void)err;
	s->pcb = NULL;
	s->eof = true;
	s->unacked = 0;
	sendbuf_free(&s->out);
	if (s->orphan)
		sock_free(s);
}

static void icmp_error(struct tcp_pcb *pcb, int error, bool hard)
{
	(void)error, (void)hard;
	if (pcb->errf == failed && pcb->state == SYN_SENT)
		tcp_abandon(pcb, 0);
}

static void established(struct sock *s)
{
	struct tcp_pcb *pcb = s->pcb;
	size_t window = s->lazy ? 65535 : TCP_WND;

	s->connecting = false;
	s->connected = true;
	if (window < pcb->rcv_wnd) {
		pcb->rcv_wnd = pcb->rcv_ann_wnd = window;
		pcb->rcv_ann_right_edge = pcb->rcv_nxt + window;
	}
	pcb->ssthresh = TCP_SND_BUF;
	tcp_filter_min_mss(pcb);
}

static err_t connected(void *arg, struct tcp_pcb *pcb, err_t err)
{
	(void)pcb, (void)err;
	established(arg);
	return ERR_OK;
}

static err_t accepted(void *arg, struct tcp_pcb *pcb, err_t err)
{
	struct sock *l = arg, *s;

	if (!l || !pcb || err != ERR_OK)
		return ERR_VAL;
	s = sock_new();
	if (!s) {
		tcp_abort(pcb);
		return ERR_ABRT;
	}
	s->lazy = l->lazy;
	attach(s, pcb);
	established(s);
	return ERR_OK;
}

static err_t syn(u8_t id, struct tcp_pcb_listen *listener, struct tcp_pcb *pcb)
{
	struct tcp_pcb *oldest = NULL;

	(void)id;
	if (listener->accepts_pending < listener->backlog)
		return ERR_OK;
	for (struct tcp_pcb *p = tcp_active_pcbs; p; p = p->next)
		if (p->state == SYN_RCVD && p->listener == listener && p != pcb)
			oldest = p;
	if (oldest && tcp_ticks - oldest->tmr < 2)
		return ERR_MEM;
	if (oldest)
		tcp_abandon(oldest, 0);
	return ERR_OK;
}

static void do_listen(uint8_t b)
{
	static const struct tcp_ext_arg_callbacks callbacks = { .passive_open = syn };
	struct sock *s = sock_new();
	struct tcp_pcb *pcb, *l = NULL;

	if (!s)
		return;
	pcb = tcp_new_ip_type(IPADDR_TYPE_ANY);
	if (pcb && tcp_bind(pcb, IP_ANY_TYPE, PORT + (b & 1)) == ERR_OK) {
		tcp_ext_arg_set_callbacks(pcb, 0, &callbacks);
		l = tcp_listen_with_backlog(pcb, 1);
	}
	if (!l) {
		if (pcb)
			tcp_abort(pcb);
		s->used = false;
		return;
	}
	s->pcb = l;
	s->listens = true;
	s->lazy = b & 2;
	((struct tcp_pcb_listen *)l)->backlog = b & 4 ? 255 : b >> 4;
	tcp_arg(l, s);
	tcp_accept(l, accepted);
}

/* As lib/ has it: what is sent to "any" goes to ourselves. */
static void any_address(ip_addr_t *to, bool v6, uint8_t which)
{
	uint8_t a[16];

	if (v6) {
		any6(a, which);
		ip_addr_set_zero_ip6(to);
		memcpy(ip_2_ip6(to)->addr, a, 16);
		ip6_addr_assign_zone(ip_2_ip6(to), IP6_UNKNOWN, &vifs->netif);
	} else {
		any4(a, which);
		ip_addr_set_zero_ip4(to);
		memcpy(ip_2_ip4(to), a, 4);
	}
	if (ip_addr_isany(to))
		ip_addr_set_loopback(v6, to);
}

static void do_connect(uint8_t b)
{
	struct sock *s = sock_new();
	struct tcp_pcb *pcb;
	ip_addr_t to;

	if (!s)
		return;
	pcb = tcp_new_ip_type(b & 1 ? IPADDR_TYPE_V6 : IPADDR_TYPE_V4);
	if (!pcb) {
		s->used = false;
		return;
	}
	any_address(&to, b & 1, b & 2 ? byte() : b >> 4);
	attach(s, pcb);
	pcb->rto = pcb->sv = 2;
	s->lazy = b & 8;
	if (ip_addr_ismulticast(&to) ||
	    tcp_connect(pcb, &to, b & 4 ? PORT : PEER_PORT, connected) != ERR_OK) {
		detach(s);
		tcp_abort(pcb);
		sock_free(s);
		return;
	}
	s->connecting = true;
}

static void do_write(struct sock *s, uint8_t b)
{
	static const uint8_t bytes[65000];
	size_t n = b & 8 ? 1 + byte() : (1 + byte()) * 250, done, room;

	if (!s->pcb || !s->connected || s->shut_wr)
		return;
	room = s->pcb->snd_buf;
	n = n < room ? n : room;
	if (!n || s->pcb->snd_queuelen >= TCP_SND_QUEUELEN - 64)
		return;
	if (b & 32) {
		done = sendbuf_refer(&s->out, s->pcb, bytes, n, b & 16 ? TCP_WRITE_FLAG_MORE : 0) ==
		       ERR_OK ? n : 0;
	} else {
		sendbuf_write(&s->out, s->pcb, bytes, n, b & 16 ? TCP_WRITE_FLAG_MORE : 0, &done);
	}
	s->unacked += done;
	if (!(b & 64))
		tcp_output(s->pcb);
}

static void do_read(struct sock *s, unsigned most)
{
	while (s->n && most--) {
		struct pbuf *q = s->unread[0];
		size_t n = q->tot_len;

		memmove(s->unread, s->unread + 1, --s->n * sizeof(*s->unread));
		pbuf_free(q);
		if (s->pcb && s->connected)
			tcp_recved(s->pcb, n);
	}
	if (s->pcb && s->connected && s->pcb->refused_data)
		tcp_process_refused_data(s->pcb);
}

static void do_close(struct sock *s, bool reset)
{
	struct tcp_pcb *pcb = s->pcb;

	if (s->listens) {
		tcp_arg(pcb, NULL);
		tcp_close(pcb);
	} else if (pcb && (reset || !s->connected || s->n || pcb->refused_data)) {
		detach(s);
		tcp_abort(pcb);
	} else if (pcb) {
		pcb->rcv_wnd = TCP_WND_MAX(pcb);
		tcp_orphan_begin(pcb);
		if (s->unacked) {
			s->orphan = true;
			tcp_recv(pcb, NULL);
			tcp_close(pcb);
			return;
		}
		detach(s);
		tcp_close(pcb);
	}
	sock_free(s);
}

static void one_call(uint8_t what)
{
	uint8_t b = byte();
	struct sock *s = &socks[b % SOCKETS];

	if (what % 16 < 2) {
		do_connect(byte());
		return;
	}
	if (what % 16 == 2) {
		do_listen(byte());
		return;
	}
	if (!s->used || s->orphan)
		return;
	if (what % 16 == 3 || what % 16 == 4) {
		do_close(s, b & 128);
		return;
	}
	if (s->listens) {
		((struct tcp_pcb_listen *)s->pcb)->backlog = byte();
		return;
	}
	switch (what % 16) {
	case 5:
	case 6:
	case 7:
	case 8:
		do_write(s, byte());
		break;
	case 9:
		if (s->pcb && s->connected && !s->shut_wr) {
			s->shut_wr = true;
			tcp_shutdown(s->pcb, 0, 1);
		}
		break;
	case 10:
		do_read(s, 1 + b / 16);
		break;
	case 11:
		s->lazy = !s->lazy;
		break;
	case 12:
		s->refuses = !s->refuses;
		break;
	case 13:
		if (s->pcb && b & 128)
			tcp_nagle_disable(s->pcb);
		else if (s->pcb)
			tcp_nagle_enable(s->pcb);
		break;
	case 14:
		if (s->pcb) {
			s->pcb->so_options ^= SOF_KEEPALIVE;
			s->pcb->keep_idle = (1 + b) * 1000;
			s->pcb->keep_intvl = 1000;
			s->pcb->keep_cnt = 1 + (b & 7);
		}
		break;
	case 15:
		if (s->pcb && s->connected)
			tcp_output(s->pcb);
		break;
	}
}

/* ---- datagrams and groups */

static struct udp_pcb *echo, *asker;
static struct raw_pcb *ping;

static void datagram(void *arg, struct udp_pcb *u, struct pbuf *p, const ip_addr_t *from,
		     u16_t port)
{
	/* An answer to itself would have no end. */
	bool answers = arg && port != 7;
	struct pbuf *copy = answers ? pbuf_clone(PBUF_TRANSPORT, PBUF_RAM, p) : NULL;

	pbuf_free(p);
	if (!copy)
		return;
	udp_sendto(u, copy, from, port);
	pbuf_free(copy);
}

static u8_t raw_got(void *arg, struct raw_pcb *r, struct pbuf *p, const ip_addr_t *from)
{
	(void)arg, (void)r, (void)from;
	if (p->tot_len % 2)
		return 0;
	pbuf_free(p);
	return 1;
}

static void send_datagram(uint8_t b)
{
	size_t n = b & 2 ? word() % 65508 : byte();
	struct pbuf *p;
	ip_addr_t to;

	any_address(&to, b & 1, byte());
	p = pbuf_alloc(b & 4 ? PBUF_IP : PBUF_TRANSPORT, n, PBUF_RAM);
	if (!p)
		return;
	memset(p->payload, 8, n);
	if (b & 4 && !(b & 1))
		raw_sendto(ping, p, &to);
	else if (b & 8)
		udp_send(asker, p);
	else
		udp_sendto(echo, p, &to, 7);
	pbuf_free(p);
}

static struct {
	ip_addr_t group;
	bool joined;
} groups[4];

static void join_or_leave(uint8_t b)
{
	unsigned i = b % 4;
	struct netif *n = &vifs->netif;

	if (!groups[i].joined) {
		any_address(&groups[i].group, b & 4, b >> 3);
		if (!ip_addr_ismulticast(&groups[i].group))
			return;
		groups[i].joined = (b & 4 ? mld6_joingroup_netif(n, ip_2_ip6(&groups[i].group)) :
				    igmp_joingroup_netif(n, ip_2_ip4(&groups[i].group))) == ERR_OK;
	} else {
		groups[i].joined = false;
		if (IP_IS_V6_VAL(groups[i].group))
			mld6_leavegroup_netif(n, ip_2_ip6(&groups[i].group));
		else
			igmp_leavegroup_netif(n, ip_2_ip4(&groups[i].group));
	}
}

/* ---- TCP segments */

static struct tcp_pcb *any_pcb(uint8_t which)
{
	struct tcp_pcb *lists[] = { tcp_active_pcbs, tcp_tw_pcbs };
	unsigned n = 0;

	for (unsigned i = 0; i < 2; i++)
		for (struct tcp_pcb *p = lists[i]; p; p = p->next)
			n++;
	if (!n || which == 255)
		return NULL;
	which %= n;
	for (unsigned i = 0; i < 2; i++)
		for (struct tcp_pcb *p = lists[i]; p; p = p->next)
			if (!which--)
				return p;
	return NULL;
}

/* The flow from a connection's peer to the guest. */
static struct flow flow_of(const struct tcp_pcb *p)
{
	struct flow f = { .version = IP_IS_V6(&p->remote_ip) ? 6 : 4 };

	memcpy(f.from, f.version == 4 ? (const void *)ip_2_ip4(&p->remote_ip) :
	       ip_2_ip6(&p->remote_ip)->addr, size_of(&f));
	memcpy(f.to, f.version == 4 ? (const void *)ip_2_ip4(&p->local_ip) :
	       ip_2_ip6(&p->local_ip)->addr, size_of(&f));
	return f;
}

/* Near one of those. */
static uint32_t close_to(const uint32_t *of, unsigned n)
{
	uint8_t b = byte();
	int by;

	if (b < 128)
		return of[0];
	by = (int8_t)byte();
	return of[b % n] + (b & 64 ? by * 50 : by);
}

static size_t put_options(uint8_t *to, bool syn)
{
	static const uint8_t sizes[] = { 1, 1, 4, 3, 2, 10, 18, 0, 10 };
	uint8_t which = byte();
	size_t n = 0;

	for (unsigned kind = 2; kind < 9; kind++) {
		if (!(which >> (kind - 2) & 1) || !sizes[kind] || n + sizes[kind] > 40)
			continue;
		to[n] = kind;
		to[n + 1] = which & 128 ? byte() : sizes[kind];
		for (unsigned i = 2; i < sizes[kind]; i++)
			to[n + i] = kind == 2 && syn && !(which & 128) ? (i == 2 ? 5 : 0xb4) : byte();
		n += sizes[kind];
	}
	while (n % 4)
		to[n++] = 1;
	return n;
}

static void one_segment(void)
{
	static const uint8_t usual[] = { 0x10, 0x10, 0x18, 0x10, 0x11, 0x12, 0x02, 0x14 };
	static const uint16_t windows[] = { 65535, 0, 1, 2, 10, 100, 1000, 20000 };
	const struct tcp_pcb *c = any_pcb(byte());
	uint8_t b = byte(), flags = b & 8 ? byte() : usual[b & 7], options[44] = { 0 }, *h;
	uint32_t seq[5] = { 0 }, ack[5] = { 0 };
	struct flow f;
	size_t n = 0, data = byte();

	if (c) {
		const struct tcp_seg *early = c->ooseq;

		f = flow_of(c);
		seq[0] = seq[1] = c->rcv_nxt;
		seq[2] = c->rcv_nxt + c->rcv_wnd;
		seq[3] = early ? early->tcphdr->seqno : c->rcv_nxt - 1;
		while (early && early->next)
			early = early->next;
		seq[4] = early ? early->tcphdr->seqno + early->len : c->rcv_nxt + 1500;
		ack[0] = ack[1] = c->snd_nxt;
		ack[2] = c->lastack;
		ack[3] = c->snd_lbb;
		ack[4] = c->unacked ? lwip_ntohl(c->unacked->tcphdr->seqno) + c->unacked->len :
			 c->snd_nxt;
	} else {
		f = flow(data & 1 ? 6 : 4);
		flags = b & 8 ? flags : 2;
	}
	data = b & 16 ? data * 250 : b & 32 ? 0 : data;
	if (b & 64)
		n = put_options(options, flags & 2);
	packet_begin(20 + n + data);
	h = at;
	put(h, c ? c->remote_port : PEER_PORT + (b >> 4), 2);
	put(h + 2, c ? c->local_port : PORT + (b >> 7), 2);
	put(h + 4, close_to(seq, 5), 4);
	put(h + 8, close_to(ack, 5), 4);
	h[12] = (20 + n) / 4 << 4;
	h[13] = flags;
	put(h + 14, windows[b & 128 ? byte() % 8 : 0], 2);
	memcpy(h + 20, options, n);
	emit(&f, TCP, how());
}

/* ---- ICMP */

/* A packet of the guest, as an ICMP error quotes it: after the first 8 bytes. */
static size_t quote(uint8_t *to, struct flow *f, uint8_t b)
{
	const struct tcp_pcb *c = any_pcb(b);
	uint8_t *l4;

	if (c)
		*f = flow_of(c);
	l4 = to + (f->version == 4 ? 20 : 40);
	if (f->version == 4) {
		to[0] = 0x45;
		put(to + 2, 60, 2);
		to[8] = 64;
		to[9] = c ? TCP : UDP;
		memcpy(to + 12, f->to, 4);
		memcpy(to + 16, f->from, 4);
	} else {
		to[0] = 0x60;
		put(to + 4, 20, 2);
		to[6] = c ? TCP : UDP;
		memcpy(to + 8, f->to, 16);
		memcpy(to + 24, f->from, 16);
	}
	put(l4, c ? c->local_port : 5353, 2);
	put(l4 + 2, c ? c->remote_port : 53, 2);
	put(l4 + 4, c ? c->lastack + byte() % 4 : 0, 4);
	return l4 - to + 8 + (b & 15);
}

static void icmp4_message(void)
{
	struct flow f = flow(4);
	uint8_t b = byte();

	if (b & 1) {				/* an error */
		static const uint8_t types[] = { 3, 3, 3, 11, 12, 4, 5, 17 };

		packet_begin(8 + 60);
		len = 8 + quote(at + 8, &f, byte());
		at[0] = types[b >> 1 & 7];
		at[1] = b >> 4;
		if (b >> 4 == 4)
			put(at + 6, word(), 2);
	} else {
		packet_begin(8 + (b & 2 ? word() % 30000 : byte()));
		at[0] = b & 4 ? b >> 3 : 8;
		put(at + 4, 1, 2);
	}
	emit(&f, ICMP, how());
}

static size_t nd_options(uint8_t *to, uint8_t b)
{
	static const uint8_t kinds[] = { 1, 2, 3, 5, 25, 1, 2, 3, 24, 31, 14, 4 };
	size_t n = 0;

	for (unsigned i = b % 5; i; i--) {
		uint8_t k = byte(), *o = to + n;
		size_t units = 1;

		o[0] = kinds[k % HOST_COUNT(kinds)];
		memset(o + 1, 0, 63);
		switch (o[0]) {
		case 1:
		case 2:
			memcpy(o + 2, peer_mac, 6);
			o[7] += k >> 6;
			break;
		case 3:
			units = 4;
			o[2] = k & 64 ? 64 : byte();
			o[3] = 0xc0;
			put(o + 4, k & 128 ? 3600 : byte(), 4);
			put(o + 8, k & 128 ? 1800 : byte(), 4);
			any6(o + 16, k & 32 ? 4 : byte());
			memset(o + 24, 0, 8);
			break;
		case 5:
			put(o + 4, k & 128 ? 1500 : word(), 4);
			break;
		case 25:
			units = 1 + 2 * (1 + (k >> 6));
			put(o + 4, k & 32 ? byte() : 3600, 4);
			for (size_t j = 8; j < units * 8; j += 16)
				any6(o + j, byte());
			break;
		default:
			units = 1 + (k >> 6);
			for (size_t j = 2; j < units * 8; j++)
				o[j] = byte();
		}
		o[1] = k == 255 ? byte() : units;
		n += units * 8;
	}
	return n;
}

static void icmp6_message(void)
{
	static const uint8_t types[] = { 133, 134, 134, 135, 135, 136, 136, 137, 130, 131, 132, 143,
					 128, 128, 1, 2 };
	struct flow f = flow(6);
	uint8_t b = byte(), type = types[b % 16], h = how();
	size_t n = 0;

	packet_begin(600);
	at[0] = type;
	switch (type) {
	case 133:
		n = 8;
		break;
	case 134:
		n = 16;
		at[4] = 64;
		at[5] = b;
		put(at + 6, b & 64 ? byte() : 1800, 2);
		put(at + 8, b & 128 ? word() : 0, 4);
		put(at + 12, b & 32 ? word() : 0, 4);
		if (!(b & 16))
			any6(f.to, 5);
		break;
	case 135:
	case 136:
		n = 24;
		at[4] = type == 136 ? b & 0xe0 : 0;
		if (b & 16 ? type == 135 : type == 136)
			any6(at + 8, byte());
		else
			ours6(at + 8, b >> 6);
		break;
	case 137:
		n = 40;
		any6(at + 8, byte());
		any6(at + 24, byte());
		break;
	case 130:
	case 131:
	case 132:
		n = b & 32 ? 28 : 24;
		put(at + 4, word(), 2);
		any6(at + 8, b & 64 ? 9 : byte());
		break;
	case 143:
		n = 8 + 20;
		at[7] = 1;
		any6(at + 12, byte());
		break;
	case 128:
		n = 8 + (b & 32 ? word() % 30000 : byte());
		packet_begin(n);
		at[0] = type;
		put(at + 4, 1, 2);
		break;
	default:
		n = 8 + quote(at + 8, &f, byte());
		if (type == 2)
			put(at + 4, b & 64 ? 1280 : word(), 4);
		else
			at[1] = b >> 4 & 7;
	}
	if (type >= 133 && type <= 137)
		n += nd_options(at + n, byte());
	len = n;
	emit(&f, ICMP6, h);
}

static void igmp_message(void)
{
	static const uint8_t types[] = { 0x11, 0x12, 0x16, 0x17, 0x22, 0x11 };
	struct flow f = flow(4);
	uint8_t b = byte();

	packet_begin(b & 64 ? 12 : 8);
	at[0] = types[b % 6];
	at[1] = byte();
	if (b & 128)
		any4(at + 4, byte());
	if (!(b & 32))
		memcpy(f.to, b & 128 ? at + 4 : (const uint8_t *)"\340\0\0\1", 4);
	emit(&f, IGMP, how() | (b & 16 ? HEADERS : 0));
}

/* ---- UDP, DHCP, ARP and anything */

static void udp_message(void)
{
	uint8_t b = byte();
	struct flow f = flow(b & 1 ? 6 : 4);
	size_t n = b & 2 ? word() : byte();

	n = n < 65507 ? n : 65507;
	packet_begin(8 + n);
	put(at, b & 4 ? 53 : 9999, 2);
	put(at + 2, b & 4 ? 5353 : b & 8 ? byte() : 7, 2);
	put(at + 4, b & 128 ? word() : 8 + n, 2);
	emit(&f, UDP, how());
}

static void dhcp_answer(void)
{
	struct flow f = { .version = 4 };
	uint8_t b = byte(), *o, *m;

	if (!seen.dhcp_len)
		return;
	packet_begin(8 + 240 + 400);
	put(at, 67, 2);
	put(at + 2, 68, 2);
	m = at + 8;
	memcpy(m, seen.dhcp + 42, 240);
	m[0] = 2;
	put(m + 16, 0x0a000000 | (b & 1 ? byte() : 2), 4);
	o = m + 240;
	memcpy(o, "\65\1\5\66\4\12\0\0\1\63\4\0\0\16\20\1\4\377\377\377\0\3\4\12\0\0\1\6\4\12\0\0\1", 33);
	o[2] = b & 2 ? 2 : b & 4 ? byte() : 5;
	if (b & 8)
		put(o + 11, byte(), 4);
	o += 33;
	if (b & 16) {
		memcpy(o, "\32\2", 2);
		put(o + 2, word(), 2);
		o += 4;
	}
	if (b & 32) {
		memcpy(o, "\171\14\30\300\0\2\12\0\0\1\0\12\0\0\1", 14);
		o[2] = byte() % 40;
		o += 14;
	}
	for (unsigned n = b & 64 ? byte() : 0; n; n--)
		*o++ = byte();
	*o++ = 255;
	len = o - at;
	put(at + 4, len, 2);
	put(f.from, 0x0a000001, 4);
	put(f.to, b & 128 ? 0x0a000002 : 0xffffffff, 4);
	emit(&f, UDP, how());
}

static void arp_packet(void)
{
	uint8_t b = byte(), frame[60] = { 0 };
	size_t n = b & 128 ? 42 : 60;

	memset(frame, 0xff, 6);
	if (b & 1)
		memcpy(frame, our_mac, 6);
	memcpy(frame + 6, peer_mac, 6);
	memcpy(frame + 12, "\10\6\0\1\10\0\6\4\0\1", 10);
	frame[21] = b & 2 ? 2 : b & 64 ? byte() : 1;
	memcpy(frame + 22, peer_mac, 6);
	frame[27] += b >> 4 & 3;
	any4(frame + 28, b & 4 ? byte() : b >> 4 & 3);
	ours4(frame + 38);
	if (b & 8)
		any4(frame + 38, byte());
	if (b == 255)
		frame[12 + byte() % 30] = byte();
	vif_deliver(frame, n, &(struct offload){ 0 }, 4096);
}

/* Bytes of the input behind a header, or a whole frame of them. */
static void anything(void)
{
	static const uint8_t protocols[] = { ICMP, IGMP, TCP, UDP, ICMP6, FRAGMENT, DESTINATION, 0,
					     ROUTING, 59, 136 };
	uint8_t b = byte();
	struct flow f = flow(b & 1 ? 6 : 4);
	size_t n = byte();

	packet_begin(n);
	for (size_t i = 0; i < n; i++)
		at[i] = byte();
	if (b < 250)
		emit(&f, protocols[b / 2 % HOST_COUNT(protocols)], how());
	else if (n >= 14)
		vif_deliver(at, n, &(struct offload){ 0 }, 1 + byte());
}

/* Fragments, each for itself, of a few datagrams: what is in them may be a header again. */
static void loose_fragment(void)
{
	uint8_t b = byte(), c = byte();
	struct flow f = flow(b & 1 ? 6 : 4);
	struct piece_of of = {
		.offset = 8 * (b & 8 ? 8190 - c % 16 : c % 16), .more = b & 2, .id = b >> 6,
	};
	size_t n = b & 4 ? byte() : 8 * (c / 16);

	packet_begin(n);
	if (b & 16)
		for (size_t i = 0; i < n && i < 16; i++)
			at[i] = byte();
	ip(&f, "\x2c\x3c\x3a\x11\x00\x2b\x06\x01"[b >> 3 & 7], b & 32 ? HEADERS : 0, &of);
}

/* ---- the device, memory and time */

static void one_event(void)
{
	static const uint16_t mtus[] = { 1500, 9000, 1280, 576, 68, 65535, 0, 1400 };
	uint8_t b = byte();

	switch (b % 8) {
	case 0:
		if (b & 8) {
			vif.info.csum_ipv4 = b & 16;
			vif.info.csum_ipv6 = b & 32;
			vif.info.gso_tcpv4 = vif.info.csum_ipv4 && b & 64;
			vif.info.gso_tcpv6 = vif.info.csum_ipv6 && b & 128;
		}
		device_stuck = false;
		vif_carrier(false);
		settle();
		vif_carrier(true);
		break;
	case 1:
		vif.info.mtu = mtus[b >> 3 & 7];
		vif_carrier(b & 128 || b & 64);
		break;
	case 2:
		vif.room = 1 + (b >> 3);
		break;
	case 3:
		device_stuck = !device_stuck;
		break;
	case 4:
		host.malloc_fails = b & 8 ? 2 + (b >> 4) * 4 : 0;
		break;
	case 5:
		join_or_leave(byte());
		break;
	default:
		send_datagram(byte());
	}
}

static void some_time(uint8_t b)
{
	if (b < 200)
		pass(1ull << (10 + b % 28));
	else
		host_advance(1ull << (30 + b % 14));	/* a pause of the domain */
}

static void one_operation(uint8_t what)
{
	switch (what % 16) {
	case 0:
		arp_packet();
		break;
	case 1:
	case 2:
	case 3:
	case 4:
		one_segment();
		break;
	case 5:
	case 6:
		icmp6_message();
		break;
	case 7:
		if (what & 16)
			icmp4_message();
		else
			igmp_message();
		break;
	case 8:
		udp_message();
		break;
	case 9:
		if (what & 16)
			dhcp_answer();
		else
			anything();
		break;
	case 10:
		loose_fragment();
		break;
	case 11:
		one_event();
		break;
	case 12:
		some_time(byte());
		break;
	default:
		one_call(what / 16 + (what % 16 == 15 ? byte() : 0));
		net_push();
	}
}

static void begin(uint8_t b)
{
	static const char *const lines[] = {
		"hostname=fuzz ip=10.0.0.2/24,gateway=10.0.0.1",
		"hostname=fuzz",
		"hostname=fuzz ip=10.0.0.2/24,gateway=10.0.0.1 ip6=2001:db8::2/64,gateway=fe80::2",
		"hostname=fuzz ip6=2001:db8::2/120",
	};

	vif.info = (struct netfront_info){
		.up = true, .mtu = b & 64 ? 9000 : 1500, .csum_ipv4 = b & 4, .csum_ipv6 = b & 8,
		.gso_tcpv4 = (b & 4) && (b & 16), .gso_tcpv6 = (b & 8) && (b & 16),
		.no_lent = b & 32,
	};
	memcpy(vif.info.mac, our_mac, 6);
	vif.wire = wire;
	direct_up(lines[b & 3]);
	icmp_tcp_error = icmp_error;
	echo = udp_new_ip_type(IPADDR_TYPE_ANY);
	asker = udp_new();
	ping = raw_new(ICMP);
	assert(echo && asker && ping);
	assert(udp_bind(echo, IP_ANY_TYPE, 7) == ERR_OK && udp_bind(asker, IP4_ADDR_ANY, 5353) == ERR_OK);
	udp_recv(echo, datagram, echo);
	udp_recv(asker, datagram, NULL);
	raw_recv(ping, raw_got, NULL);
	ip_set_option(echo, SOF_BROADCAST);
	udp_connect(asker, &(ip_addr_t)IPADDR4_INIT_BYTES(10, 0, 0, 1), 53);
	do_listen(4);
	if (b & 128)
		pass(3 * NSEC_PER_SEC);
}

static void end(void)
{
	host.malloc_fails = 0;
	for (struct sock *s = socks; s < socks + SOCKETS; s++)
		if (s->used && !s->orphan)
			do_close(s, true);
	for (unsigned i = 0; i < HOST_COUNT(groups); i++)
		if (groups[i].joined)
			join_or_leave(i);
	udp_remove(echo);
	udp_remove(asker);
	raw_remove(ping);
	direct_down();
}

static void run(void)
{
	begin(byte());
	while (input_left) {
		uint8_t what = byte();

		one_operation(what);
		if (what & 128)
			settle();
	}
	settle();
	end();
}

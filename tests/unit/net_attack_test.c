/* SPDX-License-Identifier: ISC */
/*
 * net/ and lwIP against hostile peers and third parties.
 *
 * Over 500 lines: all claims share the frames of the attacker and the guest's sockets.
 */
#include "kernel/page.h"
#include "kernel/param.h"
#include "net/lwip/arch/cc.h"
#include "net/lwip_memory.h"
#include "net/net.h"
#include "net/rx_memory.h"
#include "net/tcp_orphan.h"
#include "tests/unit/net_bytes.h"
#include "tests/unit/net_vif.h"

#include <lwip/priv/nd6_priv.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/tcp.h>
#include <lwip/udp.h>

#define PORT 80
#define US 0x0a000002u			/* 10.0.0.2 */
#define PEER 0x0a000001u
#define FIRST 2000			/* the peer's port of the first connection */
#define PEERS 700
#define SECOND NSEC_PER_SEC

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };

/* A connection as its peer sees it. */
static struct peer {
	uint32_t seq, rcv;		/* next of the peer's, next of the guest's */
	uint32_t acked;			/* by the guest */
	bool open, fin, reset;
	uint32_t iss, fin_seq;		/* of the guest */
	unsigned acks;			/* segments without data */
} peers[PEERS];
static unsigned syns, resets, unreachables;
static uint16_t ports[64], ids[64];	/* of the guest's SYNs; of IP packets */
static unsigned nids;

static struct tcp_pcb *listener, *accepted_pcb;
static size_t received;
static bool keep;			/* received data is not read */
static struct pbuf *kept[65536];
static unsigned nkept, refusals, ends;
static uint16_t window = 0xffff;	/* of the peers */
static uint8_t scale;			/* and its scale; 0: without the option */

/* ---- frames to the guest */

static void send_ip(uint8_t *p, uint8_t proto, uint32_t from, size_t len)
{
	ip4_header(p, proto, from, US, len);
	vif_deliver(p, 34 + len, &(struct offload){ .csum_valid = true }, 4096);
}

static void send_raw(uint32_t from, uint16_t sport, uint16_t dport, uint32_t seq, uint32_t ack,
		     uint8_t flags, size_t len)
{
	static uint8_t p[65535];
	size_t tcp = flags & SYN ? 24 + 4 * !!scale : 20;

	memset(p, 0, 34 + tcp);

	put(p + 34, sport, 2);
	put(p + 36, dport, 2);
	put(p + 38, seq, 4);
	put(p + 42, ack, 4);
	p[46] = tcp / 4 << 4;
	p[47] = flags;
	put(p + 48, window, 2);
	if (flags & SYN) {
		put(p + 54, 0x020405b4, 4);
		put(p + 58, 0x01030300 | scale, 4);
	}
	send_ip(p, 6, from, tcp + len);
}

static void send_tcp(struct peer *c, uint8_t flags, size_t len)
{
	send_raw(PEER, FIRST + (c - peers), PORT, c->seq, c->rcv, flags, len);
}

/* ---- frames from it */

static void answer_arp(const uint8_t *p)
{
	uint8_t a[ARP_LEN];

	if (get(p + 20, 2) != 1)
		return;
	arp_answer(a, p, peer_mac);
	vif_deliver(a, ARP_LEN, &(struct offload){ 0 }, 4096);
}

static void take_tcp(const uint8_t *p, size_t len)
{
	unsigned port = get(p + 36, 2), i = port - FIRST;
	size_t data = len - 34 - (p[46] >> 4) * 4;
	struct peer *c = peers + i % PEERS;
	uint8_t flags = p[47];

	resets += !!(flags & RST);
	if (flags == SYN)
		ports[syns++ % 64] = get(p + 34, 2);
	if (i >= PEERS || get(p + 34, 2) != PORT)
		return;
	if (flags & RST) {
		c->reset = true;
	} else if (flags & SYN) {
		c->iss = get(p + 38, 4);
		c->rcv = c->iss + 1;
		c->open = true;
	} else {
		c->acked = get(p + 42, 4);
		if (flags & FIN && !c->fin) {
			c->fin = true;
			c->fin_seq = get(p + 38, 4) + data;
		}
		c->acks += !data && !(flags & FIN);
	}
}

static void wire(uint8_t *p, size_t len, const struct offload *o)
{
	(void)o;
	if (get(p + 12, 2) == 0x0806)
		answer_arp(p);
	if (get(p + 12, 2) != 0x0800)
		return;
	assert(plain(p + 14, 20, 0) == 0xffff);
	ids[nids++ % 64] = get(p + 18, 2);
	if (p[23] == 6)
		take_tcp(p, len);
	unreachables += p[23] == 1 && p[34] == 3;
}

/* ---- the guest */

static err_t got(void *arg, struct tcp_pcb *p, struct pbuf *q, err_t err)
{
	(void)arg, (void)p;
	assert(err == ERR_OK);
	ends += !q;
	if (!q)
		return ERR_OK;
	if (refusals) {
		refusals--;
		return ERR_MEM;
	}
	received += q->tot_len;
	if (keep && nkept < HOST_COUNT(kept))
		kept[nkept++] = q;
	else
		pbuf_free(q);
	return ERR_OK;
}

static err_t accepted(void *arg, struct tcp_pcb *p, err_t err)
{
	(void)arg;
	assert(err == ERR_OK);
	accepted_pcb = p;
	tcp_recv(p, got);
	return ERR_OK;
}

static void moment(void)
{
	thread_sleep(clock_now() + SECOND / 100);
}

static bool with_ip6;

static void set_up(void)
{
	struct tcp_pcb *p;

	host.steps = 1ull << 40;
	vif.info = (struct netfront_info){
		.up = true, .mtu = 1500, .csum_ipv4 = true, .csum_ipv6 = true,
	};
	vif.wire = wire;
	vif.room = 1000;
	vif_boot(with_ip6 ? "ip=10.0.0.2/24,gateway=10.0.0.1 hostname=test" :
			    "ip=10.0.0.2/24,gateway=10.0.0.1 ip6=off hostname=test");
	p = tcp_new();
	assert(p && tcp_bind(p, IP_ANY_TYPE, PORT) == ERR_OK);
	listener = tcp_listen(p);
	tcp_accept(listener, accepted);
}

static struct peer *open_one(unsigned i)
{
	struct peer *c = &peers[i];

	c->seq = host_random();
	send_tcp(c, SYN, 0);
	c->seq++;
	moment();
	assert(c->open);
	send_tcp(c, ACK, 0);
	moment();
	return c;
}

static void down(void)
{
	struct tcp_pcb *next;

	for (struct tcp_pcb *p = tcp_active_pcbs; p; p = next) {
		next = p->next;
		tcp_abort(p);
	}
	tcp_close(listener);
	while (nkept)
		pbuf_free(kept[--nkept]);
	net_push();
	thread_sleep(clock_now() + 40 * SECOND);
	host_xen.shutdown = 0;
}

/* ---- claims */

/* Both ends of a connection with ourselves have filled the other's window. */
static void closed_windows_are_quiet(void)
{
	static const uint8_t bytes[8000];
	ip_addr_t to = IPADDR4_INIT_BYTES(127, 0, 0, 1);
	struct tcp_pcb *p;

	keep = true;
	set_up();
	p = tcp_new();
	tcp_recv(p, got);
	assert(tcp_connect(p, &to, PORT, NULL) == ERR_OK);
	net_push();
	assert(accepted_pcb);
	for (unsigned n = 0; n < 2000; n++) {
		struct tcp_pcb *from = n & 1 ? p : accepted_pcb;

		(void)tcp_write(from, bytes, sizeof(bytes), TCP_WRITE_FLAG_COPY);
		tcp_output(from);
		net_push();
	}
	thread_sleep(clock_now() + 60 * SECOND);
	assert(!p->rcv_wnd && !accepted_pcb->rcv_wnd);
	/* It opens again. */
	received = 0;
	tcp_recved(p, 65535);
	(void)tcp_write(accepted_pcb, bytes, sizeof(bytes), TCP_WRITE_FLAG_COPY);
	tcp_output(accepted_pcb);
	net_push();
	thread_sleep(clock_now() + 20 * SECOND);
	assert(received >= sizeof(bytes));
	down();
}

static void echo(void *arg, struct udp_pcb *u, struct pbuf *p, const ip_addr_t *from, u16_t port)
{
	++*(unsigned *)arg;
	udp_sendto(u, p, from, port);
	pbuf_free(p);
}

/* Two echo servers that talk to each other never end; other threads go on. */
static void a_loop_has_a_budget(void)
{
	ip_addr_t to = IPADDR4_INIT_BYTES(127, 0, 0, 1);
	struct udp_pcb *a, *b;
	unsigned n = 0;
	struct pbuf *p;

	set_up();
	a = udp_new();
	b = udp_new();
	assert(udp_bind(a, &to, 7) == ERR_OK && udp_bind(b, &to, 8) == ERR_OK);
	udp_recv(a, echo, &n);
	udp_recv(b, echo, &n);
	p = pbuf_alloc(PBUF_TRANSPORT, 10, PBUF_RAM);
	udp_sendto(a, p, &to, 8);
	pbuf_free(p);
	net_push();
	assert(n && n <= 1000);
	thread_sleep(clock_now() + SECOND / 10);
	assert(n > 1000);
	udp_remove(a);
	udp_remove(b);
	down();
}

/* RFC 9293, 3.10.7.4; RFC 5961, 5: an ACK of unsent data, a very old ACK, or no ACK. */
static void blind_data_is_dropped(void)
{
	struct peer *c;
	uint32_t rcv;

	set_up();
	c = open_one(0);
	rcv = c->rcv;
	for (uint32_t by = 1; by; by <<= 1) {
		c->rcv = rcv + by;
		send_tcp(c, ACK | PSH, 100);
		moment();
	}
	c->rcv = rcv - 0x100000;
	send_tcp(c, ACK | PSH, 100);
	c->rcv = rcv;
	send_tcp(c, PSH, 100);
	send_tcp(c, 0, 100);
	send_tcp(c, FIN, 0);
	moment();
	assert(!received && c->acks >= 1 && accepted_pcb->state == ESTABLISHED);
	send_tcp(c, ACK | PSH, 100);
	moment();
	assert(received == 100);
	down();
}

/* RFC 5961, 3, 4 and 7. */
static void challenges_are_few(void)
{
	struct peer *c;

	set_up();
	c = open_one(0);
	c->acks = 0;
	for (unsigned i = 0; i < 1000; i++) {
		uint32_t seq = c->seq;

		c->seq += 1 + host_below(60000);
		send_tcp(c, i % 3 ? i % 3 == 1 ? SYN : RST : ACK, 0);
		c->seq = seq - 1 - host_below(1000000);
		send_tcp(c, i & 1 ? ACK : SYN | ACK, 0);
		c->seq = seq;
		if (i % 100 == 0)
			moment();
	}
	moment();
	assert(!c->reset && c->acks >= 1 && c->acks < 10);
	assert(accepted_pcb->state == ESTABLISHED);
	send_tcp(c, ACK, 100);
	moment();
	assert(received == 100);
	send_tcp(c, RST, 0);
	send_tcp(c, ACK, 100);
	moment();
	assert(received == 100);
	down();
}

static unsigned active(void)
{
	unsigned n = 0;

	for (struct tcp_pcb *p = tcp_active_pcbs; p; p = p->next)
		n++;
	return n;
}

/*
 * Clients that acknowledge nothing after the guest has closed, in each state
 * after its FIN.
 */
static void silent_clients_are_forgotten(void)
{
	set_up();
	for (unsigned i = 0; i < 600; i++) {
		bool closes = i % 3 == 2;
		struct peer *c = open_one(i);

		if (closes) {		/* LAST_ACK */
			send_tcp(c, FIN | ACK, 0);
			c->seq++;
			moment();
		}
		tcp_orphan_begin(accepted_pcb);
		tcp_close(accepted_pcb);
		net_push();
		if (i % 3 == 1) {	/* CLOSING */
			moment();
			send_tcp(c, FIN | ACK, 0);
			moment();
		}
	}
	thread_sleep(clock_now() + SECOND);
	assert(active() <= 256 && active() > 200);
	thread_sleep(clock_now() + 62 * SECOND);
	assert(!active());
	down();
}

/* A peer that has closed its half and reads slowly gets all data that was sent before. */
static void slow_readers_get_all(void)
{
	static const uint8_t bytes[60000];
	struct peer *c;

	set_up();
	c = open_one(0);
	if (host_chance(2)) {
		send_tcp(c, FIN | ACK, 0);
		c->seq++;
		moment();
	}
	assert(tcp_write(accepted_pcb, bytes, sizeof(bytes), TCP_WRITE_FLAG_COPY) == ERR_OK);
	if (host_chance(2))
		tcp_orphan_begin(accepted_pcb);
	tcp_close(accepted_pcb);
	net_push();
	for (unsigned i = 0; i < 300 && !(c->fin && i > 150); i++) {
		thread_sleep(clock_now() + SECOND);
		c->rcv += i < 150 ? 400 : 0;
		send_tcp(c, ACK, 0);
		assert(!c->reset && active() == 1);
	}
	assert(c->fin);
	down();
}

static err_t never(void *arg, struct tcp_pcb *p, err_t err)
{
	(void)arg, (void)p, (void)err;
	return ERR_OK;
}

/* RFC 6056. */
static void ports_are_random(void)
{
	ip_addr_t to = IPADDR4_INIT_BYTES(10, 0, 0, 1);
	struct udp_pcb *udp[32];
	unsigned near = 0, udp_near = 0;

	set_up();
	for (unsigned i = 0; i < 32; i++) {
		assert(tcp_connect(tcp_new(), &to, 81, never) == ERR_OK);
		udp[i] = udp_new();
		assert(udp_bind(udp[i], IP_ANY_TYPE, 0) == ERR_OK);
	}
	net_push();
	moment();
	assert(syns == 32);
	for (unsigned i = 0; i < 31; i++) {
		assert(ports[i] >= 32768 && udp[i]->local_port >= 32768);
		near += (uint16_t)(ports[i + 1] - ports[i] + 500) < 1000;
		udp_near += (uint16_t)(udp[i + 1]->local_port - udp[i]->local_port + 500) < 1000;
	}
	assert(near < 8 && udp_near < 8);
	for (unsigned i = 0; i < 32; i++)
		udp_remove(udp[i]);
	down();
}

static void hole_and_data(struct peer *c, unsigned n)
{
	uint32_t seq = c->seq;

	c->seq += 1000;
	for (unsigned i = 0; i < n; i++) {
		send_tcp(c, ACK, 1000);
		c->seq += 1000;
	}
	thread_sleep(clock_now() + SECOND / 1000);
	c->seq = seq;
}

/* Out-of-order data of more than a quarter of memory; lwIP would keep it for 6 s. */
static void early_data_is_discarded_first(void)
{
	struct page_stats memory;
	size_t limit, most = 0;
	struct peer *c;

	set_up();
	page_stats(&memory);
	limit = memory.total * PAGE_SIZE / 4;
	for (unsigned i = 0; i < 220; i++) {
		hole_and_data(open_one(i), 64);
		most = rx_memory_bytes() > most ? rx_memory_bytes() : most;
		assert(rx_memory_bytes() <= limit + limit / 16);
	}
	assert(most > limit / 2 && !received);
	/* Data that an application may read takes its place. */
	keep = true;
	for (unsigned i = 220; i < 240; i++) {
		c = open_one(i);
		for (unsigned n = 0; n < 60; n++) {
			send_tcp(c, ACK, 1000);
			c->seq += 1000;
		}
		moment();
	}
	assert(received == 20 * 60000 && rx_memory_bytes() < limit / 2);
	/* The discarded data arrives in order. */
	c = &peers[219];
	for (unsigned i = 0; i < 20; i++) {
		send_tcp(c, ACK, 1000);
		c->seq += 1000;
	}
	moment();
	assert(received >= 20 * 60000 + 20000);
	down();
	assert(!rx_memory_bytes() && !vif.pages);
}

/* A byte of data, with others behind the packet of the frame. */
static void send_tail(struct peer *c, size_t tail)
{
	static uint8_t p[1514];

	put(p + 34, FIRST + (c - peers), 2);
	put(p + 36, PORT, 2);
	put(p + 38, c->seq++, 4);
	put(p + 42, c->rcv, 4);
	p[46] = 5 << 4;
	p[47] = ACK;
	put(p + 48, 0xffff, 2);
	ip4_header(p, 6, PEER, US, 21);
	vif_deliver(p, 55 + tail, &(struct offload){ .csum_valid = true },
		    host_chance(2) ? 4096 : 80);
}

/* NICs pad frames to 60 bytes; a whole page for one byte would be too much. */
static void only_the_packet_is_kept(void)
{
	struct peer *c;

	keep = true;
	set_up();
	c = open_one(0);
	for (unsigned i = 0; i < 60; i++)
		send_tail(c, host_below(1400));
	moment();
	assert(received == 60 && nkept == 60);
	for (unsigned i = 0; i < nkept; i++)
		assert(kept[i]->tot_len == 1);
	assert(rx_memory_bytes() < 60 * 256 && !vif.pages);
	down();
}

static const uint8_t us6[16] = { 0xfe, 0x80, [8] = 2, 0x16, 0x3e, 0xff, 0xfe, [15] = 1 };
static const uint8_t peer6[16] = { 0xfe, 0x80, [15] = 99 };
static unsigned datagrams;

static void got_datagram(void *arg, struct udp_pcb *u, struct pbuf *p, const ip_addr_t *from,
			 u16_t port)
{
	(void)arg, (void)u, (void)from, (void)port;
	datagrams++;
	pbuf_free(p);
}

/* A datagram for port 99 behind options. */
static void send_behind_options(uint8_t header)
{
	uint8_t p[54 + 8 + 12] = { [54] = 17, 0, 1, 4, [62] = 3, 0, 0, 99, 0, 12 };

	ip6_header(p, header, peer6, us6, 8 + 12);
	vif_deliver(p, sizeof(p), &(struct offload){ .csum_valid = true }, 4096);
	moment();
}

/* Delivered and unread data: sockets have limits, this application does not. */
static void data_has_a_last_limit(void)
{
	struct page_stats memory;
	struct udp_pcb *u;
	size_t limit;

	keep = with_ip6 = true;
	set_up();
	u = udp_new();
	assert(u && udp_bind(u, IP_ANY_TYPE, 99) == ERR_OK);
	udp_recv(u, got_datagram, NULL);
	thread_sleep(clock_now() + 5 * SECOND);
	send_behind_options(0);
	send_behind_options(60);
	assert(datagrams == 2);
	page_stats(&memory);
	limit = memory.total * PAGE_SIZE * 3 / 8;
	for (unsigned i = 0; i < 700; i++) {
		struct peer *c = open_one(i);

		for (unsigned n = 0; n < 60; n++) {
			send_tcp(c, ACK, 1000);
			c->seq += 1000;
		}
		moment();
		assert(rx_memory_bytes() <= limit + limit / 16);
	}
	assert(received < 700 * 60000);
	/* Nor data behind or before other data. */
	send_behind_options(0);
	send_behind_options(60);
	assert(datagrams == 2);
	received = 0;
	send_tail(&peers[0], 1000);
	peers[0].seq--;
	moment();
	assert(!received);
	udp_remove(u);
	/* ACKs still come. */
	peers[0].rcv++;
	peers[0].acks = 0;
	send_tcp(&peers[0], ACK, 0);
	moment();
	assert(peers[0].acks == 1);
	down();
	assert(!rx_memory_bytes() && !vif.pages);
}

/* Closed ports of TCP and of UDP. */
static void errors_and_resets_are_limited(void)
{
	unsigned most[2] = { 0 }, least = 10000;

	set_up();
	for (unsigned n = 0; n < 8; n++) {
		resets = unreachables = 0;
		for (unsigned i = 0; i < 2000; i++) {
			uint8_t p[100] = { 0 };

			send_raw(PEER, 3000 + i, 81, i, 0, SYN, 0);
			put(p + 34, 3000 + i, 2);
			put(p + 36, 82, 2);
			put(p + 38, 20, 2);
			send_ip(p, 17, PEER, 20);
		}
		thread_sleep(clock_now() + SECOND / 5);
		most[0] = resets > most[0] ? resets : most[0];
		most[1] = unreachables > most[1] ? unreachables : most[1];
		least = unreachables < least ? unreachables : least;
		assert(resets && unreachables);
	}
	assert(most[0] <= 300 && most[1] <= 300);
	assert(least != most[1]);	/* the limit is not the same each time */
	down();
}

/* RFC 7739: no peer sees how many packets others get. */
static void ids_tell_nothing(void)
{
	ip_addr_t to = IPADDR4_INIT_BYTES(10, 0, 0, 1), other = IPADDR4_INIT_BYTES(10, 0, 0, 9);
	struct udp_pcb *u;
	unsigned near = 0, same = 0, whole;

	set_up();
	u = udp_new();
	for (unsigned i = 0; i < 64; i++) {
		struct pbuf *p = pbuf_alloc(PBUF_TRANSPORT, 10, PBUF_RAM);

		udp_sendto(u, p, i & 1 ? &to : &other, 9);
		pbuf_free(p);
		net_push();
		moment();
	}
	whole = nids < 64 ? nids : 64;
	assert(whole >= 60);
	for (unsigned i = 0; i + 2 < whole; i++) {
		near += (uint16_t)(ids[i + 1] - ids[i] + 100) < 200;
		near += (uint16_t)(ids[i + 2] - ids[i] + 100) < 200;
		same += ids[i + 2] == ids[i];
	}
	assert(near < 6 && !same);
	/* The fragments of a packet have one. */
	nids = 0;
	for (unsigned i = 0; i < 4; i++) {
		struct pbuf *p = pbuf_alloc(PBUF_TRANSPORT, 4000, PBUF_RAM);

		udp_sendto(u, p, &to, 9);
		pbuf_free(p);
	}
	net_push();
	moment();
	assert(nids == 12);
	for (unsigned i = 0; i < 12; i++)
		assert((i % 3 ? ids[i] == ids[i - 1] : !i || ids[i] != ids[i - 1]));
	udp_remove(u);
	down();
}

/*
 * "Packet too big", which quotes a packet of the guest with this header and these bytes.
 */
static void send_too_big(uint8_t next, const uint8_t *bytes, size_t len)
{
	uint8_t p[200] = { 0 };
	size_t all = 8 + 40 + len;

	ip6_header(p, 58, peer6, us6, all);
	p[54] = 2;
	put(p + 58, 1280, 4);
	p[62] = 0x60;
	put(p + 66, 1440, 2);
	p[68] = next;
	memcpy(p + 70, us6, 16);
	memcpy(p + 86, peer6, 16);
	memcpy(p + 102, bytes, len);
	put(p + 56, ~plain(p + 54, all, plain(p + 22, 32, 58 + all)), 2);
	vif_deliver(p, 54 + all, &(struct offload){ 0 }, 4096);
	moment();
}

/* lwIP has sent something to the peer. */
static struct nd6_destination_cache_entry *know_peer6(void)
{
	struct nd6_destination_cache_entry *d = &destination_cache[0];

	memcpy(d->destination_addr.addr, peer6, 16);
	ip6_addr_assign_zone(&d->destination_addr, IP6_UNKNOWN, netif_default);
	d->pmtu = 1500;
	return d;
}

/* Others than those of that destination need no sum of ours. */
static void a_narrow_path_is_one_destinations(void)
{
	static const uint8_t bytes[500];

	with_ip6 = true;
	set_up();
	thread_sleep(clock_now() + 5 * SECOND);
	open_one(0);
	know_peer6()->pmtu = 1280;
	send_too_big(0, bytes, 0);
	assert(tcp_write(accepted_pcb, bytes, sizeof(bytes), TCP_WRITE_FLAG_COPY) == ERR_OK);
	tcp_output(accepted_pcb);
	assert(!(netif_default->chksum_flags & NETIF_CHECKSUM_GEN_TCP));
	net_push();
	moment();
	down();
}

static void unused_memory_is_given_back(void)
{
	void *p[1000];

	set_up();
	for (unsigned i = 0; i < 1000; i++)
		assert((p[i] = net_malloc(1 + i % 320)));
	for (unsigned i = 0; i < 1000; i++)
		net_free(p[i]);
	assert(net_memory_unused());
	open_one(0);
	thread_sleep(clock_now() + 20 * SECOND);
	assert(!net_memory_unused());
	down();
}

/* The peer's window becomes smaller: lwIP believes that of a higher sequence number. */
static void say_window(struct peer *c, uint16_t w)
{
	send_tcp(c, ACK, 1);
	c->seq++;
	window = w;
	send_tcp(c, ACK, 1);
	c->seq++;
	moment();
}

#define WRITTEN 1000

/* A connection whose window is smaller than the written data. */
static struct peer *write_into_window(uint16_t size)
{
	static const uint8_t bytes[WRITTEN];
	struct peer *c;

	set_up();
	c = open_one(0);
	say_window(c, size);
	assert(tcp_write(accepted_pcb, bytes, sizeof(bytes), TCP_WRITE_FLAG_COPY) == ERR_OK);
	return c;
}

static void a_split_segment_ends_later(void)
{
	struct peer *c = write_into_window(100);

	assert(tcp_shutdown(accepted_pcb, 0, 1) == ERR_OK);
	net_push();
	/* The persist timer sends as much as fits the window, without the FIN. */
	thread_sleep(clock_now() + 5 * SECOND);
	assert(!c->fin);
	c->rcv = c->iss + 101;
	window = 0xffff;
	send_tcp(c, ACK, 0);
	thread_sleep(clock_now() + SECOND);
	assert(c->fin && c->fin_seq == c->iss + 1 + WRITTEN);
	down();
}

/* The timer runs although the window is open, since there was no route when it opened. */
static void a_window_of_65536_is_not_0(void)
{
	write_into_window(100);
	tcp_output(accepted_pcb);
	net_push();
	assert(accepted_pcb->persist_backoff && !accepted_pcb->unacked);
	vif_carrier(false);
	accepted_pcb->snd_wnd = 65536;
	thread_sleep(clock_now() + 5 * SECOND);
	assert(accepted_pcb->persist_backoff);
	vif_carrier(true);
	thread_sleep(clock_now() + 5 * SECOND);
	assert(!accepted_pcb->persist_backoff);
	down();
}

static void refused_data_keeps_its_end(void)
{
	struct peer *c;

	set_up();
	scale = 5;
	c = open_one(0);
	c->seq += 1000;
	send_tcp(c, ACK, 60000);
	c->seq += 60000;
	send_tcp(c, ACK | FIN, 60000);
	c->seq -= 61000;
	moment();
	refusals = 1;
	send_tcp(c, ACK, 1000);
	moment();
	assert(!received && !refusals && !ends);
	assert(tcp_process_refused_data(accepted_pcb) == ERR_OK);
	assert(received == 121000 && ends == 1);
	down();
}

static err_t connected_to_peer;		/* ERR_INPROGRESS: not yet */

static err_t connected(void *arg, struct tcp_pcb *p, err_t err)
{
	(void)arg, (void)p;
	connected_to_peer = err;
	return ERR_OK;
}

static void failed(void *arg, err_t err)
{
	(void)arg;
	connected_to_peer = err;
}

/* RFC 9293, 3.10.7.3: an attacker that only guesses ports does not end connect(). */
static void wrong_acks_do_not_end_connect(void)
{
	ip_addr_t to = IPADDR4_INIT_BYTES(10, 0, 0, 1);
	struct tcp_pcb *p;
	uint32_t iss;

	set_up();
	p = tcp_new();
	tcp_err(p, failed);
	connected_to_peer = ERR_INPROGRESS;
	assert(tcp_connect(p, &to, 81, connected) == ERR_OK);
	net_push();
	moment();
	assert(syns == 1);
	iss = p->lastack;
	for (unsigned i = 0; i < 12; i++)
		send_raw(PEER, 81, ports[0], host_random(), iss + 2 + i,
			 i % 3 ? ACK : SYN | ACK, 0);
	send_raw(PEER, 81, ports[0], host_random(), iss, ACK | RST, 0);
	/* RFC 9293: this would be the ACK, but it has no SYN. */
	send_raw(PEER, 81, ports[0], host_random(), iss + 1, ACK, 0);
	moment();
	assert(syns == 1 && resets == 12);
	thread_sleep(clock_now() + 20 * SECOND);
	assert(syns == 5 && connected_to_peer == ERR_INPROGRESS);
	if (host_chance(2)) {
		send_raw(PEER, 81, ports[0], 1000, iss + 1, SYN | ACK, 0);
		moment();
		assert(connected_to_peer == ERR_OK);
	} else {
		send_raw(PEER, 81, ports[0], 1000, iss + 1, RST | ACK, 0);
		moment();
		assert(connected_to_peer == ERR_RST);
	}
	down();
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "a split segment ends later", a_split_segment_ends_later, 2 },
		{ "a window of 65536 is not 0", a_window_of_65536_is_not_0, 2 },
		{ "refused data keeps its end", refused_data_keeps_its_end, 2 },
		{ "two closed windows on loopback send nothing", closed_windows_are_quiet, 1 },
		{ "packets on loopback have a budget", a_loop_has_a_budget, 1 },
		{ "data with a wrong ACK is discarded", blind_data_is_dropped, 2 },
		{ "challenge ACKs have a rate limit", challenges_are_few, 2 },
		{ "clients that do not acknowledge a FIN are forgotten",
		  silent_clients_are_forgotten, 1 },
		{ "out-of-order data is discarded first", early_data_is_discarded_first, 1 },
		{ "only the packet of a frame is kept", only_the_packet_is_kept, 3 },
		{ "received data has a hard limit", data_has_a_last_limit, 1 },
		{ "errors and resets have a rate limit", errors_and_resets_are_limited, 2 },
		{ "IP identifications reveal nothing about other traffic",
		  ids_tell_nothing, 3 },
		{ "a small path MTU affects only its destination",
		  a_narrow_path_is_one_destinations, 1 },
		{ "unused memory is freed", unused_memory_is_given_back, 1 },
		{ "wrong ACKs do not end connect()", wrong_acks_do_not_end_connect, 4 },
		{ "source ports are random", ports_are_random, 2 },
		{ "a slow reader gets all that was sent", slow_readers_get_all, 4 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}

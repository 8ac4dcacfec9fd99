/* SPDX-License-Identifier: ISC */
/* net/ and lwIP over a vif, against an independent implementation of a TCP peer. */
#include "kernel/param.h"
#include "net/net.h"
#include "net/sendbuf.h"
#include "net/tcp_filter.h"
#include "tests/unit/net_bytes.h"
#include "tests/unit/net_vif.h"

#include <lwip/nd6.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/raw.h>
#include <lwip/stats.h>
#include <lwip/tcp.h>
#include <lwip/udp.h>
#include <xen/io/netif.h>

#define PORT 80
#define US 0x0a000002u			/* 10.0.0.2 */
#define PEER 0x0a000001u
#define SECOND NSEC_PER_SEC

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };

static const uint8_t our_mac[6] = { 0, 0x16, 0x3e, 0, 0, 1 };
static const uint8_t peer_mac[6] = { 0, 0x16, 0x3e, 0, 0, 2 };

/* ---- bytes */

static uint8_t byte_at(uint64_t at)
{
	return at * 0x9e3779b97f4a7c15ull >> 56;
}

static void fill(uint8_t *to, uint64_t at, size_t len)
{
	while (len--)
		*to++ = byte_at(at++);
}

static bool is_filled(const uint8_t *from, uint64_t at, size_t len)
{
	while (len--)
		if (*from++ != byte_at(at++))
			return false;
	return true;
}

/* ---- the peer: a TCP that opens one connection, and takes and gives bytes */

static struct {
	uint32_t seq, rcv;		/* next sequence number of this peer, and of the guest */
	uint32_t window, scale;		/* theirs */
	uint64_t got, acked;		/* bytes of the guest, of this peer */
	bool open, fin, reset;
	unsigned segments, merged, repeated, lose;
	unsigned ack_each;		/* bytes */
	uint64_t unacked;
	uint16_t mtu_page;
	uint16_t offers;		/* its window; 0: 0xffff */
	bool closed;			/* none at all */
	uint32_t stamp;			/* of a SYN; 0: it has none */
	uint8_t options[8];		/* of a segment that is not a SYN */
	size_t nopts;
	struct waitq changed;
	uint8_t echo[70000];
	size_t echoed;
	unsigned arps;
} peer;

static size_t ip_header(uint8_t *p, uint8_t proto, size_t len)
{
	memcpy(p, our_mac, 6);
	memcpy(p + 6, peer_mac, 6);
	put(p + 12, 0x0800, 2);
	memset(p + 14, 0, 20);
	p[14] = 0x45;
	put(p + 16, 20 + len, 2);
	p[22] = 64;
	p[23] = proto;
	put(p + 26, PEER, 4);
	put(p + 30, US, 4);
	put(p + 24, ~plain(p + 14, 20, 0), 2);
	return 34;
}

static uint16_t l4_sum(const uint8_t *p, uint8_t proto, size_t len)
{
	return plain(p + 34, len, plain(p + 26, 8, proto + len));
}

static void send_tcp(uint8_t flags, const uint8_t *data, size_t len, const struct offload *o)
{
	uint8_t *p = vif_alloc(70000);
	size_t tcp = flags & SYN ? (peer.stamp ? 40 : 28) : 20 + peer.nopts;

	ip_header(p, 6, tcp + len);
	put(p + 34, 40000, 2);
	put(p + 36, PORT, 2);
	put(p + 38, peer.seq, 4);
	put(p + 42, peer.rcv, 4);
	p[46] = tcp / 4 << 4;
	p[47] = flags;
	put(p + 48, peer.closed ? 0 : peer.offers ? peer.offers : 0xffff, 2);
	memcpy(p + 54, peer.options, peer.nopts);
	if (flags & SYN) {
		memcpy(p + 54, "\x02\x04\x05\xb4\x03\x03\x05\x01", 8);
		put(p + 56, 1460, 2);
		p[60] = peer.offers ? 0 : 5;
		memcpy(p + 62, "\1\1\10\12", 4);
		put(p + 66, peer.stamp, 4);
		put(p + 70, 0, 4);
	}
	if (len)
		memcpy(p + 34 + tcp, data, len);
	put(p + 50, o->csum_blank ? plain(p + 26, 8, 6 + tcp + len) :
	    (uint16_t)~l4_sum(p, 6, tcp + len), 2);
	peer.seq += len + !!(flags & (SYN | FIN));
	peer.unacked = 0;
	vif_deliver(p, 34 + tcp + len, o, peer.mtu_page ? peer.mtu_page : 4096);
	free(p);
}

static void peer_ack(void)
{
	send_tcp(ACK, NULL, 0, &(struct offload){ 0 });
}

static void take_tcp(uint8_t *p, size_t len, const struct offload *o)
{
	size_t tcp = (p[46] >> 4) * 4, data = len - 34 - tcp;
	uint32_t seq = get(p + 38, 4);
	uint8_t flags = p[47];

	peer.segments++;
	peer.merged += o->gso_size != 0;
	if (o->csum_blank)
		assert(get(p + 50, 2) == plain(p + 26, 8, 6 + len - 34));
	else
		assert(l4_sum(p, 6, len - 34) == 0xffff);
	if (flags & RST) {
		peer.reset = true;
		wake(&peer.changed);
		return;
	}
	if (flags & ACK)
		peer.acked = get(p + 42, 4);
	peer.window = get(p + 48, 2);
	if (flags & SYN) {
		for (uint8_t *opt = p + 54; opt < p + 34 + tcp; opt += *opt > 1 ? opt[1] : 1)
			if (*opt == 3)
				peer.scale = opt[2];
		peer.window >>= peer.scale;	/* a SYN's is not scaled */
		peer.rcv = seq + 1;
		peer.open = true;
		peer_ack();
		wake(&peer.changed);
		return;
	}
	if (!data && !(flags & FIN))
		return wake(&peer.changed);
	if (seq != peer.rcv) {
		peer.repeated += (int32_t)(seq - peer.rcv) < 0;
		peer_ack();
		return;
	}
	assert(is_filled(p + 34 + tcp, peer.got, data));
	peer.got += data;
	peer.rcv += data + !!(flags & FIN);
	peer.fin = flags & FIN;
	peer.unacked += data;
	if (peer.unacked >= peer.ack_each || peer.fin)
		peer_ack();
	wake(&peer.changed);
}

static void take_arp(const uint8_t *p)
{
	uint8_t a[ARP_LEN];

	peer.arps++;
	if (get(p + 20, 2) != 1 || get(p + 38, 4) != PEER)
		return;
	arp_answer(a, p, peer_mac);
	vif_deliver(a, ARP_LEN, &(struct offload){ 0 }, 4096);
}

/* The fragments of one answer, in any order. */
static void take_icmp(const uint8_t *p, size_t len)
{
	size_t at = (get(p + 20, 2) & 0x1fff) * 8;

	assert(at + len - 34 <= sizeof(peer.echo));
	memcpy(peer.echo + at, p + 34, len - 34);
	peer.echoed += len - 34;
	wake(&peer.changed);
}

static void take_ip6(const uint8_t *p, size_t len);

static void wire(uint8_t *p, size_t len, const struct offload *o)
{
	if (peer.lose && host_chance(peer.lose))
		return;
	assert(len <= 14u + vif.info.mtu || o->gso_size);
	if (get(p + 12, 2) == 0x0806)
		take_arp(p);
	if (get(p + 12, 2) == 0x86dd)
		take_ip6(p, len);
	if (get(p + 12, 2) != 0x0800)
		return;
	assert(plain(p + 14, (p[14] & 15) * 4, 0) == 0xffff);
	assert(get(p + 16, 2) == len - 14);
	if (p[23] == 6 && get(p + 30, 4) == PEER)
		take_tcp(p, len, o);
	if (p[23] == 1 && get(p + 30, 4) == PEER)
		take_icmp(p, len);
}

static void peer_connect(void)
{
	peer.seq = host_random();
	send_tcp(SYN, NULL, 0, &(struct offload){ 0 });
	wait_until(&peer.changed, peer.open);
}

/* ---- the guest */

static struct tcp_pcb *listener, *pcb;
static struct sendbuf buffer;
static struct waitq guest;
static uint64_t read_bytes, sent_bytes;
static err_t over;
static bool slow_reader;
static struct pbuf *unread[4096];
static unsigned nunread;

static err_t got(void *arg, struct tcp_pcb *p, struct pbuf *q, err_t err)
{
	(void)arg;
	assert(err == ERR_OK);
	if (!q) {
		over = 1;
		wake(&guest);
		return ERR_OK;
	}
	for (struct pbuf *r = q; r; r = r->next) {
		assert(is_filled(r->payload, read_bytes, r->len));
		read_bytes += r->len;
	}
	if (slow_reader) {
		unread[nunread++] = q;
	} else {
		tcp_recved(p, q->tot_len);
		pbuf_free(q);
	}
	wake(&guest);
	return ERR_OK;
}

static err_t sent(void *arg, struct tcp_pcb *p, u16_t len)
{
	(void)arg;
	(void)p;
	sendbuf_acked(&buffer, len);
	wake(&guest);
	return ERR_OK;
}

static void failed(void *arg, err_t err)
{
	(void)arg;
	pcb = NULL;
	over = err;
	wake(&guest);
}

static err_t accepted(void *arg, struct tcp_pcb *p, err_t err)
{
	(void)arg;
	assert(err == ERR_OK && !pcb);
	pcb = p;
	tcp_filter_min_mss(p);
	tcp_recv(p, got);
	tcp_sent(p, sent);
	tcp_err(p, failed);
	wake(&guest);
	return ERR_OK;
}

static const char *options = "ip=10.0.0.2/24,gateway=10.0.0.1 ip6=off hostname=test";

static void set_up(void)
{
	static char line[200];

	strcpy(line, options);
	host_boot();
	assert(param_init(line) == 0);
	vif.info = (struct netfront_info){
		.up = true, .mtu = 1500, .csum_ipv4 = true, .csum_ipv6 = true,
		.gso_tcpv4 = true, .gso_tcpv6 = true,
	};
	memcpy(vif.info.mac, our_mac, 6);
	vif.wire = wire;
	peer.ack_each = 1;
	assert(net_init() == 0);
	assert(net_init() == 0);
}

static void listen(void)
{
	struct tcp_pcb *p = tcp_new_ip_type(IPADDR_TYPE_ANY);

	assert(p && tcp_bind(p, IP_ANY_TYPE, PORT) == ERR_OK);
	listener = tcp_listen(p);
	tcp_accept(listener, accepted);
}

static void connect(void)
{
	listen();
	peer_connect();
	wait_until(&guest, pcb);
}

/* Everything is given back. */
static void down(void)
{
	struct net_stats s;

	if (pcb)
		tcp_abort(pcb);
	if (listener)
		tcp_close(listener);
	sendbuf_free(&buffer);
	while (nunread)
		pbuf_free(unread[--nunread]);
	net_push();
	thread_sleep(clock_now() + 40 * SECOND);
	net_stats(&s);
	assert(s.tx_queued == 0);
	assert(s.lent_used == 0 && s.lent_pages > 0);
	assert(vif.pages == 0);
	host_xen.shutdown = 0;		/* the threads stay */
}

static void write_all(uint64_t total, size_t most)
{
	static uint8_t bytes[65536];
	size_t done;

	while (sent_bytes < total && pcb) {
		size_t len = 1 + host_below(most);

		len = total - sent_bytes < len ? total - sent_bytes : len;
		fill(bytes, sent_bytes, len);
		sendbuf_write(&buffer, pcb, bytes, len, 0, &done);
		sent_bytes += done;
		tcp_output(pcb);
		net_push();
		if (done < len)		/* no room, or no memory just now */
			wait_until_deadline(&guest, clock_now() + SECOND / 100,
					    !pcb || tcp_sndbuf(pcb) > 40000);
	}
}

static void bulk(uint64_t total, size_t most)
{
	write_all(total, most);
	wait_until(&peer.changed, peer.got == total);
}

/* ---- claims */

static void an_address_of_the_command_line(void)
{
	set_up();
	assert(net_wait_up(4, 0) == 0 && net_wait_up(0, 0) == 0);
	assert(net_wait_up(6, NEVER) == -ENETUNREACH);
	assert(strstr(host_console(), "vif0: 10.0.0.2/24, gateway 10.0.0.1"));
	down();
}

static void ping(size_t len, size_t mtu)
{
	uint8_t p[1600], *whole = vif_alloc(len);

	whole[0] = 8;
	fill(whole + 8, 3, len - 8);
	put(whole + 2, ~plain(whole, len, 0), 2);
	peer.echoed = 0;
	for (size_t at = 0; at < len; at += mtu) {
		size_t n = len - at < mtu ? len - at : mtu;

		ip_header(p, 1, n);
		put(p + 20, at / 8 | (at + n < len ? 0x2000 : 0), 2);
		put(p + 24, 0, 2);
		put(p + 24, ~plain(p + 14, 20, 0), 2);
		memcpy(p + 34, whole + at, n);
		vif_deliver(p, 34 + n, &(struct offload){ 0 }, 4096);
	}
	assert(wait_until_deadline(&peer.changed, clock_now() + SECOND, peer.echoed >= len));
	assert(peer.echoed == len && peer.echo[0] == 0);
	assert(plain(peer.echo, len, 0) == 0xffff && is_filled(peer.echo + 8, 3, len - 8));
	free(whole);
}

static void pings_are_answered(void)
{
	set_up();
	ping(64, 1480);
	ping(1480, 1480);
	ping(65008, 1480);
	ping(65008, 1480);
	down();
}

static bool lent_is_used(void)
{
	for (size_t i = 0; i < vif.lent_size; i++)
		if (vif.lent[i])
			return true;
	return false;
}

/*
 * Data for a backend that may not read lent memory is not stored there, for
 * others to read.
 */
static void lent_memory_of_another_backend(void)
{
	bool ours = host_chance(2);

	set_up();
	connect();
	assert(!lent_is_used());
	vif.info.no_lent = !ours;
	vif.user->changed(vif.arg);
	bulk(200000, 65535);
	assert(lent_is_used() == ours);
	down();
}

static void bulk_goes_out_in_large_frames(void)
{
	struct net_stats s;

	vif.room = 1 + host_below(80);
	vif.delay = host_chance(2) ? 0 : 1 + host_below(300);
	set_up();
	connect();
	/* RFC 5681, 4.2: every second full-sized segment at the latest. Who waits for more, and
	   has no timer, may wait for what the first window of three does not hold. */
	peer.ack_each = 1 + host_below(2 * 1460);
	bulk(1000000, 65535);
	net_stats(&s);
	assert(peer.merged > 10);
	assert(s.tx_joined >= peer.merged && s.tx_segments > s.tx_frames + s.tx_joined);
	assert(!peer.repeated);
	down();
}

static void tiny_writes_never_wait_for_a_timer(void)
{
	uint64_t start;

	vif.room = 1 + host_below(20);
	vif.delay = 20;
	set_up();
	connect();
	tcp_nagle_disable(pcb);
	start = clock_now();
	bulk(20000, 40);
	assert(!peer.repeated);
	assert(clock_now() - start < SECOND);
	down();
}

/* "a stalled connection resumes at once": rumprun#72, mirage-net-xen#16. */
static unsigned told;

static void there_is_room(void)
{
	assert(!net_is_full());
	told++;
}

static void who_was_refused_goes_on_when_there_is_room(void)
{
	ip_addr_t to = IPADDR4_INIT_BYTES(10, 0, 0, 1);
	uint8_t bytes[1000];
	struct udp_pcb *udp;
	struct net_stats s;
	uint64_t start;
	size_t done;

	vif.room = 1 + host_below(20);
	set_up();
	connect();
	udp = udp_new();
	assert(udp);
	for (err_t err = ERR_OK; err == ERR_OK;) {
		struct pbuf *p = pbuf_alloc(PBUF_TRANSPORT, 1000, PBUF_RAM);

		assert(p);
		err = udp_sendto(udp, p, &to, 9);
		pbuf_free(p);
	}
	assert(net_is_full());
	net_has_room = there_is_room;
	start = clock_now();
	fill(bytes, 0, sizeof(bytes));
	assert(sendbuf_write(&buffer, pcb, bytes, sizeof(bytes), 0, &done) == ERR_OK);
	tcp_output(pcb);
	net_push();
	net_stats(&s);
	assert(s.tx_refused == 2);
	assert(net_is_full() && !told);
	wait_until(&net_room, !net_is_full());
	wait_until(&peer.changed, peer.got == 1000);
	assert(clock_now() - start < SECOND / 10);
	assert(told >= 1);
	udp_remove(udp);
	down();
}

static void what_is_lost_is_sent_again(void)
{
	vif.room = 1 + host_below(80);
	set_up();
	connect();
	peer.lose = 10 + host_below(50);
	bulk(200000, 20000);
	peer.lose = 0;
	down();
}

static void memory_may_be_short(void)
{
	set_up();
	connect();
	host.malloc_fails = 5 + host_below(50);
	bulk(200000, 20000);
	ip_header(peer.echo, 1, 1400);
	for (int i = 0; i < 100; i++)
		vif_deliver(peer.echo, 1434, &(struct offload){ 0 }, 4096);
	thread_sleep(clock_now() + SECOND / 10);
	host.malloc_fails = 0;
	down();
}

static void a_backend_without_offloads(void)
{
	set_up();
	vif.info.csum_ipv4 = vif.info.csum_ipv6 = host_chance(2);
	vif.info.gso_tcpv4 = vif.info.gso_tcpv6 = false;
	vif.user->changed(vif.arg);
	connect();
	bulk(200000, 20000);
	assert(!peer.merged && !peer.repeated);
	down();
}

static void large_frames_come_in(void)
{
	static uint8_t bytes[65000];
	uint64_t total = 0;

	set_up();
	connect();
	peer.mtu_page = host_chance(2) ? 4096 : 128 + host_below(3968);
	while (total < 1000000) {
		struct offload o = { .csum_blank = true, .csum_valid = true,
				     .gso_type = XEN_NETIF_GSO_TYPE_TCPV4, .gso_size = 1460 };
		size_t len = 1 + host_below(sizeof(bytes));

		if (host_chance(3)) {
			o = (struct offload){ 0 };
			len = len % 1400 + 1;
		}
		wait_until(&peer.changed, peer.seq - (uint32_t)peer.acked + len <=
			   peer.window << peer.scale);
		fill(bytes, total, len);
		send_tcp(ACK, bytes, len, &o);
		total += len;
	}
	wait_until(&guest, read_bytes == total);
	down();
}

/* RFC 9293, 3.8.6.3: every second segment; a frame may be many. */
static void several_in_a_frame_are_acknowledged_at_once(void)
{
	static uint8_t bytes[10 * 1460];
	struct offload o = { .csum_blank = true, .csum_valid = true,
			     .gso_type = XEN_NETIF_GSO_TYPE_TCPV4, .gso_size = 1460 };
	uint64_t start;

	set_up();
	connect();
	start = clock_now();
	for (unsigned i = 0; i < 10; i++) {
		fill(bytes, (uint64_t)i * sizeof(bytes), sizeof(bytes));
		send_tcp(ACK, bytes, sizeof(bytes), &o);
		wait_until(&peer.changed, (uint32_t)peer.acked == peer.seq);
	}
	assert(clock_now() - start < SECOND / 10);
	down();
}

static void a_wrong_sum_is_not_believed(void)
{
	struct offload valid = { .csum_valid = true }, none = { 0 };
	uint8_t bytes[100];

	set_up();
	connect();
	fill(bytes, 0, 100);
	bytes[50]++;
	/* As the sum is made of what is sent, make it wrong by a blank one. */
	send_tcp(ACK, bytes, 100, &(struct offload){ .csum_blank = true });
	peer.seq -= 100;
	vif.in->o = none;
	thread_sleep(clock_now() + SECOND / 100);
	assert(!read_bytes);
	bytes[50]--;
	send_tcp(ACK, bytes, 100, &(struct offload){ .csum_blank = true });
	vif.in->o = valid;
	wait_until(&guest, read_bytes == 100);
	down();
}

static void a_window_is_never_overrun(void)
{
	static uint8_t bytes[1400];
	uint64_t total = 0;

	slow_reader = true;
	set_up();
	connect();
	for (int i = 0; i < 3000; i++) {
		if (peer.seq - (uint32_t)peer.acked + 1400 > peer.window << peer.scale) {
			uint64_t later = clock_now() + SECOND;

			if (!wait_until_deadline(&peer.changed, later,
						 peer.seq - (uint32_t)peer.acked + 1400 <=
						 peer.window << peer.scale))
				break;
		}
		fill(bytes, total, 1400);
		send_tcp(ACK, bytes, 1400, &(struct offload){ .csum_valid = true });
		total += 1400;
	}
	/* The announced data was accepted, then the window was closed. */
	assert(total > 65535 && peer.window << peer.scale < 1400);
	assert(wait_until_deadline(&guest, clock_now() + SECOND, read_bytes == total));
	down();
}

static void the_carrier_goes_and_comes(void)
{
	set_up();
	connect();
	write_all(50000, 50000);
	vif_carrier(false);
	thread_sleep(clock_now() + SECOND / 2);
	write_all(60000, 10000);
	vif_carrier(true);
	bulk(500000, 50000);
	down();
}

static void a_reset_gives_back_what_was_to_be_sent(void)
{
	set_up();
	connect();
	peer.ack_each = ~0u;
	write_all(60000, 50000);
	send_tcp(RST | ACK, NULL, 0, &(struct offload){ 0 });
	wait_until(&guest, over);
	assert(over == ERR_RST && !pcb);
	down();
}

/* A part of a segment acknowledged: its memory must not be another's when it is sent again. */
static void a_part_acknowledged_is_kept(void)
{
	static uint8_t bytes[6 * 1460];
	struct net_stats s;
	size_t done;

	set_up();
	connect();
	peer.ack_each = ~0u;
	fill(bytes, 0, sizeof(bytes));
	assert(sendbuf_write(&buffer, pcb, bytes, sizeof(bytes), 0, &done) == ERR_OK);
	tcp_output(pcb);
	net_push();
	wait_until(&peer.changed, peer.got == 3 * 1460);
	peer.rcv -= 180;		/* the third begins in the first page */
	peer_ack();
	peer.rcv += 180;
	while (vif.in)
		thread_yield();
	net_stats(&s);
	assert(s.lent_used == 3);
	peer.ack_each = 1;
	peer_ack();
	wait_until(&peer.changed, peer.got == sizeof(bytes));
	thread_sleep(clock_now() + SECOND);
	net_stats(&s);
	assert(!s.lent_used);
	down();
}

/* A short read is copied, and the queue may be full just then. */
static void what_is_reserved_stays_when_it_fails(void)
{
	tcpwnd_size_t room;
	size_t n;
	void *to;

	set_up();
	connect();
	to = sendbuf_reserve(&buffer, 4000, &n);
	fill(to, 0, 100);
	room = pcb->snd_buf;
	pcb->snd_buf = 0;
	for (int i = 0; i < 2; i++)
		assert(sendbuf_commit(&buffer, pcb, 100, 0) == ERR_MEM);
	pcb->snd_buf = room;
	assert(sendbuf_commit(&buffer, pcb, 100, 0) == ERR_OK);
	sent_bytes = 100;
	bulk(50000, 20000);
	down();
}

/* Nor may it while a frame with it is on its way: vif_take() looks. */
static void what_is_on_its_way_is_kept(void)
{
	static struct sendbuf others[80];
	static uint8_t bytes[4000];
	size_t n;

	set_up();
	connect();
	vif.delay = 100;
	fill(bytes, 0, sizeof(bytes));
	assert(sendbuf_write(&buffer, pcb, bytes, sizeof(bytes), 0, &n) == ERR_OK);
	tcp_output(pcb);
	net_push();
	assert(vif.first && vif.first->count);
	tcp_abort(pcb);
	pcb = NULL;
	sendbuf_free(&buffer);
	for (unsigned i = 0; i < HOST_COUNT(others); i++)
		memset(sendbuf_reserve(&others[i], 65535, &n), 0xee, 16384);
	thread_sleep(clock_now() + SECOND);
	for (unsigned i = 0; i < HOST_COUNT(others); i++)
		sendbuf_free(&others[i]);
	down();
}

static void loopback_works(void)
{
	struct tcp_pcb *p;
	ip_addr_t to = IPADDR4_INIT_BYTES(127, 0, 0, 1);
	static uint8_t bytes[3000];
	size_t done;

	vif.absent = host_chance(2);
	if (host_chance(2))
		IP_ADDR4(&to, 10, 0, 0, 2);
	if (vif.absent)
		IP_ADDR4(&to, 127, 0, 0, 1);
	set_up();
	listen();
	p = tcp_new();
	assert(tcp_connect(p, &to, PORT, NULL) == ERR_OK);
	net_push();
	assert(pcb);
	fill(bytes, 0, sizeof(bytes));
	assert(sendbuf_write(&buffer, p, bytes, sizeof(bytes), 0, &done) == ERR_OK);
	tcp_output(p);
	net_push();
	assert(read_bytes == sizeof(bytes));
	assert(net_wait_up(4, 0) == (vif.absent ? -ENETUNREACH : 0));
	tcp_close(p);
	net_push();
	down();
}

static void who_waits_for_nothing_does_not_tick(void)
{
	struct net_stats before, after;

	host.profiled = false;		/* 2,301 s of 1,000 ticks each would be too long */
	set_up();
	listen();
	thread_sleep(clock_now() + 100 * SECOND);
	net_stats(&before);
	thread_sleep(clock_now() + 1000 * SECOND);
	net_stats(&after);
	assert(after.ticks == before.ticks);
	/* And with a connection that is open, it does; and with it gone, not. */
	peer_connect();
	wait_until(&guest, pcb);
	thread_sleep(clock_now() + SECOND);
	net_stats(&after);
	assert(after.ticks > before.ticks);
	down();
	thread_sleep(clock_now() + 200 * SECOND);
	net_stats(&before);
	thread_sleep(clock_now() + 1000 * SECOND);
	net_stats(&after);
	assert(after.ticks == before.ticks);
}

static void a_flood_of_syns_is_bounded(void)
{
	unsigned long pcbs = 0;

	set_up();
	listen();
	for (int i = 0; i < 3000; i++) {
		uint8_t p[60];

		ip_header(p, 6, 20);
		put(p + 26, 0x0a000003 + i % 200, 4);
		put(p + 24, 0, 2);
		put(p + 24, ~plain(p + 14, 20, 0), 2);
		put(p + 34, 1024 + i, 2);
		put(p + 36, PORT, 2);
		put(p + 38, i * 99, 4);
		put(p + 42, 0, 4);
		put(p + 46, 0x5002, 2);
		put(p + 48, 0xffff, 2);
		put(p + 50, 0, 4);
		put(p + 50, (uint16_t)~l4_sum(p, 6, 20), 2);
		vif_deliver(p, 54, &(struct offload){ 0 }, 4096);
		if (i % 64 == 0)
			thread_yield();
	}
	thread_sleep(clock_now() + SECOND / 10);
	for (struct tcp_pcb *q = tcp_active_pcbs; q; q = q->next)
		pcbs++;
	assert(pcbs <= 255 && pcbs > 100);
	for (struct tcp_pcb *q = tcp_active_pcbs, *next; q; q = next) {
		next = q->next;
		tcp_abort(q);
	}
	down();
}

/* ---- input that lwIP asserts not to receive */

/* Bytes out of sequence: `early` of them are missing in front. */
static void send_early(uint8_t flags, uint32_t early, size_t len)
{
	static uint8_t bytes[65536];
	uint32_t seq = peer.seq;

	fill(bytes, early, len);
	peer.seq += early;
	send_tcp(flags, bytes, len, &(struct offload){ .csum_blank = true });
	peer.seq = seq;
}

static void write_now(size_t len)
{
	static uint8_t bytes[4096];
	size_t done;

	fill(bytes, sent_bytes, len);
	assert(sendbuf_write(&buffer, pcb, bytes, len, 0, &done) == ERR_OK && done == len);
	sent_bytes += done;
	tcp_output(pcb);
	net_push();
}

/* The probe of a closed window is acknowledged, and was all there was to send. */
static void a_probe_may_be_all_there_is(void)
{
	peer.closed = true;
	set_up();
	connect();
	write_now(1);
	wait_until(&peer.changed, peer.got == 1);
	thread_sleep(clock_now() + 20 * SECOND);
	peer.closed = false;
	peer_ack();
	bulk(10000, 3000);
	down();
}

static void segments_keep_their_size(void)
{
	peer.closed = true;
	set_up();
	connect();
	write_now(1000);
	memcpy(peer.options, "\x01\x01\x02\x04\x00\x20\x01\x01", 8);
	peer.nopts = 8;
	peer_ack();
	thread_sleep(clock_now() + SECOND / 100);
	write_now(1000);
	peer.nopts = 0;
	peer.closed = false;
	peer_ack();
	wait_until(&peer.changed, peer.got == 2000);
	down();
}

static void a_window_may_begin_small(void)
{
	peer.offers = 1;
	set_up();
	connect();
	write_now(1000);
	peer.offers = 10;
	peer_ack();
	thread_sleep(clock_now() + SECOND / 100);
	write_now(1000);
	peer.offers = 0;
	peer_ack();
	wait_until(&peer.changed, peer.got == 2000);
	down();
}

/* Out-of-order data beyond the window, when the data before it arrives. */
static void what_is_early_ends_with_the_window(void)
{
	uint32_t window = 3000 + host_below(50000);

	slow_reader = true;
	set_up();
	connect();
	pcb->rcv_wnd = pcb->rcv_ann_wnd = window;
	send_early(ACK | (host_chance(2) ? FIN : 0), window - 1000, 1000 + host_below(2000));
	if (host_chance(2))
		send_early(ACK, window - 2000, 2000);
	send_early(ACK, 0, window - 500);
	send_early(ACK, 0, 65000);
	thread_sleep(clock_now() + SECOND);
	assert(read_bytes >= window - 500 && read_bytes <= window);
	down();
}

static void nothing_is_behind_a_fin(void)
{
	slow_reader = true;
	set_up();
	connect();
	pcb->rcv_wnd = pcb->rcv_ann_wnd = 3000;
	send_early(ACK | FIN, 2000, 999);
	send_early(ACK, 1000 * host_chance(2), 3000 - 1000 * host_chance(2));
	send_early(ACK, 0, 3000);
	thread_sleep(clock_now() + SECOND / 10);
	down();
}

/* From the port of a connection that has just ended: what is old is not one, what is new is. */
static void a_port_may_be_used_again(void)
{
	uint32_t end;

	peer.stamp = host_chance(2) ? 0 : 0xffffff00;
	set_up();
	connect();
	assert(tcp_close(pcb) == ERR_OK);
	pcb = NULL;
	net_push();
	wait_until(&peer.changed, peer.fin);
	send_tcp(FIN | ACK, NULL, 0, &(struct offload){ 0 });
	wait_until(&guest, over);
	assert(tcp_tw_pcbs);
	peer.open = false;
	end = peer.seq;
	peer.seq = end - 1000 * host_below(2);
	peer.stamp -= peer.stamp ? peer.seq == end : 0;
	send_tcp(SYN, NULL, 0, &(struct offload){ 0 });
	thread_sleep(clock_now() + SECOND / 10);
	assert(!peer.open);
	if (peer.reset) {		/* a reset by the guest is also correct */
		peer.reset = false;
		assert(tcp_tw_pcbs);
	}
	peer.seq = end + 1;
	send_tcp(RST, NULL, 0, &(struct offload){ 0 });
	thread_sleep(clock_now() + SECOND / 10);
	assert(tcp_tw_pcbs);
	peer.seq = end + (host_chance(2) ? 1 : 1000000000);
	if (peer.stamp && host_chance(2)) {
		peer.stamp += 2000;	/* a fast one may be behind by its number */
		peer.seq = end - 100000;
	} else if (host_chance(2)) {
		peer.seq = end;
		send_tcp(RST, NULL, 0, &(struct offload){ 0 });
		thread_sleep(clock_now() + SECOND / 10);
		assert(!tcp_tw_pcbs);
		peer.seq = end - 100000;
	}
	peer.stamp += peer.stamp != 0;
	peer.mtu_page = host_chance(2) ? 54 : 0;	/* its options are elsewhere */
	send_tcp(SYN, NULL, 0, &(struct offload){ 0 });
	if (peer.mtu_page) {
		peer.seq--;
		send_tcp(SYN, NULL, 0, &(struct offload){ 0 });
	}
	assert(wait_until_deadline(&guest, clock_now() + SECOND / 10, pcb));
	assert(!tcp_tw_pcbs && peer.open && !peer.reset);
	bulk(10000, 1000);
	down();
}

/* ---- IPv6 */

static const uint8_t us6[16] = { 0xfe, 0x80, [8] = 2, 0x16, 0x3e, 0xff, 0xfe, 0, 0, 1 };
static const uint8_t peer6[16] = { 0xfe, 0x80, [15] = 1 };

static void send6(uint8_t *p, uint8_t next, size_t len, size_t sum_at)
{
	memcpy(p, our_mac, 6);
	memcpy(p + 6, peer_mac, 6);
	put(p + 12, 0x86dd, 2);
	put(p + 14, 0x60000000, 4);
	put(p + 18, len, 2);
	p[20] = next;
	p[21] = 255;
	memcpy(p + 22, peer6, 16);
	memcpy(p + 38, us6, 16);
	put(p + sum_at, 0, 2);
	put(p + sum_at, ~plain(p + 54, len, plain(p + 22, 32, next + len)), 2);
	vif_deliver(p, 54 + len, &(struct offload){ 0 }, 4096);
}

static void send_icmp6(uint8_t *p, size_t len)
{
	send6(p, 58, len, 56);
}

static void send_tcp6(uint8_t flags)
{
	uint8_t p[54 + 24] = { 0 };

	put(p + 54, 40000, 2);
	put(p + 56, PORT, 2);
	put(p + 58, flags & SYN ? 1000 : 1001, 4);
	put(p + 62, peer.rcv, 4);
	put(p + 66, 0x6000 | flags, 2);
	put(p + 68, 0xffff, 2);
	put(p + 74, 0x02040000 | 1440, 4);
	send6(p, 6, 24, 70);
}

static void take_tcp6(const uint8_t *tcp, size_t len)
{
	size_t data = len - (tcp[12] >> 4) * 4;

	if (tcp[13] & SYN)
		peer.rcv = get(tcp + 4, 4) + 1;
	else if (data && get(tcp + 4, 4) == peer.rcv)
		peer.rcv += data, peer.got += data;
	if (tcp[13] & SYN || data)
		send_tcp6(ACK);
}

/* A router: what it says of each segment with data, and whether it lets it pass. */
static struct {
	uint32_t mtu;			/* 0: nothing */
	bool drops;			/* what is longer */
	uint8_t packet[1514];		/* the last one, from its IPv6 header on */
	size_t len;
} router;

/* Packet too big. */
static void too_big(const uint8_t *packet, size_t len, uint32_t mtu)
{
	uint8_t p[54 + 8 + 1232] = { [54] = 2 };

	len = len < 1232 ? len : 1232;
	put(p + 58, mtu, 4);
	memcpy(p + 62, packet, len);
	send_icmp6(p, 8 + len);
}

/* False: it does not pass. */
static bool route(const uint8_t *p, size_t len)
{
	bool data = p[20] == 17 || (p[20] == 6 && len > 54u + (p[66] >> 4) * 4);

	if (!data)
		return true;
	router.len = len - 14;
	memcpy(router.packet, p + 14, router.len);
	if (router.mtu && (!router.drops || router.len > router.mtu))
		too_big(router.packet, router.len, router.mtu);
	return !router.drops || router.len <= router.mtu;
}

/* They come in order. */
static void take_fragment(const uint8_t *p, size_t len)
{
	static uint8_t tcp[3000];
	static size_t at;
	uint16_t offset = get(p + 56, 2);

	assert(len <= 14 + 1280);
	peer.echoed += len - 62;
	if (p[54] != 6)
		return;
	at = offset & ~7u ? at : 0;
	assert((offset & ~7u) == at && at + len - 62 <= sizeof(tcp));
	memcpy(tcp + at, p + 62, len - 62);
	at += len - 62;
	if (offset & 1)
		return;
	assert(plain(tcp, at, plain(peer6, 16, plain(us6, 16, 6 + at))) == 0xffff);
	take_tcp6(tcp, at);
}

static void take_ip6(const uint8_t *p, size_t len)
{
	uint8_t a[54 + 32] = { [54] = 136, [58] = 0x60, [78] = 2, 1 };

	if (p[20] == 58 && p[54] == 135 && !memcmp(p + 62, peer6, 16)) {
		memcpy(a + 62, peer6, 16);
		memcpy(a + 80, peer_mac, 6);
		send_icmp6(a, 32);
	} else if (p[20] == 58 && p[54] == 129) {
		peer.echoed += len - 54;
	} else if (!route(p, len)) {
		return;
	} else if (p[20] == 6) {
		take_tcp6(p + 54, len - 54);
	} else if (p[20] == 44) {
		take_fragment(p, len);
	}
	wake(&peer.changed);
}

static void ping6(size_t len)
{
	uint8_t p[1514] = { [54] = 128 };

	peer.echoed = 0;
	send_icmp6(p, len);
	assert(wait_until_deadline(&peer.changed, clock_now() + SECOND, peer.echoed == len));
}

static void open6(void)
{
	options = "ip=10.0.0.2/24 hostname=test";
	set_up();
	listen();
	thread_sleep(clock_now() + 5 * SECOND);
	send_tcp6(SYN);
	wait_until(&guest, pcb);
}

static void write6(size_t len)
{
	static uint8_t bytes[1440];
	uint64_t due = peer.got + len;
	size_t done;

	assert(sendbuf_write(&buffer, pcb, bytes, len, 0, &done) == ERR_OK && done == len);
	tcp_output(pcb);
	net_push();
	assert(wait_until_deadline(&peer.changed, clock_now() + 5 * SECOND, peer.got == due));
	thread_sleep(clock_now() + SECOND / 10);
}

static unsigned path_mtu(void)
{
	ip6_addr_t to;

	memcpy(to.addr, peer6, 16);
	ip6_addr_assign_zone(&to, IP6_UNKNOWN, netif_default);
	return nd6_get_destination_mtu(&to, netif_default);
}

/* RFC 8201, 4. */
static void a_path_is_not_narrower_than_the_least(void)
{
	static const uint32_t mtus[] = { 0, 48, 8, 40, 55, 56, 1279, 1500, 9000, 65535, 1u << 31 };

	open6();
	ping6(1400);
	for (unsigned i = 0; i < HOST_COUNT(mtus); i++) {
		router.mtu = mtus[i];
		write6(1000);
		assert(path_mtu() == 1500);
		ping6(1400);
	}
	/* Nor does it become wider. */
	router.mtu = 1400;
	write6(1000);
	assert(path_mtu() == 1400);
	router.mtu = 1450;
	write6(1000);
	assert(path_mtu() == 1400);
	down();
}

/* Only lwIP can compute the checksum of a segment that is sent in fragments. */
static void a_path_may_become_narrower(void)
{
	open6();
	router.mtu = 1280;
	router.drops = true;
	write6(1440);
	assert(path_mtu() == 1280);
	router.mtu = 0;
	router.drops = false;
	write6(1440);
	assert(peer.got == 2880);
	down();
}

/* Segment of this connection, or another. */
static void quote(size_t at, uint8_t by, uint32_t ahead, size_t len)
{
	uint8_t p[1514];

	memcpy(p, router.packet, router.len);
	p[at] ^= by;
	put(p + 44, get(p + 44, 4) + ahead, 4);
	too_big(p, len, 1280);
	thread_sleep(clock_now() + SECOND / 10);
}

/* Linux's tcp_v6_err(): what is quoted is in flight. */
static void a_quote_is_of_what_is_in_flight(void)
{
	static const uint8_t places[] = { 0, 6, 8, 23, 24, 39, 40, 41, 42, 43 };
	static uint8_t bytes[1000];
	size_t done;

	open6();
	write6(1000);
	quote(0, 0, 0, router.len);	/* it is acknowledged */
	quote(0, 0, 1000, router.len);	/* it is not sent yet */
	assert(path_mtu() == 1500);
	peer.lose = 1;			/* nothing arrives */
	memset(bytes, 1, sizeof(bytes));
	assert(sendbuf_write(&buffer, pcb, bytes, 1000, 0, &done) == ERR_OK);
	tcp_output(pcb);
	net_push();
	thread_sleep(clock_now() + SECOND / 10);
	put(router.packet + 44, get(router.packet + 44, 4) + 1000, 4);
	for (unsigned i = 0; i < sizeof(places); i++)
		quote(places[i], 0x40, 0, router.len);
	quote(0, 0, -1u, router.len);
	quote(0, 0, 1000, router.len);
	quote(0, 0, 1u << 31, router.len);
	for (size_t len = 0; len < 48; len += len < 40 ? 8 : 1)
		quote(0, 0, 0, len);
	router.packet[6] = 58;		/* an echo reply */
	quote(0, 0, 0, router.len);
	router.packet[6] = 6;
	assert(path_mtu() == 1500);
	quote(0, 0, 999, 48);
	assert(path_mtu() == 1280);
	peer.lose = 0;
	down();
}

/* As Linux's udp6_err(): the socket is there, and if it is connected then to that peer. */
static void a_quote_of_a_datagram_has_a_socket(void)
{
	ip_addr_t to = { .type = IPADDR_TYPE_V6 };
	bool connected = host_chance(2);
	struct udp_pcb *u;
	struct pbuf *p;

	open6();
	memcpy(ip_2_ip6(&to)->addr, peer6, 16);
	ip6_addr_assign_zone(ip_2_ip6(&to), IP6_UNKNOWN, netif_default);
	u = udp_new_ip_type(IPADDR_TYPE_V6);
	if (connected)
		assert(udp_connect(u, &to, 53) == ERR_OK);
	p = pbuf_alloc(PBUF_TRANSPORT, 1400, PBUF_RAM);
	assert(udp_sendto(u, p, &to, 53) == ERR_OK);
	pbuf_free(p);
	net_push();
	thread_sleep(clock_now() + SECOND / 10);
	assert(router.packet[6] == 17);
	quote(41, 1, 0, router.len);
	if (connected)
		quote(43, 1, 0, router.len);
	assert(path_mtu() == 1500);
	quote(0, 0, 0, router.len);
	assert(path_mtu() == 1280);
	udp_remove(u);
	down();
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "an address is what the command line says", an_address_of_the_command_line, 3 },
		{ "pings are answered, of 65,000 bytes too", pings_are_answered, 5 },
		{ "lent memory is for its backend only", lent_memory_of_another_backend, 6 },
		{ "bulk goes out in large frames, through any ring",
		  bulk_goes_out_in_large_frames, 20 },
		{ "tiny writes never wait for a timer", tiny_writes_never_wait_for_a_timer, 10 },
		{ "a refused sender continues when there is space",
		  who_was_refused_goes_on_when_there_is_room, 5 },
		{ "what is lost is sent again", what_is_lost_is_sent_again, 10 },
		{ "memory may be short", memory_may_be_short, 20 },
		{ "a backend may have no offloads", a_backend_without_offloads, 6 },
		{ "frames of 64 KB come in, in any pages", large_frames_come_in, 10 },
		{ "several segments in a frame are acknowledged at once",
		  several_in_a_frame_are_acknowledged_at_once, 3 },
		{ "a wrong checksum is not believed, unless none is to be checked",
		  a_wrong_sum_is_not_believed, 3 },
		{ "a socket that is not read closes the window", a_window_is_never_overrun, 3 },
		{ "the carrier goes and comes", the_carrier_goes_and_comes, 10 },
		{ "a reset gives back what was to be sent", a_reset_gives_back_what_was_to_be_sent,
		  5 },
		{ "a segment of which a part is acknowledged is kept",
		  a_part_acknowledged_is_kept, 3 },
		{ "what is reserved stays so when it cannot be sent yet",
		  what_is_reserved_stays_when_it_fails, 2 },
		{ "what is on its way is kept, though the connection is gone",
		  what_is_on_its_way_is_kept, 5 },
		{ "we can talk to ourselves", loopback_works, 10 },
		{ "an idle network sets no timer", who_waits_for_nothing_does_not_tick, 3 },
		{ "a flood of SYNs is bounded", a_flood_of_syns_is_bounded, 2 },
		{ "a probe of a closed window may be all there is to send",
		  a_probe_may_be_all_there_is, 2 },
		{ "segments keep their size, whatever their options say",
		  segments_keep_their_size, 2 },
		{ "a window may begin with a single byte", a_window_may_begin_small, 2 },
		{ "what is early ends with the window", what_is_early_ends_with_the_window, 40 },
		{ "a path is not narrower than IPv6's least MTU",
		  a_path_is_not_narrower_than_the_least, 1 },
		{ "a path may become narrower", a_path_may_become_narrower, 1 },
		{ "\"packet too big\" quotes what is in flight", a_quote_is_of_what_is_in_flight,
		  1 },
		{ "\"packet too big\" of a datagram needs its socket",
		  a_quote_of_a_datagram_has_a_socket, 4 },
		{ "nothing is behind a FIN", nothing_is_behind_a_fin, 20 },
		{ "a port may be used again at once", a_port_may_be_used_again, 10 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}

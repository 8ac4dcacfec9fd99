/* SPDX-License-Identifier: ISC */
/*
 * Connections beside a flood of SYNs: net/syn_cookie.c.
 *
 * Over 500 lines: all claims share the peers' frames, which are a third of it.
 */
#include "kernel/param.h"
#include "net/net.h"
#include "tests/unit/net_bytes.h"
#include "tests/unit/net_vif.h"

#include <lwip/priv/tcp_priv.h>
#include <lwip/tcp.h>

#define PORT 80
#define SECOND NSEC_PER_SEC
#define RTT (SECOND / 20)
#define HALF_OPEN 255
#define CLIENT 100			/* its ports; those of the flood are above */
#define FLOOD 1024

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };

static struct client {
	bool modern;			/* timestamps, window scale and SACK */
	uint16_t port, mss;		/* mss 0: without this option */
	uint32_t seq, rcv, time;	/* time: the guest's timestamp */
	unsigned answers, resets, acks;
	uint64_t answered;
	size_t got, largest;
	uint8_t options[40], options_len;	/* of the SYN-ACK */
} client;

static bool v6;
static uint8_t extra[40];		/* options after those of a client */
static size_t nextra, page = 4096;
static unsigned flood_answers;
static struct tcp_pcb *listener, *newest;
static unsigned accepts;
static size_t received;

/* ---- frames */

static void address(uint8_t *to, unsigned host)
{
	static const uint8_t prefix[8] = { 0x20, 0x01, 0x0d, 0xb8 };

	if (v6) {
		memcpy(to, prefix, 8);
		memset(to + 8, 0, 4);
		put(to + 12, host, 4);
	} else {
		put(to, 0x0a000000 + host, 4);
	}
}

/* From p[34] or p[54] on a TCP segment, with its sum. */
static void send_segment(uint8_t *p, unsigned host, size_t len)
{
	size_t size = v6 ? 16 : 4, at = v6 ? 54 : 34, source = v6 ? 22 : 26;

	ethernet_header(p, v6 ? 0x86dd : 0x0800);
	address(p + source, host);
	address(p + source + size, 2);
	if (v6) {
		put(p + 14, 0x60000000, 4);
		put(p + 18, len, 2);
		p[20] = 6;
		p[21] = 64;
	} else {
		put(p + 14, 0x45000000 + 20 + len, 4);
		p[22] = 64;
		p[23] = 6;
		put(p + 24, ~plain(p + 14, 20, 0), 2);
	}
	put(p + at + 16, ~plain(p + at, len, plain(p + source, 2 * size, 6 + len)), 2);
	vif_deliver(p, at + len, &(struct offload){ 0 }, page);
}

static void send_tcp(const struct client *c, unsigned host, uint8_t flags, size_t len)
{
	uint8_t p[1600] = { 0 }, *h = p + (v6 ? 54 : 34), *o = h + 20;

	put(h, c->port, 2);
	put(h + 2, PORT, 2);
	put(h + 4, c->seq, 4);
	put(h + 8, flags & ACK ? c->rcv : 0, 4);
	h[13] = flags;
	put(h + 14, 0x4000, 2);
	if (flags & SYN && c->mss) {
		put(o, 0x02040000 + c->mss, 4);
		o += 4;
	}
	if (c->modern) {
		put(o, 0x0101080a, 4);
		put(o + 4, clock_now() / NSEC_PER_MSEC, 4);
		put(o + 8, c->time, 4);
		o += 12;
	}
	if (c->modern && flags & SYN) {
		put(o, 0x01030307, 4);
		put(o + 4, 0x01010402, 4);
		o += 8;
	}
	memcpy(o, extra, nextra);
	o += nextra;
	h[12] = (o - h) / 4 << 4;
	send_segment(p, host, o - h + len);
}

static void send_syn_of_flood(void)
{
	struct client c = {
		.port = FLOOD + host_below(60000), .mss = 1460, .seq = host_random(),
	};

	send_tcp(&c, 50 + host_below(4), SYN, 0);
}

static void answer_arp(const uint8_t *p)
{
	uint8_t a[ARP_LEN];

	if (get(p + 20, 2) != 1 || get(p + 28, 4) == get(p + 38, 4))
		return;
	arp_answer(a, p, peer_mac);
	vif_deliver(a, ARP_LEN, &(struct offload){ 0 }, 4096);
}

/* A neighbour solicitation, but for those of an address that is only tried. */
static void answer_nd(const uint8_t *p)
{
	static const uint8_t none[16];
	uint8_t a[86] = { [54] = 136, [58] = 0x60, [78] = 2, 1 };

	if (p[54] != 135 || !memcmp(p + 22, none, 16))
		return;
	ip6_header(a, 58, p + 62, p + 22, 32);
	memcpy(a + 62, p + 62, 16);
	memcpy(a + 80, peer_mac, 6);
	put(a + 56, ~plain(a + 54, 32, plain(a + 22, 32, 58 + 32)), 2);
	vif_deliver(a, 86, &(struct offload){ 0 }, 4096);
}

static void take_tcp(const uint8_t *h, size_t len)
{
	size_t header = (h[12] >> 4) * 4;
	unsigned port = get(h + 2, 2);
	struct client *c = &client;

	if (port >= FLOOD)
		flood_answers++;
	if (port != c->port)
		return;
	if (h[13] & RST) {
		c->resets++;
	} else if (h[13] & SYN) {
		assert(h[13] == (SYN | ACK) && get(h + 8, 4) == c->seq);
		c->answers++;
		c->answered = clock_now();
		c->rcv = get(h + 4, 4) + 1;
		c->options_len = header - 20;
		memcpy(c->options, h + 20, c->options_len);
		if (c->modern && c->options_len >= 16) {
			assert(get(h + 24, 4) == 0x0101080a);
			c->time = get(h + 28, 4);
			assert((int32_t)(clock_now() / NSEC_PER_MSEC - c->time) >= 0);
		}
	} else {
		c->acks++;
		c->got += len - header;
		c->largest = len - header > c->largest ? len - header : c->largest;
	}
}

static void wire(uint8_t *p, size_t len, const struct offload *o)
{
	size_t at = v6 ? 54 : 34, source = v6 ? 22 : 26, size = v6 ? 16 : 4;

	if (get(p + 12, 2) == 0x0806)
		answer_arp(p);
	else if (get(p + 12, 2) == 0x86dd && p[20] == 58)
		answer_nd(p);
	if (get(p + 12, 2) != (v6 ? 0x86dd : 0x0800) || p[v6 ? 20 : 23] != 6)
		return;
	if (!o->csum_blank)
		assert(plain(p + at, len - at, plain(p + source, 2 * size, 6 + len - at)) ==
		       0xffff);
	take_tcp(p + at, len - at);
}

/* ---- the guest */

static err_t got(void *arg, struct tcp_pcb *p, struct pbuf *q, err_t err)
{
	(void)arg;
	assert(err == ERR_OK);
	if (!q) {
		tcp_close(p);
		return ERR_OK;
	}
	received += q->tot_len;
	tcp_recved(p, q->tot_len);
	pbuf_free(q);
	return ERR_OK;
}

static err_t accepted(void *arg, struct tcp_pcb *p, err_t err)
{
	(void)arg;
	assert(err == ERR_OK);
	accepts++;
	newest = p;
	tcp_recv(p, got);
	return ERR_OK;
}

static void moment(void)
{
	thread_sleep(clock_now() + SECOND / 100);
}

static void listen_again(void)
{
	struct tcp_pcb *p = tcp_new_ip_type(IPADDR_TYPE_ANY);

	p->so_options |= SOF_REUSEADDR;
	assert(tcp_bind(p, IP_ANY_TYPE, PORT) == ERR_OK);
	listener = tcp_listen(p);
	tcp_accept(listener, accepted);
}

static void set_up(void)
{
	bool sums = host_chance(2);

	host.steps = 1ull << 40;
	v6 = host_chance(2);
	vif.info = (struct netfront_info){
		.up = true, .mtu = 1500, .csum_ipv4 = sums, .csum_ipv6 = sums,
	};
	vif.wire = wire;
	vif.room = 1000;
	vif_boot("ip=10.0.0.2/24 ip6=2001:db8::2/64 hostname=test");
	thread_sleep(clock_now() + 5 * SECOND);
	listen_again();
}

static void begin(unsigned i, uint16_t mss, bool modern)
{
	client = (struct client){
		.modern = modern, .port = CLIENT + i, .mss = mss, .seq = host_random(),
	};
	send_tcp(&client, 1, SYN, 0);
	client.seq++;
}

static unsigned active(bool half_open)
{
	unsigned n = 0;

	for (struct tcp_pcb *p = tcp_active_pcbs; p; p = p->next)
		n += !half_open || p->state == SYN_RCVD;
	return n;
}

/* The maximum of half-open connections: the next SYN gets a cookie. */
static void fill(void)
{
	for (unsigned i = 0; i < HALF_OPEN + 20; i++)
		send_syn_of_flood();
	moment();
	assert(active(true) == HALF_OPEN);
}

static void down(void)
{
	for (struct tcp_pcb *p = tcp_active_pcbs, *next; p; p = next) {
		next = p->next;
		tcp_abort(p);
	}
	if (listener)
		tcp_close(listener);
	net_push();
	thread_sleep(clock_now() + 40 * SECOND);
	assert(!vif.pages);
	host_xen.shutdown = 0;
}

/* ---- claims */

/* 5,000 SYNs a second beside a client that is 50 ms away. */
static void a_flood_shuts_nobody_out(void)
{
	uint64_t due = 0;
	unsigned n = 0;

	set_up();
	for (unsigned i = 0; i < 4000; i++) {
		send_syn_of_flood();
		thread_sleep(clock_now() + SECOND / 5000);
		if (i >= 1000 && i % 700 == 0) {
			assert(accepts == n);
			begin(n, 1460, n & 1);
			n++;
		}
		if (client.answers && client.answered + RTT != due &&
		    clock_now() >= client.answered + RTT) {
			due = client.answered + RTT;
			send_tcp(&client, 1, ACK | PSH, 10);
		}
		assert(active(true) <= HALF_OPEN);
	}
	assert(n == 4 && accepts == 4 && received == 40 && client.answers == 1);
	down();
}

static void cookies_are_for_floods(void)
{
	set_up();
	begin(0, 1460, true);
	thread_sleep(clock_now() + 8 * SECOND);
	assert(client.answers > 1);	/* one that is kept is sent again */
	client.rcv ^= 0x10;
	send_tcp(&client, 1, ACK, 0);
	moment();
	assert(!accepts);
	fill();
	begin(1, 1460, true);
	thread_sleep(clock_now() + 8 * SECOND);
	assert(client.answers == 1);
	thread_sleep(clock_now() + 20 * SECOND);
	assert(active(true) == 0);
	begin(2, 1460, true);
	thread_sleep(clock_now() + 8 * SECOND);
	assert(client.answers > 1);
	down();
}

static void only_a_cookie_opens(void)
{
	struct client right;
	unsigned n;

	set_up();
	fill();
	begin(0, 1460, false);
	moment();
	assert(client.answers == 1);
	right = client;
	n = active(false);
	for (unsigned bit = 0; bit < 32; bit++) {
		client = right;
		client.rcv ^= 1u << bit;
		send_tcp(&client, 1, ACK, 0);
		send_tcp(&client, 1, ACK | PSH, 5);
		client = right;
		client.seq ^= 1u << bit;
		send_tcp(&client, 1, ACK, 0);
	}
	client = right;
	client.port += 1;
	send_tcp(&client, 1, ACK, 0);
	client = right;
	send_tcp(&client, 3, ACK, 0);	/* from another address */
	moment();
	client = right;
	send_tcp(&client, 1, RST | ACK, 0);
	send_tcp(&client, 1, SYN | ACK, 0);
	send_tcp(&client, 1, 0, 10);
	for (unsigned i = 0; i < 5000; i++) {
		struct client forged = {
			.port = FLOOD + host_below(60000), .seq = host_random(),
			.rcv = host_random(), .modern = host_chance(2),
		};

		send_tcp(&forged, 50, ACK, host_below(3));
		if (i % 100 == 0)
			moment();
	}
	moment();
	assert(!accepts && !received && active(false) == n);
	client = right;
	send_tcp(&client, 1, ACK | PSH, 100);
	moment();
	assert(accepts == 1 && received == 100 && !client.resets);
	send_tcp(&client, 1, ACK | PSH, 100);	/* the same again */
	moment();
	assert(accepts == 1 && received == 100 && client.acks);
	down();
}

static void a_cookie_is_valid_for_a_minute_or_two(void)
{
	static const uint8_t waits[] = { 1, 30, 58, 122, 150 };

	set_up();
	for (unsigned i = 0; i < sizeof(waits); i++) {
		fill();
		begin(i, 1460, true);
		moment();
		assert(client.answers == 1);
		thread_sleep(client.answered + waits[i] * SECOND);
		fill();			/* others get cookies now */
		accepts = 0;
		send_tcp(&client, 1, ACK, 0);
		moment();
		assert(accepts == (waits[i] < 60) && client.resets == (waits[i] > 60));
	}
	down();
}

static void a_cookie_opens_once(void)
{
	struct client first;

	set_up();
	fill();
	begin(0, 1460, host_chance(2));
	moment();
	first = client;
	send_tcp(&client, 1, ACK | PSH, 100);
	client.seq += 100;
	moment();
	assert(accepts == 1 && received == 100);
	if (host_chance(2)) {
		send_tcp(&client, 1, RST, 0);
	} else {
		send_tcp(&client, 1, FIN | ACK, 0);
		client.seq++;
		moment();
		client.rcv++;
		send_tcp(&client, 1, ACK, 0);
	}
	moment();
	assert(active(false) == active(true));
	send_tcp(&first, 1, ACK | PSH, 100);
	moment();
	assert(accepts == 1 && received == 100 && active(false) == active(true));
	down();
}

/* lib/socket/socket_listen.c sets this when the accept queue is full, and when it is not. */
static void a_full_queue_lets_nobody_in(void)
{
	struct tcp_pcb_listen *l;

	set_up();
	l = (struct tcp_pcb_listen *)listener;
	fill();
	begin(0, 1460, host_chance(2));
	moment();
	assert(client.answers == 1);
	l->backlog = 0;
	send_tcp(&client, 1, ACK, 0);
	send_tcp(&client, 1, ACK | PSH, 100);
	client.seq += 100;
	send_tcp(&client, 1, ACK | PSH, 50);
	moment();
	l->backlog = 255;
	send_tcp(&client, 1, ACK | PSH, 50);	/* the first is still missing */
	moment();
	assert(!accepts && !client.resets);
	client.seq -= 100;
	send_tcp(&client, 1, ACK | PSH, 100);
	moment();
	assert(accepts == 1 && received == 100 && !client.resets);
	/* A SYN gets no cookie that it could not use. */
	l->backlog = 0;
	begin(1, 1460, false);
	moment();
	assert(!client.answers);
	down();
}

static void a_closed_listener_opens_nothing(void)
{
	set_up();
	fill();
	begin(0, 1460, false);
	moment();
	assert(client.answers == 1);
	for (struct tcp_pcb *p = tcp_active_pcbs, *next; p; p = next) {
		next = p->next;
		tcp_abort(p);
	}
	tcp_close(listener);
	listener = NULL;
	moment();
	send_tcp(&client, 1, ACK, 0);
	moment();
	assert(!accepts && client.resets == 1 && !active(false));
	down();
}

/* A FIN that arrives first, as from a client whose ACK was lost. */
static void an_early_fin_is_one(void)
{
	set_up();
	fill();
	begin(0, 1460, false);
	moment();
	send_tcp(&client, 1, FIN | ACK, 30);
	moment();
	assert(accepts == 1 && received == 30 && client.acks && !client.resets);
	down();
}

static void what_was_offered_is_kept(void)
{
	static const struct {
		uint16_t mss, kept;
	} sizes[] = {
		{ 1460, 1460 }, { 0, 536 }, { 536, 536 }, { 1, 88 }, { 100, 88 }, { 1400, 1380 },
		{ 1452, 1440 }, { 1240, 1220 }, { 1300, 1300 }, { 8960, 1460 }, { 65535, 1460 },
	};
	static const uint8_t bytes[20000];

	set_up();
	fill();
	for (unsigned i = 0; i < HOST_COUNT(sizes); i++) {
		unsigned most = v6 ? 1440 : 1460, mss = sizes[i].kept < most ? sizes[i].kept : most;
		bool modern = host_chance(2);

		begin(i, sizes[i].mss, modern);
		moment();
		assert(client.answers == 1 && get(client.options, 2) == 0x0204);
		assert(get(client.options + 2, 2) == most);
		assert(client.options_len == (modern ? 24 : 4));
		send_tcp(&client, 1, ACK, 0);
		moment();
		assert(accepts == i + 1 && newest->mss == mss);
		assert(!(newest->flags & TF_TIMESTAMP) == !modern);
		assert(!(newest->flags & TF_SACK) == !modern);
		assert(!(newest->flags & TF_WND_SCALE) == !modern);
		assert(newest->snd_scale == (modern ? 7 : 0));
		assert(newest->rcv_scale == (modern ? TCP_RCV_SCALE : 0));
		assert(newest->rcv_wnd == (modern ? (tcpwnd_size_t)TCP_WND : 65535));
		assert(newest->snd_wnd == (modern ? 0x4000u << 7 : 0x4000u));
		assert(tcp_write(newest, bytes, sizeof(bytes), 0) == ERR_OK);
		tcp_output(newest);
		net_push();
		moment();
		assert(client.got && client.largest <= mss);
		assert(client.largest == mss - (modern ? 12u : 0));
		tcp_abort(newest);
	}
	down();
}

/* Options that are cut, too long, empty or unknown, in any pages. */
static void options_may_be_anything(void)
{
	static const uint8_t kinds[] = { 0, 1, 2, 3, 4, 5, 8, 30, 254 };
	unsigned n = 0;

	set_up();
	fill();
	for (unsigned i = 0; i < 300; i++) {
		size_t data = host_below(3) * 50;

		client = (struct client){
			.port = CLIENT + i, .mss = host_chance(2) ? 1460 : 0, .seq = host_random(),
		};
		for (unsigned ack = 0; ack < 2; ack++) {
			nextra = host_below(client.mss && !ack ? 10 : 11) * 4;
			for (size_t at = 0; at < nextra; at++)
				extra[at] = host_chance(2) ? kinds[host_below(9)] : host_below(12);
			page = host_chance(3) ? (v6 ? 74 : 54) + host_below(8) : 4096;
			received = 0;
			send_tcp(&client, 1, ack ? ACK : SYN, ack ? data : 0);
			client.seq += !ack;
			moment();
			assert(ack || client.answers == 1);
		}
		/* One whose options are in two pages is sent again. */
		nextra = 0;
		page = 4096;
		send_tcp(&client, 1, ACK, data);
		moment();
		assert(accepts == ++n && received == data && !client.resets);
		tcp_abort(newest);
		moment();
	}
	down();
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "a flood of SYNs excludes no client", a_flood_shuts_nobody_out, 4 },
		{ "cookies are sent in floods only", cookies_are_for_floods, 2 },
		{ "only a cookie opens a connection", only_a_cookie_opens, 2 },
		{ "a cookie is valid for a minute or two", a_cookie_is_valid_for_a_minute_or_two,
		  2 },
		{ "a cookie opens one connection", a_cookie_opens_once, 4 },
		{ "a full queue accepts no connection", a_full_queue_lets_nobody_in, 2 },
		{ "a closed listener opens nothing", a_closed_listener_opens_nothing, 2 },
		{ "data and a FIN with the first ACK are taken", an_early_fin_is_one, 2 },
		{ "options may be anything", options_may_be_anything, 2 },
		{ "what the SYN offered is kept", what_was_offered_is_kept, 3 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}

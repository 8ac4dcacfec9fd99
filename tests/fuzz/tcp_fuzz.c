/* SPDX-License-Identifier: ISC */
/*
 * One TCP connection whose peer sends anything.  All numbers are near those that lwIP
 * expects, so lwIP accepts most of them.  The guest does not fail.
 */
#include "tests/fuzz/net_direct.h"
#include "tests/unit/tcp_queue.h"

#include <xen/io/netif.h>

#define PORT 80

/* ---- the guest */

static struct tcp_pcb *pcb;
static struct sendbuf buffer;
static bool refuses, lazy;
static size_t unread;

static err_t got(void *arg, struct tcp_pcb *p, struct pbuf *q, err_t err)
{
	(void)arg;
	(void)err;
	if (!q && p->state == TIME_WAIT) {	/* its end is not reported */
		tcp_err(p, NULL);
		pcb = NULL;
		sendbuf_free(&buffer);
	}
	if (!q)
		return ERR_OK;
	if (refuses && p->state != TIME_WAIT)
		return ERR_MEM;
	if (lazy)
		unread += q->tot_len;
	else
		tcp_read(p, q->tot_len);
	pbuf_free(q);
	return ERR_OK;
}

static err_t sent(void *arg, struct tcp_pcb *p, u16_t len)
{
	(void)arg;
	(void)p;
	sendbuf_acked(&buffer, len);
	return ERR_OK;
}

static void failed(void *arg, err_t err)
{
	(void)arg;
	(void)err;
	pcb = NULL;
	sendbuf_free(&buffer);
}

static err_t accepted(void *arg, struct tcp_pcb *p, err_t err)
{
	(void)arg;
	if (err != ERR_OK || pcb)
		return ERR_VAL;
	pcb = p;
	tcp_established(p, TCP_WND);
	tcp_recv(p, got);
	tcp_sent(p, sent);
	tcp_err(p, failed);
	return ERR_OK;
}

static void read_some(size_t n)
{
	n = n < unread ? n : unread;
	unread -= n;
	if (pcb && n)
		tcp_read(pcb, n);
	if (pcb && pcb->refused_data)
		tcp_process_refused_data(pcb);
}

static void use(uint8_t how)
{
	static const uint8_t bytes[60000];
	size_t done;

	if (!pcb)
		return;
	switch (how % 8) {
	case 0:
	case 1:
	case 2:
		done = how & 8 ? 1 + byte() : (1 + byte()) * 200;
		sendbuf_write(&buffer, pcb, bytes, done, how & 16 ? TCP_WRITE_FLAG_MORE : 0, &done);
		tcp_output(pcb);
		break;
	case 3:
		lazy = !lazy;
		break;
	case 4:
		refuses = !refuses;
		break;
	case 5:
		read_some(1 + byte() * 300);
		break;
	case 6:
		tcp_shutdown(pcb, 0, 1);
		break;
	case 7:
		if (how & 8)
			tcp_nagle_disable(pcb);
		else
			tcp_nagle_enable(pcb);
		break;
	}
	net_push();
}

static void check_queues(void)
{
	for (const struct tcp_pcb *p = tcp_active_pcbs; p; p = p->next)
		tcp_check_queue(p);
}

/* ---- the peer */

static struct tcp_pcb *anyone(void)
{
	return pcb ? pcb : tcp_active_pcbs ? tcp_active_pcbs : tcp_tw_pcbs;
}

/* Near one of those. */
static uint32_t close_to(const uint32_t *of, unsigned n)
{
	uint8_t b = byte();
	int by = (int8_t)byte();

	return of[b % n] + (b & 64 ? by * 50 : b & 128 ? by : 0);
}

/* Blocks of SACK near what is in flight, ordered or not. */
static size_t put_sacks(uint8_t *to, const uint32_t *of, unsigned n)
{
	unsigned blocks = 1 + byte() % 3;
	uint32_t left;

	to[0] = 5;
	to[1] = 2 + 8 * blocks;
	for (unsigned i = 0; i < blocks; i++) {
		left = close_to(of, n);
		put(to + 2 + 8 * i, left, 4);
		put(to + 6 + 8 * i, byte() & 1 ? left + byte() * 12 : close_to(of, n), 4);
	}
	return to[1];
}

static size_t put_options(uint8_t *to, bool syn, const struct tcp_pcb *c, const uint32_t *ack)
{
	static const uint8_t sizes[] = { 1, 1, 4, 3, 2, 0, 0, 0, 10 };
	uint8_t which = byte();
	size_t len = 0;

	if (which & 8 && !syn)
		len = put_sacks(to, ack, 5);
	if (which & 16 && !syn && c) {	/* timestamps that pass */
		memcpy(to + len, "\10\12", 2);
		put(to + len + 2, c->ts_recent + byte() % 8, 4);
		put(to + len + 6, sys_now() - byte(), 4);
		len += 10;
		which = 0;
	}
	if (len > 20)
		which = 0;

	for (unsigned kind = 2; kind < 9; kind++) {
		if (!(which >> (kind - 2) & 1) || !sizes[kind])
			continue;
		to[len] = kind;
		to[len + 1] = sizes[kind];
		for (unsigned i = 2; i < sizes[kind]; i++)
			to[len + i] = kind == 2 && syn ? (i == 2 ? 5 : 0xb4) : byte();
		len += sizes[kind];
	}
	while (len % 4)
		to[len++] = 1;
	return len;
}

static void one_segment(void)
{
	static const uint8_t usual[] = { 0x10, 0x10, 0x18, 0x10, 0x11, 0x12, 0x02, 0x14 };
	static const uint16_t windows[] = { 0, 1, 2, 10, 100, 1000, 20000, 65535 };
	static uint8_t p[70000] = { 0, 0x16, 0x3e, 0, 0, 1, 0, 0x16, 0x3e, 0, 0, 2, 8, 0, 0x45 };
	struct offload o = { .csum_valid = true };
	const struct tcp_pcb *c = anyone();
	uint32_t seq[5] = { 0 }, ack[5] = { 0 };
	uint8_t b = byte(), flags = b & 8 ? byte() : usual[b & 7];
	size_t options, len = byte();

	if (c)
		numbers_of(c, seq, ack);
	if (b & 16)
		len = len * 250;
	else if (b & 32)
		len = 0;
	put(p + 26, 0x0a000001, 4);
	put(p + 30, 0x0a000002, 4);
	p[22] = 64;
	p[23] = 6;
	put(p + 34, 40000, 2);
	put(p + 36, PORT, 2);
	put(p + 38, close_to(seq, 5), 4);
	put(p + 42, close_to(ack, 5), 4);
	p[47] = flags;
	put(p + 48, windows[byte() % 8], 2);
	options = b & 64 ? put_options(p + 54, flags & 2, c, ack) : 0;
	p[46] = (20 + options) / 4 << 4;
	len = len < 60000 ? len : 60000;
	put(p + 16, 20 + 20 + options + len, 2);
	put(p + 24, 0, 2);
	for (unsigned i = 0, s = 0; i < 10 && (s += p[14 + 2 * i] << 8 | p[15 + 2 * i], true); i++)
		if (i == 9)
			put(p + 24, ~(s + (s >> 16)), 2);
	vif_deliver(p, 54 + options + len, &o, b & 128 ? 60 : 4096);
}

/* As one_segment() reads it. */
static void one_of(const uint8_t *bytes, size_t n)
{
	const uint8_t *rest = input;
	size_t left = input_left;

	input = bytes;
	input_left = n;
	one_segment();
	settle();
	input = rest;
	input_left = left;
}

static void open_it(void)
{
	uint8_t how = byte(), window = byte();
	const uint8_t syn[] = { 6 | 32 | (how & 64), 0, 0, 0, 0, 0, window, how & 0x47, how };
	const uint8_t ack[] = { 0 | 32, 0, 0, 0, 0, 0, window >> 4 };

	one_of(syn, sizeof(syn));
	one_of(ack, sizeof(ack));
}

static void run(void)
{
	static const uint8_t arp[42] = {
		0, 0x16, 0x3e, 0, 0, 1, 0, 0x16, 0x3e, 0, 0, 2, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1,
		0, 0x16, 0x3e, 0, 0, 2, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2,
	};
	struct tcp_pcb *listener;

	vif.info = (struct netfront_info){ .up = true, .mtu = 1500, .csum_ipv4 = true,
					   .csum_ipv6 = true, .gso_tcpv4 = true,
					   .gso_tcpv6 = true, .mac = { 0, 0x16, 0x3e, 0, 0, 1 } };
	direct_up("hostname=fuzz ip=10.0.0.2/24,gateway=10.0.0.1 ip6=off");
	listener = tcp_new();
	assert(listener && tcp_bind(listener, IP_ANY_TYPE, PORT) == ERR_OK);
	listener = tcp_listen(listener);
	tcp_accept(listener, accepted);
	vif_deliver(arp, sizeof(arp), &(struct offload){ 0 }, 4096);
	open_it();
	while (input_left) {
		uint8_t what = byte();

		if (what < 160)
			one_segment();
		else if (what < 240)
			use(what);
		else
			pass(1ull << (what % 16 + 20));
		if (what & 1)
			settle();
		check_queues();
	}
	settle();
	while (tcp_active_pcbs)
		tcp_abort(tcp_active_pcbs);
	sendbuf_free(&buffer);
	tcp_close(listener);
	direct_down();
}

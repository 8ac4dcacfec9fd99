/* SPDX-License-Identifier: ISC */
/*
 * A guest that sends to a peer over a path with a delay, losses, reordering and a bottleneck, in
 * virtual time. The peer is a receiver with SACK, DSACK, timestamps and delayed ACKs, after RFC
 * 2018, 2883, 7323 and 5681. Losses are drawn from the seed, or told by path.lose().
 */
#ifndef TESTS_UNIT_NET_PATH_H
#define TESTS_UNIT_NET_PATH_H

#include "net/sendbuf.h"
#include "net/tcp.h"
#include "tests/unit/net_bytes.h"
#include "tests/unit/net_vif.h"
#include "tests/unit/tcp_queue.h"

#include <lwip/priv/tcp_priv.h>
#include <lwip/tcp.h>

#define PORT 80
#define US 0x0a000002u			/* 10.0.0.2 */
#define PEER 0x0a000001u
#define SECOND NSEC_PER_SEC
#define MILLI NSEC_PER_MSEC
#define SEGMENT 1448			/* bytes of data with timestamps */
#define RANGES 256
#define FLIGHTS 65536			/* segments of which transmissions are counted */

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };

static struct {
	/* set by a test */
	uint64_t rtt, rate, buffer;	/* ns; bytes per second, 0: any; bytes */
	unsigned loss, reorder;		/* of a million packets */
	bool no_sack, no_stamp, no_dsack, quiet;	/* quiet: the peer sends no more ACKs */
	bool (*lose)(uint32_t at, unsigned nth);	/* offset of a segment, transmission */
	uint64_t ack_delay;		/* 0: 40 ms */
	unsigned stamp_back;		/* ms: its timestamps are older */

	/* events */
	struct packet {
		struct packet *next;
		uint64_t time;
		bool to_guest;
		size_t len;
		uint8_t bytes[];
	} *events;
	struct waitq work;
	uint64_t free_at;		/* when the bottleneck has sent everything */
	uint8_t sent[FLIGHTS];

	/* the peer */
	uint32_t isn, irs, rcv, seq, scale, stamp, last_ack;
	bool open, ack_due;
	uint64_t ack_at, done_at;
	unsigned waiting;
	struct { uint32_t left, right; } ranges[RANGES];
	unsigned nranges;
	uint32_t newest;		/* a sequence number of the newest range */
	uint32_t dup_left, dup_right;
	struct waitq changed;
	unsigned long segments, lost, copies, acks;
} path;

static uint64_t drawn;			/* for losses: not that of the schedule */

static inline bool one_of_a_million(unsigned n)
{
	drawn = drawn * 6364136223846793005ull + 1442695040888963407ull;
	return (drawn >> 33) % 1000000 < n;
}

static inline uint8_t byte_at(uint64_t at)
{
	return at * 0x9e3779b97f4a7c15ull >> 56;
}

static struct tcp_pcb *listener, *pcb;	/* of the guest */

/* ---- the path */

static inline void schedule(const uint8_t *bytes, size_t len, uint64_t time, bool to_guest)
{
	struct packet *p = vif_alloc(sizeof(*p) + len), **at = &path.events;

	p->time = time;
	p->to_guest = to_guest;
	p->len = len;
	memcpy(p->bytes, bytes, len);
	while (*at && (*at)->time <= time)
		at = &(*at)->next;
	p->next = *at;
	*at = p;
	wake(&path.work);
}

/* The bottleneck: returns when the packet has left it, or 0 if its buffer is full. */
static inline uint64_t through_bottleneck(size_t len)
{
	uint64_t now = clock_now(), start = path.free_at > now ? path.free_at : now;

	if (!path.rate)
		return now;
	if ((start - now) * path.rate / SECOND + len > path.buffer)
		return 0;
	path.free_at = start + len * SECOND / path.rate;
	return path.free_at;
}

static inline void to_peer(const uint8_t *frame, size_t len)
{
	size_t data = len - 34 - (frame[46] >> 4) * 4;
	uint32_t at = get(frame + 38, 4) - path.irs - 1;
	unsigned nth = 0;
	uint64_t time;

	if (data) {
		path.segments++;
		if (at / SEGMENT < FLIGHTS)
			nth = path.sent[at / SEGMENT]++;
		path.copies += nth != 0;
	}
	time = through_bottleneck(len);
	if (!time || (data && path.lose && path.lose(at, nth)) || one_of_a_million(path.loss)) {
		path.lost++;
		return;
	}
	if (one_of_a_million(path.reorder))
		time += path.rtt / 8 + MILLI;
	schedule(frame, len, time + path.rtt / 2, false);
}

/* A frame of many segments is what a network card makes of it. */
static inline void wire(uint8_t *p, size_t len, const struct offload *o)
{
	size_t headers, data, n, size;
	uint8_t one[1600];

	if (get(p + 12, 2) == 0x0806 && get(p + 20, 2) == 1 && get(p + 38, 4) == PEER) {
		uint8_t a[ARP_LEN];

		arp_answer(a, p, peer_mac);
		vif_deliver(a, ARP_LEN, &(struct offload){ 0 }, 4096);
	}
	if (get(p + 12, 2) != 0x0800 || p[23] != 6)
		return;
	headers = 34 + (p[46] >> 4) * 4;
	data = len - headers;
	size = o->gso_size ? o->gso_size : 1500;
	for (size_t at = 0; at == 0 || at < data; at += n) {
		n = data - at < size ? data - at : size;
		memcpy(one, p, headers);
		memcpy(one + headers, p + headers + at, n);
		put(one + 38, get(p + 38, 4) + at, 4);
		if (at + n < data)
			one[47] &= ~(FIN | PSH);
		to_peer(one, headers + n);
		if (!n)
			break;
	}
}

/* ---- the peer */

static inline void send_tcp(uint8_t flags)
{
	uint8_t p[100], *o = p + 54;
	size_t tcp;

	memset(p, 0, sizeof(p));
	if (flags & SYN) {
		memcpy(o, "\2\4\5\264\3\3\7\1", 8);
		o += 8;
		if (!path.no_sack) {
			memcpy(o, "\1\1\4\2", 4);
			o += 4;
		}
	}
	if (!path.no_stamp) {
		memcpy(o, "\1\1\10\12", 4);
		put(o + 4, clock_now() / MILLI - path.stamp_back, 4);
		put(o + 8, path.stamp, 4);
		o += 12;
	}
	if (!(flags & SYN) && !path.no_sack && (path.nranges || path.dup_left != path.dup_right)) {
		uint8_t *option = o;

		memcpy(o, "\1\1\5\2", 4);
		o += 4;
		if (path.dup_left != path.dup_right && !path.no_dsack) {
			put(o, path.dup_left, 4);
			put(o + 4, path.dup_right, 4);
			o += 8;
		}
		for (int pass = 0; pass < 2; pass++)
			for (unsigned i = 0; i < path.nranges && o + 8 <= option + 28; i++) {
				bool newest = (int32_t)(path.newest - path.ranges[i].left) >= 0 &&
					      (int32_t)(path.newest - path.ranges[i].right) < 0;

				if (newest != (pass == 0))
					continue;
				put(o, path.ranges[i].left, 4);
				put(o + 4, path.ranges[i].right, 4);
				o += 8;
			}
		option[3] = o - option - 2;
	}
	path.dup_left = path.dup_right = 0;
	tcp = o - (p + 34);
	ip4_header(p, 6, PEER, US, tcp);
	put(p + 34, 40000, 2);
	put(p + 36, PORT, 2);
	put(p + 38, path.seq, 4);
	put(p + 42, path.rcv, 4);
	p[46] = tcp / 4 << 4;
	p[47] = flags;
	put(p + 48, flags & SYN ? 0xffff : 0x8000, 2);
	put(p + 50, (uint16_t)~plain(p + 34, tcp, plain(p + 26, 8, 6 + tcp)), 2);
	path.seq += !!(flags & SYN);
	path.waiting = 0;
	path.ack_due = false;
	path.last_ack = path.rcv;
	path.acks++;
	if (!path.quiet)
		schedule(p, 34 + tcp, clock_now() + path.rtt / 2, true);
}

/* Adds a range that is out of order, and joins those that touch it. */
static inline void add_range(uint32_t left, uint32_t right)
{
	unsigned kept = 0;

	path.newest = left;
	for (unsigned i = 0; i < path.nranges; i++) {
		uint32_t l = path.ranges[i].left, r = path.ranges[i].right;

		if ((int32_t)(r - left) < 0 || (int32_t)(l - right) > 0) {
			path.ranges[kept++] = path.ranges[i];
			continue;
		}
		left = (int32_t)(l - left) < 0 ? l : left;
		right = (int32_t)(r - right) > 0 ? r : right;
	}
	assert(kept < RANGES);
	path.ranges[kept].left = left;
	path.ranges[kept].right = right;
	path.nranges = kept + 1;
}

static inline bool is_had(uint32_t left, uint32_t right)
{
	if ((int32_t)(right - path.rcv) <= 0)
		return true;
	for (unsigned i = 0; i < path.nranges; i++)
		if ((int32_t)(left - path.ranges[i].left) >= 0 &&
		    (int32_t)(right - path.ranges[i].right) <= 0)
			return true;
	return false;
}

static inline void take_data(uint32_t seq, uint32_t len)
{
	bool in_order = seq == path.rcv && !path.nranges;

	if (is_had(seq, seq + len)) {
		path.dup_left = seq;
		path.dup_right = seq + len;
		send_tcp(ACK);
		return;
	}
	add_range(seq, seq + len);
	for (unsigned i = 0; i < path.nranges; i++)
		if ((int32_t)(path.ranges[i].left - path.rcv) <= 0) {
			path.rcv = path.ranges[i].right;
			path.ranges[i] = path.ranges[--path.nranges];
			break;
		}
	wake(&path.changed);
	path.done_at = clock_now();
	if (!in_order || ++path.waiting == 2) {
		send_tcp(ACK);
		return;
	}
	path.ack_due = true;
	path.ack_at = clock_now() + (path.ack_delay ? path.ack_delay : 40 * MILLI);
}

static inline void take(const uint8_t *p, size_t len)
{
	size_t headers = 34 + (p[46] >> 4) * 4, data = len - headers;
	uint32_t seq = get(p + 38, 4);

	if (!path.no_stamp && headers >= 66 && p[54] == 1 && p[55] == 1 && p[56] == 8 &&
	    (int32_t)(seq - path.last_ack) <= 0)
		path.stamp = get(p + 58, 4);
	if (p[47] & SYN) {
		for (const uint8_t *o = p + 54; o < p + headers; o += *o > 1 ? o[1] : 1)
			if (*o == 8)
				path.stamp = get(o + 2, 4);
		path.irs = seq;
		path.rcv = seq + 1;
		path.open = true;
		send_tcp(ACK);
		return wake(&path.changed);
	}
	for (size_t i = 0; i < data; i += i + 8 < data ? 61 : 1)
		assert(p[headers + i] == byte_at(seq - path.irs - 1 + i));
	if (data)
		take_data(seq, data);
}

static inline void path_thread(void *arg)
{
	(void)arg;
	for (;;) {
		uint64_t next = path.events ? path.events->time : NEVER;
		struct packet *p;

		if (path.ack_due && path.ack_at < next)
			next = path.ack_at;
		if (next > clock_now()) {
			wait_until_deadline(&path.work, next,
					    path.events && path.events->time < next);
			continue;
		}
		p = path.events;
		if (!p || p->time > clock_now()) {
			send_tcp(ACK);
			continue;
		}
		path.events = p->next;
		if (p->to_guest)
			vif_deliver(p->bytes, p->len, &(struct offload){ .csum_valid = true }, 4096);
		else
			take(p->bytes, p->len);
		free(p);
		if (pcb)
			tcp_check_queue(pcb);
	}
}

/* ---- the guest */

static struct sendbuf buffer;
static struct waitq guest;
static uint64_t written;

static inline err_t path_sent(void *arg, struct tcp_pcb *p, u16_t len)
{
	(void)arg, (void)p;
	sendbuf_acked(&buffer, len);
	wake(&guest);
	return ERR_OK;
}

static inline void path_failed(void *arg, err_t err)
{
	(void)arg, (void)err;
	pcb = NULL;
	wake(&guest);
}

static inline err_t path_accepted(void *arg, struct tcp_pcb *p, err_t err)
{
	(void)arg;
	assert(err == ERR_OK && !pcb);
	pcb = p;
	tcp_established(p, TCP_WND);
	tcp_sent(p, path_sent);
	tcp_err(p, path_failed);
	wake(&guest);
	return ERR_OK;
}

static inline void path_connect(void)
{
	struct tcp_pcb *p;

	host.profiled = false;
	vif.info = (struct netfront_info){
		.up = true, .mtu = 1500, .csum_ipv4 = true, .csum_ipv6 = true,
		.gso_tcpv4 = true, .gso_tcpv6 = true,
	};
	vif.wire = wire;
	drawn = host_random();
	vif_boot("ip=10.0.0.2/24,gateway=10.0.0.1 ip6=off hostname=test");
	assert(thread_start("path", THREAD_KERNEL, STACK_KERNEL, path_thread, NULL, NULL));
	p = tcp_new_ip_type(IPADDR_TYPE_ANY);
	assert(p && tcp_bind(p, IP_ANY_TYPE, PORT) == ERR_OK);
	listener = tcp_listen(p);
	tcp_accept(listener, path_accepted);
	path.isn = path.seq = host_random();
	send_tcp(SYN);
	wait_until(&guest, pcb);
	wait_until(&path.changed, path.open);
}

static inline void path_write(uint64_t n)
{
	static uint8_t bytes[65536];
	size_t done;

	for (uint64_t end = written + n; pcb && written < end;) {
		size_t len = end - written < sizeof(bytes) ? end - written : sizeof(bytes);

		for (size_t i = 0; i < len; i++)
			bytes[i] = byte_at(written + i);
		sendbuf_write(&buffer, pcb, bytes, len, 0, &done);
		written += done;
		tcp_output(pcb);
		net_push();
		if (done < len)
			wait_until(&guest, !pcb || tcp_sndbuf(pcb) > 32768);
	}
}

static inline uint64_t path_got(void)
{
	return path.rcv - path.irs - 1;
}

/* Returns the time in ns until the peer has all n bytes; at most limit. */
static inline uint64_t path_transfer(uint64_t n, uint64_t limit)
{
	uint64_t start = clock_now();

	path_write(n);
	if (!wait_until_deadline(&path.changed, start + limit, !pcb || path_got() == written))
		return limit;
	assert(pcb && path_got() == written);
	return path.done_at - start;
}

static inline void path_down(void)
{
	if (pcb)
		tcp_abort(pcb);
	tcp_close(listener);
	sendbuf_free(&buffer);
	net_push();
	path.ack_due = false;
	path.quiet = true;
	thread_sleep(clock_now() + 10 * SECOND);
	assert(!path.events);
	host_xen.shutdown = 0;		/* the threads stay */
}

#endif

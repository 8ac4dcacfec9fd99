/* SPDX-License-Identifier: ISC */
/*
 * A guest with a vif, and an independent implementation of a TCP peer, which opens one
 * connection.
 */
#ifndef TESTS_UNIT_NET_PEER_H
#define TESTS_UNIT_NET_PEER_H

#include "kernel/param.h"
#include "net/net.h"
#include "net/sendbuf.h"
#include "net/tcp.h"
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

/* ---- bytes */

static inline uint8_t byte_at(uint64_t at)
{
	return at * 0x9e3779b97f4a7c15ull >> 56;
}

static inline void fill(uint8_t *to, uint64_t at, size_t len)
{
	while (len--)
		*to++ = byte_at(at++);
}

static inline bool is_filled(const uint8_t *from, uint64_t at, size_t len)
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
	uint32_t stamp;			/* of a SYN; 0: without a timestamp */
	uint8_t options[8];		/* of a segment that is not a SYN */
	size_t nopts;
	struct waitq changed;
	uint8_t echo[70000];
	size_t echoed;
	unsigned arps;
} peer;

static inline size_t ip_header(uint8_t *p, uint8_t proto, size_t len)
{
	ip4_header(p, proto, PEER, US, len);
	return 34;
}

static inline uint16_t l4_sum(const uint8_t *p, uint8_t proto, size_t len)
{
	return plain(p + 34, len, plain(p + 26, 8, proto + len));
}

static inline void send_tcp(uint8_t flags, const uint8_t *data, size_t len, const struct offload *o)
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

static inline void peer_ack(void)
{
	send_tcp(ACK, NULL, 0, &(struct offload){ 0 });
}

static inline void take_tcp(uint8_t *p, size_t len, const struct offload *o)
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

static inline void take_arp(const uint8_t *p)
{
	uint8_t a[ARP_LEN];

	peer.arps++;
	if (get(p + 20, 2) != 1 || get(p + 38, 4) != PEER)
		return;
	arp_answer(a, p, peer_mac);
	vif_deliver(a, ARP_LEN, &(struct offload){ 0 }, 4096);
}

/* The fragments of one reply, in any order. */
static inline void take_icmp(const uint8_t *p, size_t len)
{
	size_t at = (get(p + 20, 2) & 0x1fff) * 8;

	assert(at + len - 34 <= sizeof(peer.echo));
	memcpy(peer.echo + at, p + 34, len - 34);
	peer.echoed += len - 34;
	wake(&peer.changed);
}

static void (*take_ip6)(const uint8_t *p, size_t len);	/* set by a test with IPv6 */

static inline void wire(uint8_t *p, size_t len, const struct offload *o)
{
	if (peer.lose && host_chance(peer.lose))
		return;
	assert(len <= 14u + vif.info.mtu || o->gso_size);
	if (get(p + 12, 2) == 0x0806)
		take_arp(p);
	if (get(p + 12, 2) == 0x86dd && take_ip6)
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

static inline void peer_connect(void)
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

static inline err_t got(void *arg, struct tcp_pcb *p, struct pbuf *q, err_t err)
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
		tcp_read(p, q->tot_len);
		pbuf_free(q);
	}
	wake(&guest);
	return ERR_OK;
}

static inline err_t sent(void *arg, struct tcp_pcb *p, u16_t len)
{
	(void)arg;
	(void)p;
	sendbuf_acked(&buffer, len);
	wake(&guest);
	return ERR_OK;
}

static inline void failed(void *arg, err_t err)
{
	(void)arg;
	pcb = NULL;
	over = err;
	wake(&guest);
}

static inline err_t accepted(void *arg, struct tcp_pcb *p, err_t err)
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

static inline void set_up(void)
{
	vif.info = (struct netfront_info){
		.up = true, .mtu = 1500, .csum_ipv4 = true, .csum_ipv6 = true,
		.gso_tcpv4 = true, .gso_tcpv6 = true,
	};
	vif.wire = wire;
	peer.ack_each = 1;
	vif_boot(options);
	assert(net_init() == 0);	/* again, without an effect */
}

static inline void listen(void)
{
	struct tcp_pcb *p = tcp_new_ip_type(IPADDR_TYPE_ANY);

	assert(p && tcp_bind(p, IP_ANY_TYPE, PORT) == ERR_OK);
	listener = tcp_listen(p);
	tcp_accept(listener, accepted);
}

static inline void connect(void)
{
	listen();
	peer_connect();
	wait_until(&guest, pcb);
}

/* Everything is given back. */
static inline void down(void)
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

static inline void write_all(uint64_t total, size_t most)
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

static inline void bulk(uint64_t total, size_t most)
{
	write_all(total, most);
	wait_until(&peer.changed, peer.got == total);
}

#endif

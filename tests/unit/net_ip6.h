/* SPDX-License-Identifier: ISC */
/* A guest with a vif, and a peer that sends IPv6 packets and replies to solicitations. */
#ifndef TESTS_UNIT_NET_IP6_H
#define TESTS_UNIT_NET_IP6_H

#include "kernel/param.h"
#include "net/net.h"
#include "net/netif.h"
#include "net/timers.h"
#include "tests/unit/net_bytes.h"
#include "tests/unit/net_vif.h"

#include <lwip/igmp.h>
#include <lwip/netif.h>
#include <lwip/priv/nd6_priv.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/udp.h>

#include <time.h>

#define SECOND NSEC_PER_SEC

static const uint8_t us6[16] = { 0xfe, 0x80, [8] = 2, 0x16, 0x3e, 0xff, 0xfe, 0, 0, 1 };
static const uint8_t peer6[16] = { 0xfe, 0x80, [15] = 1 };
static const uint8_t other6[16] = { 0xfe, 0x80, [15] = 2 };

static unsigned answers, na, arps;	/* echo replies, advertisements, ARP replies */
static uint8_t problem[1500];		/* the last ICMPv6 error */
static size_t problem_len;
static struct waitq changed;

static inline void deliver(const uint8_t *p, size_t len)
{
	vif_deliver(p, len, &(struct offload){ 0 }, 4096);
}

/*
 * The payload begins at p[54]; the checksum of ICMPv6 is put at p[sum], unless sum is 0.
 */
static inline void send6(uint8_t *p, const uint8_t *from, uint8_t next, size_t len, size_t sum)
{
	ip6_header(p, next, from, us6, len);
	if (sum) {
		put(p + sum, 0, 2);
		put(p + sum, ~plain(p + 54, len, plain(p + 22, 32, next + len)), 2);
	}
	deliver(p, 54 + len);
}

static inline void wire(uint8_t *p, size_t len, const struct offload *o)
{
	uint8_t a[54 + 32] = { [54] = 136, [58] = 0x60, [78] = 2, 1 };

	(void)o;
	arps += get(p + 12, 2) == 0x0806 && get(p + 20, 2) == 2;
	answers += get(p + 12, 2) == 0x0800 && p[23] == 1;
	if (get(p + 12, 2) == 0x86dd && p[20] == 58) {
		answers += p[54] == 129;
		na += p[54] == 136;
		if (p[54] < 128)
			memcpy(problem, p, problem_len = len);
		if (p[54] == 135 && !memcmp(p + 62, peer6, 16)) {
			memcpy(a + 62, peer6, 16);
			memcpy(a + 80, peer_mac, 6);
			send6(a, peer6, 58, 32, 56);
		}
	}
	/* The first fragment of a reply. */
	answers += get(p + 12, 2) == 0x86dd && p[20] == 44 && p[54] == 58 &&
		   get(p + 56, 2) == 1 && p[62] == 129;
	wake(&changed);
}

static inline void set_up(const char *options)
{
	vif.info = (struct netfront_info){ .up = true, .mtu = 1500 };
	vif.wire = wire;
	vif_boot(options);
	thread_sleep(clock_now() + 5 * SECOND);
	answers = na = arps = 0;
}

static inline void set_up6(void)
{
	set_up("ip=10.0.0.2/24 hostname=test");
}

static inline void pause_a_little(void)
{
	thread_sleep(clock_now() + SECOND / 10);
}

static inline void lives6(void)
{
	uint8_t p[54 + 64] = { [54] = 128 };

	answers = 0;
	send6(p, peer6, 58, 64, 56);
	assert(wait_until_deadline(&changed, clock_now() + SECOND, answers));
}

static inline void down(void)
{
	thread_sleep(clock_now() + 100 * SECOND);
	assert(vif.pages == 0);
	host_xen.shutdown = 0;
}

/* A fragment of len bytes; before: bytes of destination options ahead of its header. */
static inline void fragment(uint32_t id, size_t before, size_t offset, bool more, uint8_t next,
		     const uint8_t *data, size_t len)
{
	static uint8_t p[66000];
	size_t at = 54 + before;

	memset(p, 0, sizeof(p));
	for (size_t o = 54; o < at; o += 8)
		p[o] = o + 8 < at ? 60 : 44, p[o + 2] = 1, p[o + 3] = 4;
	p[at] = next;
	put(p + at + 2, offset | more, 2);
	put(p + at + 4, id, 4);
	if (len)
		memcpy(p + at + 8, data, len);
	send6(p, peer6, before ? 60 : 44, before + 8 + len, 0);
}

static inline void fragment4(uint32_t id, size_t offset, bool more, uint8_t proto,
		      const uint8_t *data, size_t len)
{
	uint8_t p[34 + 64] = { [12] = 8, [14] = 0x45, [22] = 64, [23] = proto };

	memcpy(p, our_mac, 6);
	memcpy(p + 6, peer_mac, 6);
	put(p + 16, 20 + len, 2);
	put(p + 18, id, 2);
	put(p + 20, offset / 8 | more << 13, 2);
	put(p + 26, 0x0a000001, 4);
	put(p + 30, 0x0a000002, 4);
	put(p + 24, ~plain(p + 14, 20, 0), 2);
	memcpy(p + 34, data, len);
	deliver(p, 34 + len);
}

/* Makes the peer's IPv4 address known, for packets to it. */
static inline void tell_arp(void)
{
	uint8_t arp[ARP_LEN] = { [12] = 8, 6, 0, 1, 8, 0, 6, 4, 0, 2 };

	memcpy(arp, our_mac, 6);
	memcpy(arp + 6, peer_mac, 6);
	memcpy(arp + 22, peer_mac, 6);
	put(arp + 28, 0x0a000001, 4);
	put(arp + 38, 0x0a000002, 4);
	deliver(arp, sizeof(arp));
}

#endif

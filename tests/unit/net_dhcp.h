/* SPDX-License-Identifier: ISC */
/* DHCP servers whose behaviour each claim defines, and a guest with a simulated clock. */
#ifndef TESTS_UNIT_NET_DHCP_H
#define TESTS_UNIT_NET_DHCP_H

#include "kernel/param.h"
#include "net/dhcp.h"
#include "net/dns_servers.h"
#include "net/lwip/hooks.h"
#include "net/net.h"
#include "net/netif.h"
#include "tests/unit/net_bytes.h"
#include "tests/unit/net_vif.h"

#include <lwip/etharp.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/udp.h>

#define SECOND NSEC_PER_SEC
#define SERVER 0x0a000001u		/* 10.0.0.1 */
#define OTHER 0x0a000003u
#define OURS 0x0a000032u		/* 10.0.0.50 */

enum { DISCOVER = 1, OFFER, REQUEST, DECLINE, ACK, NAK };

static const uint8_t their_mac[6] = { 0, 0x16, 0x3e, 0, 0, 2 };

/* ---- the servers */

static struct {
	bool mute, mute_unicast;	/* they do not answer */
	bool nak_other;			/* the other server first refuses the request */
	bool nak;			/* ours refuses */
	bool two;			/* the other offers too, later, and acknowledges */
	bool wrong_xid;
	uint32_t has_arp;		/* another host has this address */
	uint32_t address, mask, lease, t1, t2;
	uint8_t extra[400];		/* options more */
	size_t extra_len;
	bool no_server, raw;		/* raw: nothing but extra */
	uint8_t file[128], sname[64];
	/* what they saw */
	struct seen {
		uint64_t at;
		uint8_t type, options[300];
		uint32_t xid, ciaddr, from, to;
		uint32_t requested, server;
		unsigned name;
		bool ordered;		/* 121 before 3 */
	} seen[4000];
	unsigned n, arps, old_source;
	uint32_t forbidden;		/* nothing may be sent from it */
	uint32_t pinged_mac_of;		/* the last address that ARP requested */
} net;

static inline uint8_t *option(uint8_t *at, unsigned code, unsigned len, uint32_t v)
{
	*at++ = code;
	*at++ = len;
	put(at, v, len);
	return at + len;
}

static inline void deliver(uint8_t *p, size_t len)
{
	vif_deliver(p, len, &(struct offload){ .csum_valid = true }, 4096);
}

static inline size_t answer(uint8_t *p, const uint8_t *asked, unsigned type, uint32_t server)
{
	uint8_t *b = p + 42, *at = b + 240;
	size_t len;

	memset(p, 0, 900);
	memset(p, 0xff, 6);
	memcpy(p + 6, their_mac, 6);
	put(p + 12, 0x0800, 2);
	memcpy(b, asked + 42, 240);
	b[0] = 2;
	memset(b + 12, 0, 16);
	if (net.wrong_xid)
		b[4] ^= 1;
	if (type != NAK)
		put(b + 16, net.address, 4);
	memcpy(b + 108, net.file, 128);
	memcpy(b + 44, net.sname, 64);
	if (!net.raw) {
		at = option(at, 53, 1, type);
		if (!net.no_server)
			at = option(at, 54, 4, server);
		if (type != NAK) {
			at = option(at, 51, 4, net.lease);
			if (net.mask)
				at = option(at, 1, 4, net.mask);
			at = option(at, 3, 4, SERVER);
			if (net.t1)
				at = option(at, 58, 4, net.t1);
			if (net.t2)
				at = option(at, 59, 4, net.t2);
		}
	}
	memcpy(at, net.extra, net.extra_len);
	at += net.extra_len;
	*at++ = 255;
	len = at - p < 342 ? 342 : at - p;
	p[14] = 0x45;
	put(p + 16, len - 14, 2);
	p[22] = 64;
	p[23] = 17;
	put(p + 26, server, 4);
	put(p + 30, ~0u, 4);
	put(p + 24, ~plain(p + 14, 20, 0), 2);
	put(p + 34, 67, 2);
	put(p + 36, 68, 2);
	put(p + 38, len - 34, 2);
	return len;
}

static inline void reply(const uint8_t *asked, unsigned type, uint32_t server)
{
	uint8_t p[1000];

	deliver(p, answer(p, asked, type, server));
}

static inline void take_arp(const uint8_t *p)
{
	uint8_t a[60] = { 0 };
	uint32_t target = get(p + 38, 4);

	net.arps++;
	net.pinged_mac_of = target;
	if (net.forbidden)
		net.old_source += get(p + 28, 4) == net.forbidden;
	if (get(p + 20, 2) != 1 || (target != SERVER && target != net.has_arp &&
				     target != 0x0a0a0a0au))
		return;
	arp_answer(a, p, their_mac);
	deliver(a, 60);
}

static inline void wire(uint8_t *p, size_t len, const struct offload *o)
{
	struct seen *s = &net.seen[net.n];
	uint8_t *b = p + 42;

	(void)o;
	if (get(p + 12, 2) == 0x0806)
		take_arp(p);
	if (net.forbidden && get(p + 12, 2) == 0x0800)
		net.old_source += get(p + 26, 4) == net.forbidden;
	if (get(p + 12, 2) != 0x0800 || p[23] != 17 || get(p + 36, 2) != 67)
		return;
	assert(len >= 342 && b[0] == 1 && !memcmp(b + 28, our_mac, 6) && ++net.n < 4000);
	s->at = clock_now();
	s->xid = get(b + 4, 4);
	s->ciaddr = get(b + 12, 4);
	s->from = get(p + 26, 4);
	s->to = get(p + 30, 4);
	for (size_t i = 240; b[i] != 255; i += 2 + b[i + 1]) {
		assert(42 + i + 2 + b[i + 1] < len);
		s->options[b[i]] = 1;
		if (b[i] == 53)
			s->type = b[i + 2];
		if (b[i] == 50)
			s->requested = get(b + i + 2, 4);
		if (b[i] == 54)
			s->server = get(b + i + 2, 4);
		if (b[i] == 12)
			s->name = b[i + 1];
		if (b[i] == 55) {
			uint8_t *r = memchr(b + i + 2, 121, b[i + 1]);

			s->ordered = r && memchr(r, 3, b + i + 2 + b[i + 1] - r);
		}
	}
	if (net.mute || (net.mute_unicast && s->to != ~0u))
		return;
	if (s->type == DISCOVER) {
		reply(p, OFFER, SERVER);
		if (net.two)
			reply(p, OFFER, OTHER);
	}
	if (s->type != REQUEST)
		return;
	if (net.nak_other)
		reply(p, NAK, OTHER);
	if (net.two)
		reply(p, ACK, OTHER);
	reply(p, net.nak ? NAK : ACK, SERVER);
}

static const char *words = "ip6=off hostname=test";

static inline void begin(void)
{
	host.steps = 200000000;
	vif.info = (struct netfront_info){ .up = true, .mtu = 1500 };
	vif.wire = wire;
	net.address = OURS;
	net.mask = 0xffffff00;
	net.lease = net.lease ? net.lease : 3600;
	vif_boot(words);
}

static inline void after(uint64_t ms)
{
	thread_sleep(clock_now() + ms * NSEC_PER_MSEC);
}

static inline uint32_t address(void)
{
	return lwip_ntohl(ip4_addr_get_u32(netif_ip4_addr(&vifs->netif)));
}

static inline void end(void)
{
	after(1);
	host_xen.shutdown = 0;
}

static inline unsigned count(unsigned type)
{
	unsigned n = 0;

	for (unsigned i = 0; i < net.n; i++)
		n += net.seen[i].type == type;
	return n;
}

static inline struct seen *last(void)
{
	return &net.seen[net.n - 1];
}

static inline uint32_t next_hop(uint32_t to)
{
	ip4_addr_t a = { lwip_htonl(to) };
	struct pbuf *p = pbuf_alloc(PBUF_LINK, 60, PBUF_RAM);
	err_t err;

	net.pinged_mac_of = 0;
	memset(p->payload, 0, 60);
	etharp_cleanup_netif(&vifs->netif);
	pbuf_remove_header(p, 0);
	err = vifs->netif.output(&vifs->netif, p, &a);
	pbuf_free(p);
	net_push();
	after(50);
	return err == ERR_RTE ? ~0u : net.pinged_mac_of;
}

#endif

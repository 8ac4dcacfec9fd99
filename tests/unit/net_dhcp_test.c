/* SPDX-License-Identifier: ISC */
/*
 * The DHCP client against servers whose behaviour each claim defines, with a
 * simulated clock.
 */
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

static const uint8_t our_mac[6] = { 0, 0x16, 0x3e, 0, 0, 1 };
static const uint8_t their_mac[6] = { 0, 0x16, 0x3e, 0, 0, 2 };

/* ---- the servers */

static struct {
	bool mute, mute_unicast;	/* they do not answer */
	bool nak_other;			/* the other refuses first what is requested */
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
	uint32_t pinged_mac_of;		/* the last address that ARP asked for */
} net;

static uint8_t *option(uint8_t *at, unsigned code, unsigned len, uint32_t v)
{
	*at++ = code;
	*at++ = len;
	put(at, v, len);
	return at + len;
}

static void deliver(uint8_t *p, size_t len)
{
	vif_deliver(p, len, &(struct offload){ .csum_valid = true }, 4096);
}

static size_t answer(uint8_t *p, const uint8_t *asked, unsigned type, uint32_t server)
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

static void reply(const uint8_t *asked, unsigned type, uint32_t server)
{
	uint8_t p[1000];

	deliver(p, answer(p, asked, type, server));
}

static void take_arp(const uint8_t *p)
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

static void wire(uint8_t *p, size_t len, const struct offload *o)
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

/* ---- what a claim does */

static const char *words = "ip6=off hostname=test";

static void begin(void)
{
	static char line[1100];

	strcpy(line, words);
	host.steps = 200000000;
	host_boot();
	assert(param_init(line) == 0);
	vif.info = (struct netfront_info){ .up = true, .mtu = 1500 };
	memcpy(vif.info.mac, our_mac, 6);
	vif.wire = wire;
	net.address = OURS;
	net.mask = 0xffffff00;
	net.lease = net.lease ? net.lease : 3600;
	assert(net_init() == 0);
}

static void after(uint64_t ms)
{
	thread_sleep(clock_now() + ms * NSEC_PER_MSEC);
}

static uint32_t address(void)
{
	return lwip_ntohl(ip4_addr_get_u32(netif_ip4_addr(&vifs->netif)));
}

static void end(void)
{
	after(1);
	host_xen.shutdown = 0;
}

static unsigned count(unsigned type)
{
	unsigned n = 0;

	for (unsigned i = 0; i < net.n; i++)
		n += net.seen[i].type == type;
	return n;
}

static struct seen *last(void)
{
	return &net.seen[net.n - 1];
}

static void a_lease_is_taken(void)
{
	begin();
	assert(net_wait_up(4, clock_now() + 3 * SECOND) == 0 && address() == OURS);
	assert(net.n == 2 && net.arps >= 2);
	assert(net.seen[0].type == DISCOVER && net.seen[0].ordered && net.seen[0].name == 4);
	assert(net.seen[0].to == ~0u && !net.seen[0].from && !net.seen[0].options[54]);
	assert(last()->requested == OURS && last()->server == SERVER && !last()->ciaddr);
	assert(last()->xid == net.seen[0].xid);
	end();
}

static void discovers_back_off(void)
{
	net.mute = true;
	begin();
	after(600000);
	assert(net.n >= 10 && net.n <= 14 && count(DISCOVER) == net.n);
	for (unsigned i = 1; i < net.n; i++) {
		uint64_t gap = net.seen[i].at - net.seen[i - 1].at;
		uint64_t want = (4ull << (i < 5 ? i - 1 : 4)) * SECOND;

		assert(gap + SECOND + SECOND / 10 >= want && gap <= want + SECOND * 12 / 10);
	}
	net.mute = false;
	after(70000);
	assert(address() == OURS);
	end();
}

static void a_request_is_given_up(void)
{
	net.mute_unicast = true;
	net.wrong_xid = true;
	begin();
	after(200);
	assert(address() == 0);
	net.wrong_xid = false;
	after(6000);
	assert(address() == OURS);
	end();
}

static void another_servers_refusal_is_ignored(void)
{
	net.nak_other = true;
	begin();
	after(3000);
	assert(address() == OURS && net.n == 2);
	after(1900 * 1000);			/* RENEWING too */
	assert(address() == OURS && count(DISCOVER) == 1 && net.n <= 4);
	end();
}

static void our_servers_refusal_does_not_make_a_flood(void)
{
	net.nak = true;
	begin();
	after(60000);
	assert(!address() && count(DISCOVER) >= 3 && count(DISCOVER) <= 6);
	end();
}

static void of_two_servers_one_is_asked(void)
{
	net.two = true;
	begin();
	after(2000);
	assert(address() == OURS && count(REQUEST) == 1 && last()->server == SERVER);
	end();
}

/* Whatever the lease, it is renewed in time, and not used beyond its end. */
static void leases_are_renewed_and_end(void)
{
	static const struct { uint32_t lease, t1, t2, at1, at2; } leases[] = {
		{ 8, 0, 0, 4, 7 }, { 30, 0, 0, 15, 26 }, { 80, 0, 0, 40, 70 },
		{ 3600, 0, 0, 1800, 3150 }, { 3600, 600, 1200, 600, 1200 },
		{ 3600, 4000, 5000, 1800, 3150 }, { 3600, 0xffffffff, 0xffffffff, 1800, 3150 },
		{ 3600, 3000, 1000, 500, 1000 }, { 3600, 1, 2, 1, 2 }, { 2000000000, 9, 8, 4, 8 },
	};
	unsigned i = host_below(HOST_COUNT(leases)), n;
	uint64_t bound, gap;

	net.lease = leases[i].lease;
	net.t1 = leases[i].t1;
	net.t2 = leases[i].t2;
	begin();
	assert(net_wait_up(4, clock_now() + 3 * SECOND) == 0);
	bound = last()->at;
	net.mute = true;
	n = net.n;
	thread_sleep(bound + leases[i].at1 * SECOND / 32 * 31 - SECOND / 10);
	assert(net.n == n);
	while (net.n == n)
		after(20);
	gap = (last()->at - bound) / NSEC_PER_MSEC;
	assert(last()->type == REQUEST && last()->to == SERVER && last()->from == OURS);
	assert(last()->ciaddr == OURS && !last()->options[50] && !last()->options[54]);
	assert(gap <= leases[i].at1 * 1000 + 200 && gap + 200 >= leases[i].at1 * 1000 / 32 * 31);
	thread_sleep(bound + leases[i].at2 * SECOND - SECOND / 10);
	while (last()->to != ~0u)
		after(20);
	gap = (last()->at - bound) / NSEC_PER_MSEC;
	assert(last()->type == REQUEST && last()->ciaddr == OURS && last()->from == OURS);
	assert(gap <= leases[i].at2 * 1000 + 450 && gap + 200 >= leases[i].at2 * 1000);
	if (leases[i].lease < 4000) {
		thread_sleep(bound + leases[i].lease * SECOND - SECOND / 2);
		assert(address() == OURS);
		n = count(REQUEST);
		assert(n < 60);
		net.forbidden = OURS;
		after(600);
		assert(!address());
		after(100);
		assert(last()->type == DISCOVER || leases[i].lease < 10);
		assert(!net.old_source);
		net.mute = false;
		net.forbidden = 0;
		after(6000);
		assert(address() == OURS);
	}
	end();
}

static void a_renewed_lease_goes_on(void)
{
	net.lease = 8 + host_below(60);
	net.mute_unicast = host_chance(2);	/* then it is renewed in REBINDING */
	begin();
	assert(net_wait_up(4, clock_now() + 3 * SECOND) == 0);
	for (int i = 0; i < 300; i++) {
		after(2000);
		assert(address() == OURS);
	}
	assert(count(DISCOVER) == 1 && count(REQUEST) >= 600 / net.lease);
	end();
}

static void an_endless_lease_is_not_renewed(void)
{
	net.lease = 0xffffffff;
	net.t1 = 10;
	begin();
	after(2000);
	for (int i = 0; i < 5; i++) {
		host_advance(1000ull * 86400 * SECOND);
		after(500);
	}
	assert(address() == OURS && net.n == 2);
	end();
}

static void a_refused_renewal_begins_anew(void)
{
	net.lease = 20;
	begin();
	after(2000);
	net.nak = true;
	after(9000);
	assert(!address());
	net.nak = false;
	net.address = OURS + 1;
	after(10000);
	assert(address() == OURS + 1);
	end();
}

/* A domain that was paused: time goes by and nothing runs. */
static void a_pause_ends_a_lease(void)
{
	net.lease = 100;
	begin();
	after(3000);
	net.mute = true;
	net.forbidden = OURS;
	host_advance(101 * SECOND);
	after(100);
	assert(!address() && !net.old_source && last()->type == DISCOVER);
	net.mute = false;
	net.forbidden = 0;
	after(8000);
	assert(address() == OURS);
	end();
}

static void a_taken_address_is_declined(void)
{
	net.has_arp = OURS;
	begin();
	after(2000);
	assert(!address() && last()->type == DECLINE && last()->requested == OURS);
	assert(last()->server == SERVER && !last()->ciaddr && !last()->options[55]);
	net.address = OURS + 2;
	after(7500);
	assert(last()->type == DECLINE);
	after(4000);
	assert(address() == OURS + 2 && count(DECLINE) == 1);
	end();
}

static void a_carrier_that_returns_asks_again(void)
{
	struct seen *s;
	unsigned n;

	begin();
	after(2000);
	vif_carrier(false);
	after(5000);
	net.mute = host_chance(2);
	net.nak = host_chance(2);
	n = net.n;
	vif_carrier(true);
	after(100);
	s = &net.seen[n];
	assert(net.n > n && s->type == REQUEST && s->requested == OURS && !s->server);
	assert(!s->ciaddr && s->to == ~0u);
	after(60000);
	assert(net.mute || !net.nak ? address() == OURS : !address());
	vif_carrier(false);
	host_advance(4000 * SECOND);
	net.mute = true;
	vif_carrier(true);
	after(100);
	assert(!address() && last()->type == DISCOVER);
	end();
}

/* ---- options */

static void extra(const void *bytes, size_t len)
{
	memcpy(net.extra + net.extra_len, bytes, len);
	net.extra_len += len;
}

static uint32_t next_hop(uint32_t to)
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

static void routes_replace_the_router(void)
{
	static const uint8_t routes[] = { 121, 27, 0, 10, 0, 0, 9, 32, 169, 254, 169, 254, 10, 0,
					  0, 7, 16, 10, 5, 10, 0, 0, 8, 24, 192, 168, 9, 0, 0, 0, 0 };
	unsigned kind = host_below(3);

	extra(routes, sizeof(routes) - 2);
	/* 0/0, 169.254.169.254/32, 10.5/16: 5 + 9 + 7 bytes; and 192.168.9/24 on the link. */
	net.extra_len = 0;
	extra(routes, 2 + 5 + 9 + 7);
	extra("\30\300\250\11\0\0\0\0", 8);
	net.extra[0] = kind == 1 ? 249 : 121;
	net.extra[1] = 29;
	if (kind == 2) {			/* in two parts, RFC 3396 */
		memmove(net.extra + 12, net.extra + 10, net.extra_len - 10);
		net.extra[1] = 8;
		net.extra[10] = 121;
		net.extra[11] = 21;
		net.extra_len += 2;
	}
	begin();
	after(2000);
	assert(address() == OURS);
	assert(next_hop(0x08080808) == 0x0a000009);
	assert(next_hop(0xa9fea9fe) == 0x0a000007);
	assert(next_hop(0x0a050001) == 0x0a000008);
	assert(next_hop(0xc0a80905) == 0xc0a80905);
	assert(next_hop(0x0a000077) == 0x0a000077);
	assert(lwip_ntohl(netif_ip4_gw(&vifs->netif)->addr) == 0x0a000009);
	end();
}

/* 0.0.0.0/1 to /7 begin with what is no host's address. */
static void half_a_default_route_is_a_route(void)
{
	uint8_t routes[] = { 121, 12, 1 + host_below(7), 0, 10, 0, 0, 9, 1, 128, 10, 0, 0, 7 };

	extra(routes, sizeof(routes));
	begin();
	after(2000);
	assert(address() == OURS);
	assert(next_hop(0x01010101) == 0x0a000009);
	assert(next_hop(0x80808080) == 0x0a000007);
	end();
}

static void absurd_routes_are_not_taken(void)
{
	static const struct { uint8_t bytes[16]; size_t len; uint32_t hop; } bad[] = {
		{ { 121, 5, 33, 10, 0, 0, 9 }, 7, SERVER },	/* too many bits */
		{ { 121, 4, 0, 10, 0, 0 }, 6, SERVER },		/* cut */
		{ { 121, 0 }, 2, SERVER },
		{ { 121, 5, 0, 127, 0, 0, 1 }, 7, ~0u },
		{ { 121, 5, 0, 10, 0, 0, 50 }, 7, ~0u },	/* ours */
		{ { 121, 6, 8, 10, 10, 0, 0, 9 }, 8, ~0u },	/* no default route: none */
	};
	unsigned i = host_below(HOST_COUNT(bad));

	extra(bad[i].bytes, bad[i].len);
	begin();
	after(2000);
	assert(address() == OURS && next_hop(0x08080808) == bad[i].hop);
	end();
}

static void a_gateway_may_be_off_the_subnet(void)
{
	bool by_hand = host_chance(2);

	words = by_hand ? "ip=10.0.0.50/32,gateway=10.10.10.10 ip6=off" : words;
	extra("\171\16\40\12\12\12\12\0\0\0\0\0\12\12\12\12", 16);
	begin();
	net.mask = ~0u;
	after(2000);
	assert(address() == OURS && next_hop(0x08080808) == 0x0a0a0a0a);
	assert(by_hand || next_hop(SERVER) == 0x0a0a0a0a);
	end();
}

/* The n-th DNS server that is asked, or 0. */
static uint32_t server(unsigned n)
{
	ip_addr_t list[DNS_SERVERS_MAX];

	return n < dns_servers_get(DNS_SOURCE_COMMAND_LINE, DNS_SOURCE_ROUTER, list) ?
	       lwip_ntohl(ip_2_ip4(&list[n])->addr) : 0;
}

static void options_may_be_elsewhere(void)
{
	unsigned in = 1 + host_below(3);

	extra("\64\1", 2);
	net.extra[net.extra_len++] = in;
	memcpy(in & 1 ? net.file : net.sname, "\6\4\12\0\0\11\32\2\3\350\377", 11);
	begin();
	after(2000);
	assert(address() == OURS && vifs->netif.mtu == 1000);
	assert(server(0) == 0x0a000009);
	end();
}

static void absurd_addresses_are_not_taken(void)
{
	static const uint32_t bad[][2] = {
		{ 0, 0xffffff00 }, { 0x00000005, 0xffffff00 }, { 0x7f000001, 0xff000000 },
		{ ~0u, 0xffffff00 }, { 0xe0000001, 0xffffff00 }, { 0xf0000001, 0xffffff00 },
		{ 0x0a000000, 0xffffff00 }, { 0x0a0000ff, 0xffffff00 }, { OURS, 0xff00ff00 },
		{ OURS, 0x000000ff }, { OURS, 0xfffffffd }, { OURS, 0x80000001 },
	};
	static const uint32_t good[][2] = {
		{ OURS, 0xfffffffe }, { OURS, ~0u }, { 0x0a000000, 0xfffffffe }, { OURS, 0 },
		{ 0x0a0000ff, 0xff000000 },
	};
	unsigned i = host_below(HOST_COUNT(bad) + HOST_COUNT(good));
	bool is = i >= HOST_COUNT(bad);

	begin();
	net.address = is ? good[i - HOST_COUNT(bad)][0] : bad[i][0];
	net.mask = is ? good[i - HOST_COUNT(bad)][1] : bad[i][1];
	after(20000);
	assert(address() == (is ? net.address : 0));
	assert(is || count(REQUEST) == 0);
	end();
}

static void malformed_messages_are_ignored(void)
{
	static const struct { uint8_t bytes[40]; size_t len; } bad[] = {
		{ { 53, 1 }, 2 }, { { 53, 200, 2 }, 3 }, { { 53 }, 1 }, { { 255 }, 1 }, { { 0 }, 0 },
		{ { 53, 0, 54, 4, 10, 0, 0, 1 }, 8 }, { { 53, 2, 2, 2, 54, 4, 10, 0, 0, 1 }, 10 },
		{ { 53, 1, 2, 54, 4, 127, 0, 0, 1, 51, 4, 0, 0, 9, 9 }, 15 },
		{ { 53, 1, 2, 54, 4, 10, 0, 0, 1, 51, 4, 0, 0, 0, 0 }, 15 },
		{ { 53, 1, 2, 54, 4, 10, 0, 0, 1 }, 9 }, { { 53, 1, 9, 54, 4, 10, 0, 0, 1 }, 9 },
	};
	unsigned i = host_below(HOST_COUNT(bad));

	net.raw = true;
	extra(bad[i].bytes, bad[i].len);
	begin();
	after(30000);
	assert(!address() && count(DISCOVER) == net.n && net.n < 6);
	end();
}

static void a_name_of_any_length(void)
{
	static const struct { const char *name; unsigned told; } names[] = {
		{ "a", 1 }, { "", 0 }, { "-", 0 }, { "under_score", 0 }, { "a..b", 0 }, { "a-", 0 },
		{ "web.example.org", 15 }, { "\xc3\xa4", 0 }, { ".", 0 }, { "a.", 1 },
		{ "abcdefghijabcdefghijabcdefghijabcdefghij1", 41 },
		{ "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghij123", 63 },
		{ "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghij1234", 63 },
		{ "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghij12-4", 62 },
	};
	static char line[1100] = "ip6=off hostname=";
	unsigned i = host_below(HOST_COUNT(names) + 1);

	if (i < HOST_COUNT(names))
		strcat(line, names[i].name);
	else
		memset(line + strlen(line), 'x', 1000);
	words = line;
	begin();
	after(2000);
	assert(address() == OURS);
	assert(net.seen[0].name == (i < HOST_COUNT(names) ? names[i].told : 63));
	end();
}

/* ---- the command line's */

static void absurd_words_are_refused(void)
{
	static const char *const bad[] = {
		"127.0.0.1/8", "0.0.0.0/0", "0.0.0.1/8", "224.0.0.1/24", "255.255.255.255/32",
		"10.0.0.0/24", "10.0.0.255/24", "10.0.0.2/33", "10.0.0.2/0", "10.0.0.2", "10.0.0.2/",
		"10.0.0.2/24,gateway=0.0.0.0", "10.0.0.2/24,gateway=127.0.0.1", "10.0.0.2/-1",
		"10.0.0.2/24,gateway=10.0.0.2", "10.0.0.2/24,dns=255.255.255.255", "",
		"10.0.0.2/24,mtu=7", "10.0.0.2/24,dns=1.1.1.1,dns=1.1.1.1,dns=1.1.1.1,dns=1.1.1.1",
	};
	static const char *const good[] = {
		"10.0.0.2/32", "10.0.0.2/31", "10.0.0.2/32,gateway=172.31.1.1", "10.0.0.2/30",
		"10.0.0.2/1", "10.0.0.2/24,gateway=10.9.9.9",
	};
	static const char *const bad6[] = {
		"::1/64", "::/64", "ff02::1/64", "2001:db8::2/129", "2001:db8::2/0", "2001:db8::2",
		"::ffff:1.2.3.4/96", "2001:db8::2/64,gateway=ff02::1", "2001:db8::2/64,gateway=::",
	};
	static const char *const good6[] = {
		"2001:db8::2/128,gateway=fe80::1", "2001:db8::2/56", "2001:db8::2/127", "fd00::2/48",
	};
	struct ip_config c;

	for (unsigned i = 0; i < HOST_COUNT(bad); i++)
		assert(config_parse(bad[i], 4, &c));
	for (unsigned i = 0; i < HOST_COUNT(good); i++)
		assert(!config_parse(good[i], 4, &c));
	for (unsigned i = 0; i < HOST_COUNT(bad6); i++)
		assert(config_parse(bad6[i], 6, &c));
	for (unsigned i = 0; i < HOST_COUNT(good6); i++)
		assert(!config_parse(good6[i], 6, &c));
}

static void a_carrier_is_told_to_who_waits(void)
{
	uint64_t before;

	words = "ip=10.0.0.2/24 ip6=off";
	begin();
	vif_carrier(false);
	assert(net_wait_up(4, clock_now() + SECOND) == -ETIMEDOUT);
	before = clock_now();
	vif.in_last = &vif.in;
	assert(thread_start("carrier", THREAD_KERNEL, STACK_KERNEL, (void (*)(void *))vif_carrier,
			    (void *)true, NULL));
	assert(net_wait_up(4, clock_now() + 10 * SECOND) == 0);
	assert(clock_now() - before < SECOND);
	end();
}

/* What the next hop is by prefixes that lwIP does not know. */
static void ipv6_prefixes_of_any_length(void)
{
	static const struct { const char *words; uint32_t word1, word3; bool on; } cases[] = {
		{ "ip=off ip6=2001:db8::2/56,gateway=fe80::1", 0x0000ff00 >> 8, 9, true },
		{ "ip=off ip6=2001:db8::2/56,gateway=fe80::1", 0x0000ff00, 9, false },
		{ "ip=off ip6=2001:db8::2/120,gateway=fe80::1", 0, 9, true },
		{ "ip=off ip6=2001:db8::2/120,gateway=fe80::1", 0, 0x109, false },
		{ "ip=off ip6=2001:db8::2/128,gateway=fe80::1", 0, 3, false },
		{ "ip=off ip6=2001:db8::2/64,gateway=fe80::1", 0, 0x109, true },
	};
	unsigned i = host_below(HOST_COUNT(cases));
	ip6_addr_t to = { .addr = { PP_HTONL(0x20010db8), lwip_htonl(cases[i].word1), 0,
				    lwip_htonl(cases[i].word3) } }, any = { 0 };
	const ip6_addr_t *hop;

	words = cases[i].words;
	begin();
	after(5000);
	hop = config_gateway6(&vifs->netif, &to);
	assert((hop == &to) == cases[i].on);
	assert(hop == &to || ip6_addr_islinklocal(hop));
	assert(config_route6(&any, &to) == &vifs->netif);
	assert(netif_ip6_addr_isstatic(&vifs->netif, 1) == (vifs->config6.prefix == 64));
	assert(ip6_addr_isvalid(netif_ip6_addr_state(&vifs->netif, 1)));
	end();
}

/* A Router Advertisement of fe80::1 for 2001:db8::/64. */
static void advertise(void)
{
	uint8_t p[54 + 48] = { 0x33, 0x33, [5] = 1, [12] = 0x86, 0xdd, 0x60, [19] = 48, 58, 255,
			       0xfe, 0x80, [37] = 1, 0xff, 2, [53] = 1, 134, [58] = 64, [60] = 7, 8,
			       [70] = 3, 4, 64, 0xc0, [76] = 1, [80] = 1, [86] = 0x20, 1, 0x0d, 0xb8 };

	memcpy(p + 6, their_mac, 6);
	put(p + 56, ~plain(p + 54, 48, plain(p + 22, 32, 58 + 48)), 2);
	deliver(p, sizeof(p));
	after(3000);
}

/* How many valid IPv6 addresses end like this MAC address. */
static unsigned addresses_of(uint8_t last_byte)
{
	unsigned n = 0;

	for (int i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++)
		n += ip6_addr_isvalid(netif_ip6_addr_state(&vifs->netif, i)) &&
		     (lwip_ntohl(netif_ip6_addr(&vifs->netif, i)->addr[3]) & 0xff) == last_byte;
	return n;
}

static void another_mac_is_another_interface(void)
{
	bool by_hand = host_chance(2), same = host_chance(4);
	unsigned of_mac = by_hand ? 1 : 2;
	ip_addr_t dest = IPADDR4_INIT_BYTES(10, 0, 0, 1);
	const ip4_addr_t *found;
	struct eth_addr *mac;
	struct tcp_pcb *old;

	words = by_hand ? "ip=10.0.0.2/24 ip6=2001:db8::7:ff/80,gateway=fe80::1"
			: "ip=10.0.0.2/24";
	begin();
	after(3000);
	advertise();
	assert(addresses_of(1) == of_mac && addresses_of(255) == by_hand);
	assert(config_route6(IP6_ADDR_ANY6, netif_ip6_addr(&vifs->netif, 1)) == &vifs->netif);
	assert(etharp_request(&vifs->netif, ip_2_ip4(&dest)) == ERR_OK);
	net_push();
	after(100);
	assert(etharp_find_addr(&vifs->netif, ip_2_ip4(&dest), &mac, &found) >= 0);
	/* A connection from the link-local address. */
	old = tcp_new();
	assert(tcp_bind(old, &vifs->netif.ip6_addr[0], 0) == ERR_OK);

	vif_carrier(false);
	assert(etharp_find_addr(&vifs->netif, ip_2_ip4(&dest), &mac, &found) < 0);
	vif.info.mac[5] = same ? 1 : 2;
	vif_carrier(true);
	assert(!tcp_bound_pcbs == !same);
	if (same)
		tcp_abort(old);
	after(3000);
	assert(addresses_of(1) == (same ? of_mac : 0) && addresses_of(255) == by_hand);
	assert(addresses_of(2) == !same);
	advertise();
	assert(addresses_of(2) == (same ? 0 : of_mac) && addresses_of(255) == by_hand);
	end();
}

/* ---- several devices */

static uint32_t asked2;			/* what ARP asks for on the second */

static void wire2(uint8_t *p, size_t len)
{
	if (len >= 42 && get(p + 12, 2) == 0x0806)
		asked2 = get(p + 38, 4);
}

static uint32_t routed(uint32_t from, uint32_t to)
{
	ip4_addr_t a = { lwip_htonl(from) }, b = { lwip_htonl(to) };
	struct netif *netif = ip4_route_src(&a, &b);

	return netif == &vifs->netif ? 0 : vifs->next && netif == &vifs->next->netif ? 1 : 9;
}

static void a_vif_attached_later_is_used(void)
{
	bool gateway = host_chance(2), first_off = host_chance(2);
	ip4_addr_t to = { lwip_htonl(0x0a010005) };
	struct udp_pcb *u;
	struct pbuf *p;
	ip_addr_t dest;

	if (first_off)
		words = gateway ? "ip=off ip6=off vif1.ip=10.1.0.2/24,gateway=10.1.0.1 vif1.ip6=off"
				: "ip=off ip6=off vif1.ip=10.1.0.2/24 vif1.ip6=off";
	else
		words = gateway ? "ip=10.0.0.2/24,gateway=10.0.0.1 ip6=off "
				  "vif1.ip=10.1.0.2/24,gateway=10.1.0.1 vif1.ip6=off"
				: "ip=10.0.0.2/24 ip6=off vif1.ip=10.1.0.2/24 vif1.ip6=off";
	begin();
	after(10);
	if (first_off)
		assert(net_wait_up(4, clock_now() + SECOND) == -ENETUNREACH);
	vif2.info = (struct netfront_info){ .up = true, .mtu = 1500, .mac = { 0, 0x16, 0x3e, 9 } };
	vif2.wire = wire2;
	vif2_attach();
	after(10);
	assert(net_wait_up(4, clock_now() + SECOND) == 0);
	assert(routed(0, 0x0a010005) == 1);
	assert(first_off || routed(0x0a000002, 0x0a000005) == 0);
	if (gateway) {
		assert(routed(0, 0x08080808) == first_off);
		assert(routed(0x0a010002, 0x08080808) == 1);
	} else if (!first_off) {
		assert(next_hop(0x08080808) == ~0u);
	}
	u = udp_new();
	p = pbuf_alloc(PBUF_TRANSPORT, 4, PBUF_RAM);
	ip_addr_copy_from_ip4(dest, to);
	assert(udp_sendto(u, p, &dest, 9) == ERR_OK);
	pbuf_free(p);
	udp_remove(u);
	net_push();
	after(10);
	assert(asked2 == 0x0a010005);

	/* Detached: what went there goes by the first, if that can. */
	vif2.info.up = false;
	vif2.user->changed(vif2.arg);
	assert(routed(0, 0x0a010005) != 1);
	assert(config_up(4) == !first_off);
	vif2.info.up = true;
	vif2.user->changed(vif2.arg);
	assert(routed(0, 0x0a010005) == 1);
	end();
}

/* Off the subnet, and not by the first device, which has a default route too. */
static void a_gateway_is_on_its_link(void)
{
	ip6_addr_t to = { .addr = { PP_HTONL(0x20010db8), PP_HTONL(0x10000), 0, PP_HTONL(1) } };

	words = "ip=10.0.0.2/24,gateway=10.0.0.1 ip6=2001:db8::2/80,gateway=2001:db8::1 "
		"vif1.ip=10.1.0.2/32,gateway=10.2.0.1 vif1.ip6=2001:db8:2::2/128,gateway=2001:db8:1::1";
	vif2.info = (struct netfront_info){ .up = true, .mtu = 1500, .mac = { 0, 0x16, 0x3e, 9 } };
	vif2.wire = wire2;
	begin();
	vif2_attach();
	after(3000);
	assert(routed(0, 0x0a020001) == 1 && routed(0x0a000002, 0x0a020001) == 1);
	assert(routed(0, 0x0a020002) == 0 && routed(0, 0x0a000001) == 0);
	assert(routed(0x0a010002, 0x0a020002) == 1);
	assert(config_route6(IP6_ADDR_ANY6, &to) == &vifs->next->netif);
	to.addr[3] = PP_HTONL(2);
	assert(config_route6(IP6_ADDR_ANY6, &to) == &vifs->netif);
	end();
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "a lease is taken", a_lease_is_taken, 3 },
		{ "DISCOVER is repeated after 4, 8, 16, 32, 64 s", discovers_back_off, 3 },
		{ "an answer with another xid is ignored", a_request_is_given_up, 2 },
		{ "another server's NAK is ignored", another_servers_refusal_is_ignored, 2 },
		{ "a server that always refuses gets no flood",
		  our_servers_refusal_does_not_make_a_flood, 2 },
		{ "of two servers one is asked, and heard", of_two_servers_one_is_asked, 2 },
		{ "leases are renewed at T1 and T2, and end", leases_are_renewed_and_end, 8 },
		{ "a lease that is renewed goes on", a_renewed_lease_goes_on, 3 },
		{ "an endless lease is not renewed", an_endless_lease_is_not_renewed, 1 },
		{ "a refused renewal begins anew", a_refused_renewal_begins_anew, 2 },
		{ "a pause beyond the lease ends it", a_pause_ends_a_lease, 3 },
		{ "an address that another host has is declined", a_taken_address_is_declined, 2 },
		{ "a carrier that returns asks for the same lease",
		  a_carrier_that_returns_asks_again, 8 },
		{ "classless routes replace the router", routes_replace_the_router, 9 },
		{ "half a default route is a route", half_a_default_route_is_a_route, 14 },
		{ "absurd routes are not taken", absurd_routes_are_not_taken, 18 },
		{ "a gateway may be off the subnet", a_gateway_may_be_off_the_subnet, 6 },
		{ "options may be in file and sname", options_may_be_elsewhere, 6 },
		{ "absurd addresses and masks are not taken", absurd_addresses_are_not_taken, 40 },
		{ "malformed messages are ignored", malformed_messages_are_ignored, 30 },
		{ "a host name of any length", a_name_of_any_length, 40 },
		{ "absurd words of the command line are refused", absurd_words_are_refused, 1 },
		{ "a thread that waits for an address is woken by the carrier",
		  a_carrier_is_told_to_who_waits, 3 },
		{ "a vif that is attached later is used", a_vif_attached_later_is_used, 8 },
		{ "a gateway off the subnet is on its link", a_gateway_is_on_its_link, 2 },
		{ "a vif with another MAC is another interface", another_mac_is_another_interface, 12 },
		{ "an IPv6 prefix may have any length", ipv6_prefixes_of_any_length, 12 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}

/* SPDX-License-Identifier: ISC */
/*
 * Hostile packets: IPv6 fragments, Neighbour Discovery, addresses that are
 * invalid on a link.
 */
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

static const uint8_t our_mac[6] = { 0, 0x16, 0x3e, 0, 0, 1 };
static const uint8_t peer_mac[6] = { 0, 0x16, 0x3e, 0, 0, 2 };
static const uint8_t us6[16] = { 0xfe, 0x80, [8] = 2, 0x16, 0x3e, 0xff, 0xfe, 0, 0, 1 };
static const uint8_t peer6[16] = { 0xfe, 0x80, [15] = 1 };
static const uint8_t other6[16] = { 0xfe, 0x80, [15] = 2 };

static unsigned answers, na, arps;	/* echo replies, advertisements, ARP replies */
static uint8_t problem[1500];		/* the last ICMPv6 error */
static size_t problem_len;
static struct waitq changed;

static void deliver(const uint8_t *p, size_t len)
{
	vif_deliver(p, len, &(struct offload){ 0 }, 4096);
}

/*
 * The payload begins at p[54]; the checksum of ICMPv6 is put at p[sum], unless sum is 0.
 */
static void send6(uint8_t *p, const uint8_t *from, uint8_t next, size_t len, size_t sum)
{
	memcpy(p, our_mac, 6);
	memcpy(p + 6, peer_mac, 6);
	put(p + 12, 0x86dd, 2);
	put(p + 14, 0x60000000, 4);
	put(p + 18, len, 2);
	p[20] = next;
	p[21] = 255;
	memcpy(p + 22, from, 16);
	memcpy(p + 38, us6, 16);
	if (sum) {
		put(p + sum, 0, 2);
		put(p + sum, ~plain(p + 54, len, plain(p + 22, 32, next + len)), 2);
	}
	deliver(p, 54 + len);
}

static void wire(uint8_t *p, size_t len, const struct offload *o)
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
	/* The first of an answer in fragments. */
	answers += get(p + 12, 2) == 0x86dd && p[20] == 44 && p[54] == 58 &&
		   get(p + 56, 2) == 1 && p[62] == 129;
	wake(&changed);
}

static void set_up(const char *options)
{
	static char line[200];

	strcpy(line, options);
	host_boot();
	assert(param_init(line) == 0);
	vif.info = (struct netfront_info){ .up = true, .mtu = 1500 };
	memcpy(vif.info.mac, our_mac, 6);
	vif.wire = wire;
	assert(net_init() == 0);
	thread_sleep(clock_now() + 5 * SECOND);
	answers = na = arps = 0;
}

static void set_up6(void)
{
	set_up("ip=10.0.0.2/24 hostname=test");
}

static void pause_a_little(void)
{
	thread_sleep(clock_now() + SECOND / 10);
}

static void lives6(void)
{
	uint8_t p[54 + 64] = { [54] = 128 };

	answers = 0;
	send6(p, peer6, 58, 64, 56);
	assert(wait_until_deadline(&changed, clock_now() + SECOND, answers));
}

static void down(void)
{
	thread_sleep(clock_now() + 100 * SECOND);
	assert(vif.pages == 0);
	host_xen.shutdown = 0;
}

/* A fragment of len bytes; before: bytes of destination options ahead of its header. */
static void fragment(uint32_t id, size_t before, size_t offset, bool more, uint8_t next,
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

/* ---- claims */

static void a_packet_has_one_fragment_header(void)
{
	uint8_t inner[64] = { 17, 0, 0, 1 }, dest[64] = { 44, 0, 1, 4 };
	static const uint8_t firsts[] = { 44, 60, 0, 43 };
	uint8_t echo[24] = { 58, [8] = 128 }, sum[32];

	set_up6();
	for (uint32_t i = 0; i < 128; i++) {
		uint8_t next = firsts[i % 4];
		size_t end = i / 4 % 4 * 8, before = i / 16 % 2 * 16;
		bool reversed = i / 32 % 2;

		inner[3] = i < 64 ? 1 : i % 3;
		put(inner + 4, 5000 + i, 4);
		if (reversed)
			fragment(i, 0, 16, false, next, inner, end);
		fragment(i, before, 0, true, next, next == 44 ? inner : dest, 16);
		if (!reversed)
			fragment(i, 0, 16, false, next, inner, end);
		pause_a_little();
	}
	/* Two headers in one packet, the first of which is a whole datagram. */
	inner[0] = 44, inner[3] = 0;
	fragment(99, 0, 0, false, 44, inner, 32);
	fragment(99, 8, 0, false, 44, inner, 32);
	/* An echo request behind a second header, which says that there is one fragment. */
	memcpy(sum, peer6, 16);
	memcpy(sum + 16, us6, 16);
	put(echo + 10, ~plain(echo + 8, 16, plain(sum, 32, 58 + 16)), 2);
	answers = 0;
	fragment(200, 0, 0, true, 44, echo, 16);
	fragment(200, 0, 16, false, 44, echo + 16, 8);
	pause_a_little();
	assert(!answers);
	lives6();
	down();
}

/* tot_len is 16 bits wide: a datagram that does not fit with its headers is not completed. */
static void a_datagram_may_be_too_long(void)
{
	static const uint8_t data[1400] = { 128 };

	set_up6();
	for (uint32_t id = 0; id < 6; id++) {
		size_t at = 0, end = id < 4 ? 65535 - id * 16 : 65480;

		while (at < end) {
			size_t n = end - at < 1400 ? end - at : 1400;

			fragment(id, at || id < 4 ? 0 : 240, at, at + n < end, 58, data, n);
			at += n;
		}
		pause_a_little();
	}
	lives6();
	down();
}

static void what_lies_behind_the_last_fragment_is_no_datagram(void)
{
	static uint8_t echo[24] = { 128 };

	set_up6();
	fragment(1, 0, 8, false, 58, echo, 8);
	fragment(1, 0, 16, true, 58, echo, 8);
	fragment(1, 0, 0, true, 58, echo, 8);
	fragment(2, 0, 0, true, 58, echo, 8);		/* a hole */
	fragment(2, 0, 16, false, 58, echo, 8);
	pause_a_little();
	assert(!answers);
	lives6();
	down();
}

/* An echo request of 24 bytes, as a whole. */
static void make_echo(uint8_t *echo)
{
	uint8_t sum[32];

	memset(echo, 0, 24);
	echo[0] = 128;
	memcpy(sum, peer6, 16);
	memcpy(sum + 16, us6, 16);
	put(echo + 2, ~plain(echo, 24, plain(sum, 32, 58 + 24)), 2);
}

static void fragment4(uint32_t id, size_t offset, bool more, uint8_t proto,
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

/* A fragment of an echo request, by either protocol. */
static void echo_part(bool ip6, uint32_t id, size_t offset, size_t len)
{
	uint8_t echo[32] = { 8, [2] = 0xf7, 0xff };

	if (ip6) {
		make_echo(echo);
		fragment(id, 0, offset, offset + len < 24, 58, echo + offset, len);
	} else {
		fragment4(id, offset, offset + len < 24, 1, echo + offset, len);
	}
}

/* The peer's IPv4 address is known, for what we send there. */
static void tell_arp(void)
{
	uint8_t arp[ARP_LEN] = { [12] = 8, 6, 0, 1, 8, 0, 6, 4, 0, 2 };

	memcpy(arp, our_mac, 6);
	memcpy(arp + 6, peer_mac, 6);
	memcpy(arp + 22, peer_mac, 6);
	put(arp + 28, 0x0a000001, 4);
	put(arp + 38, 0x0a000002, 4);
	deliver(arp, sizeof(arp));
}

/* RFC 8200, 4.5: also what comes after the overlap belongs to the discarded datagram. */
static void overlapping_fragments_discard_all(void)
{
	static const struct { uint8_t at, len; } overlaps[] = {
		{ 0, 8 }, { 8, 8 }, { 8, 16 }, { 0, 16 },
	};

	set_up6();
	tell_arp();
	for (uint32_t i = 0; i < 2 * HOST_COUNT(overlaps); i++) {
		bool ip6 = i & 1;

		/* Duplicates are not overlaps. */
		answers = 0;
		echo_part(ip6, 100 + i, 16, 8);
		echo_part(ip6, 100 + i, 16, 8);
		echo_part(ip6, 100 + i, 0, 16);
		pause_a_little();
		if (answers != 1)
			host_fail("%u answers to whole datagrams, case %u", answers, i);

		answers = 0;
		if (overlaps[i / 2].len == 8) {
			echo_part(ip6, i, 0, 16);
			echo_part(ip6, i, overlaps[i / 2].at, 8);
			echo_part(ip6, i, 16, 8);
		} else {
			echo_part(ip6, i, overlaps[i / 2].at == 8 ? 0 : 8, overlaps[i / 2].at == 8 ? 16 : 8);
			echo_part(ip6, i, overlaps[i / 2].at, overlaps[i / 2].len);
		}
		echo_part(ip6, i, 0, 8);
		echo_part(ip6, i, 8, 8);
		echo_part(ip6, i, 16, 8);
		pause_a_little();
		if (answers)
			host_fail("an overlap was answered, case %u", i);
	}
	/* Its time is over. */
	thread_sleep(clock_now() + 70 * SECOND);
	answers = 0;
	echo_part(true, 1, 0, 16);
	echo_part(true, 1, 16, 8);
	echo_part(false, 0, 0, 16);
	echo_part(false, 0, 16, 8);
	pause_a_little();
	assert(answers == 2);
	lives6();
	down();
}

/* RFC 6980: also where the fragment header says that there is one fragment. */
static void discovery_is_not_fragmented(void)
{
	uint8_t p[32] = { 135, [24] = 1, 1 };
	uint8_t sum[16 + 16] = { 0 };

	set_up6();
	memcpy(p + 8, us6, 16);
	memcpy(p + 26, peer_mac, 6);
	memcpy(sum, peer6, 16);
	memcpy(sum + 16, us6, 16);
	put(p + 2, ~plain(p, 32, plain(sum, 32, 58 + 32)), 2);
	fragment(1, 0, 0, true, 58, p, 16);
	fragment(1, 0, 16, false, 58, p + 16, 16);
	fragment(2, 0, 0, false, 58, p, 32);
	pause_a_little();
	assert(!na);
	down();
}

/* Each type, with an option without length, one cut short, one too small for an address. */
static void options_are_whole(void)
{
	static const struct { uint8_t type, head, option; } types[] = {
		{ 135, 24, 1 }, { 136, 24, 2 }, { 134, 16, 1 }, { 137, 40, 2 },
	};

	set_up6();
	for (unsigned i = 0; i < HOST_COUNT(types); i++) {
		for (unsigned length = 0; length < 8; length++) {
			for (unsigned bytes = 0; bytes < 8; bytes++) {
				uint8_t p[54 + 64] = { [54] = types[i].type };

				p[58] = types[i].type == 136 ? 0x20 : 0;
				memcpy(p + 62, types[i].type == 135 ? us6 : other6, 16);
				p[54 + types[i].head] = types[i].option;
				p[54 + types[i].head + 1] = length;
				send6(p, other6, 58, types[i].head + bytes, 56);
				if (bytes % 4 == 3)
					pause_a_little();
			}
		}
	}
	assert(!na);
	lives6();
	down();
}

/* RFC 4861, 8.1. */
static void redirects_come_from_the_router(void)
{
	uint8_t p[54 + 48] = { [54] = 137, [94] = 2, 1 };

	set_up6();
	lives6();
	memcpy(p + 62, other6, 16);			/* target */
	memcpy(p + 78, peer6, 16);			/* destination */
	send6(p, other6, 58, 48, 56);
	send6(p, peer6, 58, 48, 56);			/* no router: the destination */
	pause_a_little();
	for (unsigned i = 0; i < LWIP_ND6_NUM_DESTINATIONS; i++)
		assert(memcmp(destination_cache[i].next_hop_addr.addr, other6, 16));
	lives6();
	down();
}

/* RFC 4861, 4.3 and 7.2.4: a unicast one needs no source link-layer address option. */
static void a_solicitation_needs_no_option(void)
{
	static const uint8_t group[16] = { 0xff, 2, [11] = 1, 0xff, 0, 0, 1 };
	uint8_t p[54 + 24] = { [54] = 135 };

	set_up6();
	memcpy(p + 62, us6, 16);
	send6(p, peer6, 58, 24, 56);		/* wire() answers when peer6 is looked for */
	pause_a_little();
	assert(na == 1);
	send6(p, peer6, 58, 24, 56);
	pause_a_little();
	assert(na == 2);
	/* To the group, from one that is not known, and from one that is. */
	for (unsigned known = 0; known < 2; known++) {
		memcpy(p, "\x33\x33\xff\0\0\1", 6);
		memcpy(p + 22, known ? peer6 : other6, 16);
		memcpy(p + 38, group, 16);
		put(p + 56, 0, 2);
		put(p + 56, ~plain(p + 54, 24, plain(p + 22, 32, 58 + 24)), 2);
		deliver(p, sizeof(p));
		pause_a_little();
		assert(na == 2 + known);
	}
	down();
}

/* RFC 4862, 5.4.4. */
static void an_address_in_use_stays(void)
{
	uint8_t p[54 + 32] = { [54] = 136, [58] = 0x20, [78] = 2, 1 };

	set_up6();
	memcpy(p + 62, us6, 16);
	send6(p, other6, 58, 32, 56);
	/* To all nodes. */
	memcpy(p, "\x33\x33\0\0\0\1", 6);
	memset(p + 38, 0, 16);
	put(p + 38, 0xff02, 2);
	p[53] = 1;
	put(p + 56, 0, 2);
	put(p + 56, ~plain(p + 54, 32, plain(p + 22, 32, 58 + 32)), 2);
	deliver(p, sizeof(p));
	pause_a_little();
	lives6();
	down();
}

/* RFC 4861, 6.3.4: also when an address becomes preferred, in any order of options. */
static void a_routers_mtu_stays(void)
{
	uint8_t p[54 + 16 + 32 + 8] = { [54] = 134, [58] = 64, [60] = 7, 8 };
	bool mtu_first = host_chance(2);
	uint8_t *mtu = p + (mtu_first ? 70 : 102), *prefix = p + (mtu_first ? 78 : 70);

	set_up6();
	put(mtu, 0x05010000, 4);
	put(mtu + 4, 1400, 4);
	put(prefix, 0x030440c0, 4);
	put(prefix + 4, 3600, 4);
	put(prefix + 8, 3600, 4);
	put(prefix + 16, 0x20010db8, 4);
	send6(p, peer6, 58, sizeof(p) - 54, 56);
	pause_a_little();
	assert(vifs->netif.mtu == 1500 && vifs->netif.mtu6 == 1400);
	thread_sleep(clock_now() + 5 * SECOND);
	assert(ip6_addr_ispreferred(netif_ip6_addr_state(&vifs->netif, 1)));
	assert(vifs->netif.mtu6 == 1400);
	vif.info.mtu = 1450;
	vif_carrier(true);
	assert(vifs->netif.mtu == 1450 && vifs->netif.mtu6 == 1400);
	vif.info.mtu = 1300;
	vif_carrier(true);
	assert(vifs->netif.mtu == 1300 && vifs->netif.mtu6 == 1300);
	vif.info.mtu = 1500;
	vif_carrier(true);
	/* It may become larger too, up to the device's. */
	for (unsigned told = 1300; told <= 1600; told += 100) {
		put(mtu + 4, told, 4);
		send6(p, peer6, 58, sizeof(p) - 54, 56);
		pause_a_little();
		assert(vifs->netif.mtu6 == (told < 1500 ? told : 1500));
	}
	put(mtu + 4, 1400, 4);
	send6(p, peer6, 58, sizeof(p) - 54, 56);
	pause_a_little();
	vif_carrier(false);
	vif_carrier(true);
	assert(vifs->netif.mtu6 == 1500);
	down();
}

/* ---- RFC 4443: parameter problems */

struct problem {
	uint8_t first, headers[24];
	size_t len;
	uint8_t code, pointer;
	bool of_group;			/* it answers what is for a group too */
};

/* An ICMPv6 message of this type behind the headers; whether there is an answer. */
static bool has_problem(const struct problem *c, uint8_t type, const uint8_t *to)
{
	uint8_t p[54 + 24 + 12] = { 0 };

	memcpy(p + 54, c->headers, c->len);
	p[54 + c->len] = type;
	memcpy(p, our_mac, 6);
	if (to[0] == 0xff)
		memcpy(p, "\x33\x33\0\0\0\1", 6);
	memcpy(p + 6, peer_mac, 6);
	put(p + 12, 0x86dd, 2);
	put(p + 14, 0x60000000, 4);
	put(p + 18, c->len + 12, 2);
	p[20] = c->first;
	p[21] = 64;
	memcpy(p + 22, peer6, 16);
	memcpy(p + 38, to, 16);
	problem_len = 0;
	deliver(p, 54 + c->len + 12);
	pause_a_little();
	if (!problem_len)
		return false;
	assert(problem_len == 54 + 8 + 40 + c->len + 12);
	assert(problem[54] == 4 && problem[55] == c->code);
	assert(get(problem + 58, 4) == c->pointer);
	/* It quotes all of the packet. */
	assert(!memcmp(problem + 62, p + 14, 40 + c->len + 12));
	return true;
}

static const struct problem problems[] = {
	{ 60, { 58, 0, 0x80, 4 }, 8, 2, 42, true },		/* an unknown option */
	{ 60, { 58, 0, 0xc0, 4 }, 8, 2, 42, false },
	{ 0, { 58, 0, 0x80, 4 }, 8, 2, 42, true },
	{ 60, { 60, 0, 1, 4, [8] = 58, 0, 0x80, 4 }, 16, 2, 50, true },
	{ 43, { 58, 0, 77, 1 }, 8, 0, 42, false },		/* an unknown routing header */
	{ 43, { 58, 1, 77, 1 }, 16, 0, 41, false },
	{ 44, { 58, 0, 0, 1 }, 8, 0, 4, false },		/* a length of no fragment */
	{ 60, { 0, 0, 1, 4, [8] = 58, 0, 1, 4 }, 16, 1, 40, false },
};

static const uint8_t all_nodes[16] = { 0xff, 2, [15] = 1 };

static void problems_quote_the_packet(void)
{
	set_up6();
	lives6();
	for (unsigned i = 0; i < HOST_COUNT(problems); i++)
		if (!has_problem(&problems[i], 128, us6))
			host_fail("no parameter problem, case %u", i);
	lives6();
	down();
}

/* RFC 4443, 2.4 (e). */
static void problems_answer_no_errors_and_groups(void)
{
	set_up6();
	lives6();
	for (unsigned i = 0; i < HOST_COUNT(problems); i++) {
		if (has_problem(&problems[i], 1, us6) || has_problem(&problems[i], 137, us6))
			host_fail("an error or a redirect was answered, case %u", i);
		if (has_problem(&problems[i], 128, all_nodes) != problems[i].of_group)
			host_fail("a parameter problem of a group, case %u", i);
	}
	lives6();
	down();
}

/* RFC 8200, 4.2 and 4.4. */
static void unknown_headers_are_not_skipped(void)
{
	static const struct problem unknown[] = {
		{ 43, { 58, 0, 2, 1 }, 8, 0, 42, false },	/* of mobility */
		{ 43, { 58, 0, 3, 1 }, 8, 0, 42, false },	/* of RPL */
		{ 0, { 58, 0, 0xc2, 4 }, 8, 2, 42, false },	/* a jumbogram */
		{ 60, { 58, 0, 0xc2, 4 }, 8, 2, 42, false },
		{ 60, { 58, 2, 0xc9, 16, [20] = 1, 2 }, 24, 2, 42, false },	/* a home */
	};
	struct problem last = { 43, { 58, 0, 2, 0 }, 8, 0, 0, false };

	set_up6();
	lives6();
	for (unsigned i = 0; i < HOST_COUNT(unknown); i++) {
		if (!has_problem(&unknown[i], 128, us6))
			host_fail("no parameter problem, case %u", i);
		assert(!has_problem(&unknown[i], 128, all_nodes));
	}
	assert(!has_problem(&last, 128, us6));		/* no segments left */
	lives6();
	down();
}

/* Not each tick of a silent hour looks at each connection: it would take 5 s. */
static void an_hour_is_made_up_for_quickly(void)
{
	enum { IDLE = 300000 };
	struct tcp_pcb *pcbs = vif_alloc(IDLE * sizeof(*pcbs));
	struct timespec before, after;

	set_up6();
	lives6();
	thread_sleep(clock_now() + 3600 * SECOND);
	for (unsigned i = 0; i < IDLE; i++) {
		pcbs[i].state = ESTABLISHED;
		pcbs[i].next = i + 1 < IDLE ? &pcbs[i + 1] : NULL;
	}
	assert(!tcp_active_pcbs);
	tcp_active_pcbs = pcbs;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	timers_catch_up();
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	tcp_active_pcbs = NULL;
	free(pcbs);
	assert((after.tv_sec - before.tv_sec) * 1000 +
	       (after.tv_nsec - before.tv_nsec) / 1000000 < 1000);
	lives6();
	down();
}

static void ip6_off_is_off(void)
{
	uint8_t p[54 + 64] = { [54] = 128 };
	struct net_stats s;

	set_up("ip=10.0.0.2/24 ip6=off hostname=test");
	send6(p, peer6, 58, 64, 56);
	fragment(1, 0, 0, true, 44, p, 16);
	fragment(1, 0, 16, false, 44, p, 16);
	pause_a_little();
	net_stats(&s);
	assert(!answers && s.rx_dropped == 3);
	down();
}

/* ASan detects reads behind the end of a truncated header. */
static void headers_may_be_cut_off(void)
{
	static const uint8_t firsts[] = { 0, 60, 43, 44 };

	set_up6();
	for (unsigned i = 0; i < 4 * 24; i++) {
		uint8_t p[54 + 24] = { [54] = 60, [62] = 58 };
		uint8_t u[14 + 20 + 8] = { [12] = 8, [14] = 0x45, [22] = 64, [23] = 17 };

		/* 23 bytes: an option begins with the last byte of its header. */
		p[55] = i / 4 > 16;
		memset(p + 56, i & 1 ? 1 : 0, 6);
		p[61] = p[69] = 0x1e;
		send6(p, peer6, firsts[i % 4], i / 4, 0);
		put(p + 18, 16, 2);
		deliver(p, 54 + i / 4);
		memcpy(u, our_mac, 6);
		put(u + 16, 20 + i / 4 % 9, 2);
		put(u + 26, 0x0a000001, 4);
		put(u + 30, 0x0a000009, 4);
		put(u + 24, ~plain(u + 14, 20, 0), 2);
		deliver(u, 34 + i / 4 % 9);
		pause_a_little();
	}
	lives6();
	down();
}

/* A backend may say that the MTU is 68. */
static void a_datagram_goes_in_many_fragments(void)
{
	struct udp_pcb *udp;
	struct pbuf *p;
	ip_addr_t to;

	set_up6();
	tell_arp();
	pause_a_little();
	vif.info.mtu = 68;
	vif_carrier(true);
	udp = udp_new();
	ip_addr_set_ip4_u32_val(to, lwip_htonl(0x0a000001));
	for (unsigned size = 8000; size < 65500; size += 8000) {
		unsigned long before = vif.sent;

		p = pbuf_alloc(PBUF_TRANSPORT, size, PBUF_RAM);
		assert(udp && p);
		memset(p->payload, 0, size);
		udp_sendto(udp, p, &to, 7);
		pbuf_free(p);
		net_push();
		pause_a_little();
		assert(size > 40000 || vif.sent - before >= size / 48);
	}
	udp_remove(udp);
	down();
}

/* lib/socket/socket_udp.c counts on it: the packet has 65,535 bytes with its header. */
static void the_longest_datagram_of_ip6(void)
{
	struct udp_pcb *udp;
	ip_addr_t to = { .type = IPADDR_TYPE_V6 };

	set_up6();
	lives6();
	udp = udp_new_ip_type(IPADDR_TYPE_V6);
	memcpy(ip_2_ip6(&to)->addr, peer6, 16);
	for (unsigned size = 65487; size < 65489; size++) {
		struct pbuf *p = pbuf_alloc(PBUF_TRANSPORT, size, PBUF_RAM);
		unsigned long before = vif.sent;
		err_t err;

		assert(udp && p);
		memset(p->payload, 0, size);
		err = udp_sendto_if(udp, p, &to, 7, &vifs->netif);
		pbuf_free(p);
		net_push();
		pause_a_little();
		assert((err == ERR_OK) == (size == 65487));
		assert(err != ERR_OK || vif.sent - before == 46);
	}
	udp_remove(udp);
	down();
}

/* lwIP asserts that the first group of an interface is that of all systems. */
static void a_vif_without_memory_is_none(void)
{
	ip4_addr_t group = { lwip_htonl(0xe8010203) };
	struct netif *n;

	set_up6();
	vif2.info = (struct netfront_info){ .up = true, .mtu = 1500, .mac = { 0, 0x16, 0x3e, 1 } };
	host.malloc_fails = 3;
	vif2_attach();
	pause_a_little();
	host.malloc_fails = 0;
	NETIF_FOREACH(n)
		if (n->flags & NETIF_FLAG_IGMP)
			assert(igmp_joingroup_netif(n, &group) == ERR_OK);
	lives6();
	down();
}

/* ---- martians */

static unsigned datagrams;
static size_t datagram_len;		/* of the last one */

static void got(void *arg, struct udp_pcb *u, struct pbuf *p, const ip_addr_t *from, u16_t port)
{
	(void)arg, (void)u, (void)from, (void)port;
	datagrams++;
	datagram_len = p->tot_len;
	pbuf_free(p);
}

static void udp4(const uint8_t *mac, const uint8_t *from_mac, uint32_t from, uint32_t to,
		 unsigned accepted)
{
	uint8_t p[60] = { [12] = 8, [14] = 0x45, [17] = 32, [22] = 64, [23] = 17 };

	memcpy(p, mac, 6);
	memcpy(p + 6, from_mac, 6);
	put(p + 26, from, 4);
	put(p + 30, to, 4);
	put(p + 24, ~plain(p + 14, 20, 0), 2);
	put(p + 34, 0x03e80063, 4);
	put(p + 38, 12, 2);
	datagrams = 0;
	deliver(p, sizeof(p));
	pause_a_little();
	if (datagrams != accepted)
		host_fail("a datagram from %08x to %08x, MAC %02x:...:%02x", from, to, mac[0],
			  mac[5]);
}

static void martians_are_dropped(void)
{
	static const uint8_t other[6] = { 0, 0x16, 0x3e, 0, 0, 9 }, all[6] = "\377\377\377\377\377\377";
	static const uint8_t group[6] = { 1, 0, 0x5e, 0, 0, 1 };
	static const uint32_t bad[] = { 0x7f000001, 0x7fffffff, 0x0a000002, 0xe0000001, 0xffffffff,
					0x00000001, 0, 0x0a0000ff };
	const uint32_t us = 0x0a000002, peer = 0x0a000001;
	struct udp_pcb *udp;

	set_up6();
	udp = udp_new();
	assert(udp && udp_bind(udp, IP_ANY_TYPE, 99) == ERR_OK);
	udp_recv(udp, got, NULL);
	udp4(our_mac, peer_mac, peer, us, true);
	udp4(all, peer_mac, peer, us, true);
	for (unsigned i = 0; i < HOST_COUNT(bad); i++)
		udp4(our_mac, peer_mac, bad[i], us, false);
	udp4(our_mac, peer_mac, peer, 0x7f000001, false);
	udp4(our_mac, peer_mac, peer, 0, false);
	udp4(other, peer_mac, peer, us, false);
	udp4(group, peer_mac, peer, us, false);
	udp4(our_mac, all, peer, us, false);
	assert(!arps);
	udp_remove(udp);
	down();
}

static void martians6_are_dropped(void)
{
	static const uint8_t bad[][16] = {
		{ [15] = 1 }, { 0xff, 2, [15] = 1 }, { [10] = 0xff, 0xff, 127, 0, 0, 1 }, { 0 },
		{ 0xfe, 0x80, [8] = 2, 0x16, 0x3e, 0xff, 0xfe, 0, 0, 1 },
	};

	set_up6();
	for (unsigned i = 0; i < HOST_COUNT(bad); i++) {
		uint8_t p[54 + 64] = { [54] = 128 };

		send6(p, bad[i], 58, 64, 56);
		pause_a_little();
		assert(!answers);
	}
	for (unsigned i = 0; i < 2; i++) {
		uint8_t p[54 + 64] = { [54] = 128 };

		send6(p, peer6, 58, 64, 56);		/* well, and then for another */
		pause_a_little();
		answers = 0;
		p[i ? 0 : 5] ^= i ? 0x33 : 8;
		deliver(p, sizeof(p));
		pause_a_little();
		assert(!answers);
	}
	lives6();
	down();
}

/* ---- UDP */

static void bind_udp(struct udp_pcb **u)
{
	*u = udp_new();
	assert(*u);
	ip_set_option(*u, SOF_REUSEADDR);
	assert(udp_bind(*u, IP_ANY_TYPE, 99) == ERR_OK);
	udp_recv(*u, got, NULL);
}

/* A packet with so much of UDP, whose header says `length`; how many bytes arrive, or -1. */
static int udp_bytes(bool ip6, bool parts, bool sum, unsigned length)
{
	static const uint8_t addresses4[8] = { 10, 0, 0, 1, 10, 0, 0, 2 };
	static uint32_t id = 1000;
	uint8_t u[48], p[54 + sizeof(u)] = { 0 }, pseudo[32];
	size_t covered = length < sizeof(u) ? length : sizeof(u);
	size_t first = parts ? 24 : sizeof(u);

	memset(u, 7, sizeof(u));
	put(u, 0x03e80063, 4);
	put(u + 4, length, 2);
	put(u + 6, 0, 2);
	memcpy(pseudo, peer6, 16);
	memcpy(pseudo + 16, us6, 16);
	if (sum)
		put(u + 6, ~plain(u, covered, ip6 ? plain(pseudo, 32, 17 + length) :
						    plain(addresses4, 8, 17 + length)), 2);
	datagrams = 0;
	id++;
	if (!ip6) {
		fragment4(id, 0, parts, 17, u, first);
		if (parts)
			fragment4(id, first, false, 17, u + first, sizeof(u) - first);
	} else if (parts) {
		fragment(id, 0, 0, true, 17, u, first);
		fragment(id, 0, first, false, 17, u + first, sizeof(u) - first);
	} else {
		memcpy(p + 54, u, sizeof(u));
		send6(p, peer6, 17, sizeof(u), 0);
	}
	pause_a_little();
	assert(datagrams <= 1);
	return datagrams ? (int)datagram_len : -1;
}

/* RFC 768: whatever the length of the packet, whole or in fragments. */
static void a_datagram_has_its_own_length(void)
{
	static const unsigned lengths[] = { 8, 12, 13, 47, 48, 0, 4, 7, 49, 2000, 65535 };
	struct udp_pcb *u;

	set_up6();
	bind_udp(&u);
	for (unsigned i = 0; i < 8 * HOST_COUNT(lengths); i++) {
		unsigned length = lengths[i / 8];
		bool ip6 = i & 1, parts = i & 2, sum = ip6 || i & 4;
		int n = udp_bytes(ip6, parts, sum, length);

		if (n != (length >= 8 && length <= 48 ? (int)length - 8 : -1))
			host_fail("%d bytes, case %u", n, i);
	}
	udp_remove(u);
	lives6();
	down();
}

/* RFC 8200, 8.1. */
static void a_datagram_of_ip6_has_a_sum(void)
{
	uint8_t p[54 + 12] = { 0 };
	struct udp_pcb *u;

	set_up6();
	bind_udp(&u);
	for (unsigned parts = 0; parts < 2; parts++) {
		assert(udp_bytes(true, parts, true, 48) == 40);
		assert(udp_bytes(true, parts, false, 48) == -1);
		assert(udp_bytes(false, parts, false, 48) == 40);
	}
	/* The backend has looked, or knows that it comes from its own host. */
	datagrams = 0;
	put(p + 54, 0x03e80063, 4);
	put(p + 58, 12, 2);
	send6(p, peer6, 17, 12, 0);
	vif_deliver(p, sizeof(p), &(struct offload){ .csum_valid = true }, 4096);
	pause_a_little();
	assert(datagrams == 1);
	udp_remove(u);
	down();
}

/* But a connected one hears its peer only. */
static void each_receiver_of_a_group_gets_a_copy(void)
{
	static const uint8_t group[6] = { 1, 0, 0x5e, 0, 0, 251 };
	static const uint8_t all[6] = "\377\377\377\377\377\377";
	ip_addr_t peer = IPADDR4_INIT_BYTES(10, 0, 0, 1);
	ip_addr_t other = IPADDR4_INIT_BYTES(10, 0, 0, 9);
	ip4_addr_t to = { PP_HTONL(0xe00000fb) };
	struct udp_pcb *u[4];

	set_up6();
	for (unsigned i = 0; i < 4; i++)
		bind_udp(&u[i]);
	assert(igmp_joingroup_netif(&vifs->netif, &to) == ERR_OK);
	udp4(group, peer_mac, 0x0a000001, 0xe00000fb, 4);
	udp4(all, peer_mac, 0x0a000001, 0xffffffff, 4);
	udp4(our_mac, peer_mac, 0x0a000001, 0x0a000002, 1);
	assert(udp_connect(u[1], &other, 1000) == ERR_OK);
	udp4(group, peer_mac, 0x0a000001, 0xe00000fb, 3);
	assert(udp_connect(u[2], &peer, 1000) == ERR_OK);
	udp4(group, peer_mac, 0x0a000001, 0xe00000fb, 3);
	for (unsigned i = 0; i < 4; i++)
		udp_remove(u[i]);
	down();
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "a packet has one fragment header", a_packet_has_one_fragment_header, 3 },
		{ "a datagram may be too long", a_datagram_may_be_too_long, 2 },
		{ "what lies behind the last fragment is no datagram",
		  what_lies_behind_the_last_fragment_is_no_datagram, 3 },
		{ "overlapping fragments discard all", overlapping_fragments_discard_all, 2 },
		{ "a solicitation needs no option", a_solicitation_needs_no_option, 2 },
		{ "discovery is not fragmented", discovery_is_not_fragmented, 3 },
		{ "options of Neighbour Discovery are whole", options_are_whole, 2 },
		{ "redirects come from the router", redirects_come_from_the_router, 3 },
		{ "an address in use stays", an_address_in_use_stays, 3 },
		{ "a router's MTU stays", a_routers_mtu_stays, 6 },
		{ "a parameter problem quotes the whole packet", problems_quote_the_packet, 2 },
		{ "parameter problems answer no errors and groups",
		  problems_answer_no_errors_and_groups, 2 },
		{ "unknown headers and options are not skipped",
		  unknown_headers_are_not_skipped, 2 },
		{ "a datagram has its own length", a_datagram_has_its_own_length, 2 },
		{ "a datagram of IPv6 has a checksum", a_datagram_of_ip6_has_a_sum, 2 },
		{ "each receiver of a group gets a copy",
		  each_receiver_of_a_group_gets_a_copy, 2 },
		{ "an hour is made up for quickly", an_hour_is_made_up_for_quickly, 1 },
		{ "ip6=off is off", ip6_off_is_off, 3 },
		{ "headers may be cut off", headers_may_be_cut_off, 2 },
		{ "a datagram goes in many fragments", a_datagram_goes_in_many_fragments, 2 },
		{ "the longest datagram of IPv6", the_longest_datagram_of_ip6, 2 },
		{ "a vif without memory is none", a_vif_without_memory_is_none, 20 },
		{ "martians are dropped", martians_are_dropped, 2 },
		{ "IPv6 martians are dropped", martians6_are_dropped, 2 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}

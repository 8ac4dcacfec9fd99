/* SPDX-License-Identifier: ISC */
/* Hostile packets: IPv6 fragments, Neighbour Discovery, headers. */
#include "tests/unit/net_ip6.h"

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
	/* An echo request behind a second fragment header, of a single fragment. */
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

/* RFC 8200, 4.5: fragments after the overlap also belong to the discarded datagram. */
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

/* RFC 6980: also if the fragment header is of a single fragment. */
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
	send6(p, peer6, 58, 24, 56);		/* wire() replies to solicitations for peer6 */
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

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "a packet has one fragment header", a_packet_has_one_fragment_header, 3 },
		{ "a datagram that is too long is dropped",
		  a_datagram_may_be_too_long, 2 },
		{ "data behind the last fragment is dropped",
		  what_lies_behind_the_last_fragment_is_no_datagram, 3 },
		{ "overlapping fragments discard the datagram",
		  overlapping_fragments_discard_all, 2 },
		{ "a solicitation needs no option", a_solicitation_needs_no_option, 2 },
		{ "discovery is not fragmented", discovery_is_not_fragmented, 3 },
		{ "truncated options of Neighbour Discovery are refused",
		  options_are_whole, 2 },
		{ "redirects are accepted only from the router",
		  redirects_come_from_the_router, 3 },
		{ "an address in use is not removed", an_address_in_use_stays, 3 },
		{ "a router's MTU is kept", a_routers_mtu_stays, 6 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}

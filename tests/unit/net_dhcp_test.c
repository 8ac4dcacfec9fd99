/* SPDX-License-Identifier: ISC */
/* net/dhcp.c: leases and options. */
#include "tests/unit/net_dhcp.h"

/* ---- functions of the claims */

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

/* A lease of any length is renewed in time, and not used beyond its end. */
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

/* A paused domain: time passes and nothing runs. */
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

/* A saved domain: clock_now() stands still. */
static void a_save_ends_a_lease(void)
{
	net.lease = 100;
	begin();
	after(3000);
	assert(address() == OURS);
	vif_carrier(false);
	net.mute = true;
	clock_suspended += (host_chance(2) ? 60 : 101) * SECOND;
	vif_carrier(true);
	after(100);
	if (clock_suspended == 60 * SECOND)
		assert(last()->type == REQUEST && address() == OURS);
	else
		assert(last()->type == DISCOVER && !address());
	after(60000);
	assert(!address());
	net.mute = false;
	after(70000);
	assert(address() == OURS);
	clock_suspended = 0;
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

/* 0.0.0.0/1 to /7 begin with addresses that no host can have. */
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

/* Returns the n-th DNS server, or 0. */
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

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "a lease is taken", a_lease_is_taken, 3 },
		{ "DISCOVER is repeated after 4, 8, 16, 32, 64 s", discovers_back_off, 3 },
		{ "an answer with another xid is ignored", a_request_is_given_up, 2 },
		{ "another server's NAK is ignored", another_servers_refusal_is_ignored, 2 },
		{ "a server that always refuses gets no flood",
		  our_servers_refusal_does_not_make_a_flood, 2 },
		{ "only one of two servers is asked", of_two_servers_one_is_asked, 2 },
		{ "leases are renewed at T1 and T2, and end", leases_are_renewed_and_end, 8 },
		{ "a renewed lease continues", a_renewed_lease_goes_on, 3 },
		{ "an endless lease is not renewed", an_endless_lease_is_not_renewed, 1 },
		{ "after a refused renewal the client starts again",
		  a_refused_renewal_begins_anew, 2 },
		{ "a lease that ends during a pause of the guest is given up",
		  a_pause_ends_a_lease, 3 },
		{ "a lease that ends while the guest is saved is given up", a_save_ends_a_lease, 4 },
		{ "an address in use by another host is declined",
		  a_taken_address_is_declined, 2 },
		{ "a carrier that returns asks for the same lease",
		  a_carrier_that_returns_asks_again, 8 },
		{ "classless routes replace the router", routes_replace_the_router, 9 },
		{ "a route of half of all addresses is accepted",
		  half_a_default_route_is_a_route, 14 },
		{ "invalid routes are refused", absurd_routes_are_not_taken, 18 },
		{ "a gateway may be outside the subnet",
		  a_gateway_may_be_off_the_subnet, 6 },
		{ "options may be in file and sname", options_may_be_elsewhere, 6 },
		{ "invalid addresses and masks are refused",
		  absurd_addresses_are_not_taken, 40 },
		{ "malformed messages are ignored", malformed_messages_are_ignored, 30 },
		{ "a host name of any length", a_name_of_any_length, 40 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}

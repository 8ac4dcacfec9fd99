/* SPDX-License-Identifier: ISC */
/* Received packets: ICMPv6 parameter problems, invalid addresses on a link, UDP. */
#include "tests/unit/net_ip6.h"

/* ---- RFC 4443: parameter problems */

struct problem {
	uint8_t first, headers[24];
	size_t len;
	uint8_t code, pointer;
	bool of_group;			/* it replies to packets for a group, too */
};

/*
 * Sends an ICMPv6 message of this type behind the headers; returns whether the guest
 * replies.
 */
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

/* If each tick of a silent hour checked each connection, this would take 5 s. */
static void an_hour_is_made_up_for_quickly(void)
{
	enum { IDLE = 300000 };
	struct tcp_pcb *pcbs = vif_alloc(IDLE * sizeof(*pcbs));
	struct timespec before, after;

	host.profiled = false;	/* its ticks of an hour would be too many */
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
	assert((after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000 < 1000);
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

/* A backend may publish an MTU of 68. */
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

/*
 * Sends a packet with this many bytes of UDP, whose header contains `length`.  Returns
 * how many bytes arrive, or -1.
 */
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

/* RFC 768: for any length of the packet, in one piece or in fragments. */
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
	/* The backend has checked it, or knows that it comes from its own host. */
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
		{ "a parameter problem quotes the whole packet", problems_quote_the_packet, 2 },
		{ "parameter problems answer no errors and groups",
		  problems_answer_no_errors_and_groups, 2 },
		{ "unknown headers and options are not skipped",
		  unknown_headers_are_not_skipped, 2 },
		{ "the length of a datagram is checked",
		  a_datagram_has_its_own_length, 2 },
		{ "an IPv6 datagram without a checksum is dropped",
		  a_datagram_of_ip6_has_a_sum, 2 },
		{ "each receiver of a group gets a copy",
		  each_receiver_of_a_group_gets_a_copy, 2 },
		{ "timers after a silent hour are processed quickly",
		  an_hour_is_made_up_for_quickly, 1 },
		{ "ip6=off disables IPv6", ip6_off_is_off, 3 },
		{ "truncated headers are dropped", headers_may_be_cut_off, 2 },
		{ "a datagram is sent in many fragments",
		  a_datagram_goes_in_many_fragments, 2 },
		{ "the longest datagram of IPv6 is sent and received",
		  the_longest_datagram_of_ip6, 2 },
		{ "a vif for which there is no memory is not added",
		  a_vif_without_memory_is_none, 20 },
		{ "martians are dropped", martians_are_dropped, 2 },
		{ "IPv6 martians are dropped", martians6_are_dropped, 2 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}

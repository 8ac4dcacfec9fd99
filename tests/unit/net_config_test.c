/* SPDX-License-Identifier: ISC */
/* net/config.c: addresses of the command line, several vifs. */
#include "tests/unit/net_dhcp.h"

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

/* Returns the next hop by prefixes that lwIP does not support. */
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

static uint32_t asked2;			/* the address that ARP requests on the second vif */

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

	/* After it is detached, packets use the first vif if it has a route. */
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
		{ "invalid options of the command line are refused",
		  absurd_words_are_refused, 1 },
		{ "a thread that waits for an address is woken by the carrier",
		  a_carrier_is_told_to_who_waits, 3 },
		{ "a vif that is attached later is used", a_vif_attached_later_is_used, 8 },
		{ "a gateway outside the subnet is on its link",
		  a_gateway_is_on_its_link, 2 },
		{ "a vif with another MAC counts as another interface",
		  another_mac_is_another_interface, 12 },
		{ "an IPv6 prefix may have any length", ipv6_prefixes_of_any_length, 12 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}

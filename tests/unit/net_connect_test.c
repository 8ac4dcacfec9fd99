/* SPDX-License-Identifier: ISC */
/* Results of connect(), and the list of DNS servers. */
#include "kernel/param.h"
#include "net/dns_servers.h"
#include "net/icmp.h"
#include "net/net.h"
#include "net/netif.h"
#include "tests/unit/net_bytes.h"
#include "tests/unit/net_vif.h"

#include <lwip/dns.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/udp.h>

#include <errno.h>

#define US 0x0a000002u			/* 10.0.0.2 */
#define PEER 0x0a000001u
#define SECOND NSEC_PER_SEC

static const uint8_t our_mac[6] = { 0, 0x16, 0x3e, 0, 0, 1 };
static const uint8_t peer_mac[6] = { 0, 0x16, 0x3e, 0, 0, 2 };

static bool deaf;			/* to ARP and neighbour solicitations */
static unsigned solicitations, hears;	/* hears: from so many on */
static uint8_t asked[16];		/* by the last one */
static uint64_t syns[20];
static unsigned nsyns;
static uint8_t last[2000];		/* of TCP and UDP, from the IP header on */
static size_t last_len;

static void take_arp(const uint8_t *p)
{
	uint8_t a[ARP_LEN];

	if (get(p + 20, 2) != 1 || get(p + 38, 4) != PEER || deaf)
		return;
	arp_answer(a, p, peer_mac);
	vif_deliver(a, ARP_LEN, &(struct offload){ 0 }, 4096);
}

static void send6(uint8_t *p, const uint8_t *from, const uint8_t *to, size_t len)
{
	memcpy(p, our_mac, 6);
	memcpy(p + 6, peer_mac, 6);
	put(p + 12, 0x86dd, 2);
	put(p + 14, 0x60000000, 4);
	put(p + 18, len, 2);
	p[20] = 58;
	p[21] = 255;
	memcpy(p + 22, from, 16);
	memcpy(p + 38, to, 16);
	put(p + 56, 0, 2);
	put(p + 56, ~plain(p + 54, len, plain(p + 22, 32, 58 + len)), 2);
	vif_deliver(p, 54 + len, &(struct offload){ 0 }, 4096);
}

static void take_solicitation(const uint8_t *p, size_t len)
{
	uint8_t a[54 + 32] = { [54] = 136, [58] = 0x60, [78] = 2, 1 };
	static const uint8_t none[16];

	if (!memcmp(p + 22, none, 16))	/* for an address that is not used yet */
		return;
	assert(len == 86 && p[21] == 255 && p[78] == 1 && p[79] == 1);
	assert(!memcmp(p + 80, our_mac, 6));
	assert(plain(p + 54, 32, plain(p + 22, 32, 58 + 32)) == 0xffff);
	memcpy(asked, p + 62, 16);
	if (++solicitations < hears || deaf)
		return;
	memcpy(a + 62, p + 62, 16);
	memcpy(a + 80, peer_mac, 6);
	send6(a, p + 62, p + 22, 32);
}

static void wire(uint8_t *p, size_t len, const struct offload *o)
{
	(void)o;
	if (get(p + 12, 2) == 0x0806)
		take_arp(p);
	if (get(p + 12, 2) == 0x86dd && p[20] == 58 && p[54] == 135)
		take_solicitation(p, len);
	if (get(p + 12, 2) == 0x86dd && (p[20] == 6 || p[20] == 17)) {
		last_len = len - 14;
		memcpy(last, p + 14, last_len);
		if (p[20] == 6 && p[67] == 2 && nsyns < 20)
			syns[nsyns++] = clock_now();
	}
	if (get(p + 12, 2) != 0x0800)
		return;
	last_len = len - 14;
	memcpy(last, p + 14, last_len);
	if (p[23] == 6 && p[47] == 2 && nsyns < 20)
		syns[nsyns++] = clock_now();
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
}

/* About the packet that was last sent; sum: 0 or what makes it a wrong one. */
static void send_icmp(uint8_t type, uint8_t code, size_t quoted, uint16_t sum)
{
	size_t len = 8 + quoted;
	uint8_t *p = vif_alloc(200);

	memcpy(p, our_mac, 6);
	memcpy(p + 6, peer_mac, 6);
	put(p + 12, 0x0800, 2);
	memset(p + 14, 0, 20);
	p[14] = 0x45;
	put(p + 16, 20 + len, 2);
	p[22] = 64;
	p[23] = 1;
	put(p + 26, 0x0a000063, 4);	/* any router */
	put(p + 30, US, 4);
	put(p + 24, ~plain(p + 14, 20, 0), 2);
	memset(p + 34, 0, 8);
	p[34] = type;
	p[35] = code;
	memcpy(p + 42, last, quoted);
	put(p + 36, (uint16_t)~plain(p + 34, len, 0) ^ sum, 2);
	vif_deliver(p, 34 + len, &(struct offload){ 0 }, 4096);
	free(p);
	thread_sleep(clock_now() + SECOND / 10);
}

/* ---- claims */

static uint64_t ended;
static int told;
static bool was_hard;

static void failed(void *arg, err_t err)
{
	(void)arg;
	assert(err == ERR_ABRT);
	ended = clock_now();
}

static struct tcp_pcb *call_to(uint32_t address)
{
	struct tcp_pcb *pcb = tcp_new_ip_type(IPADDR_TYPE_V4);
	ip_addr_t to = IPADDR4_INIT(lwip_htonl(address));

	tcp_err(pcb, failed);
	pcb->rto = pcb->sv = 2;
	assert(tcp_connect(pcb, &to, 80, NULL) == ERR_OK);
	net_push();
	return pcb;
}

static struct tcp_pcb *call(void)
{
	return call_to(PEER);
}

static void syns_are_ever_farther_apart(void)
{
	uint64_t began;

	set_up("ip=10.0.0.2/24 ip6=off");
	began = clock_now();
	call();
	thread_sleep(began + 200 * SECOND);
	assert(nsyns == 7);
	for (unsigned i = 0; i < nsyns; i++) {
		uint64_t due = began + ((1ull << i) - 1) * SECOND;

		assert(syns[i] + SECOND > due && syns[i] < due + SECOND);
	}
	assert(ended > began + 126 * SECOND && ended < began + 128 * SECOND);
	host_xen.shutdown = 0;
}

static void tcp_told(struct tcp_pcb *pcb, int error, bool hard)
{
	told = error;
	was_hard = hard;
	if (pcb->state == SYN_SENT)
		tcp_abandon(pcb, 0);
}

static void errors_of_a_call_are_told(void)
{
	static const struct {
		uint8_t type, code;
		int error;
		bool hard;
	} kinds[] = {
		{ 3, 0, ENETUNREACH, false }, { 3, 1, EHOSTUNREACH, false },
		{ 3, 2, ENOPROTOOPT, true }, { 3, 3, ECONNREFUSED, true }, { 3, 4, 0, false },
		{ 3, 5, EOPNOTSUPP, false }, { 3, 6, ENETUNREACH, true }, { 3, 7, EHOSTDOWN, true },
		{ 3, 8, ENONET, true }, { 3, 9, ENETUNREACH, true }, { 3, 10, EHOSTUNREACH, true },
		{ 3, 11, ENETUNREACH, false }, { 3, 12, EHOSTUNREACH, false },
		{ 3, 13, EHOSTUNREACH, true }, { 3, 14, EHOSTUNREACH, true },
		{ 3, 15, EHOSTUNREACH, true }, { 3, 16, 0, false }, { 3, 255, 0, false },
		{ 11, 0, EHOSTUNREACH, false }, { 11, 1, EHOSTUNREACH, false },
		{ 12, 0, EPROTO, true }, { 4, 0, 0, false }, { 5, 1, 0, false }, { 0, 0, 0, false },
	};

	set_up("ip=10.0.0.2/24 ip6=off");
	icmp_tcp_error = tcp_told;
	for (size_t i = 0; i < HOST_COUNT(kinds); i++) {
		struct tcp_pcb *pcb = call();

		thread_sleep(clock_now() + SECOND / 10);
		told = 0;
		send_icmp(kinds[i].type, kinds[i].code, 28, 0);
		assert(told == kinds[i].error && (!told || was_hard == kinds[i].hard));
		assert(told || tcp_active_pcbs == pcb);
		if (!told)
			tcp_abort(pcb);
	}
	host_xen.shutdown = 0;
}

static void errors_of_something_else_are_not(void)
{
	static const uint8_t places[] = { 0, 9, 12, 16, 20, 22, 24, 27 };
	struct tcp_pcb *pcb;

	set_up("ip=10.0.0.2/24 ip6=off");
	icmp_tcp_error = tcp_told;
	pcb = call();
	thread_sleep(clock_now() + SECOND / 10);
	told = 0;
	for (size_t i = 0; i < sizeof(places); i++) {
		last[places[i]] ^= 0x10;
		send_icmp(3, 1, 28, 0);
		last[places[i]] ^= 0x10;
	}
	last[7] |= 1;			/* a later fragment */
	send_icmp(3, 1, 28, 0);
	last[7] = 0;
	send_icmp(3, 1, 28, 1);		/* a wrong sum */
	for (size_t quoted = 0; quoted < 28; quoted++)
		send_icmp(3, 1, quoted, 0);
	assert(!told && tcp_active_pcbs == pcb);
	send_icmp(3, 1, 28, 0);
	assert(told == EHOSTUNREACH && !tcp_active_pcbs);
	host_xen.shutdown = 0;
}

static void udp_told(struct udp_pcb *pcb, int error, bool hard)
{
	assert(pcb->flags & UDP_FLAGS_CONNECTED);
	told = error;
	was_hard = hard;
}

static void errors_of_a_datagram_are_told(void)
{
	ip_addr_t to = IPADDR4_INIT(lwip_htonl(PEER));
	struct udp_pcb *u;
	struct pbuf *p;

	set_up("ip=10.0.0.2/24 ip6=off");
	icmp_udp_error = udp_told;
	u = udp_new_ip_type(IPADDR_TYPE_ANY);
	p = pbuf_alloc(PBUF_TRANSPORT, 5, PBUF_RAM);
	assert(udp_connect(u, &to, 53) == ERR_OK && udp_send(u, p) == ERR_OK);
	pbuf_free(p);
	net_push();
	thread_sleep(clock_now() + SECOND / 10);
	last[22] ^= 1;
	send_icmp(3, 3, 28, 0);
	assert(!told);
	last[22] ^= 1;
	send_icmp(3, 3, 28, 0);
	assert(told == ECONNREFUSED && was_hard);
	udp_remove(u);
	host_xen.shutdown = 0;
}

static void a_missing_neighbour_ends_a_call(void)
{
	uint64_t began;

	set_up("ip=10.0.0.2/24 ip6=off");
	icmp_tcp_error = tcp_told;
	deaf = true;
	began = clock_now();
	call();
	thread_sleep(began + 3 * SECOND);
	assert(!told);
	thread_sleep(began + 6 * SECOND);
	assert(told == EHOSTUNREACH && !tcp_active_pcbs);
	host_xen.shutdown = 0;
}

/* The neighbour is the next hop by the routing table, which DHCP's option 121 fills. */
static void the_neighbour_is_the_next_hop(void)
{
	static const struct {
		uint32_t to;
		bool missing;
	} calls[] = {
		{ 0x0a090001, false }, { 0x0a080001, true }, { 0x0a070001, true },
		{ 0x08080808, true }, { 0xa9fea9fe, true },
	};

	set_up("ip=10.0.0.2/24,gateway=10.0.0.98 ip6=off");
	icmp_tcp_error = tcp_told;
	assert(route_add(&vifs->routes, 0x0a090000, 16, PEER));
	assert(route_add(&vifs->routes, 0x0a080000, 16, 0x0a000061));
	assert(route_add(&vifs->routes, 0x0a070000, 16, 0));		/* on the link */
	for (size_t i = 0; i < HOST_COUNT(calls); i++) {
		struct tcp_pcb *pcb = call_to(calls[i].to);

		told = 0;
		thread_sleep(clock_now() + 10 * SECOND);
		assert(told == (calls[i].missing ? EHOSTUNREACH : 0));
		if (!told)
			tcp_abort(pcb);
	}
	host_xen.shutdown = 0;
}

/* ---- IPv6 */

static struct tcp_pcb *call6(const char *name)
{
	struct tcp_pcb *pcb = tcp_new_ip_type(IPADDR_TYPE_V6);
	ip_addr_t to;

	assert(ipaddr_aton(name, &to));
	ip6_addr_assign_zone(ip_2_ip6(&to), IP6_UNICAST, netif_default);
	tcp_err(pcb, failed);
	pcb->rto = pcb->sv = 2;
	told = 0;
	assert(tcp_connect(pcb, &to, 80, NULL) == ERR_OK);
	net_push();
	return pcb;
}

static void set_up6(const char *options)
{
	set_up(options);
	icmp_tcp_error = tcp_told;
	thread_sleep(clock_now() + 5 * SECOND);	/* duplicates are looked for */
}

static void errors_of_a_call_are_told_by_ip6(void)
{
	static const struct {
		uint8_t type, code;
		int error;
		bool hard;
	} kinds[] = {
		{ 1, 0, ENETUNREACH, false }, { 1, 1, EACCES, true }, { 1, 2, EHOSTUNREACH, false },
		{ 1, 3, EHOSTUNREACH, false }, { 1, 4, ECONNREFUSED, true }, { 1, 5, EACCES, true },
		{ 1, 6, EACCES, true }, { 1, 7, EPROTO, true }, { 1, 255, EPROTO, true },
		{ 2, 0, 0, false }, { 3, 0, EHOSTUNREACH, false }, { 3, 1, EHOSTUNREACH, false },
		{ 4, 0, EPROTO, true }, { 4, 2, EPROTO, true }, { 100, 0, EPROTO, false },
		{ 128, 0, 0, false }, { 200, 0, 0, false },
	};
	static const uint8_t router[16] = { 0xfe, 0x80, [15] = 9 };

	set_up6("ip=off ip6=2001:db8::2/64");
	for (size_t i = 0; i < HOST_COUNT(kinds); i++) {
		struct tcp_pcb *pcb = call6("2001:db8::1");
		uint8_t p[54 + 8 + 60] = { [54] = kinds[i].type, kinds[i].code };

		thread_sleep(clock_now() + SECOND / 10);
		memcpy(p + 62, last, 60);
		p[62 + 40] ^= 1;		/* another port */
		send6(p, router, last + 8, 68);
		thread_sleep(clock_now() + SECOND / 10);
		assert(!told);
		p[62 + 40] ^= 1;
		send6(p, router, last + 8, 68);
		thread_sleep(clock_now() + SECOND / 10);
		assert(told == kinds[i].error && (!told || was_hard == kinds[i].hard));
		if (!told)
			tcp_abort(pcb);
	}
	host_xen.shutdown = 0;
}

/* Linux: three solicitations, a second apart. */
static void a_missing_neighbour_ends_a_call_by_ip6(void)
{
	static const char *const names[] = { "2001:db8::1", "2001:db8:5::1", "fe80::77" };

	set_up6("ip=off ip6=2001:db8::2/64,gateway=2001:db8::99");
	deaf = true;
	for (size_t i = 0; i < HOST_COUNT(names); i++) {
		uint64_t began = clock_now();

		solicitations = 0;
		call6(names[i]);
		thread_sleep(began + 19 * SECOND / 10);
		assert(!told);
		thread_sleep(began + 36 * SECOND / 10);
		assert(told == EHOSTUNREACH && !tcp_active_pcbs && solicitations == 3);
	}
	/* One that answers late does not. */
	deaf = false;
	solicitations = 0;
	hears = 3;
	call6("2001:db8::3");
	thread_sleep(clock_now() + 20 * SECOND);
	assert(!told && tcp_active_pcbs && nsyns > 3);
	/* Nor does one that answers solicitations, but no SYN, and later not even these. */
	deaf = true;
	thread_sleep(clock_now() + 100 * SECOND);
	assert(!tcp_active_pcbs);
	host_xen.shutdown = 0;
}

static void flip(uint8_t *address, unsigned bit)
{
	address[bit / 8] ^= 0x80 >> bit % 8;
}

/* lwIP knows subnets of 64 bits only. */
static void subnets_have_any_length(void)
{
	static const unsigned lengths[] = { 16, 32, 48, 63, 64, 65, 80, 96, 120, 126, 127, 128 };
	static const char *own = "2001:db8:1234:5678:9abc:def0:1357:9bdf";
	unsigned bits = lengths[host_below(HOST_COUNT(lengths))];
	char line[100], name[50];
	ip_addr_t ip, gateway;

	format(line, sizeof(line), "ip=off ip6=%s/%u,gateway=2001:db9::1", own, bits);
	set_up6(line);
	deaf = true;
	assert(ipaddr_aton("2001:db9::1", &gateway));
	for (unsigned at = bits > 2 ? bits - 2 : 0; at < bits + 2 && at < 128; at++) {
		assert(ipaddr_aton(own, &ip));
		flip((uint8_t *)ip_2_ip6(&ip)->addr, at);
		ipaddr_ntoa_r(&ip, name, sizeof(name));
		solicitations = 0;
		call6(name);
		thread_sleep(clock_now() + 5 * SECOND);
		assert(solicitations == 3 && told == EHOSTUNREACH);
		assert(!memcmp(asked, at < bits ? ip_2_ip6(&gateway)->addr : ip_2_ip6(&ip)->addr,
			       16));
	}
	deaf = false;
	call6(name);
	thread_sleep(clock_now() + SECOND / 10);
	assert(nsyns == 1 && !told);
	deaf = true;			/* it is asked again, as one that was there */
	thread_sleep(clock_now() + 20 * SECOND);
	solicitations = 0;
	thread_sleep(clock_now() + 40 * SECOND);
	assert(solicitations >= 3);
	host_xen.shutdown = 0;
}

/* Many neighbours at a time: there are fewer entries. */
static void many_missing_neighbours_end_calls(void)
{
	unsigned left = 0;

	set_up6("ip=off ip6=2001:db8::2/64");
	deaf = true;
	for (unsigned i = 0; i < 20; i++) {
		char name[40];

		format(name, sizeof(name), "2001:db8::%x", 0x100 + i);
		call6(name);
	}
	thread_sleep(clock_now() + 36 * SECOND / 10);
	for (struct tcp_pcb *p = tcp_active_pcbs; p; p = p->next)
		left++;
	assert(!left);
	host_xen.shutdown = 0;
}

/* With a prefix that is on the link, and for addresses or not. */
static void advertise(uint8_t flags)
{
	static const uint8_t router[16] = { 0xfe, 0x80, [15] = 9 };
	static const uint8_t all[16] = { 0xff, 0x02, [15] = 1 };
	uint8_t p[54 + 56] = { [54] = 134, [58] = 64, [60] = 7, 8 };

	p[70] = 1;			/* the router's link-layer address */
	p[71] = 1;
	memcpy(p + 72, peer_mac, 6);
	p[78] = 3;
	p[79] = 4;
	p[80] = 64;
	p[81] = flags;
	put(p + 82, 7200, 4);
	put(p + 86, 3600, 4);
	put(p + 94, 0x20010db8, 4);
	send6(p, router, all, 56);
	thread_sleep(clock_now() + 5 * SECOND);
}

/* lwIP sends to a router that it has heard, and asks for it, for ever. */
static void a_missing_router_ends_a_call(void)
{
	uint64_t began;

	set_up6("ip=off ip6=auto");
	advertise(0xc0);
	deaf = true;
	thread_sleep(clock_now() + 40 * SECOND);	/* it was known as reachable for 30 s */
	for (unsigned i = 0; i < 2; i++) {
		began = clock_now();
		call6("2001:db8:5::1");
		thread_sleep(began + 28 * SECOND / 10);
		assert(!told);
		thread_sleep(began + 15 * SECOND);
		assert(told == EHOSTUNREACH && !tcp_active_pcbs);
	}
	host_xen.shutdown = 0;
}

/* RFC 4861, 4.6.2: an on-link prefix need not contain an address of the guest. */
static void a_prefix_may_be_without_addresses(void)
{
	set_up6("ip=off ip6=auto");
	advertise(0x80);
	call6("2001:db8::5");
	thread_sleep(clock_now() + SECOND / 10);
	assert(asked[0] == 0x20 && asked[15] == 5 && nsyns == 1);
	host_xen.shutdown = 0;
}

static ip_addr_t address(uint32_t a)
{
	return (ip_addr_t)IPADDR4_INIT(lwip_htonl(a));
}

static bool are(const uint32_t *wanted, unsigned n)
{
	ip_addr_t list[DNS_SERVERS_MAX];
	unsigned count = dns_servers_get(DNS_SOURCE_COMMAND_LINE, DNS_SOURCE_ROUTER, list);

	for (unsigned i = 0; i < count && i < n; i++)
		if (ip4_addr_get_u32(ip_2_ip4(&list[i])) != lwip_htonl(wanted[i]))
			return false;
	return count == n;
}

static void the_operators_servers_are_the_first(void)
{
	ip_addr_t list[20];

	set_up("ip=10.0.0.2/24,dns=10.0.0.5,dns=127.0.0.1 ip6=off");
	assert(are((uint32_t[]){ 0x0a000005, 0x7f000001 }, 2));
	list[0] = address(9);
	dns_servers_set(DNS_SOURCE_ROUTER, 0, list, 1);
	list[0] = address(0x7f000001);		/* of the network: none of these is one */
	list[1] = address(0);
	list[2] = address(0xffffffff);
	list[3] = address(0xe0000001);
	list[4] = address(8);
	list[5] = address(0x0a000005);		/* known already */
	dns_servers_set(DNS_SOURCE_DHCP, 0, list, 6);
	assert(are((uint32_t[]){ 0x0a000005, 0x7f000001, 8, 9 }, 4));
	list[0] = address(7);
	dns_servers_set(DNS_SOURCE_DHCP, 1, list, 1);
	assert(are((uint32_t[]){ 0x0a000005, 0x7f000001, 8, 7, 9 }, 5));
	dns_servers_set(DNS_SOURCE_DHCP, 0, NULL, 0);
	assert(are((uint32_t[]){ 0x0a000005, 0x7f000001, 7, 9 }, 4));
	for (unsigned i = 0; i < 20; i++)
		list[i] = address(100 + i);
	dns_servers_set(DNS_SOURCE_ROUTER, 2, list, 20);
	dns_servers_set(DNS_SOURCE_DHCP, 1, list, 20);
	assert(are((uint32_t[]){ 0x0a000005, 0x7f000001, 100, 101, 102, 103, 104, 105, 106, 107,
				 108, 109 }, DNS_SERVERS_MAX));
	host_xen.shutdown = 0;
}

static void deliver_server(void *arg)
{
	ip_addr_t one = address(0x0a000009);

	(void)arg;
	thread_sleep(clock_now() + 3 * SECOND);
	dns_servers_set(DNS_SOURCE_DHCP, 0, &one, 1);
}

static void a_server_is_waited_for(void)
{
	uint64_t began;

	set_up("ip=dhcp ip6=off");
	began = clock_now();
	assert(!dns_servers_wait(began + 5 * SECOND) && clock_now() >= began + 5 * SECOND);
	began = clock_now();
	assert(thread_start("server", THREAD_KERNEL, STACK_KERNEL, deliver_server, NULL, NULL));
	assert(dns_servers_wait(began + 10 * SECOND));
	assert(clock_now() >= began + 3 * SECOND && clock_now() < began + 4 * SECOND);
	host_xen.shutdown = 0;
}

static void no_server_is_not_waited_for(void)
{
	uint64_t began;

	set_up("ip=10.0.0.2/24 ip6=off");
	began = clock_now();
	assert(!dns_servers_wait(began + 10 * SECOND) && clock_now() < began + SECOND);
	host_xen.shutdown = 0;
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "SYNs are ever farther apart, for 127 s", syns_are_ever_farther_apart, 3 },
		{ "ICMP errors of a call are told", errors_of_a_call_are_told, 2 },
		{ "ICMP errors of something else are not", errors_of_something_else_are_not, 2 },
		{ "ICMP errors of a datagram are told", errors_of_a_datagram_are_told, 2 },
		{ "a missing neighbour ends a call", a_missing_neighbour_ends_a_call, 2 },
		{ "the neighbour is the next hop", the_neighbour_is_the_next_hop, 1 },
		{ "ICMPv6 errors of a call are told", errors_of_a_call_are_told_by_ip6, 2 },
		{ "a missing IPv6 neighbour ends a call", a_missing_neighbour_ends_a_call_by_ip6, 2 },
		{ "subnets of IPv6 have any length", subnets_have_any_length, 8 },
		{ "many missing neighbours end calls", many_missing_neighbours_end_calls, 1 },
		{ "a prefix may be without addresses", a_prefix_may_be_without_addresses, 1 },
		{ "a missing router ends a call", a_missing_router_ends_a_call, 1 },
		{ "the operator's servers are the first", the_operators_servers_are_the_first, 1 },
		{ "a server is waited for while DHCP may bring one", a_server_is_waited_for, 2 },
		{ "a server is not waited for where none comes", no_server_is_not_waited_for, 1 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}

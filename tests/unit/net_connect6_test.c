/* SPDX-License-Identifier: ISC */
/* Results of connect() over IPv6, and the list of DNS servers. */
#include "tests/unit/net_connect.h"

/* ---- IPv6 */

static struct tcp_pcb *call6(const char *name)
{
	struct tcp_pcb *pcb = tcp_new_ip_type(IPADDR_TYPE_V6);
	ip_addr_t to;

	assert(ipaddr_aton(name, &to));
	ip6_addr_assign_zone(ip_2_ip6(&to), IP6_UNICAST, netif_default);
	tcp_err(pcb, failed);
	told = 0;
	assert(tcp_connect(pcb, &to, 80, NULL) == ERR_OK);
	net_push();
	return pcb;
}

static void set_up6(const char *options)
{
	set_up(options);
	icmp_tcp_error = tcp_told;
	thread_sleep(clock_now() + 5 * SECOND);	/* duplicate address detection */
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
	/* A neighbour that replies late does not end it. */
	deaf = false;
	solicitations = 0;
	hears = 3;
	call6("2001:db8::3");
	thread_sleep(clock_now() + 20 * SECOND);
	assert(!told && tcp_active_pcbs && nsyns > 3);
	/*
	 * Nor does a neighbour that first replies to solicitations only, and later not
	 * at all.
	 */
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
	deaf = true;			/* it is solicited again, since it was reachable before */
	thread_sleep(clock_now() + 20 * SECOND);
	solicitations = 0;
	thread_sleep(clock_now() + 40 * SECOND);
	assert(solicitations >= 3);
	host_xen.shutdown = 0;
}

/* More neighbours at a time than the table has entries. */
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
	list[0] = address(0x7f000001);		/* from the network: these addresses are refused */
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
		{ "ICMPv6 errors end a connect()", errors_of_a_call_are_told_by_ip6, 2 },
		{ "a missing IPv6 neighbour ends connect()",
		  a_missing_neighbour_ends_a_call_by_ip6, 2 },
		{ "subnets of IPv6 have any length", subnets_have_any_length, 8 },
		{ "many missing neighbours end their connect() calls",
		  many_missing_neighbours_end_calls, 1 },
		{ "a prefix may have no addresses",
		  a_prefix_may_be_without_addresses, 1 },
		{ "a missing router ends connect()", a_missing_router_ends_a_call, 1 },
		{ "the operator's DNS servers are asked first",
		  the_operators_servers_are_the_first, 1 },
		{ "a lookup waits for a server while DHCP may provide one",
		  a_server_is_waited_for, 2 },
		{ "a lookup does not wait if no server can come",
		  no_server_is_not_waited_for, 1 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}

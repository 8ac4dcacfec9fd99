/* SPDX-License-Identifier: ISC */
/* Results of connect() over IPv4. */
#include "tests/unit/net_connect.h"

static struct tcp_pcb *call_to(uint32_t address)
{
	struct tcp_pcb *pcb = tcp_new_ip_type(IPADDR_TYPE_V4);
	ip_addr_t to = IPADDR4_INIT(lwip_htonl(address));

	tcp_err(pcb, failed);
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

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "SYNs are repeated at growing intervals for 127 s",
		  syns_are_ever_farther_apart, 3 },
		{ "ICMP errors end a connect()", errors_of_a_call_are_told, 2 },
		{ "ICMP errors of other packets are ignored",
		  errors_of_something_else_are_not, 2 },
		{ "ICMP errors of a datagram are reported",
		  errors_of_a_datagram_are_told, 2 },
		{ "a missing neighbour ends connect()",
		  a_missing_neighbour_ends_a_call, 2 },
		{ "the neighbour is the next hop", the_neighbour_is_the_next_hop, 1 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}

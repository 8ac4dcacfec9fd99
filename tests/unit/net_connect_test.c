/* SPDX-License-Identifier: ISC */
/* What comes of a connection that is asked for, and which DNS servers there are. */
#include "kernel/param.h"
#include "net/icmp.h"
#include "net/net.h"
#include "net/servers.h"
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

static bool deaf;			/* to ARP */
static uint64_t syns[20];
static unsigned nsyns;
static uint8_t last[2000];		/* of IPv4, from its header on */
static size_t last_len;

static void take_arp(const uint8_t *p)
{
	uint8_t a[42];

	if (get(p + 20, 2) != 1 || get(p + 38, 4) != PEER || deaf)
		return;
	memcpy(a, p + 6, 6);
	memcpy(a + 6, peer_mac, 6);
	memcpy(a + 12, p + 12, 8);
	put(a + 20, 2, 2);
	memcpy(a + 22, peer_mac, 6);
	put(a + 28, PEER, 4);
	memcpy(a + 32, p + 22, 10);
	vif_deliver(a, 42, &(struct offload){ 0 }, 4096);
}

static void wire(uint8_t *p, size_t len, const struct offload *o)
{
	(void)o;
	if (get(p + 12, 2) == 0x0806)
		take_arp(p);
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

static struct tcp_pcb *call(void)
{
	struct tcp_pcb *pcb = tcp_new_ip_type(IPADDR_TYPE_V4);
	ip_addr_t to = IPADDR4_INIT(lwip_htonl(PEER));

	tcp_err(pcb, failed);
	pcb->rto = pcb->sv = 2;
	assert(tcp_connect(pcb, &to, 80, NULL) == ERR_OK);
	net_push();
	return pcb;
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
		{ 3, 2, ECONNREFUSED, true }, { 3, 3, ECONNREFUSED, true }, { 3, 4, 0, false },
		{ 3, 13, EHOSTUNREACH, true }, { 3, 16, 0, false }, { 3, 255, 0, false },
		{ 11, 0, EHOSTUNREACH, false }, { 12, 0, EPROTO, true }, { 4, 0, 0, false },
		{ 5, 1, 0, false }, { 0, 0, 0, false },
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

static ip_addr_t address(uint32_t a)
{
	return (ip_addr_t)IPADDR4_INIT(lwip_htonl(a));
}

static bool are(const uint32_t *wanted, unsigned n)
{
	ip_addr_t list[SERVERS_MAX];
	unsigned count = servers_get(SERVERS_GIVEN, SERVERS_ROUTER, list);

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
	servers_set(SERVERS_ROUTER, 0, list, 1);
	list[0] = address(0x7f000001);		/* of the network: none of these is one */
	list[1] = address(0);
	list[2] = address(0xffffffff);
	list[3] = address(0xe0000001);
	list[4] = address(8);
	list[5] = address(0x0a000005);		/* known already */
	servers_set(SERVERS_DHCP, 0, list, 6);
	assert(are((uint32_t[]){ 0x0a000005, 0x7f000001, 8, 9 }, 4));
	list[0] = address(7);
	servers_set(SERVERS_DHCP, 1, list, 1);
	assert(are((uint32_t[]){ 0x0a000005, 0x7f000001, 8, 7, 9 }, 5));
	servers_set(SERVERS_DHCP, 0, NULL, 0);
	assert(are((uint32_t[]){ 0x0a000005, 0x7f000001, 7, 9 }, 4));
	for (unsigned i = 0; i < 20; i++)
		list[i] = address(100 + i);
	servers_set(SERVERS_ROUTER, 2, list, 20);
	servers_set(SERVERS_DHCP, 1, list, 20);
	assert(are((uint32_t[]){ 0x0a000005, 0x7f000001, 100, 101, 102, 103, 104, 105, 106, 107,
				 108, 109 }, SERVERS_MAX));
	host_xen.shutdown = 0;
}

static void deliver_server(void *arg)
{
	ip_addr_t one = address(0x0a000009);

	(void)arg;
	thread_sleep(clock_now() + 3 * SECOND);
	servers_set(SERVERS_DHCP, 0, &one, 1);
}

static void a_server_is_waited_for(void)
{
	uint64_t began;

	set_up("ip=dhcp ip6=off");
	began = clock_now();
	assert(!servers_wait(began + 5 * SECOND) && clock_now() >= began + 5 * SECOND);
	began = clock_now();
	assert(thread_start("server", THREAD_KERNEL, STACK_KERNEL, deliver_server, NULL, NULL));
	assert(servers_wait(began + 10 * SECOND));
	assert(clock_now() >= began + 3 * SECOND && clock_now() < began + 4 * SECOND);
	host_xen.shutdown = 0;
}

static void no_server_is_not_waited_for(void)
{
	uint64_t began;

	set_up("ip=10.0.0.2/24 ip6=off");
	began = clock_now();
	assert(!servers_wait(began + 10 * SECOND) && clock_now() < began + SECOND);
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
		{ "the operator's servers are the first", the_operators_servers_are_the_first, 1 },
		{ "a server is waited for while DHCP may bring one", a_server_is_waited_for, 2 },
		{ "a server is not waited for where none comes", no_server_is_not_waited_for, 1 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}

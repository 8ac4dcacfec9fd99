/* SPDX-License-Identifier: ISC */
/* The path MTU of IPv6: "packet too big" of routers, and which of them are believed. */
#include "tests/unit/net_peer.h"

static const uint8_t us6[16] = { 0xfe, 0x80, [8] = 2, 0x16, 0x3e, 0xff, 0xfe, 0, 0, 1 };
static const uint8_t peer6[16] = { 0xfe, 0x80, [15] = 1 };

static void send6(uint8_t *p, uint8_t next, size_t len, size_t sum_at)
{
	ip6_header(p, next, peer6, us6, len);
	put(p + sum_at, 0, 2);
	put(p + sum_at, ~plain(p + 54, len, plain(p + 22, 32, next + len)), 2);
	vif_deliver(p, 54 + len, &(struct offload){ 0 }, 4096);
}

static void send_icmp6(uint8_t *p, size_t len)
{
	send6(p, 58, len, 56);
}

static void send_tcp6(uint8_t flags)
{
	uint8_t p[54 + 24] = { 0 };

	put(p + 54, 40000, 2);
	put(p + 56, PORT, 2);
	put(p + 58, flags & SYN ? 1000 : 1001, 4);
	put(p + 62, peer.rcv, 4);
	put(p + 66, 0x6000 | flags, 2);
	put(p + 68, 0xffff, 2);
	put(p + 74, 0x02040000 | 1440, 4);
	send6(p, 6, 24, 70);
}

static void take_tcp6(const uint8_t *tcp, size_t len)
{
	size_t data = len - (tcp[12] >> 4) * 4;

	if (tcp[13] & SYN)
		peer.rcv = get(tcp + 4, 4) + 1;
	else if (data && get(tcp + 4, 4) == peer.rcv)
		peer.rcv += data, peer.got += data;
	if (tcp[13] & SYN || data)
		send_tcp6(ACK);
}

/*
 * A router: the MTU that it reports for each segment with data, and whether it drops
 * larger ones.
 */
static struct {
	uint32_t mtu;			/* 0: nothing */
	bool drops;			/* what is longer */
	uint8_t packet[1514];		/* the last one, from its IPv6 header on */
	size_t len;
} router;

/* Packet too big. */
static void too_big(const uint8_t *packet, size_t len, uint32_t mtu)
{
	uint8_t p[54 + 8 + 1232] = { [54] = 2 };

	len = len < 1232 ? len : 1232;
	put(p + 58, mtu, 4);
	memcpy(p + 62, packet, len);
	send_icmp6(p, 8 + len);
}

/* False: it does not pass. */
static bool route(const uint8_t *p, size_t len)
{
	bool data = p[20] == 17 || (p[20] == 6 && len > 54u + (p[66] >> 4) * 4);

	if (!data)
		return true;
	router.len = len - 14;
	memcpy(router.packet, p + 14, router.len);
	if (router.mtu && (!router.drops || router.len > router.mtu))
		too_big(router.packet, router.len, router.mtu);
	return !router.drops || router.len <= router.mtu;
}

/* They come in order. */
static void take_fragment(const uint8_t *p, size_t len)
{
	static uint8_t tcp[3000];
	static size_t at;
	uint16_t offset = get(p + 56, 2);

	assert(len <= 14 + 1280);
	peer.echoed += len - 62;
	if (p[54] != 6)
		return;
	at = offset & ~7u ? at : 0;
	assert((offset & ~7u) == at && at + len - 62 <= sizeof(tcp));
	memcpy(tcp + at, p + 62, len - 62);
	at += len - 62;
	if (offset & 1)
		return;
	assert(plain(tcp, at, plain(peer6, 16, plain(us6, 16, 6 + at))) == 0xffff);
	take_tcp6(tcp, at);
}

static void answer_ip6(const uint8_t *p, size_t len)
{
	uint8_t a[54 + 32] = { [54] = 136, [58] = 0x60, [78] = 2, 1 };

	if (p[20] == 58 && p[54] == 135 && !memcmp(p + 62, peer6, 16)) {
		memcpy(a + 62, peer6, 16);
		memcpy(a + 80, peer_mac, 6);
		send_icmp6(a, 32);
	} else if (p[20] == 58 && p[54] == 129) {
		peer.echoed += len - 54;
	} else if (!route(p, len)) {
		return;
	} else if (p[20] == 6) {
		take_tcp6(p + 54, len - 54);
	} else if (p[20] == 44) {
		take_fragment(p, len);
	}
	wake(&peer.changed);
}

static void ping6(size_t len)
{
	uint8_t p[1514] = { [54] = 128 };

	peer.echoed = 0;
	send_icmp6(p, len);
	assert(wait_until_deadline(&peer.changed, clock_now() + SECOND, peer.echoed == len));
}

static void open6(void)
{
	options = "ip=10.0.0.2/24 hostname=test";
	take_ip6 = answer_ip6;
	set_up();
	listen();
	thread_sleep(clock_now() + 5 * SECOND);
	send_tcp6(SYN);
	wait_until(&guest, pcb);
}

static void write6(size_t len)
{
	static uint8_t bytes[1440];
	uint64_t due = peer.got + len;
	size_t done;

	assert(sendbuf_write(&buffer, pcb, bytes, len, 0, &done) == ERR_OK && done == len);
	tcp_output(pcb);
	net_push();
	assert(wait_until_deadline(&peer.changed, clock_now() + 5 * SECOND, peer.got == due));
	thread_sleep(clock_now() + SECOND / 10);
}

static unsigned path_mtu(void)
{
	ip6_addr_t to;

	memcpy(to.addr, peer6, 16);
	ip6_addr_assign_zone(&to, IP6_UNKNOWN, netif_default);
	return nd6_get_destination_mtu(&to, netif_default);
}

/* RFC 8201, 4. */
static void a_path_is_not_narrower_than_the_least(void)
{
	static const uint32_t mtus[] = { 0, 48, 8, 40, 55, 56, 1279, 1500, 9000, 65535, 1u << 31 };

	open6();
	ping6(1400);
	for (unsigned i = 0; i < HOST_COUNT(mtus); i++) {
		router.mtu = mtus[i];
		write6(1000);
		assert(path_mtu() == 1500);
		ping6(1400);
	}
	/* Nor does it become wider. */
	router.mtu = 1400;
	write6(1000);
	assert(path_mtu() == 1400);
	router.mtu = 1450;
	write6(1000);
	assert(path_mtu() == 1400);
	down();
}

/* Only lwIP can compute the checksum of a segment that is sent in fragments. */
static void a_path_may_become_narrower(void)
{
	open6();
	router.mtu = 1280;
	router.drops = true;
	write6(1440);
	assert(path_mtu() == 1280);
	router.mtu = 0;
	router.drops = false;
	write6(1440);
	assert(peer.got == 2880);
	down();
}

/* Segment of this connection, or another. */
static void quote(size_t at, uint8_t by, uint32_t ahead, size_t len)
{
	uint8_t p[1514];

	memcpy(p, router.packet, router.len);
	p[at] ^= by;
	put(p + 44, get(p + 44, 4) + ahead, 4);
	too_big(p, len, 1280);
	thread_sleep(clock_now() + SECOND / 10);
}

/* As Linux's tcp_v6_err(): the quoted segment must be in flight. */
static void a_quote_is_of_what_is_in_flight(void)
{
	static const uint8_t places[] = { 0, 6, 8, 23, 24, 39, 40, 41, 42, 43 };
	static uint8_t bytes[1000];
	size_t done;

	open6();
	write6(1000);
	quote(0, 0, 0, router.len);	/* it is acknowledged */
	quote(0, 0, 1000, router.len);	/* it is not sent yet */
	assert(path_mtu() == 1500);
	peer.lose = 1;			/* nothing arrives */
	memset(bytes, 1, sizeof(bytes));
	assert(sendbuf_write(&buffer, pcb, bytes, 1000, 0, &done) == ERR_OK);
	tcp_output(pcb);
	net_push();
	thread_sleep(clock_now() + SECOND / 10);
	put(router.packet + 44, get(router.packet + 44, 4) + 1000, 4);
	for (unsigned i = 0; i < sizeof(places); i++)
		quote(places[i], 0x40, 0, router.len);
	quote(0, 0, -1u, router.len);
	quote(0, 0, 1000, router.len);
	quote(0, 0, 1u << 31, router.len);
	for (size_t len = 0; len < 48; len += len < 40 ? 8 : 1)
		quote(0, 0, 0, len);
	router.packet[6] = 58;		/* an echo reply */
	quote(0, 0, 0, router.len);
	router.packet[6] = 6;
	assert(path_mtu() == 1500);
	quote(0, 0, 999, 48);
	assert(path_mtu() == 1280);
	peer.lose = 0;
	down();
}

/*
 * As Linux's udp6_err(): the socket must exist, and if it is connected, then to this
 * peer.
 */
static void a_quote_of_a_datagram_has_a_socket(void)
{
	ip_addr_t to = { .type = IPADDR_TYPE_V6 };
	bool connected = host_chance(2);
	struct udp_pcb *u;
	struct pbuf *p;

	open6();
	thread_sleep(clock_now() + SECOND / 10);	/* the delayed ACK is sent */
	memcpy(ip_2_ip6(&to)->addr, peer6, 16);
	ip6_addr_assign_zone(ip_2_ip6(&to), IP6_UNKNOWN, netif_default);
	u = udp_new_ip_type(IPADDR_TYPE_V6);
	if (connected)
		assert(udp_connect(u, &to, 53) == ERR_OK);
	p = pbuf_alloc(PBUF_TRANSPORT, 1400, PBUF_RAM);
	assert(udp_sendto(u, p, &to, 53) == ERR_OK);
	pbuf_free(p);
	net_push();
	thread_sleep(clock_now() + SECOND / 10);
	assert(router.packet[6] == 17);
	quote(41, 1, 0, router.len);
	if (connected)
		quote(43, 1, 0, router.len);
	assert(path_mtu() == 1500);
	quote(0, 0, 0, router.len);
	assert(path_mtu() == 1280);
	udp_remove(u);
	down();
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "a path MTU is not below IPv6's minimum",
		  a_path_is_not_narrower_than_the_least, 1 },
		{ "a path MTU may become smaller", a_path_may_become_narrower, 1 },
		{ "\"packet too big\" quotes what is in flight", a_quote_is_of_what_is_in_flight,
		  1 },
		{ "\"packet too big\" of a datagram needs its socket",
		  a_quote_of_a_datagram_has_a_socket, 4 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}

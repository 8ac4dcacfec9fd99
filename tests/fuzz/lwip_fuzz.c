/* SPDX-License-Identifier: ISC */
/*
 * Sequences of frames, socket calls and time for net/ and lwIP: no assertion fails, no memory
 * is lost, and no sanitizer has a complaint.
 *
 * The input is a list of operations.  Frames are built from plausible parts, so that they pass
 * the first checks: addresses of the guest and its neighbours, extension headers, fragments of
 * one datagram in any order, TCP segments relative to a connection that exists, ICMP errors
 * that quote it, DHCP answers to what was asked, Neighbour Discovery options.  Checksums and
 * lengths are right unless the input says otherwise.
 *
 * An hour of it, on N processors; it goes on where it ended, with the same directory:
 *
 *	FUZZ_SECONDS=0 tests/check lwip_fuzz		builds it (and runs nothing)
 *	mkdir -p CORPUS
 *	build/check/tests/fuzz/lwip_fuzz -max_total_time=3600 -max_len=1024 -timeout=20 \
 *		-fork=N -artifact_prefix=CORPUS. CORPUS
 *
 * An input that found something is run again by naming its file in place of the directory.
 */
#include "tests/fuzz/lwip_segments.h"
#include "tests/fuzz/lwip_sockets.h"

/* ---- datagrams and groups */

static struct udp_pcb *echo, *asker;
static struct raw_pcb *ping;

static void datagram(void *arg, struct udp_pcb *u, struct pbuf *p, const ip_addr_t *from,
		     u16_t port)
{
	/* A reply to itself would cause replies without end. */
	bool answers = arg && port != 7;
	struct pbuf *copy = answers ? pbuf_clone(PBUF_TRANSPORT, PBUF_RAM, p) : NULL;

	pbuf_free(p);
	if (!copy)
		return;
	udp_sendto(u, copy, from, port);
	pbuf_free(copy);
}

static u8_t raw_got(void *arg, struct raw_pcb *r, struct pbuf *p, const ip_addr_t *from)
{
	(void)arg, (void)r, (void)from;
	if (p->tot_len % 2)
		return 0;
	pbuf_free(p);
	return 1;
}

static void send_datagram(uint8_t b)
{
	size_t n = b & 2 ? word() % 65508 : byte();
	struct pbuf *p;
	ip_addr_t to;

	any_address(&to, b & 1, byte());
	p = pbuf_alloc(b & 4 ? PBUF_IP : PBUF_TRANSPORT, n, PBUF_RAM);
	if (!p)
		return;
	memset(p->payload, 8, n);
	if (b & 4 && !(b & 1))
		raw_sendto(ping, p, &to);
	else if (b & 8)
		udp_send(asker, p);
	else
		udp_sendto(echo, p, &to, 7);
	pbuf_free(p);
}

static struct {
	ip_addr_t group;
	bool joined;
} groups[4];

static void join_or_leave(uint8_t b)
{
	unsigned i = b % 4;
	struct netif *n = &vifs->netif;

	if (!groups[i].joined) {
		any_address(&groups[i].group, b & 4, b >> 3);
		if (!ip_addr_ismulticast(&groups[i].group))
			return;
		groups[i].joined = (b & 4 ? mld6_joingroup_netif(n, ip_2_ip6(&groups[i].group)) :
				    igmp_joingroup_netif(n, ip_2_ip4(&groups[i].group))) == ERR_OK;
	} else {
		groups[i].joined = false;
		if (IP_IS_V6_VAL(groups[i].group))
			mld6_leavegroup_netif(n, ip_2_ip6(&groups[i].group));
		else
			igmp_leavegroup_netif(n, ip_2_ip4(&groups[i].group));
	}
}

/* ---- UDP, DHCP, ARP and anything */

static void udp_message(void)
{
	uint8_t b = byte();
	struct flow f = flow(b & 1 ? 6 : 4);
	size_t n = b & 2 ? word() : byte();

	n = n < 65507 ? n : 65507;
	packet_begin(8 + n);
	put(at, b & 4 ? 53 : 9999, 2);
	put(at + 2, b & 4 ? 5353 : b & 8 ? byte() : 7, 2);
	put(at + 4, b & 128 ? word() : 8 + n, 2);
	emit(&f, UDP, how());
}

static void dhcp_answer(void)
{
	struct flow f = { .version = 4 };
	uint8_t b = byte(), *o, *m;

	if (!seen.dhcp_len)
		return;
	packet_begin(8 + 240 + 400);
	put(at, 67, 2);
	put(at + 2, 68, 2);
	m = at + 8;
	memcpy(m, seen.dhcp + 42, 240);
	m[0] = 2;
	put(m + 16, 0x0a000000 | (b & 1 ? byte() : 2), 4);
	o = m + 240;
	memcpy(o, "\65\1\5\66\4\12\0\0\1\63\4\0\0\16\20\1\4\377\377\377\0\3\4\12\0\0\1\6\4\12\0\0\1", 33);
	o[2] = b & 2 ? 2 : b & 4 ? byte() : 5;
	if (b & 8)
		put(o + 11, byte(), 4);
	o += 33;
	if (b & 16) {
		memcpy(o, "\32\2", 2);
		put(o + 2, word(), 2);
		o += 4;
	}
	if (b & 32) {
		memcpy(o, "\171\14\30\300\0\2\12\0\0\1\0\12\0\0\1", 14);
		o[2] = byte() % 40;
		o += 14;
	}
	for (unsigned n = b & 64 ? byte() : 0; n; n--)
		*o++ = byte();
	*o++ = 255;
	len = o - at;
	put(at + 4, len, 2);
	put(f.from, 0x0a000001, 4);
	put(f.to, b & 128 ? 0x0a000002 : 0xffffffff, 4);
	emit(&f, UDP, how());
}

static void arp_packet(void)
{
	uint8_t b = byte(), frame[60] = { 0 };
	size_t n = b & 128 ? 42 : 60;

	memset(frame, 0xff, 6);
	if (b & 1)
		memcpy(frame, our_mac, 6);
	memcpy(frame + 6, peer_mac, 6);
	memcpy(frame + 12, "\10\6\0\1\10\0\6\4\0\1", 10);
	frame[21] = b & 2 ? 2 : b & 64 ? byte() : 1;
	memcpy(frame + 22, peer_mac, 6);
	frame[27] += b >> 4 & 3;
	any4(frame + 28, b & 4 ? byte() : b >> 4 & 3);
	ours4(frame + 38);
	if (b & 8)
		any4(frame + 38, byte());
	if (b == 255)
		frame[12 + byte() % 30] = byte();
	vif_deliver(frame, n, &(struct offload){ 0 }, 4096);
}

/* Bytes of the input behind a header, or a whole frame of them. */
static void anything(void)
{
	static const uint8_t protocols[] = { ICMP, IGMP, TCP, UDP, ICMP6, FRAGMENT, DESTINATION, 0,
					     ROUTING, 59, 136 };
	uint8_t b = byte();
	struct flow f = flow(b & 1 ? 6 : 4);
	size_t n = byte();

	packet_begin(n);
	for (size_t i = 0; i < n; i++)
		at[i] = byte();
	if (b < 250)
		emit(&f, protocols[b / 2 % HOST_COUNT(protocols)], how());
	else if (n >= 14)
		vif_deliver(at, n, &(struct offload){ 0 }, 1 + byte());
}

/* Single fragments of a few datagrams; their contents may be another header. */
static void loose_fragment(void)
{
	uint8_t b = byte(), c = byte();
	struct flow f = flow(b & 1 ? 6 : 4);
	struct piece_of of = {
		.offset = 8 * (b & 8 ? 8190 - c % 16 : c % 16), .more = b & 2, .id = b >> 6,
	};
	size_t n = b & 4 ? byte() : 8 * (c / 16);

	packet_begin(n);
	if (b & 16)
		for (size_t i = 0; i < n && i < 16; i++)
			at[i] = byte();
	ip(&f, "\x2c\x3c\x3a\x11\x00\x2b\x06\x01"[b >> 3 & 7], b & 32 ? HEADERS : 0, &of);
}

/* ---- the device, memory and time */

static void one_event(void)
{
	static const uint16_t mtus[] = { 1500, 9000, 1280, 576, 68, 65535, 0, 1400 };
	uint8_t b = byte();

	switch (b % 8) {
	case 0:
		if (b & 8) {
			vif.info.csum_ipv4 = b & 16;
			vif.info.csum_ipv6 = b & 32;
			vif.info.gso_tcpv4 = vif.info.csum_ipv4 && b & 64;
			vif.info.gso_tcpv6 = vif.info.csum_ipv6 && b & 128;
		}
		device_stuck = false;
		vif_carrier(false);
		settle();
		vif_carrier(true);
		break;
	case 1:
		vif.info.mtu = mtus[b >> 3 & 7];
		vif_carrier(b & 128 || b & 64);
		break;
	case 2:
		vif.room = 1 + (b >> 3);
		break;
	case 3:
		device_stuck = !device_stuck;
		break;
	case 4:
		host.malloc_fails = b & 8 ? 2 + (b >> 4) * 4 : 0;
		break;
	case 5:
		join_or_leave(byte());
		break;
	default:
		send_datagram(byte());
	}
}

static void some_time(uint8_t b)
{
	if (b < 200)
		pass(1ull << (10 + b % 28));
	else
		host_advance(1ull << (30 + b % 14));	/* a pause of the domain */
}

static void one_operation(uint8_t what)
{
	switch (what % 16) {
	case 0:
		arp_packet();
		break;
	case 1:
	case 2:
	case 3:
	case 4:
		one_segment();
		break;
	case 5:
	case 6:
		icmp6_message();
		break;
	case 7:
		if (what & 16)
			icmp4_message();
		else
			igmp_message();
		break;
	case 8:
		udp_message();
		break;
	case 9:
		if (what & 16)
			dhcp_answer();
		else
			anything();
		break;
	case 10:
		loose_fragment();
		break;
	case 11:
		one_event();
		break;
	case 12:
		some_time(byte());
		break;
	default:
		one_call(what / 16 + (what % 16 == 15 ? byte() : 0));
		net_push();
	}
}

static void begin(uint8_t b)
{
	static const char *const lines[] = {
		"hostname=fuzz ip=10.0.0.2/24,gateway=10.0.0.1",
		"hostname=fuzz",
		"hostname=fuzz ip=10.0.0.2/24,gateway=10.0.0.1 ip6=2001:db8::2/64,gateway=fe80::2",
		"hostname=fuzz ip6=2001:db8::2/120",
	};

	vif.info = (struct netfront_info){
		.up = true, .mtu = b & 64 ? 9000 : 1500, .csum_ipv4 = b & 4, .csum_ipv6 = b & 8,
		.gso_tcpv4 = (b & 4) && (b & 16), .gso_tcpv6 = (b & 8) && (b & 16),
		.no_lent = b & 32,
	};
	memcpy(vif.info.mac, our_mac, 6);
	vif.wire = wire;
	direct_up(lines[b & 3]);
	icmp_tcp_error = icmp_error;
	echo = udp_new_ip_type(IPADDR_TYPE_ANY);
	asker = udp_new();
	ping = raw_new(ICMP);
	assert(echo && asker && ping);
	assert(udp_bind(echo, IP_ANY_TYPE, 7) == ERR_OK && udp_bind(asker, IP4_ADDR_ANY, 5353) == ERR_OK);
	udp_recv(echo, datagram, echo);
	udp_recv(asker, datagram, NULL);
	raw_recv(ping, raw_got, NULL);
	ip_set_option(echo, SOF_BROADCAST);
	udp_connect(asker, &(ip_addr_t)IPADDR4_INIT_BYTES(10, 0, 0, 1), 53);
	do_listen(4);
	if (b & 128)
		pass(3 * NSEC_PER_SEC);
}

static void end(void)
{
	host.malloc_fails = 0;
	for (struct sock *s = socks; s < socks + SOCKETS; s++)
		if (s->used && !s->orphan)
			do_close(s, true);
	for (unsigned i = 0; i < HOST_COUNT(groups); i++)
		if (groups[i].joined)
			join_or_leave(i);
	udp_remove(echo);
	udp_remove(asker);
	raw_remove(ping);
	direct_down();
}

static void run(void)
{
	begin(byte());
	while (input_left) {
		uint8_t what = byte();

		one_operation(what);
		if (what & 128)
			settle();
	}
	settle();
	end();
}

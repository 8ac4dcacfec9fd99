/* SPDX-License-Identifier: ISC */
/*
 * Arbitrary frames: net/ and lwIP do not fail, and hold no memory at the end.
 *
 * The input is a list of frames.  Each is made from a template of a plausible reply, with
 * some bytes changed or added, and with correct or incorrect checksums.
 */
#include "net/tcp.h"
#include "tests/fuzz/net_direct.h"

#include <xen/io/netif.h>

#define PORT 80

/* ---- the last packets of the guest, from which replies are made */

static struct {
	uint8_t dhcp[700];
	size_t dhcp_len;
	uint32_t seq, ack;		/* of the open connection */
	uint8_t link_local[16];
} seen;

static void wire(uint8_t *p, size_t len, const struct offload *o)
{
	(void)o;
	if (get(p + 12, 2) == 0x86dd && get(p + 22, 2) == 0xfe80)
		memcpy(seen.link_local, p + 22, 16);
	if (get(p + 12, 2) != 0x0800)
		return;
	if (p[23] == 17 && get(p + 36, 2) == 67 && len <= sizeof(seen.dhcp)) {
		memcpy(seen.dhcp, p, len);
		seen.dhcp_len = len;
	} else if (p[23] == 6 && get(p + 36, 2) == 40000) {
		seen.seq = get(p + 42, 4);
		seen.ack = get(p + 38, 4) + !!(p[47] & 3) + len - 34 - (p[46] >> 4) * 4;
	}
}

/* ---- templates: from the IP header on, or from the type's on for ARP */

static const uint8_t arp[] = {
	0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1, 0, 0x16, 0x3e, 0, 0, 2, 10, 0, 0, 1,
	0, 0, 0, 0, 0, 0, 10, 0, 0, 2,
};

static size_t ip4(uint8_t *p, uint8_t proto, size_t len)
{
	static const uint8_t h[] = { 8, 0, 0x45, 0, 0, 0, 0, 1, 0, 0, 64, 0, 0, 0, 10, 0, 0, 1,
				     10, 0, 0, 2 };

	memcpy(p + 12, h, sizeof(h));
	p[23] = proto;
	put(p + 16, 20 + len, 2);
	return 34 + len;
}

static size_t ip6(uint8_t *p, uint8_t next, size_t len)
{
	static const uint8_t h[] = { 0x86, 0xdd, 0x60, 0, 0, 0, 0, 0, 0, 255 };

	memcpy(p + 12, h, sizeof(h));
	p[20] = next;
	put(p + 18, len, 2);
	put(p + 22, 0xfe800000, 4);
	p[37] = 2;
	memcpy(p + 38, seen.link_local, 16);
	return 54 + len;
}

static size_t tcp(uint8_t *p, uint8_t flags, size_t data)
{
	static const uint8_t options[] = { 2, 4, 5, 0xb4, 3, 3, 5, 1, 4, 2, 8, 10, 0, 0, 0, 9,
					   0, 0, 0, 0 };
	size_t head = flags & 2 ? 20 + sizeof(options) : 20;

	put(p + 34, flags & 2 ? 40001 : 40000, 2);
	put(p + 36, PORT, 2);
	put(p + 38, seen.seq, 4);
	put(p + 42, seen.ack, 4);
	p[46] = head / 4 << 4;
	p[47] = flags;
	put(p + 48, 5000, 2);
	memcpy(p + 54, options, sizeof(options));
	return ip4(p, 6, head + data);
}

/* Makes a reply: swaps the sender's and the receiver's addresses. */
static size_t answer(uint8_t *p, const uint8_t *asked, size_t len)
{
	memcpy(p, asked, len);
	memcpy(p + 26, asked + 30, 4);
	memcpy(p + 30, asked + 26, 4);
	memcpy(p + 34, asked + 36, 2);
	memcpy(p + 36, asked + 34, 2);
	return len;
}

static size_t dhcp(uint8_t *p)
{
	static const uint8_t options[] = { 53, 1, 5, 54, 4, 10, 0, 0, 1, 1, 4, 255, 255, 255, 0,
					   3, 4, 10, 0, 0, 1, 6, 4, 10, 0, 0, 1, 51, 4, 0, 0, 0,
					   60, 26, 2, 5, 120, 255 };
	size_t len = answer(p, seen.dhcp, seen.dhcp_len);

	if (!len || len < 42 + 240 + sizeof(options))
		return 0;
	p[42] = 2;
	put(p + 58, 0x0a000002, 4);
	put(p + 26, 0x0a000001, 4);
	put(p + 30, 0xffffffff, 4);
	memcpy(p + 42 + 240, options, sizeof(options));
	if (byte() & 1)
		p[42 + 242] = 2;
	return len;
}

static size_t icmp6(uint8_t *p, uint8_t type, size_t len)
{
	static const uint8_t prefix[] = { 1, 1, 0, 0x16, 0x3e, 0, 0, 2, 5, 1, 0, 0, 0, 0, 5, 220,
					  3, 4, 64, 0xc0, 0, 0, 14, 16, 0, 0, 14, 16, 0, 0, 0, 0,
					  0x20, 1, 13, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
					  25, 3, 0, 0, 0, 0, 14, 16, 0xfe, 0x80, 0, 0, 0, 0, 0, 0,
					  0, 0, 0, 0, 0, 0, 0, 2 };
	size_t n = ip6(p, 58, len);

	p[54] = type;
	if (type == 134) {			/* a router's */
		put(p + 58, 0x40000708, 4);
		memcpy(p + 70, prefix, sizeof(prefix));
		return ip6(p, 58, 16 + sizeof(prefix));
	}
	if (type == 135 || type == 136) {	/* a neighbour's */
		memcpy(p + 62, type == 135 ? seen.link_local : p + 22, 16);
		p[58] = 0x60;
		put(p + 78, 0x02010016, 4);
		put(p + 82, 0x3e000002, 4);
		return ip6(p, 58, 32);
	}
	if (type == 2)				/* too big */
		put(p + 58, 1280, 4);
	if (type < 5)
		put(p + 62, 0x60000000, 4);
	return n;
}

static size_t template(uint8_t *p, uint8_t which)
{
	switch (which % 25) {
	case 0:
		put(p + 12, 0x0800, 2);
		return 14;
	case 1:
		put(p + 12, 0x86dd, 2);
		return 14;
	case 2:
		memcpy(p + 12, arp, sizeof(arp));
		p[21] = 1 + (byte() & 1);
		return 12 + sizeof(arp);
	case 3:
		return tcp(p, 0x10, 100);
	case 4:
		return tcp(p, 0x18, 0);
	case 5:
		return tcp(p, 0x02, 0);
	case 6:
		return tcp(p, 0x11, 1000);
	case 7:
		return tcp(p, 0x14, 0);
	case 8:
	case 9:
		return dhcp(p);
	case 10:
		p[34] = 8;
		return ip4(p, 1, 64);
	case 11:			/* a fragment */
		ip4(p, byte() & 1 ? 17 : 1, 64);
		put(p + 20, 0x2000 | (byte() & 31) * 4, 2);
		return 34 + 64;
	case 12:
		p[34] = 0x11;
		p[35] = 10;
		return ip4(p, 2, 8);
	case 13:
		p[34] = 3;
		p[35] = byte() & 15;
		tcp(p + 28, 0x10, 0);
		ip4(p + 28, 6, 20);
		return ip4(p, 1, 8 + 20 + 20);
	case 14:
		return icmp6(p, 134, 0);
	case 15:
		return icmp6(p, 135, 0);
	case 16:
		return icmp6(p, 136, 0);
	case 17:
		return icmp6(p, 130 + byte() % 3, 24);
	case 18:
		return icmp6(p, byte() & 3 ? 2 : 1, 8 + 40 + 20);
	case 19:			/* a fragment */
		ip6(p, 44, 8 + 64);
		p[54] = byte() & 1 ? 17 : 58;
		put(p + 56, (byte() & 31) << 5 | (byte() & 1), 2);
		return 54 + 8 + 64;
	case 20:			/* more headers */
		ip6(p, byte() & 1 ? 0 : 60, 8 + 8 + 8);
		p[54] = byte() & 1 ? 43 : 58;
		p[62] = 58;
		return 54 + 24;
	case 21:			/* a redirect */
		ip6(p, 58, 0);
		p[54] = 137;
		memcpy(p + 62, p + 22, 16);
		memcpy(p + 78, p + 22, 16);
		p[77] = byte();
		p[93] = byte();
		put(p + 94, 0x02010016, 4);
		return ip6(p, 58, 48);
	case 22:			/* a fragment of one of few datagrams, often in a fragment */
		ip6(p, 44, 0);
		p[54] = "\x2c\x3c\x3a\x11"[byte() % 4];
		put(p + 56, (byte() & 7) << 3 | (byte() & 1), 2);
		p[61] = byte() & 3;
		p[62] = "\x2c\x3c\x3a\x11"[byte() % 4];
		put(p + 64, (byte() & 3) << 3 | (byte() & 1), 2);
		p[69] = byte() & 3;
		return ip6(p, 44, 8 + 8 * (1 + byte() % 4));
	case 23:			/* one that ends at about 64 KB */
		ip6(p, 44, 0);
		p[54] = 58;
		put(p + 56, 65472 + (byte() & 7) * 8, 2);
		p[61] = byte() & 3;
		return ip6(p, 44, 8 + byte() % 64);
	default:
		put(p + 34, 9999, 2);
		put(p + 36, 7, 2);
		put(p + 38, 28, 2);
		return ip4(p, 17, 28);
	}
}

/* Corrects lengths and checksums, so that more than the checksum is tested. */
static void put_right(uint8_t *p, size_t len)
{
	size_t hl = (p[14] & 15) * 4;

	if (get(p + 12, 2) == 0x0800 && len >= 34 && hl >= 20 && 14 + hl <= len) {
		put(p + 16, len - 14, 2);
		put(p + 24, 0, 2);
		put(p + 24, ~plain(p + 14, hl, 0), 2);
		if ((p[23] == 1 || p[23] == 2) && 14 + hl + 4 <= len && !(get(p + 20, 2) & 0x3fff)) {
			put(p + 14 + hl + 2, 0, 2);
			put(p + 14 + hl + 2, ~plain(p + 14 + hl, len - 14 - hl, 0), 2);
		}
	} else if (get(p + 12, 2) == 0x86dd && len >= 58) {
		put(p + 18, len - 54, 2);
		if (p[20] == 58) {
			put(p + 56, 0, 2);
			put(p + 56, ~plain(p + 54, len - 54, plain(p + 22, 32, 58 + len - 54)), 2);
		}
	}
}

static void one_frame(void)
{
	static const uint16_t pages[] = { 4096, 60, 200, 1500 };
	uint8_t *p = vif_alloc(4096), flags;
	static uint8_t to[12] = { 0, 0x16, 0x3e, 0, 0, 1, 0, 0x16, 0x3e, 0, 0, 2 };
	struct offload o = { 0 };
	size_t len;

	memcpy(p, to, 12);
	len = template(p, byte());
	if (len < 14) {
		free(p);
		return;
	}
	flags = byte();
	for (unsigned n = byte() % 8; n; n--) {
		size_t at = 12 + byte();

		if (at < len)
			p[at] = byte();
	}
	if (flags & 1)
		for (unsigned n = byte(); n && input_left && len < 4000; n--)
			p[len++] = byte();
	else if (flags & 2)
		len = len - byte() % len < 14 ? 14 : len;
	if (!(flags & 4))
		put_right(p, len);
	o.csum_valid = flags & 8;
	if (flags & 16) {
		o.gso_type = XEN_NETIF_GSO_TYPE_TCPV4;
		o.gso_size = 1 + byte();
	}
	vif_deliver(p, len, &o, pages[flags >> 6]);
	free(p);
}

/* ---- the guest */

static struct tcp_pcb *pcb;
static struct sendbuf buffer;

static err_t got(void *arg, struct tcp_pcb *p, struct pbuf *q, err_t err)
{
	(void)arg;
	(void)err;
	if (q) {
		tcp_read(p, q->tot_len);
		pbuf_free(q);
	}
	return ERR_OK;
}

static err_t sent(void *arg, struct tcp_pcb *p, u16_t len)
{
	(void)p;
	if (arg)
		sendbuf_acked(arg, len);
	return ERR_OK;
}

static void failed(void *arg, err_t err)
{
	(void)err;
	if (arg) {
		pcb = NULL;
		sendbuf_free(arg);
	}
}

static err_t accepted(void *arg, struct tcp_pcb *p, err_t err)
{
	(void)arg;
	if (err != ERR_OK)
		return ERR_OK;
	tcp_filter_min_mss(p);
	tcp_recv(p, got);
	tcp_sent(p, sent);
	tcp_err(p, failed);
	if (!pcb) {
		pcb = p;
		tcp_arg(p, &buffer);
	}
	return ERR_OK;
}

static void datagram(void *arg, struct udp_pcb *u, struct pbuf *p, const ip_addr_t *from,
		     u16_t port)
{
	(void)arg;
	udp_sendto(u, p, from, port);
	pbuf_free(p);
}

static void write_some(void)
{
	static const uint8_t bytes[5000];
	size_t done;

	if (!pcb || tcp_sndbuf(pcb) < sizeof(bytes))
		return;
	sendbuf_write(&buffer, pcb, bytes, byte() * 19, 0, &done);
	tcp_output(pcb);
}

static void run(void)
{
	static const char with_dhcp[] = "hostname=fuzz", without[] =
		"hostname=fuzz ip=10.0.0.2/24,gateway=10.0.0.1,dns=10.0.0.1";
	struct tcp_pcb *listener;
	struct udp_pcb *udp;

	vif.info = (struct netfront_info){ .up = true, .mtu = 1500, .csum_ipv4 = true,
					   .csum_ipv6 = true, .gso_tcpv4 = true,
					   .gso_tcpv6 = true, .mac = { 0, 0x16, 0x3e, 0, 0, 1 } };
	vif.wire = wire;
	direct_up(byte() % 4 ? without : with_dhcp);
	listener = tcp_new_ip_type(IPADDR_TYPE_ANY);
	assert(listener && tcp_bind(listener, IP_ANY_TYPE, PORT) == ERR_OK);
	listener = tcp_listen(listener);
	tcp_accept(listener, accepted);
	udp = udp_new_ip_type(IPADDR_TYPE_ANY);
	assert(udp && udp_bind(udp, IP_ANY_TYPE, 7) == ERR_OK);
	udp_recv(udp, datagram, NULL);

	/* A peer exists and is connected. */
	uint8_t *p = vif_alloc(200);

	memcpy(p, vif.info.mac, 6);
	p[11] = 2;
	memcpy(p + 12, arp, sizeof(arp));
	vif_deliver(p, 12 + sizeof(arp), &(struct offload){ 0 }, 4096);
	for (int i = 0; i < 2; i++) {
		size_t len = tcp(p, i ? 0x10 : 0x02, 0);

		put(p + 34, 40000, 2);
		put_right(p, len);
		vif_deliver(p, len, &(struct offload){ .csum_valid = true }, 4096);
		settle();
	}
	free(p);
	while (input_left) {
		uint8_t what = byte();

		if (what < 220)
			one_frame();
		else if (what < 235)
			write_some();
		else
			pass(1ull << ((what - 235) / 2 + 24));
		if (what & 1)
			settle();
	}
	settle();
	while (tcp_active_pcbs)
		tcp_abort(tcp_active_pcbs);
	sendbuf_free(&buffer);
	tcp_close(listener);
	udp_remove(udp);
	direct_down();
}

/* SPDX-License-Identifier: ISC */
#include "net/icmp.h"

#include <lwip/inet_chksum.h>
#include <lwip/ip.h>
#include <lwip/nd6.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/raw.h>
#include <lwip/udp.h>

#include <errno.h>
#include <stdint.h>

#define ICMP_HEADER 8
#define QUOTED 8			/* minimum bytes of the transport header */
#define LEAST_MTU 1280			/* RFC 8200, 5 */

enum { UNREACHABLE = 3, EXCEEDED = 11, PROBLEM = 12 };		/* RFC 792 */
enum { UNREACHABLE6 = 1, TOO_BIG6, EXCEEDED6, PROBLEM6, INFORMATION6 = 128 };	/* RFC 4443 */

void (*icmp_tcp_error)(struct tcp_pcb *pcb, int error, bool hard);
void (*icmp_udp_error)(struct udp_pcb *pcb, int error, bool hard);

struct meaning {
	uint8_t error;			/* 0: sockets are not notified */
	bool hard;
};

/*
 * As Linux maps the codes (icmp_err_convert, tab_unreach). "Fragmentation needed"
 * concerns only the path MTU. The other codes do not reach this code.
 */
static const struct meaning codes4[] = {
	{ ENETUNREACH, false }, { EHOSTUNREACH, false }, { ENOPROTOOPT, true },
	{ ECONNREFUSED, true }, { 0, false }, { EOPNOTSUPP, false }, { ENETUNREACH, true },
	{ EHOSTDOWN, true }, { ENONET, true }, { ENETUNREACH, true }, { EHOSTUNREACH, true },
	{ ENETUNREACH, false }, { EHOSTUNREACH, false }, { EHOSTUNREACH, true },
	{ EHOSTUNREACH, true }, { EHOSTUNREACH, true },
};
static const struct meaning codes6[] = {
	{ ENETUNREACH, false }, { EACCES, true }, { EHOSTUNREACH, false },
	{ EHOSTUNREACH, false }, { ECONNREFUSED, true }, { EACCES, true }, { EACCES, true },
};

static struct meaning meaning4(uint8_t type, uint8_t code)
{
	if (type == UNREACHABLE && code < sizeof(codes4) / sizeof(*codes4))
		return codes4[code];
	if (type == EXCEEDED)
		return (struct meaning){ EHOSTUNREACH, false };
	return (struct meaning){ type == PROBLEM ? EPROTO : 0, true };
}

static struct meaning meaning6(uint8_t type, uint8_t code)
{
	if (type == UNREACHABLE6 && code < sizeof(codes6) / sizeof(*codes6))
		return codes6[code];
	if (type == EXCEEDED6)
		return (struct meaning){ EHOSTUNREACH, false };
	if (type == TOO_BIG6 || type >= INFORMATION6)
		return (struct meaning){ 0, false };
	return (struct meaning){ EPROTO, type == UNREACHABLE6 || type == PROBLEM6 };
}

/* The part of the packet that an ICMP message quotes. */
struct quote {
	ip_addr_t from, to;
	uint8_t protocol;
	uint16_t from_port, to_port;
	uint32_t seq;			/* TCP's sequence number */
};

static unsigned get(struct pbuf *p, unsigned at, unsigned bytes)
{
	unsigned n = 0;

	while (bytes--)
		n = n << 8 | pbuf_get_at(p, at++);	/* 0 for missing bytes */
	return n;
}

static void read_ports(struct pbuf *p, unsigned at, struct quote *q)
{
	q->from_port = get(p, at, 2);
	q->to_port = get(p, at + 2, 2);
	q->seq = get(p, at + 4, 4);
}

static bool read4(struct pbuf *p, unsigned at, struct quote *q)
{
	unsigned header = (get(p, at, 1) & 15) * 4;

	if (get(p, at, 1) >> 4 != 4 || header < 20 || p->tot_len < at + header + QUOTED ||
	    get(p, at + 6, 2) & 0x1fff)		/* not the first fragment */
		return false;
	q->protocol = get(p, at + 9, 1);
	ip_addr_set_zero_ip4(&q->from);
	ip_addr_set_zero_ip4(&q->to);
	ip4_addr_set_u32(ip_2_ip4(&q->from), lwip_htonl(get(p, at + 12, 4)));
	ip4_addr_set_u32(ip_2_ip4(&q->to), lwip_htonl(get(p, at + 16, 4)));
	read_ports(p, at + header, q);
	return true;
}

static void read_address(struct pbuf *p, unsigned at, ip_addr_t *to)
{
	ip_addr_set_zero_ip6(to);
	pbuf_copy_partial(p, ip_2_ip6(to)->addr, 16, at);
	ip6_addr_assign_zone(ip_2_ip6(to), IP6_UNKNOWN, ip_current_input_netif());
}

/* The guest sends extension headers only in fragments, which are of datagrams. */
static bool read6(struct pbuf *p, unsigned at, struct quote *q)
{
	unsigned header = 40;

	if (p->tot_len < at + header + QUOTED || get(p, at, 1) >> 4 != 6)
		return false;
	q->protocol = get(p, at + 6, 1);
	if (q->protocol == IP6_NEXTH_FRAGMENT) {
		if (p->tot_len < at + header + 8 + QUOTED || get(p, at + header + 2, 2) & 0xfff8)
			return false;
		q->protocol = get(p, at + header, 1);
		header += 8;
	}
	read_address(p, at + 8, &q->from);
	read_address(p, at + 24, &q->to);
	read_ports(p, at + header, q);
	return true;
}

/*
 * Finds the connection of a segment that is not acknowledged yet, as Linux's
 * tcp_v6_err().
 */
static struct tcp_pcb *lookup_tcp(const struct quote *q)
{
	for (struct tcp_pcb *pcb = tcp_active_pcbs; pcb; pcb = pcb->next)
		if (pcb->local_port == q->from_port && pcb->remote_port == q->to_port &&
		    ip_addr_eq(&pcb->local_ip, &q->from) &&
		    ip_addr_eq(&pcb->remote_ip, &q->to))
			return q->seq - pcb->lastack < pcb->snd_nxt - pcb->lastack ? pcb : NULL;
	return NULL;
}

/* The local address of an unbound socket's pcb is empty. */
static struct udp_pcb *lookup_udp(const struct quote *q, bool connected)
{
	for (struct udp_pcb *pcb = udp_pcbs; pcb; pcb = pcb->next) {
		bool to = pcb->flags & UDP_FLAGS_CONNECTED;

		if (pcb->local_port == q->from_port && (to || !connected) &&
		    (!to || (pcb->remote_port == q->to_port &&
			     ip_addr_eq(&pcb->remote_ip, &q->to))) &&
		    (ip_addr_isany(&pcb->local_ip) || ip_addr_eq(&pcb->local_ip, &q->from)))
			return pcb;
	}
	return NULL;
}

static void report_tcp(const struct quote *q, struct meaning m)
{
	struct tcp_pcb *pcb = icmp_tcp_error ? lookup_tcp(q) : NULL;

	if (pcb)
		icmp_tcp_error(pcb, m.error, m.hard);
}

static void report_udp(const struct quote *q, struct meaning m)
{
	struct udp_pcb *pcb = icmp_udp_error ? lookup_udp(q, true) : NULL;

	if (pcb)
		icmp_udp_error(pcb, m.error, m.hard);
}

static void report(const struct quote *q, struct meaning m)
{
	if (q->protocol == IP_PROTO_TCP)
		report_tcp(q, m);
	else if (q->protocol == IP_PROTO_UDP)
		report_udp(q, m);
}

/*
 * RFC 8201, 4: a message cannot set a path MTU below the minimum, nor increase it. lwIP
 * does not check what a message quotes. Quoted echo replies are ignored: anyone can cause
 * and quote them.
 */
static bool narrows(struct pbuf *p, unsigned at)
{
	uint32_t mtu = get(p, at + 4, 4);
	struct quote q;

	if (mtu < LEAST_MTU || !read6(p, at + ICMP_HEADER, &q) ||
	    mtu >= nd6_get_destination_mtu(ip_2_ip6(&q.to), ip_current_input_netif()))
		return false;
	return q.protocol == IP_PROTO_TCP ? lookup_tcp(&q) != NULL :
	       q.protocol == IP_PROTO_UDP && lookup_udp(&q, false);
}

static bool sums(uint16_t flag)
{
	return ip_current_input_netif()->chksum_flags & flag;
}

static bool good_sum4(struct pbuf *p)
{
	return !sums(NETIF_CHECKSUM_CHECK_ICMP) || inet_chksum_pbuf(p) == 0;
}

static bool good_sum6(struct pbuf *p)
{
	return !sums(NETIF_CHECKSUM_CHECK_ICMP6) ||
	       ip6_chksum_pseudo(p, IP6_NEXTH_ICMP6, p->tot_len, ip6_current_src_addr(),
				 ip6_current_dest_addr()) == 0;
}

static const struct version {
	struct meaning (*meaning)(uint8_t type, uint8_t code);
	bool (*read)(struct pbuf *p, unsigned at, struct quote *q);
	bool (*good_sum)(struct pbuf *p);
} version4 = { meaning4, read4, good_sum4 }, version6 = { meaning6, read6, good_sum6 };

/*
 * lwIP's callback for all ICMP messages; lwIP processes them afterwards, unless this
 * returns 1.
 */
static u8_t arrived(void *arg, struct raw_pcb *pcb, struct pbuf *p, const ip_addr_t *from)
{
	unsigned header = ip_current_header_tot_len();
	const struct version *version = arg;
	struct meaning m;
	struct quote q;
	bool good;

	(void)pcb, (void)from;
	if (p->tot_len < header + ICMP_HEADER)
		return 0;
	if (version == &version6 && get(p, header, 1) == TOO_BIG6 && !narrows(p, header)) {
		pbuf_free(p);
		return 1;		/* consumed: lwIP does not process it */
	}
	m = version->meaning(get(p, header, 1), get(p, header + 1, 1));
	if (!m.error || !version->read(p, header + ICMP_HEADER, &q) ||
	    pbuf_remove_header(p, header))
		return 0;
	good = version->good_sum(p);
	pbuf_add_header_force(p, header);
	if (good)
		report(&q, m);
	return 0;
}

int icmp_init(void)
{
	struct raw_pcb *p4 = raw_new_ip_type(IPADDR_TYPE_V4, IP_PROTO_ICMP);
	struct raw_pcb *p6 = raw_new_ip_type(IPADDR_TYPE_V6, IP6_NEXTH_ICMP6);

	if (!p4 || !p6)
		return -ENOMEM;
	raw_recv(p4, arrived, (void *)&version4);
	raw_recv(p6, arrived, (void *)&version6);
	return 0;
}

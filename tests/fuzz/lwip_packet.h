/* SPDX-License-Identifier: ISC */
/*
 * For lwip_fuzz.c: addresses, and packets built from parts that the input chooses, with the right
 * checksums and lengths unless the input changes them.
 */
#ifndef TESTS_FUZZ_LWIP_PACKET_H
#define TESTS_FUZZ_LWIP_PACKET_H

#include "tests/fuzz/net_direct.h"

#include "net/icmp.h"
#include "net/tcp_filter.h"
#include "net/tcp_orphan.h"

#include <lwip/etharp.h>
#include <lwip/igmp.h>
#include <lwip/mld6.h>
#include <lwip/nd6.h>
#include <lwip/priv/nd6_priv.h>
#include <lwip/raw.h>
#include <xen/io/netif.h>

#define PORT 80
#define PEER_PORT 40000
#define L4_MOST 65535
#define HEADROOM 1024
#define SOCKETS 8
#define UNREAD 32

enum { ICMP = 1, IGMP = 2, TCP = 6, UDP = 17, ROUTING = 43, FRAGMENT = 44, ICMP6 = 58,
       DESTINATION = 60 };

static inline uint16_t word(void)
{
	uint16_t high = byte();

	return high << 8 | byte();
}

/* ---- the last packets of the guest */

static struct {
	uint8_t dhcp[700];
	size_t dhcp_len;
} seen;

static inline void wire(uint8_t *p, size_t len, const struct offload *o)
{
	(void)o;
	if (len > 42 + 240 && len <= sizeof(seen.dhcp) && get(p + 12, 2) == 0x0800 &&
	    p[23] == UDP && get(p + 36, 2) == 67) {
		memcpy(seen.dhcp, p, len);
		seen.dhcp_len = len;
	}
}

/* ---- addresses */

struct flow {
	unsigned version;
	uint8_t from[16], to[16];
};

static inline size_t size_of(const struct flow *f)
{
	return f->version == 4 ? 4 : 16;
}

static inline void ours4(uint8_t *to)
{
	uint32_t a = ip4_addr_get_u32(netif_ip4_addr(&vifs->netif));

	memcpy(to, &a, 4);
	if (!a)
		put(to, 0x0a000002, 4);
}

static inline void ours6(uint8_t *to, unsigned i)
{
	memcpy(to, netif_ip6_addr(&vifs->netif, i % LWIP_IPV6_NUM_ADDRESSES)->addr, 16);
	if (!get(to, 4))
		memcpy(to, netif_ip6_addr(&vifs->netif, 0)->addr, 16);
}

static inline void any4(uint8_t *to, uint8_t which)
{
	static const uint32_t table[] = {
		0x0a000001, 0x0a000001, 0x0a000003, 0x0a000004, 0xc0000201, 0xffffffff, 0x0a0000ff,
		0xe0000001, 0xe00000fb, 0xef010203, 0x7f000001, 0, 0xa9fe0101, 0x0a000000,
	};

	if (which % 16 < HOST_COUNT(table))
		put(to, table[which % 16], 4);
	else
		ours4(to);
}

static inline void any6(uint8_t *to, uint8_t which)
{
	static const uint8_t table[][16] = {
		{ 0xfe, 0x80, [15] = 2 }, { 0xfe, 0x80, [15] = 2 }, { 0xfe, 0x80, [15] = 3 },
		{ 0x20, 1, 13, 0xb8, [15] = 9 }, { 0x20, 1, 13, 0xb8, 5, [15] = 1 },
		{ 0xff, 2, [15] = 1 }, { 0xff, 2, [15] = 2 }, { 0xff, 2, [15] = 0xfb },
		{ 0xff, 5, [15] = 3 }, { 0 }, { [15] = 1 }, { [10] = 0xff, 0xff, 10, 0, 0, 1 },
		{ 0xff, 2, [11] = 1, 0xff, 0, 0, 1 },
	};

	if (which % 16 < HOST_COUNT(table))
		memcpy(to, table[which % 16], 16);
	else
		ours6(to, which / 16);
}

static inline void any(const struct flow *f, uint8_t *to, uint8_t which)
{
	if (f->version == 4)
		any4(to, which);
	else
		any6(to, which);
}

/* From a neighbour to the guest, unless the input changes the addresses. */
static inline struct flow flow(unsigned version)
{
	struct flow f = { .version = version };
	uint8_t how = byte();

	any(&f, f.from, how & 1 ? byte() : how >> 4 & 3);
	if (how & 2)
		any(&f, f.to, byte());
	else if (version == 4)
		ours4(f.to);
	else
		ours6(f.to, how >> 6);
	return f;
}

/* ---- a packet, which grows towards its beginning */

static uint8_t space[HEADROOM + L4_MOST + 1];
static uint8_t *at;
static size_t len;

static inline void packet_begin(size_t n)
{
	at = space + HEADROOM;
	len = n;
	memset(at, 0, n);
}

static inline uint8_t *prepend(size_t n)
{
	assert(at - space >= (ptrdiff_t)n);
	at -= n;
	len += n;
	return memset(at, 0, n);
}

enum how {
	BAD_SUM = 1, HEADERS = 2, PIECES = 4, EARLY = 8, LATE = 16, CUT = 32, PAD = 64, MERGED = 128,
};

static inline void change(size_t from)
{
	for (unsigned n = 1 + byte() % 3; n; n--) {
		size_t where = from + byte();

		if (where < len)
			at[where] = byte();
	}
}

static inline void ethernet(const struct flow *f, uint8_t how)
{
	static const uint16_t pages[] = { 4096, 1500, 200, 60 };
	struct offload o = { .csum_valid = true };
	uint8_t b = byte(), *e = prepend(14);
	size_t page = b & 32 ? 14 + byte() : pages[b >> 6];

	memcpy(e, our_mac, 6);
	memcpy(e + 6, peer_mac, 6);
	e[11] += b & 3;
	put(e + 12, f->version == 4 ? 0x0800 : 0x86dd, 2);
	if (f->version == 4 && f->to[0] >> 4 == 0xe) {
		put(e, 0x01005e, 3);
		memcpy(e + 3, f->to + 1, 3);
		e[3] &= 0x7f;
	} else if (f->version == 6 && f->to[0] == 0xff) {
		put(e, 0x3333, 2);
		memcpy(e + 2, f->to + 12, 4);
	} else if (f->version == 4 && (f->to[3] == 255 || b & 16)) {
		memset(e, 0xff, 6);
	}
	if (how & LATE)
		change(14);
	if (how & CUT)
		len = len - word() % len;
	if (how & PAD)
		for (unsigned n = byte() % 64; n && at + len < space + sizeof(space); n--)
			at[len++] = 0;
	len = len < 14 ? 14 : len < FRAME_MAX ? len : FRAME_MAX;
	if (b & 4)
		o.csum_valid = false;
	if (how & MERGED) {
		o.gso_type = f->version == 4 ? XEN_NETIF_GSO_TYPE_TCPV4 : XEN_NETIF_GSO_TYPE_TCPV6;
		o.gso_size = 1 + word();
	}
	vif_deliver(at, len, &o, page);
	if (b & 8)
		settle();
}

/* The fragment fields of an IP header: offset in bytes, more fragments, id. */
struct piece_of {
	size_t offset;
	bool more;
	uint32_t id;
};

static inline void ip4(const struct flow *f, uint8_t proto, uint8_t how, const struct piece_of *of)
{
	size_t options = how & HEADERS ? byte() % 11 * 4 : 0, data = len;
	uint8_t *h = prepend(20 + options);

	h[0] = 0x40 | (5 + options / 4);
	put(h + 2, 20 + options + data < 65536 ? 20 + options + data : 65535, 2);
	h[8] = proto == IGMP ? 1 : 64;
	h[9] = proto;
	memcpy(h + 12, f->from, 4);
	memcpy(h + 16, f->to, 4);
	for (size_t i = 0; i < options; i++)
		h[20 + i] = i < 4 && proto == IGMP ? (i == 0 ? 0x94 : i == 1 ? 4 : 0) : byte();
	if (of) {
		put(h + 4, of->id, 2);
		put(h + 6, of->offset / 8 | of->more << 13, 2);
	}
	put(h + 10, ~plain(h, 20 + options, 0), 2);
	ethernet(f, how);
}

static inline uint8_t extension(uint8_t next)
{
	static const uint8_t kinds[] = { DESTINATION, 0, ROUTING, DESTINATION, FRAGMENT };
	uint8_t b = byte(), kind = kinds[b % 5];
	size_t size = kind == FRAGMENT ? 8 : 8 + b / 5 % 3 * 8;
	uint8_t *h = prepend(size);

	h[0] = next;
	h[1] = kind == FRAGMENT ? 0 : size / 8 - 1;
	if (kind == FRAGMENT) {
		h[7] = b >> 6;
	} else if (kind == ROUTING) {
		h[2] = byte() % 5;
		h[3] = byte() % 3;
	} else if (b & 128) {
		for (size_t i = 2; i < size; i++)
			h[i] = byte();
	} else {
		h[2] = 1;				/* PadN */
		h[3] = size - 4;
	}
	return kind;
}

static inline void ip6(const struct flow *f, uint8_t next, uint8_t how, const struct piece_of *of)
{
	uint8_t *h;

	if (of) {
		h = prepend(8);
		h[0] = next;
		put(h + 2, of->offset | of->more, 2);
		put(h + 4, of->id, 4);
		next = FRAGMENT;
	}
	if (how & HEADERS)
		for (unsigned n = 1 + byte() % 3; n; n--)
			next = extension(next);
	h = prepend(40);
	h[0] = 0x60;
	put(h + 4, len - 40 < 65536 ? len - 40 : 65535, 2);
	h[6] = next;
	h[7] = 255;
	memcpy(h + 8, f->from, 16);
	memcpy(h + 24, f->to, 16);
	ethernet(f, how);
}

static inline void ip(const struct flow *f, uint8_t proto, uint8_t how, const struct piece_of *of)
{
	if (f->version == 4)
		ip4(f, proto, how, of);
	else
		ip6(f, proto, how, of);
}

/*
 * Sends the message as fragments of one datagram.  The input decides their order, and
 * which are sent twice.
 */
static inline void fragments(const struct flow *f, uint8_t proto, uint8_t how)
{
	static uint8_t whole[L4_MOST + 1];
	size_t total = len, unit = 8 * (1 + byte() % (total > 4000 ? 180 : 16));
	size_t n = (total + unit - 1) / unit;
	uint8_t order = byte(), id = byte() % 4;

	memcpy(whole, at, total);
	n = n < 64 ? n ? n : 1 : 64;
	for (size_t i = 0; i < n; i++) {
		size_t k = order & 1 ? n - 1 - i : i, from, size;
		struct piece_of of = { .id = id };

		if (order & 2)
			k = (k + byte()) % n;
		from = k * unit;
		if (order & 4 && from >= 8u * (order >> 6))
			from -= 8 * (order >> 6);
		size = total - from < unit ? total - from : unit;
		of.offset = from;
		of.more = from + size < total;
		if (order & 8 && !(byte() & 7))
			of.more = !of.more;
		if (order & 16 && !(byte() & 7))
			of.offset = (of.offset + 8 * word()) & 0xfff8;
		if (of.offset > 65528)
			of.offset = 65528;
		packet_begin(size);
		memcpy(at, whole + from, size);
		ip(f, proto, how & ~(order & 32 ? 0 : HEADERS), &of);
	}
}

/* Sends the message in the packet. */
static inline void emit(const struct flow *f, uint8_t proto, uint8_t how)
{
	static const struct { uint8_t proto, sum; } sums[] = {
		{ ICMP, 2 }, { IGMP, 2 }, { TCP, 16 }, { UDP, 6 }, { ICMP6, 2 },
	};
	uint32_t s = 0;

	if (how & EARLY)
		change(0);
	for (unsigned i = 0; i < HOST_COUNT(sums); i++) {
		if (sums[i].proto != proto || len < sums[i].sum + 2u)
			continue;
		if (proto != ICMP && proto != IGMP)
			s = plain(f->to, size_of(f), plain(f->from, size_of(f), proto + len));
		put(at + sums[i].sum, 0, 2);
		put(at + sums[i].sum, ~plain(at, len, s), 2);
		if (how & BAD_SUM)
			at[sums[i].sum] ^= byte();
	}
	if (how & PIECES)
		fragments(f, proto, how);
	else
		ip(f, proto, how, NULL);
}

/* Most packets are as they should be. */
static inline uint8_t how(void)
{
	uint8_t b = byte();

	return b < 128 ? 0 : b < 192 ? 1u << (b & 7) : byte();
}

#endif

/* SPDX-License-Identifier: ISC */
/* For lwip_fuzz.c: TCP segments of connections that exist, and ICMP errors that quote them. */
#ifndef TESTS_FUZZ_LWIP_SEGMENTS_H
#define TESTS_FUZZ_LWIP_SEGMENTS_H

#include "tests/fuzz/lwip_sockets.h"

/* ---- TCP segments */

static inline struct tcp_pcb *any_pcb(uint8_t which)
{
	struct tcp_pcb *lists[] = { tcp_active_pcbs, tcp_tw_pcbs };
	unsigned n = 0;

	for (unsigned i = 0; i < 2; i++)
		for (struct tcp_pcb *p = lists[i]; p; p = p->next)
			n++;
	if (!n || which == 255)
		return NULL;
	which %= n;
	for (unsigned i = 0; i < 2; i++)
		for (struct tcp_pcb *p = lists[i]; p; p = p->next)
			if (!which--)
				return p;
	return NULL;
}

/* The flow from a connection's peer to the guest. */
static inline struct flow flow_of(const struct tcp_pcb *p)
{
	struct flow f = { .version = IP_IS_V6(&p->remote_ip) ? 6 : 4 };

	memcpy(f.from, f.version == 4 ? (const void *)ip_2_ip4(&p->remote_ip) :
	       ip_2_ip6(&p->remote_ip)->addr, size_of(&f));
	memcpy(f.to, f.version == 4 ? (const void *)ip_2_ip4(&p->local_ip) :
	       ip_2_ip6(&p->local_ip)->addr, size_of(&f));
	return f;
}

/* Near one of those. */
static inline uint32_t close_to(const uint32_t *of, unsigned n)
{
	uint8_t b = byte();
	int by;

	if (b < 128)
		return of[0];
	by = (int8_t)byte();
	return of[b % n] + (b & 64 ? by * 50 : by);
}

static inline size_t put_options(uint8_t *to, bool syn)
{
	static const uint8_t sizes[] = { 1, 1, 4, 3, 2, 10, 18, 0, 10 };
	uint8_t which = byte();
	size_t n = 0;

	for (unsigned kind = 2; kind < 9; kind++) {
		if (!(which >> (kind - 2) & 1) || !sizes[kind] || n + sizes[kind] > 40)
			continue;
		to[n] = kind;
		to[n + 1] = which & 128 ? byte() : sizes[kind];
		for (unsigned i = 2; i < sizes[kind]; i++)
			to[n + i] = kind == 2 && syn && !(which & 128) ? (i == 2 ? 5 : 0xb4) : byte();
		n += sizes[kind];
	}
	while (n % 4)
		to[n++] = 1;
	return n;
}

static inline void one_segment(void)
{
	static const uint8_t usual[] = { 0x10, 0x10, 0x18, 0x10, 0x11, 0x12, 0x02, 0x14 };
	static const uint16_t windows[] = { 65535, 0, 1, 2, 10, 100, 1000, 20000 };
	const struct tcp_pcb *c = any_pcb(byte());
	uint8_t b = byte(), flags = b & 8 ? byte() : usual[b & 7], options[44] = { 0 }, *h;
	uint32_t seq[5] = { 0 }, ack[5] = { 0 };
	struct flow f;
	size_t n = 0, data = byte();

	if (c) {
		f = flow_of(c);
		numbers_of(c, seq, ack);
	} else {
		f = flow(data & 1 ? 6 : 4);
		flags = b & 8 ? flags : 2;
	}
	data = b & 16 ? data * 250 : b & 32 ? 0 : data;
	if (b & 64)
		n = put_options(options, flags & 2);
	packet_begin(20 + n + data);
	h = at;
	put(h, c ? c->remote_port : PEER_PORT + (b >> 4), 2);
	put(h + 2, c ? c->local_port : PORT + (b >> 7), 2);
	put(h + 4, close_to(seq, 5), 4);
	put(h + 8, close_to(ack, 5), 4);
	h[12] = (20 + n) / 4 << 4;
	h[13] = flags;
	put(h + 14, windows[b & 128 ? byte() % 8 : 0], 2);
	memcpy(h + 20, options, n);
	emit(&f, TCP, how());
}

/* ---- ICMP */

/* A packet of the guest, as an ICMP error quotes it: after the first 8 bytes. */
static inline size_t quote(uint8_t *to, struct flow *f, uint8_t b)
{
	const struct tcp_pcb *c = any_pcb(b);
	uint8_t *l4;

	if (c)
		*f = flow_of(c);
	l4 = to + (f->version == 4 ? 20 : 40);
	if (f->version == 4) {
		to[0] = 0x45;
		put(to + 2, 60, 2);
		to[8] = 64;
		to[9] = c ? TCP : UDP;
		memcpy(to + 12, f->to, 4);
		memcpy(to + 16, f->from, 4);
	} else {
		to[0] = 0x60;
		put(to + 4, 20, 2);
		to[6] = c ? TCP : UDP;
		memcpy(to + 8, f->to, 16);
		memcpy(to + 24, f->from, 16);
	}
	put(l4, c ? c->local_port : 5353, 2);
	put(l4 + 2, c ? c->remote_port : 53, 2);
	put(l4 + 4, c ? c->lastack + byte() % 4 : 0, 4);
	return l4 - to + 8 + (b & 15);
}

static inline void icmp4_message(void)
{
	struct flow f = flow(4);
	uint8_t b = byte();

	if (b & 1) {				/* an error */
		static const uint8_t types[] = { 3, 3, 3, 11, 12, 4, 5, 17 };

		packet_begin(8 + 60);
		len = 8 + quote(at + 8, &f, byte());
		at[0] = types[b >> 1 & 7];
		at[1] = b >> 4;
		if (b >> 4 == 4)
			put(at + 6, word(), 2);
	} else {
		packet_begin(8 + (b & 2 ? word() % 30000 : byte()));
		at[0] = b & 4 ? b >> 3 : 8;
		put(at + 4, 1, 2);
	}
	emit(&f, ICMP, how());
}

static inline size_t nd_options(uint8_t *to, uint8_t b)
{
	static const uint8_t kinds[] = { 1, 2, 3, 5, 25, 1, 2, 3, 24, 31, 14, 4 };
	size_t n = 0;

	for (unsigned i = b % 5; i; i--) {
		uint8_t k = byte(), *o = to + n;
		size_t units = 1;

		o[0] = kinds[k % HOST_COUNT(kinds)];
		memset(o + 1, 0, 63);
		switch (o[0]) {
		case 1:
		case 2:
			memcpy(o + 2, peer_mac, 6);
			o[7] += k >> 6;
			break;
		case 3:
			units = 4;
			o[2] = k & 64 ? 64 : byte();
			o[3] = 0xc0;
			put(o + 4, k & 128 ? 3600 : byte(), 4);
			put(o + 8, k & 128 ? 1800 : byte(), 4);
			any6(o + 16, k & 32 ? 4 : byte());
			memset(o + 24, 0, 8);
			break;
		case 5:
			put(o + 4, k & 128 ? 1500 : word(), 4);
			break;
		case 25:
			units = 1 + 2 * (1 + (k >> 6));
			put(o + 4, k & 32 ? byte() : 3600, 4);
			for (size_t j = 8; j < units * 8; j += 16)
				any6(o + j, byte());
			break;
		default:
			units = 1 + (k >> 6);
			for (size_t j = 2; j < units * 8; j++)
				o[j] = byte();
		}
		o[1] = k == 255 ? byte() : units;
		n += units * 8;
	}
	return n;
}

static inline void icmp6_message(void)
{
	static const uint8_t types[] = { 133, 134, 134, 135, 135, 136, 136, 137, 130, 131, 132, 143,
					 128, 128, 1, 2 };
	struct flow f = flow(6);
	uint8_t b = byte(), type = types[b % 16], h = how();
	size_t n = 0;

	packet_begin(600);
	at[0] = type;
	switch (type) {
	case 133:
		n = 8;
		break;
	case 134:
		n = 16;
		at[4] = 64;
		at[5] = b;
		put(at + 6, b & 64 ? byte() : 1800, 2);
		put(at + 8, b & 128 ? word() : 0, 4);
		put(at + 12, b & 32 ? word() : 0, 4);
		if (!(b & 16))
			any6(f.to, 5);
		break;
	case 135:
	case 136:
		n = 24;
		at[4] = type == 136 ? b & 0xe0 : 0;
		if (b & 16 ? type == 135 : type == 136)
			any6(at + 8, byte());
		else
			ours6(at + 8, b >> 6);
		break;
	case 137:
		n = 40;
		any6(at + 8, byte());
		any6(at + 24, byte());
		break;
	case 130:
	case 131:
	case 132:
		n = b & 32 ? 28 : 24;
		put(at + 4, word(), 2);
		any6(at + 8, b & 64 ? 9 : byte());
		break;
	case 143:
		n = 8 + 20;
		at[7] = 1;
		any6(at + 12, byte());
		break;
	case 128:
		n = 8 + (b & 32 ? word() % 30000 : byte());
		packet_begin(n);
		at[0] = type;
		put(at + 4, 1, 2);
		break;
	default:
		n = 8 + quote(at + 8, &f, byte());
		if (type == 2)
			put(at + 4, b & 64 ? 1280 : word(), 4);
		else
			at[1] = b >> 4 & 7;
	}
	if (type >= 133 && type <= 137)
		n += nd_options(at + n, byte());
	len = n;
	emit(&f, ICMP6, h);
}

static inline void igmp_message(void)
{
	static const uint8_t types[] = { 0x11, 0x12, 0x16, 0x17, 0x22, 0x11 };
	struct flow f = flow(4);
	uint8_t b = byte();

	packet_begin(b & 64 ? 12 : 8);
	at[0] = types[b % 6];
	at[1] = byte();
	if (b & 128)
		any4(at + 4, byte());
	if (!(b & 32))
		memcpy(f.to, b & 128 ? at + 4 : (const uint8_t *)"\340\0\0\1", 4);
	emit(&f, IGMP, how() | (b & 16 ? HEADERS : 0));
}

#endif

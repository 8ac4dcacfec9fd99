/* SPDX-License-Identifier: ISC */
#include "net/gso.h"

#include "drivers/netfront.h"
#include "net/checksum.h"

#include <string.h>

enum { ETH = 14, IP6_HEADER = 40, TCP_HEADER = 20, UDP_HEADER = 8 };
enum { PROTO_TCP = 6, PROTO_UDP = 17 };
enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16, URG = 32 };

/* Offsets of header fields: RFC 791, RFC 8200, RFC 9293, RFC 768. */
enum {
	IP4_LENGTH = 2, IP4_ID = 4, IP4_FRAGMENT = 6, IP4_TTL = 8, IP4_PROTO = 9,
	IP4_SUM = 10, IP4_ADDRESSES = 12,
	IP6_LENGTH = 4, IP6_NEXT = 6, IP6_ADDRESSES = 8,
	TCP_SEQ = 4, TCP_ACK = 8, TCP_OFFSET = 12, TCP_FLAGS = 13, TCP_SUM = 16,
	UDP_SUM = 6,
};

static unsigned get16(const uint8_t *at)
{
	return at[0] << 8 | at[1];
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)get16(at) << 16 | get16(at + 2);
}

static void put16(uint8_t *at, unsigned v)
{
	at[0] = v >> 8;
	at[1] = v;
}

void gso_parse(struct gso *g, const uint8_t *frame, size_t headers, size_t total)
{
	const uint8_t *ip = frame + ETH;
	size_t l3, length;
	unsigned proto;

	*g = (struct gso){ .l3 = ETH };
	if (headers >= ETH + 20 && get16(frame + 12) == 0x0800 && ip[0] >> 4 == 4) {
		l3 = (ip[0] & 15) * 4;
		length = get16(ip + IP4_LENGTH);
		g->fragment = get16(ip + IP4_FRAGMENT) & 0x3fff;
		proto = ip[IP4_PROTO];
	} else if (headers >= ETH + IP6_HEADER && get16(frame + 12) == 0x86dd &&
		   ip[0] >> 4 == 6) {
		l3 = IP6_HEADER;
		length = l3 + get16(ip + IP6_LENGTH);
		proto = ip[IP6_NEXT];
		g->fragment = proto == 44;
	} else {
		return;
	}
	if (l3 < 20 || g->fragment || total != ETH + length)
		return;
	g->l4 = ETH + l3;
	if (proto == PROTO_TCP && headers >= (size_t)g->l4 + TCP_HEADER) {
		g->headers = g->l4 + (frame[g->l4 + TCP_OFFSET] >> 4) * 4;
		g->tcp = true;
		if (g->headers < g->l4 + TCP_HEADER)
			return;
	} else if (proto == PROTO_UDP && headers >= (size_t)g->l4 + UDP_HEADER) {
		g->headers = g->l4 + UDP_HEADER;
	} else {
		return;
	}
	if (g->headers > headers || g->headers > total)
		return;
	g->payload = total - g->headers;
	g->version = ip[0] >> 4;
}

void gso_begin(struct gso_join *j, const struct gso *g, const uint8_t *frame)
{
	*j = (struct gso_join){ .first = *g, .frame = frame, .payload = g->payload, .count = 1 };
	if (g->version && g->tcp)
		j->flags = frame[g->l4 + TCP_FLAGS];
	j->closed = !g->version || !g->tcp || g->payload < GSO_SMALLEST ||
		    (j->flags & ~PSH) != ACK;
}

/* Whether two headers are equal outside of [from, to). */
static bool same_but(const uint8_t *a, const uint8_t *b, size_t len, size_t from, size_t to)
{
	return !memcmp(a, b, from) && !memcmp(a + to, b + to, len - to);
}

bool gso_add(struct gso_join *j, const struct gso *g, const uint8_t *frame)
{
	const struct gso *f = &j->first;
	const uint8_t *ip = frame + g->l3, *ip0 = j->frame + f->l3;
	const uint8_t *tcp = frame + g->l4, *tcp0 = j->frame + f->l4;
	uint8_t flags;

	if (j->closed || g->version != f->version || !g->tcp || g->l4 != f->l4 ||
	    g->headers != f->headers || !g->payload || g->payload > f->payload ||
	    f->headers + j->payload + g->payload > FRAME_MAX)
		return false;
	if (memcmp(frame, j->frame, ETH))
		return false;
	if (g->version == 4) {
		size_t len = g->l4 - g->l3;

		if (ip[0] != ip0[0] || ip[1] != ip0[1] ||
		    memcmp(ip + IP4_FRAGMENT, ip0 + IP4_FRAGMENT, IP4_SUM - IP4_FRAGMENT) ||
		    memcmp(ip + IP4_ADDRESSES, ip0 + IP4_ADDRESSES, len - IP4_ADDRESSES))
			return false;
	} else if (!same_but(ip, ip0, IP6_HEADER, IP6_LENGTH, IP6_LENGTH + 2)) {
		return false;
	}
	flags = tcp[TCP_FLAGS];
	if ((flags & ~(PSH | FIN)) != ACK ||
	    get32(tcp + TCP_SEQ) != (uint32_t)(get32(tcp0 + TCP_SEQ) + j->payload) ||
	    memcmp(tcp, tcp0, TCP_SEQ) || memcmp(tcp + TCP_ACK, tcp0 + TCP_ACK, 5) ||
	    !same_but(tcp + 14, tcp0 + 14, g->headers - g->l4 - 14, 2, 4))
		return false;
	j->payload += g->payload;
	j->count++;
	j->flags |= flags;
	j->closed = g->payload < f->payload || flags & FIN;
	return true;
}

void gso_headers(const struct gso_join *j, uint8_t *to)
{
	const struct gso *f = &j->first;
	uint8_t *ip = to + f->l3;
	size_t length = f->headers - f->l3 + j->payload;

	memcpy(to, j->frame, f->headers);
	to[f->l4 + TCP_FLAGS] = j->flags;
	if (f->version == 6) {
		put16(ip + IP6_LENGTH, length - IP6_HEADER);
		return;
	}
	put16(ip + IP4_LENGTH, length);
	put16(ip + IP4_SUM, 0);
	put16(ip + IP4_SUM, ~checksum_fold(checksum_add(ip, f->l4 - f->l3, 0)));
}

void gso_blank_checksum(const struct gso *g, uint8_t *frame, size_t payload)
{
	const uint8_t *ip = frame + g->l3;
	size_t length = g->headers - g->l4 + payload;
	uint64_t s = (uint64_t)length + (g->tcp ? PROTO_TCP : PROTO_UDP);

	s = g->version == 4 ? checksum_add(ip + IP4_ADDRESSES, 8, s) : checksum_add(ip + IP6_ADDRESSES, 32, s);
	put16(frame + g->l4 + (g->tcp ? TCP_SUM : UDP_SUM), checksum_fold(s));
}

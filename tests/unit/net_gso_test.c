/* SPDX-License-Identifier: ISC */
/* net/gso.c and net/checksum.c: joined frames, cut again by an independent implementation. */
#include "drivers/netfront.h"
#include "net/checksum.h"
#include "net/gso.h"
#include "tests/host/host.h"
#include "tests/unit/net_bytes.h"

#include <assert.h>
#include <string.h>

#define MSS 1448

static uint8_t packets[64][2048];
static size_t lengths[64];
static unsigned npackets;

struct shape {
	unsigned version, options;	/* bytes of TCP options */
	uint32_t seq, ack;
	uint8_t flags;
	uint16_t id;
};

static unsigned l4(unsigned version)
{
	return version == 4 ? 34 : 54;
}

static size_t headers(const struct shape *s)
{
	return l4(s->version) + 20 + s->options;
}

/* The bytes of a stream at seq. */
static void payload(uint8_t *to, uint32_t seq, size_t len)
{
	while (len--) {
		*to++ = seq * 2654435761u >> 24;
		seq++;
	}
}

static uint16_t pseudo(const uint8_t *p, unsigned version, size_t length)
{
	uint32_t s = version == 4 ? plain(p + 26, 8, 6 + length) : plain(p + 22, 32, 6 + length);

	return plain(p, 0, s);
}

static void build(uint8_t *p, const struct shape *s, size_t len)
{
	unsigned t = l4(s->version);

	memset(p, 0, headers(s));
	memcpy(p, "\x00\x16\x3e\x00\x00\x01\x00\x16\x3e\x00\x00\x02", 12);
	if (s->version == 4) {
		put(p + 12, 0x0800, 2);
		p[14] = 0x45;
		put(p + 16, 20 + 20 + s->options + len, 2);
		put(p + 18, s->id, 2);
		p[22] = 255;
		p[23] = 6;
		memcpy(p + 26, "\x0a\x00\x00\x02\x0a\x00\x00\x01", 8);
		put(p + 24, ~plain(p + 14, 20, 0), 2);
	} else {
		put(p + 12, 0x86dd, 2);
		p[14] = 0x60;
		put(p + 18, 20 + s->options + len, 2);
		p[20] = 6;
		p[21] = 255;
		memset(p + 22, 0xfd, 32);
	}
	put(p + t, 1234, 2);
	put(p + t + 2, 80, 2);
	put(p + t + 4, s->seq, 4);
	put(p + t + 8, s->ack, 4);
	p[t + 12] = (20 + s->options) / 4 << 4;
	p[t + 13] = s->flags;
	put(p + t + 14, 5000, 2);
	for (unsigned i = 0; i < s->options; i++)
		p[t + 20 + i] = i + 1;
	payload(p + headers(s), s->seq, len);
}

static void packet(const struct shape *s, size_t len)
{
	build(packets[npackets], s, len);
	lengths[npackets++] = headers(s) + len;
}

/* Joins as many as go: how many. */
static unsigned join(struct gso_join *j)
{
	struct gso g;
	unsigned n = 1;

	gso_parse(&g, packets[0], lengths[0], lengths[0]);
	gso_begin(j, &g, packets[0]);
	for (; n < npackets; n++) {
		gso_parse(&g, packets[n], lengths[n], lengths[n]);
		if (!gso_add(j, &g, packets[n]))
			break;
	}
	return n;
}

/* A joined frame has correct headers; cut again, it gives the payloads of all frames. */
static void check(const struct gso_join *j, const struct shape *first, unsigned n)
{
	uint8_t h[GSO_HEADERS_MAX];
	unsigned t = l4(first->version);
	size_t total = 0;

	for (unsigned i = 0; i < n; i++)
		total += lengths[i] - headers(first);
	assert(j->payload == total && j->count == n);
	gso_headers(j, h);
	gso_blank_checksum(&j->first, h, j->payload);
	assert(headers(first) + total <= FRAME_MAX);
	if (first->version == 4) {
		assert(get(h + 16, 2) == headers(first) - 14 + total);
		assert(plain(h + 14, 20, 0) == 0xffff);
	} else {
		assert(get(h + 18, 2) == headers(first) - 54 + total);
	}
	assert(get(h + t + 4, 4) == first->seq);
	assert(get(h + t + 16, 2) == pseudo(h, first->version, 20 + first->options + total));
	for (unsigned i = 0; i < n; i++)
		assert(get(packets[i] + t + 4, 4) - first->seq == i * (uint32_t)j->first.payload);
}

static void consecutive_segments_are_one_frame(void)
{
	for (unsigned version = 4; version <= 6; version += 2) {
		struct shape s = { version, 12, 0xfffff000, 77, 0x10, 9 }, first = s;
		struct gso_join j;

		npackets = 0;
		for (int i = 0; i < 45; i++, s.seq += MSS, s.id++)
			packet(&s, MSS);
		assert(join(&j) == 45);
		check(&j, &first, 45);
		assert(j.flags == 0x10);
	}
}

static void no_frame_is_larger_than_a_frame_may_be(void)
{
	struct shape s = { 4, 12, 1, 77, 0x10, 9 }, first = s;
	struct gso_join j;
	unsigned n;

	npackets = 0;
	for (int i = 0; i < 60; i++, s.seq += MSS)
		packet(&s, MSS);
	n = join(&j);
	assert(n == 45);
	check(&j, &first, n);
}

static void the_last_may_be_shorter_and_ends_it(void)
{
	struct shape s = { 4, 0, 1, 77, 0x10, 9 }, first = s;
	struct gso_join j;

	npackets = 0;
	packet(&s, 1000);
	s.seq += 1000;
	s.flags = 0x18;
	packet(&s, 10);
	s.seq += 10;
	packet(&s, 1000);
	assert(join(&j) == 2);
	check(&j, &first, 2);
	assert(j.flags == 0x18);

	npackets = 0;
	s = first;
	packet(&s, 1000);
	s.seq += 1000;
	packet(&s, 1001);
	assert(join(&j) == 1);
}

static void a_fin_comes_last(void)
{
	struct shape s = { 4, 0, 1, 77, 0x10, 9 }, first = s;
	struct gso_join j;

	npackets = 0;
	packet(&s, 1000);
	s.seq += 1000;
	s.flags = 0x19;
	packet(&s, 1000);
	s.seq += 1001;
	s.flags = 0x10;
	packet(&s, 1000);
	assert(join(&j) == 2);
	check(&j, &first, 2);
	assert(j.flags == 0x19);
}

/* Each byte of the second's headers that matters, changed, keeps it apart. */
static void what_differs_stays_apart(void)
{
	for (unsigned version = 4; version <= 6; version += 2) {
		struct shape s = { version, 12, 1, 77, 0x10, 9 };
		size_t h = headers(&s);
		unsigned joined = 0;
		struct gso_join j;

		for (size_t i = 0; i < h; i++) {
			bool same = false;

			npackets = 0;
			s.seq = 1;
			packet(&s, 1000);
			s.seq += 1000;
			packet(&s, 1000);
			packets[1][i] ^= 0x04;
			if (version == 4)	/* its id and its sum, and TCP's sum */
				same = (i >= 18 && i < 20) || (i >= 24 && i < 26) ||
				       i == 50 || i == 51;
			else
				same = i == 70 || i == 71;
			assert((join(&j) == 2) == same);
			joined += same;
		}
		assert(joined == (version == 4 ? 6 : 2));
	}
}

static void what_is_no_plain_data_is_never_joined(void)
{
	static const uint8_t flags[] = { 0x02, 0x12, 0x14, 0x11, 0x30, 0x00, 0x90 };
	struct gso_join j;

	for (unsigned i = 0; i < HOST_COUNT(flags); i++) {
		struct shape s = { 4, 0, 1, 77, flags[i], 9 };

		npackets = 0;
		packet(&s, 1000);
		s.seq += 1000;
		packet(&s, 1000);
		assert(join(&j) == 1);
	}
	struct shape tiny = { 4, 0, 1, 77, 0x10, 9 };

	npackets = 0;
	packet(&tiny, 40);
	tiny.seq += 40;
	packet(&tiny, 40);
	assert(join(&j) == 1);
}

static void parsing_survives_any_bytes(void)
{
	uint8_t *bytes = packets[0];

	for (int round = 0; round < 2000; round++) {
		struct shape s = { host_chance(2) ? 4 : 6, host_below(11) * 4, 1, 2, 0x10, 3 };
		size_t len = host_below(300), n;
		struct gso g;

		build(bytes, &s, 100);
		n = headers(&s) + 100;
		for (unsigned i = host_below(6); i; i--)
			bytes[12 + host_below(60)] = host_random();
		len = host_chance(2) ? n : len;
		gso_parse(&g, bytes, len < n ? len : n, len);
		if (g.version) {
			assert(g.l4 >= 34 && g.l4 < g.headers && g.headers <= len);
			assert(g.headers <= GSO_HEADERS_MAX);
			assert((size_t)g.headers + g.payload == len);
		}
	}
}

static void sums_agree(void)
{
	uint8_t *bytes = packets[0];

	for (int round = 0; round < 500; round++) {
		size_t len = host_below(1500), from = host_below(9), cut;

		for (size_t i = 0; i < len; i++)
			bytes[from + i] = host_chance(3) ? 0xff : host_random();
		assert(checksum_fold(checksum_add(bytes + from, len, 0)) == plain(bytes + from, len, 0));
		cut = host_below(len + 1) & ~1u;
		assert(checksum_fold(checksum_add(bytes + from + cut, len - cut, checksum_add(bytes + from, cut, 0))) ==
		       plain(bytes + from, len, 0));
	}
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "45 consecutive segments are one frame, across the end of 2^32",
		  consecutive_segments_are_one_frame, 1 },
		{ "no frame exceeds the maximum of a backend",
		  no_frame_is_larger_than_a_frame_may_be, 1 },
		{ "the last segment may be shorter, and ends the frame",
		  the_last_may_be_shorter_and_ends_it, 1 },
		{ "a FIN ends a frame", a_fin_comes_last, 1 },
		{ "a segment with another header is not joined",
		  what_differs_stays_apart, 1 },
		{ "SYN, FIN, RST, URG and tiny segments are not joined",
		  what_is_no_plain_data_is_never_joined, 1 },
		{ "parsing stays within any frame", parsing_survives_any_bytes, 50 },
		{ "checksums are those of RFC 1071", sums_agree, 20 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}

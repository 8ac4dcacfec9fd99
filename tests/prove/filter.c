/* SPDX-License-Identifier: ISC */
/*
 * net/filter.c for any frame of up to LEN bytes, longer than all headers that it looks at: no byte
 * behind the frame is read, and what docs/security.md forbids is not accepted.
 */
#include "net/filter.c"
#include "tests/prove/prove.h"

#define LEN 60u

struct netif *netif_list;
static struct netif own;

u32_t lwip_htonl(u32_t n)
{
	return __builtin_bswap32(n);
}

static uint32_t at(const uint8_t *frame, unsigned i)
{
	return (uint32_t)frame[i] << 24 | frame[i + 1] << 16 | frame[i + 2] << 8 | frame[i + 3];
}

static bool is(const uint8_t *frame, unsigned type)
{
	return frame[12] == type >> 8 && frame[13] == (type & 255);
}

/* prove: unwind 18 seconds 8 */
void prove_frame(void)
{
	size_t len = nondet_size();
	uint8_t *frame;
	bool ip6 = nondet_bool();

	ASSUME(len <= LEN);
	frame = malloc(len);
	ASSUME(frame);
	any_bytes(&own.ip_addr, sizeof(own.ip_addr));
	any_bytes(own.hwaddr, sizeof(own.hwaddr));
	netif_list = NULL;
	own.next = NULL;
	netif_list = nondet_bool() ? &own : NULL;
	if (!filter_accepts(&own, ip6, frame, len)) {
		REACHED("dropped");
		return;
	}
	CLAIM("a frame has its header", len >= 14);
	CLAIM("from one station", !(frame[6] & 1));
	CLAIM("to this one, or to several", frame[0] & 1 || !memcmp(frame, own.hwaddr, 6));
	CLAIM("of a protocol that lwIP handles", is(frame, ARP) || is(frame, IPV4) || is(frame, IPV6));
	if (is(frame, IPV4)) {
		CLAIM("IPv4's header is whole", len >= 34);
		CLAIM("not from or to a loopback address", frame[26] != 127 && frame[30] != 127);
		CLAIM("not from a group or from all", frame[26] >> 4 != 14 && at(frame, 26) != 0xffffffff);
		REACHED("IPv4");
	}
	if (is(frame, IPV6)) {
		CLAIM("IPv6's header is whole, and IPv6 is on", len >= 54 && ip6);
		CLAIM("not from a group", frame[22] != 0xff);
		REACHED("IPv6");
	}
	if (is(frame, ARP))
		REACHED("ARP");
}

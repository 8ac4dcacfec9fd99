/* SPDX-License-Identifier: ISC */
/*
 * Numbers and headers in frames, and a second opinion on checksums: as RFC 1071 describes them,
 * 16 bits at a time.
 */
#ifndef TESTS_UNIT_NET_BYTES_H
#define TESTS_UNIT_NET_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t plain(const uint8_t *at, size_t len, uint32_t s)
{
	for (size_t i = 0; i < len; i++)
		s += i & 1 ? at[i] : (uint32_t)at[i] << 8;
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return s;
}

static inline void put(uint8_t *at, uint32_t v, unsigned bytes)
{
	while (bytes--) {
		at[bytes] = v;
		v >>= 8;
	}
}

static inline uint32_t get(const uint8_t *at, unsigned bytes)
{
	uint32_t v = 0;

	while (bytes--)
		v = v << 8 | *at++;
	return v;
}

static const uint8_t our_mac[6] = { 0, 0x16, 0x3e, 0, 0, 1 };	/* the guest's */
static const uint8_t peer_mac[6] = { 0, 0x16, 0x3e, 0, 0, 2 };

static inline void ethernet_header(uint8_t *p, unsigned type)
{
	memcpy(p, our_mac, 6);
	memcpy(p + 6, peer_mac, 6);
	put(p + 12, type, 2);
}

/* Ethernet and IPv4 headers of a frame to the guest, 34 bytes, before len bytes of data. */
static inline void ip4_header(uint8_t *p, uint8_t protocol, uint32_t from, uint32_t to, size_t len)
{
	ethernet_header(p, 0x0800);
	memset(p + 14, 0, 20);
	p[14] = 0x45;
	put(p + 16, 20 + len, 2);
	p[22] = 64;
	p[23] = protocol;
	put(p + 26, from, 4);
	put(p + 30, to, 4);
	put(p + 24, ~plain(p + 14, 20, 0), 2);
}

/* Ethernet and IPv6 headers of a frame to the guest, 54 bytes, before len bytes of data. */
static inline void ip6_header(uint8_t *p, uint8_t next, const uint8_t *from, const uint8_t *to,
			      size_t len)
{
	ethernet_header(p, 0x86dd);
	put(p + 14, 0x60000000, 4);
	put(p + 18, len, 2);
	p[20] = next;
	p[21] = 255;
	memcpy(p + 22, from, 16);
	memcpy(p + 38, to, 16);
}

#define ARP_LEN 42			/* bytes, with the Ethernet header */

/* Builds the ARP reply that the requested address is at mac. */
static inline void arp_answer(uint8_t to[ARP_LEN], const uint8_t *question, const uint8_t *mac)
{
	memcpy(to, question + 6, 6);
	memcpy(to + 6, mac, 6);
	memcpy(to + 12, question + 12, 8);
	put(to + 20, 2, 2);
	memcpy(to + 22, mac, 6);
	memcpy(to + 28, question + 38, 4);
	memcpy(to + 32, question + 22, 10);
}

#endif

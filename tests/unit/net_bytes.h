/* SPDX-License-Identifier: ISC */
/*
 * Numbers in frames, and a second opinion on sums: RFC 1071's own words, 16 bits at a time.
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

#define ARP_LEN 42			/* bytes, with the Ethernet header */

/* That the address which is asked for is at mac. */
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

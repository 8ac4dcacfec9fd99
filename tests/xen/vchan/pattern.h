/* SPDX-License-Identifier: ISC */
/*
 * The protocol of guest and dom0.  dom0 begins each session with a struct order.  Then
 * bulk data is sent in both directions at once, and each side checks all of it.  At the
 * end the guest sends the number of bytes that it received.
 */
#ifndef PATTERN_H
#define PATTERN_H

#include <stdint.h>
#include <string.h>

enum { CHECKED, UNCHECKED, ECHO };

struct order {
	uint32_t magic, how;
	uint64_t to_guest, from_guest;	/* bytes; ECHO: until the end */
};
#define ORDER_MAGIC 0x76636831

/* The bytes repeat, but never at the same place of a ring. */
#define PATTERN_PERIOD 1048573u
#define PATTERN_MAX PATTERN_PERIOD
static unsigned char pattern[PATTERN_PERIOD + PATTERN_MAX];

static inline void pattern_init(void)
{
	uint32_t x = 2463534242u;

	for (uint32_t i = 0; i < PATTERN_PERIOD; i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		pattern[i] = x;
	}
	memcpy(pattern + PATTERN_PERIOD, pattern, PATTERN_MAX);
}

/* PATTERN_MAX bytes from here on are those of the stream at this place. */
static inline const unsigned char *pattern_at(uint64_t place, int from_guest)
{
	return pattern + (place + (from_guest ? 7777 : 0)) % PATTERN_PERIOD;
}

#endif

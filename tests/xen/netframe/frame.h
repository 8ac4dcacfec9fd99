/* SPDX-License-Identifier: ISC */
/*
 * The frames that netframe (the guest) and dom0/packets exchange: a number, a size that
 * depends on it, and bytes that depend on both.
 */
#ifndef TESTS_XEN_NETFRAME_FRAME_H
#define TESTS_XEN_NETFRAME_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ETHERTYPE 0x88b5		/* IEEE 802: for local experiments */
#define ETHERTYPE_ACK 0x88b6		/* so many have come; in a frame of 60 bytes */
#define HEADER 14
#define WINDOW 8			/* frames on their way: dom0's queue has no more bytes */

static inline uint32_t frame_random(uint32_t number)
{
	uint64_t z = (number + 1) * 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	return (uint32_t)((z ^ z >> 27) >> 16);
}

/* All sizes from least to most, once, in no order: the step has no factor in common. */
static inline uint32_t frame_size(uint32_t number, uint32_t least, uint32_t most)
{
	uint64_t n = most - least + 1, step = 40503;

	while (n % 3 == 0 && step % 3 == 0)
		step += 2;
	return least + number * step % n;
}

static inline void frame_make(uint8_t *to, uint32_t number, uint32_t size, uint16_t type)
{
	uint32_t words[2] = { number, size };
	uint64_t x = frame_random(number), word;

	memset(to, 0, HEADER < size ? HEADER : size);
	to[0] = 0xfe;			/* unicast, locally administered, another host */
	to[6] = 0x02;
	to[12] = type >> 8;
	to[13] = type & 0xff;
	for (size_t at = HEADER; at < size; at += 8) {
		word = x += 0x9e3779b97f4a7c15ull;
		memcpy(to + at, &word, size - at < 8 ? size - at : 8);
	}
	memcpy(to + HEADER, words, size - HEADER < 8 ? size - HEADER : 8);
}

#endif

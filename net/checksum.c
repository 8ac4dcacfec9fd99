/* SPDX-License-Identifier: ISC */
#include "net/checksum.h"

#include <lwip/arch.h>
#include <stdbool.h>
#include <string.h>

/*
 * RFC 1071, 2. B: the byte order within a word and the width of the words do not matter
 * for the sum. So it is computed in words of 8 bytes, in native order, and the carry is
 * added.
 */
static uint64_t native(const uint8_t *at, size_t len)
{
	uint64_t s = 0, w;
	bool carry;

	for (; len >= 8; at += 8, len -= 8) {
		memcpy(&w, at, 8);
		carry = __builtin_add_overflow(s, w, &s);
		s += carry;
	}
	w = 0;
	for (unsigned i = 0; i < len; i++)
		w |= (uint64_t)at[i] << 8 * i;
	carry = __builtin_add_overflow(s, w, &s);
	return s + carry;
}

uint16_t checksum_fold(uint64_t s)
{
	s = (s >> 32) + (s & 0xffffffff);
	s = (s >> 32) + (s & 0xffffffff);
	s = (s >> 16) + (s & 0xffff);
	s = (s >> 16) + (s & 0xffff);
	return (s >> 16) + (s & 0xffff);
}

uint64_t checksum_add(const void *data, size_t len, uint64_t so_far)
{
	return checksum_fold(so_far) + (uint64_t)__builtin_bswap16(checksum_fold(native(data, len)));
}

uint16_t net_sum(const void *data, int len)
{
	return checksum_fold(native(data, len));
}

/* SPDX-License-Identifier: ISC */
/* strchr() and strchrnul() by blocks of 16 bytes, then of 64. */
#include "lib/libc/sse2.h"

#include <string.h>

/* Bytes are 0 where the block has a 0 or the wanted byte. */
static inline block stops(block x, block wanted)
{
	return SMALLER(x, _mm_xor_si128(x, wanted));
}

static inline READS_BLOCKS bool stops_in_64(const char *p, block wanted)
{
	block x = SMALLER(SMALLER(stops(ALIGNED(p), wanted), stops(ALIGNED(p + 16), wanted)),
			  SMALLER(stops(ALIGNED(p + 32), wanted), stops(ALIGNED(p + 48), wanted)));

	return MASK(EQUAL(x, _mm_setzero_si128()));
}

READS_BLOCKS char *strchrnul(const char *s, int byte)
{
	const block zero = _mm_setzero_si128(), wanted = _mm_set1_epi8((char)byte);
	const char *p = (const char *)((uintptr_t)s & ~15ul);
	unsigned found = MASK(EQUAL(stops(ALIGNED(p), wanted), zero)) >> ((uintptr_t)s & 15);

	if (found)
		return (char *)s + __builtin_ctz(found);
	for (;;) {
		p += 16;
		if (!((uintptr_t)p & 63))
			while (!stops_in_64(p, wanted))
				p += 64;
		found = MASK(EQUAL(stops(ALIGNED(p), wanted), zero));
		if (found)
			return (char *)p + __builtin_ctz(found);
	}
}

char *strchr(const char *s, int byte)
{
	char *p = strchrnul(s, byte);

	return *p == (char)byte ? p : NULL;
}

/* SPDX-License-Identifier: ISC */
/*
 * strcmp() by blocks of 16 bytes. The strings may be aligned differently, so each block is read
 * where it is, if it does not cross a page in either string; near the end of a page bytes are
 * compared one by one.
 */
#include "lib/libc/sse2.h"

#include <string.h>

static inline READS_BLOCKS bool same_64(const char *a, const char *b)
{
	block x = SMALLER(SMALLER(same_text(a, b), same_text(a + 16, b + 16)),
			  SMALLER(same_text(a + 32, b + 32), same_text(a + 48, b + 48)));

	return !MASK(EQUAL(x, _mm_setzero_si128()));
}

READS_BLOCKS int strcmp(const char *a, const char *b)
{
	const block zero = _mm_setzero_si128();
	unsigned stop, blocks = 0;

	for (;;) {
		size_t n = readable(a, b);

		for (; n >= 16; n -= 16, a += 16, b += 16) {
			stop = MASK(EQUAL(same_text(a, b), zero));
			if (stop) {
				a += __builtin_ctz(stop);
				b += __builtin_ctz(stop);
				return (unsigned char)*a - (unsigned char)*b;
			}
			if (++blocks <= 4)	/* most strings are short */
				continue;
			for (; n >= 80 && same_64(a + 16, b + 16); n -= 64, a += 64)
				b += 64;
		}
		for (; n; n--, a++, b++)
			if (!*a || *a != *b)
				return (unsigned char)*a - (unsigned char)*b;
	}
}

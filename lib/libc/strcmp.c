/* SPDX-License-Identifier: ISC */
/*
 * strcmp() by blocks of 16 bytes. The strings may be aligned differently, so each block is read
 * where it is, if it does not cross a page in either string; near the end of a page bytes are
 * compared one by one.
 */
#include "lib/libc/sse2.h"

#include <string.h>

#define PAGE 4096u

/* How many bytes may be read from both. */
static size_t readable(const char *a, const char *b)
{
	unsigned in_a = (uintptr_t)a % PAGE, in_b = (uintptr_t)b % PAGE;

	return PAGE - (in_a > in_b ? in_a : in_b);
}

/* Bytes are 0 where a has a 0, or a and b differ. */
static inline READS_BLOCKS block same(const char *a, const char *b)
{
	block x = ANY(a);

	return SMALLER(EQUAL(x, ANY(b)), x);
}

static inline READS_BLOCKS bool same_64(const char *a, const char *b)
{
	block x = SMALLER(SMALLER(same(a, b), same(a + 16, b + 16)),
			  SMALLER(same(a + 32, b + 32), same(a + 48, b + 48)));

	return !MASK(EQUAL(x, _mm_setzero_si128()));
}

READS_BLOCKS int strcmp(const char *a, const char *b)
{
	const block zero = _mm_setzero_si128();
	unsigned stop, blocks = 0;

	for (;;) {
		size_t n = readable(a, b);

		for (; n >= 16; n -= 16, a += 16, b += 16) {
			stop = MASK(EQUAL(same(a, b), zero));
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

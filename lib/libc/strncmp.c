/* SPDX-License-Identifier: ISC */
/* strncmp() by blocks of 16 bytes, as strcmp(). */
#include "lib/libc/sse2.h"

#include <string.h>

#define PAGE 4096u

/* How many bytes may be read from both, as strings end in their page or go on in the next. */
static size_t readable(const char *a, const char *b)
{
	unsigned in_a = (uintptr_t)a % PAGE, in_b = (uintptr_t)b % PAGE;

	return PAGE - (in_a > in_b ? in_a : in_b);
}

/* Bit i: byte i of a is 0, or a and b differ there. */
static inline READS_BLOCKS unsigned stops(const char *a, const char *b)
{
	block x = ANY(a);

	return MASK(EQUAL(SMALLER(EQUAL(x, ANY(b)), x), _mm_setzero_si128()));
}

READS_BLOCKS int strncmp(const char *a, const char *b, size_t n)
{
	while (n) {
		size_t may = readable(a, b);
		unsigned stop;

		for (; may >= 16; may -= 16, n -= 16, a += 16, b += 16) {
			stop = stops(a, b);
			if (n < 16)
				stop &= (1u << n) - 1;
			if (stop) {
				a += __builtin_ctz(stop);
				b += __builtin_ctz(stop);
				return (unsigned char)*a - (unsigned char)*b;
			}
			if (n <= 16)
				return 0;
		}
		for (; n && may; n--, may--, a++, b++)
			if (!*a || *a != *b)
				return (unsigned char)*a - (unsigned char)*b;
	}
	return 0;
}

/* SPDX-License-Identifier: ISC */
/* strncmp() by blocks of 16 bytes, as strcmp(). */
#include "lib/libc/sse2.h"

#include <string.h>

READS_BLOCKS int strncmp(const char *a, const char *b, size_t n)
{
	const block zero = _mm_setzero_si128();

	while (n) {
		size_t may = readable(a, b);
		unsigned stop;

		for (; may >= 16; may -= 16, n -= 16, a += 16, b += 16) {
			stop = MASK(EQUAL(same_text(a, b), zero));
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

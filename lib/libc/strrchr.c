/* SPDX-License-Identifier: ISC */
/* strrchr() by blocks of 16 bytes. */
#include "lib/libc/sse2.h"

#include <string.h>

READS_BLOCKS char *strrchr(const char *s, int byte)
{
	const block zero = _mm_setzero_si128(), wanted = _mm_set1_epi8((char)byte);
	const char *p = (const char *)((uintptr_t)s & ~15ul), *last = NULL;
	unsigned valid = ~0u << ((uintptr_t)s & 15);

	for (;; p += 16, valid = ~0u) {
		unsigned end = MASK(EQUAL(ALIGNED(p), zero)) & valid;
		unsigned found = MASK(EQUAL(ALIGNED(p), wanted)) & valid;

		if (end)
			found &= end ^ (end - 1);	/* up to the first 0 */
		if (found)
			last = p + 31 - __builtin_clz(found);
		if (end)
			return (char *)last;
	}
}

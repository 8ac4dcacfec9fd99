/* SPDX-License-Identifier: ISC */
/* strlen() by blocks of 16 bytes, then of 64. */
#include "lib/libc/sse2.h"

#include <string.h>

READS_BLOCKS size_t strlen(const char *s)
{
	const block zero = _mm_setzero_si128();
	const char *p = (const char *)((uintptr_t)s & ~15ul);
	unsigned found = MASK(EQUAL(ALIGNED(p), zero)) >> ((uintptr_t)s & 15);

	if (found)
		return __builtin_ctz(found);
	for (;;) {
		p += 16;
		if (!((uintptr_t)p & 63))
			while (!MASK(EQUAL(SMALLER(SMALLER(ALIGNED(p), ALIGNED(p + 16)),
						   SMALLER(ALIGNED(p + 32), ALIGNED(p + 48))), zero)))
				p += 64;
		found = MASK(EQUAL(ALIGNED(p), zero));
		if (found)
			return p - s + __builtin_ctz(found);
	}
}

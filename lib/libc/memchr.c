/* SPDX-License-Identifier: ISC */
/* memchr(): the first 64 bytes, then by aligned blocks of 64. */
#include "lib/libc/sse2.h"

#include <string.h>

/* Bit i: byte i is the wanted one, of the 16 or the 48 bytes at p. */
static inline READS_BLOCKS uint64_t in_16(const char *p, block wanted)
{
	return MASK(EQUAL(ANY(p), wanted));
}

static inline READS_BLOCKS uint64_t in_48(const char *p, block wanted)
{
	return in_16(p, wanted) | in_16(p + 16, wanted) << 16 | in_16(p + 32, wanted) << 32;
}

static inline READS_BLOCKS bool in_64(const char *p, block wanted)
{
	return MASK(EITHER(EITHER(EQUAL(ALIGNED(p), wanted), EQUAL(ALIGNED(p + 16), wanted)),
			   EITHER(EQUAL(ALIGNED(p + 32), wanted), EQUAL(ALIGNED(p + 48), wanted))));
}

static void *at(const char *p, uint64_t found, const char *end)
{
	p += __builtin_ctzl(found);
	return p < end ? (void *)p : NULL;
}

/* p is a multiple of 16. n may be larger than the object if the byte is in it: stay in its page. */
static READS_BLOCKS void *from_aligned(const char *p, const char *end, block wanted)
{
	uint64_t found;

	for (; p < end; p += 16) {
		if (!((uintptr_t)p & 63))
			while (end - p > 64 && !in_64(p, wanted))
				p += 64;
		if ((found = in_16(p, wanted)))
			return at(p, found, end);
	}
	return NULL;
}

READS_BLOCKS void *memchr(const void *s, int byte, size_t n)
{
	const block wanted = _mm_set1_epi8((char)byte);
	const char *p = s, *aligned = (const char *)((uintptr_t)p & ~15ul);
	const char *end = (const char *)((uintptr_t)p + n);
	uint64_t found;

	if (!n)
		return NULL;
	if (end < p)		/* memchr(s, c, SIZE_MAX): the byte is there */
		end = (const char *)UINTPTR_MAX;
	if ((uintptr_t)p % PAGE > PAGE - 64) {
		found = in_16(aligned, wanted) >> (p - aligned) << (p - aligned);
		return found ? at(aligned, found, end) : from_aligned(aligned + 16, end, wanted);
	}
	found = in_16(p, wanted);
	if (found || n <= 16)
		return found ? at(p, found, end) : NULL;
	found = in_48(p + 16, wanted);
	if (found || n <= 64)
		return found ? at(p + 16, found, end) : NULL;
	return from_aligned(aligned + 64, end, wanted);
}

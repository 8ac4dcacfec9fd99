/* SPDX-License-Identifier: ISC */
/* strcspn(), strspn() and strpbrk(): few bytes by blocks of 16, more by a set of bits. */
#include "lib/libc/sse2.h"

#include <string.h>

#define FEW 4

struct set {
	uint64_t bits[4];
};

static struct set set_of(const char *bytes)
{
	struct set set = { { 0 } };

	for (; *bytes; bytes++)
		set.bits[(unsigned char)*bytes / 64] |= 1ull << (unsigned char)*bytes % 64;
	return set;
}

static bool has(const struct set *set, char byte)
{
	return set->bits[(unsigned char)byte / 64] >> (unsigned char)byte % 64 & 1;
}

/* Bit i: byte i of the 16 at p is 0 or one of those wanted. */
static inline READS_BLOCKS unsigned stops_at(const char *p, const block *wanted)
{
	block x = ALIGNED(p), least = x;

	for (int i = 0; i < FEW; i++)
		least = SMALLER(least, _mm_xor_si128(x, wanted[i]));
	return MASK(EQUAL(least, _mm_setzero_si128()));
}

/* reject has 1 to FEW bytes. */
static READS_BLOCKS size_t find_few(const char *s, const char *reject)
{
	const char *p = (const char *)((uintptr_t)s & ~15ul);
	block wanted[FEW];
	unsigned found;

	for (int i = 0; i < FEW; i++) {
		wanted[i] = _mm_set1_epi8(*reject);
		reject += !!reject[1];
	}
	found = stops_at(p, wanted) >> ((uintptr_t)s & 15);
	if (found)
		return __builtin_ctz(found);
	do {
		p += 16;
		found = stops_at(p, wanted);
	} while (!found);
	return p - s + __builtin_ctz(found);
}

size_t strcspn(const char *s, const char *reject)
{
	const char *p = s;
	struct set set;

	if (!*reject)
		return strlen(s);
	if (strnlen(reject, FEW + 1) <= FEW)
		return find_few(s, reject);
	set = set_of(reject);
	while (*p && !has(&set, *p))
		p++;
	return p - s;
}

size_t strspn(const char *s, const char *accept)
{
	struct set set = set_of(accept);
	const char *p = s;

	while (*p && has(&set, *p))
		p++;
	return p - s;
}

char *strpbrk(const char *s, const char *accept)
{
	s += strcspn(s, accept);
	return *s ? (char *)s : NULL;
}

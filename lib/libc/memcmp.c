/* SPDX-License-Identifier: ISC */
/* memcmp() by blocks of 16 bytes, then of 64. It reads only the bytes of the caller. */
#include "lib/libc/sse2.h"

#include <string.h>

struct word {
	uint64_t value;
} __attribute__((packed, may_alias));
struct half {
	uint32_t value;
} __attribute__((packed, may_alias));

/* The first byte has the most weight. */
static int order(uint64_t a, uint64_t b)
{
	a = __builtin_bswap64(a);
	b = __builtin_bswap64(b);
	return (a > b) - (a < b);
}

static uint64_t word(const unsigned char *p)
{
	return ((const struct word *)p)->value;
}

static uint32_t half(const unsigned char *p)
{
	return ((const struct half *)p)->value;
}

static int few(const unsigned char *a, const unsigned char *b, size_t n)
{
	int rc;

	if (n >= 8) {
		rc = order(word(a), word(b));
		return rc ? rc : order(word(a + n - 8), word(b + n - 8));
	}
	if (n >= 4) {
		rc = order(half(a), half(b));
		return rc ? rc : order(half(a + n - 4), half(b + n - 4));
	}
	for (; n; n--, a++, b++)
		if (*a != *b)
			return *a - *b;
	return 0;
}

/* All bits of a byte are set if it is the same in both blocks. */
static block same(const unsigned char *a, const unsigned char *b)
{
	return EQUAL(ANY(a), ANY(b));
}

int memcmp(const void *first, const void *second, size_t n)
{
	const unsigned char *a = first, *b = second, *last;
	unsigned differ;

	if (n < 16)
		return few(a, b, n);
	last = a + n - 16;
	for (;;) {
		while (last - a >= 48 &&
		       MASK(BOTH(BOTH(same(a, b), same(a + 16, b + 16)),
				 BOTH(same(a + 32, b + 32), same(a + 48, b + 48)))) == 0xffff) {
			a += 64;
			b += 64;
		}
		if (a > last) {		/* the last block overlaps the one before it */
			b -= a - last;
			a = last;
		}
		differ = MASK(same(a, b)) ^ 0xffff;
		if (differ)
			break;
		if (a == last)
			return 0;
		a += 16;
		b += 16;
	}
	a += __builtin_ctz(differ);
	b += __builtin_ctz(differ);
	return *a - *b;
}

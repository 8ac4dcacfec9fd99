/* SPDX-License-Identifier: ISC */
/*
 * Division of 128 bits, which the compiler calls by these names (libgcc's manual, "Integer
 * library routines").  libgcc's own use the red zone: see tools/redzone.
 */
#include <stdint.h>

typedef unsigned __int128 u128;
typedef __int128 s128;

u128 __udivmodti4(u128 n, u128 d, u128 *rest);
u128 __udivti3(u128 n, u128 d);
u128 __umodti3(u128 n, u128 d);
s128 __divmodti4(s128 n, s128 d, s128 *rest);
s128 __divti3(s128 n, s128 d);
s128 __modti3(s128 n, s128 d);

/* high < d, or the quotient has more than 64 bits: a division error, as is d = 0. */
static uint64_t divide(uint64_t high, uint64_t low, uint64_t d, uint64_t *rest)
{
	uint64_t q;

	__asm__("div %4" : "=a"(q), "=d"(*rest) : "0"(low), "1"(high), "r"(d) : "cc");
	return q;
}

/*
 * A divisor of more than 64 bits: by its 64 highest, of half of n so that it fits, gives
 * the quotient or one more (Warren, Hacker's Delight, 9-5, "Unsigned doubleword division").
 */
static uint64_t divide_long(u128 n, u128 d)
{
	unsigned shift = __builtin_clzll(d >> 64);
	uint64_t top = (d << shift) >> 64, rest;
	u128 half = n >> 1;
	uint64_t q = ((u128)divide(half >> 64, half, top, &rest) << shift) >> 63;

	if (q)
		q--;
	return n - q * d >= d ? q + 1 : q;
}

u128 __udivmodti4(u128 n, u128 d, u128 *rest)
{
	uint64_t high, low, r;

	if (d >> 64) {
		low = divide_long(n, d);
		*rest = n - low * d;
		return low;
	}
	high = divide(0, n >> 64, d, &r);
	low = divide(r, n, d, &r);
	*rest = r;
	return (u128)high << 64 | low;
}

u128 __udivti3(u128 n, u128 d)
{
	u128 rest;

	return __udivmodti4(n, d, &rest);
}

u128 __umodti3(u128 n, u128 d)
{
	u128 rest;

	__udivmodti4(n, d, &rest);
	return rest;
}

static u128 magnitude(s128 n)
{
	return n < 0 ? -(u128)n : (u128)n;
}

/* Towards zero; the rest has the sign of n. */
s128 __divmodti4(s128 n, s128 d, s128 *rest)
{
	u128 r, q = __udivmodti4(magnitude(n), magnitude(d), &r);

	*rest = n < 0 ? -r : r;
	return (n < 0) != (d < 0) ? -q : q;
}

s128 __divti3(s128 n, s128 d)
{
	s128 rest;

	return __divmodti4(n, d, &rest);
}

s128 __modti3(s128 n, s128 d)
{
	s128 rest;

	__divmodti4(n, d, &rest);
	return rest;
}

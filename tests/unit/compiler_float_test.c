/* SPDX-License-Identifier: ISC */
/* lib/libc/compiler_float.c, compared with the host compiler's functions. */
#define __mulsc3 our_mulsc3
#define __divsc3 our_divsc3
#define __mulxc3 our_mulxc3
#define __divxc3 our_divxc3
#define __floattixf our_floattixf
#define __floatuntixf our_floatuntixf
#include "lib/libc/compiler_float.c"

#include "tests/host/host.h"

#include <assert.h>
#include <complex.h>

/* A number of a range in which products and quotients are exact enough in any order. */
static long double any(void)
{
	static const long double special[] = { 0, -0.0L, 1, -1, INFINITY, -INFINITY, NAN };
	long double x = (long double)host_random() / 0x1p63L - 1;

	if (host_chance(3))
		return special[host_below(7)];
	return (float)scalbnl(x, (int)host_below(200) - 100);
}

/* As near as the larger part of the result is precise. */
static bool near(long double a, long double b, long double size, long double precision)
{
	if (isnan(b))
		return isnan(a);
	if (isinf(b) || isinf(a))
		return a == b;
	return fabsl(a - b) <= size * precision;
}

static bool same(long double _Complex a, long double _Complex b, long double precision)
{
	long double size = fmaxl(isfinite(creall(b)) ? fabsl(creall(b)) : 0,
				 isfinite(cimagl(b)) ? fabsl(cimagl(b)) : 0);

	/* An infinity may be in either part (C11 G.3). */
	if (isinf(creall(b)) || isinf(cimagl(b)))
		return isinf(creall(a)) || isinf(cimagl(a));
	return near(creall(a), creall(b), size, precision) &&
	       near(cimagl(a), cimagl(b), size, precision);
}

static void multiplies_and_divides(void)
{
	for (int i = 0; i < 1000; i++) {
		long double a = any(), b = any(), c = any(), d = any();
		long double _Complex x = __builtin_complex(a, b), y = __builtin_complex(c, d);

		assert(same(our_mulxc3(a, b, c, d), x * y, 0x1p-60L));
		/* That of the host has more digits, and no more range once it is a float. */
		assert(same(our_mulsc3(a, b, c, d), (float _Complex)(x * y), 0x1p-20L));
		if (!isfinite(a + b + c + d) || (c == 0 && d == 0))
			continue;
		assert(same(our_divxc3(a, b, c, d), x / y, 0x1p-55L));
		assert(same(our_divsc3(a, b, c, d), (float _Complex)(x / y), 0x1p-20L));
	}
}

static void divides_by_what_is_large_zero_or_infinite(void)
{
	long double _Complex z;
	float _Complex f = our_divsc3(6e37f, 6e37f, 3e38f, 3e38f);

	assert(fabsf(crealf(f) - 0.2f) < 1e-6f && fabsf(cimagf(f)) < 1e-6f);
	f = our_divsc3(0x1p-149f, 0, 0x1p-149f, 0);
	assert(crealf(f) == 1 && cimagf(f) == 0);
	z = our_divxc3(0x1p16000L, 0, 0x1p16000L, 0x1p16000L);
	assert(creall(z) == 0.5L && cimagl(z) == -0.5L);
	z = our_divxc3(0x1p-16400L, 0, 0x1p-16400L, 0);
	assert(creall(z) == 1 && cimagl(z) == 0);
	z = our_divxc3(1, 1, 0, 0);
	assert(isinf(creall(z)) && isinf(cimagl(z)));
	z = our_divxc3(1, 1, INFINITY, -INFINITY);
	assert(creall(z) == 0 && cimagl(z) == 0);
	z = our_divxc3(INFINITY, NAN, 1, 1);
	assert(isinf(creall(z)) || isinf(cimagl(z)));
	z = our_divxc3(NAN, NAN, 0, 0);
	assert(isnan(creall(z)) && isnan(cimagl(z)));
}

static void takes_128_bits(void)
{
	for (int i = 0; i < 1000; i++) {
		unsigned __int128 n = (unsigned __int128)host_random() << 64 | host_random();

		n >>= host_below(128);
		if (host_chance(4))
			n = -n;
		assert(our_floatuntixf(n) == (long double)n);
		assert(our_floattixf(n) == (long double)(__int128)n);
	}
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "complex numbers are multiplied and divided", multiplies_and_divides, 100 },
		{ "complex numbers are divided by large, zero and infinite ones",
		  divides_by_what_is_large_zero_or_infinite, 1 },
		{ "128 bits become a long double, rounded once", takes_128_bits, 100 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}

/* SPDX-License-Identifier: ISC */
/*
 * Functions that the compiler calls for complex numbers and for conversion of __int128 to
 * long double (libgcc's manual, "Soft float library routines", and gcc/libgcc2.h). They
 * replace those of libgcc, which use the red zone: see tools/redzone. libgcc's functions
 * for double _Complex do not use it.
 */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>

struct pair {
	long double re, im;
};

float _Complex __mulsc3(float a, float b, float c, float d);
float _Complex __divsc3(float a, float b, float c, float d);
long double _Complex __mulxc3(long double a, long double b, long double c, long double d);
long double _Complex __divxc3(long double a, long double b, long double c, long double d);
long double __floattixf(__int128 n);
long double __floatuntixf(unsigned __int128 n);

static long double unit(long double x)
{
	return copysignl(isinf(x) ? 1 : 0, x);
}

static long double no_nan(long double x)
{
	return isnan(x) ? copysignl(0, x) : x;
}

/* (a + bi) * (c + di), infinite if a factor is (C11 G.5.1, 4 and 6). */
static struct pair multiply(long double a, long double b, long double c, long double d)
{
	struct pair z = { a * c - b * d, a * d + b * c };
	bool infinite = false;

	if (!isnan(z.re) || !isnan(z.im))
		return z;
	if (isinf(a) || isinf(b)) {
		a = unit(a), b = unit(b), c = no_nan(c), d = no_nan(d);
		infinite = true;
	}
	if (isinf(c) || isinf(d)) {
		c = unit(c), d = unit(d), a = no_nan(a), b = no_nan(b);
		infinite = true;
	}
	if (!infinite && (isinf(a * c) || isinf(b * d) || isinf(a * d) || isinf(b * c))) {
		a = no_nan(a), b = no_nan(b), c = no_nan(c), d = no_nan(d);
		infinite = true;
	}
	if (infinite)
		z = (struct pair){ INFINITY * (a * c - b * d), INFINITY * (a * d + b * c) };
	return z;
}

/* (a + bi) / (c + di), scaled so that c * c + d * d neither overflows nor underflows. */
static struct pair divide(long double a, long double b, long double c, long double d)
{
	long double larger = fmaxl(fabsl(c), fabsl(d)), square;
	int scale = 0;
	struct pair z;

	if (isfinite(larger) && larger > 0) {
		scale = ilogbl(larger);
		c = scalbnl(c, -scale), d = scalbnl(d, -scale);
	}
	square = c * c + d * d;
	z.re = scalbnl((a * c + b * d) / square, -scale);
	z.im = scalbnl((b * c - a * d) / square, -scale);
	if (!isnan(z.re) || !isnan(z.im))
		return z;
	if (square == 0 && (!isnan(a) || !isnan(b))) {
		z.re = copysignl(INFINITY, c) * a;
		z.im = copysignl(INFINITY, c) * b;
	} else if ((isinf(a) || isinf(b)) && isfinite(c) && isfinite(d)) {
		a = unit(a), b = unit(b);
		z = (struct pair){ INFINITY * (a * c + b * d), INFINITY * (b * c - a * d) };
	} else if (isinf(larger) && isfinite(a) && isfinite(b)) {
		c = unit(c), d = unit(d);
		z = (struct pair){ 0 * (a * c + b * d), 0 * (b * c - a * d) };
	}
	return z;
}

float _Complex __mulsc3(float a, float b, float c, float d)
{
	struct pair z = multiply(a, b, c, d);

	return __builtin_complex((float)z.re, (float)z.im);
}

float _Complex __divsc3(float a, float b, float c, float d)
{
	struct pair z = divide(a, b, c, d);

	return __builtin_complex((float)z.re, (float)z.im);
}

long double _Complex __mulxc3(long double a, long double b, long double c, long double d)
{
	struct pair z = multiply(a, b, c, d);

	return __builtin_complex(z.re, z.im);
}

long double _Complex __divxc3(long double a, long double b, long double c, long double d)
{
	struct pair z = divide(a, b, c, d);

	return __builtin_complex(z.re, z.im);
}

/* Both halves are converted exactly, so only the sum is rounded. */
long double __floattixf(__int128 n)
{
	return (long double)(int64_t)(n >> 64) * 0x1p64L + (long double)(uint64_t)n;
}

long double __floatuntixf(unsigned __int128 n)
{
	return (long double)(uint64_t)(n >> 64) * 0x1p64L + (long double)(uint64_t)n;
}

/* SPDX-License-Identifier: ISC */
#include "archive.h"

__int128 archive_quotient(__int128 n, __int128 d)
{
	return n / d;
}

__int128 archive_rest(__int128 n, __int128 d)
{
	return n % d;
}

unsigned __int128 archive_unsigned_quotient(unsigned __int128 n, unsigned __int128 d)
{
	return n / d;
}

unsigned __int128 archive_unsigned_rest(unsigned __int128 n, unsigned __int128 d)
{
	return n % d;
}

float _Complex archive_float(float _Complex a, float _Complex b, int divide)
{
	return divide ? a / b : a * b;
}

long double _Complex archive_long(long double _Complex a, long double _Complex b, int divide)
{
	return divide ? a / b : a * b;
}

long double archive_value(__int128 n, int is_unsigned)
{
	if (is_unsigned)
		return (unsigned __int128)n;
	return n;
}

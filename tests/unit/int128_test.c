/* SPDX-License-Identifier: ISC */
/* arch/x86_64/int128.c, compared with the host compiler's functions. */
#define __udivmodti4 our_udivmod
#define __udivti3 our_udiv
#define __umodti3 our_umod
#define __divmodti4 our_divmod
#define __divti3 our_div
#define __modti3 our_mod
#include "arch/x86_64/int128.c"

#include "tests/host/host.h"

#include <assert.h>

/* Of any length, and often near the borders. */
static u128 any(void)
{
	u128 n = (u128)host_random() << 64 | host_random();

	n >>= host_below(128);
	if (host_chance(4))
		n = ((u128)1 << host_below(128)) - host_below(3);
	if (host_chance(4))
		n |= (u128)UINT64_MAX << host_below(128);
	return host_chance(8) ? -n : n;
}

static void divides(void)
{
	for (int i = 0; i < 1000; i++) {
		u128 n = any(), d = any(), r;
		s128 rest;

		if (d == 0)
			continue;
		if (host_chance(8))
			n = d * host_random() - host_below(2);
		assert(our_udivmod(n, d, &r) == n / d && r == n % d);
		assert(our_udiv(n, d) == n / d && our_umod(n, d) == n % d);
		if ((s128)d == -1)	/* the one that overflows */
			continue;
		assert(our_divmod(n, d, &rest) == (s128)n / (s128)d);
		assert(rest == (s128)n % (s128)d);
		assert(our_div(n, d) == (s128)n / (s128)d && our_mod(n, d) == rest);
	}
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "128 bits are divided as the compiler does it", divides, 300 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}

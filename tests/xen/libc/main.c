/* SPDX-License-Identifier: ISC */
/* Functions that replace those of the C library and the compiler. */
#include "tests/xen/test.h"
#include "tests/xen/libc/archive/archive.h"

#include <complex.h>
#include <malloc.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#define MEBI (1ul << 20)

static void divides_128_bits(void)
{
	volatile unsigned __int128 n = ((unsigned __int128)7 << 100) + 5;
	volatile __int128 d = -((__int128)3 << 70);

	expect_equal((uint64_t)(n / 1000000007), 670240028432506801);
	expect_equal((uint64_t)(n % 1000000007), 834598958);
	expect_equal((int64_t)((__int128)n / d), -2505397589);
	expect((__int128)n % d > 0);
}

/* The archive that is linked last also gets the image's functions instead of libgcc's. */
static void an_archive_divides_128_bits(void)
{
	__int128 n = ((__int128)7 << 100) + 5, d = -((__int128)3 << 70);
	float _Complex f = archive_float(3 + 4 * I, 1 - 2 * I, 0);
	long double _Complex l = archive_long(3 + 4 * I, 1 - 2 * I, 1);

	expect_equal((int64_t)archive_quotient(n, d), -2505397589);
	expect(archive_rest(n, d) == n - d * -2505397589);
	expect_equal((uint64_t)archive_unsigned_quotient(n, 1000000007), 670240028432506801);
	expect_equal((uint64_t)archive_unsigned_rest(n, 1000000007), 834598958);
	expect(crealf(f) == 11 && cimagf(f) == -2);
	expect(creall(l) == -1 && cimagl(l) == 2);
	f = archive_float(6e37f + 6e37f * I, 3e38f + 3e38f * I, 1);
	expect(fabsf(crealf(f) - 0.2f) < 1e-6f && fabsf(cimagf(f)) < 1e-6f);
	l = archive_long(0x1p16000L, 0x1p16000L + 0x1p16000L * I, 1);
	expect(creall(l) == 0.5L && cimagl(l) == -0.5L);
	f = archive_float(CMPLXF(INFINITY, NAN), 1 + 1 * I, 0);
	expect(isinf(crealf(f)) || isinf(cimagf(f)));
	l = archive_long(1 + 1 * I, 0, 1);
	expect(isinf(creall(l)) && isinf(cimagl(l)));
	expect(archive_value(d, 0) == -0x3p70L && archive_value(-1, 0) == -1);
	expect(archive_value(-1, 1) == 0x1p128L);
}

/* Numbers that exceed newlib's int, as with large memory; each in the right member. */
static void mallinfo_adds_up(void)
{
	struct mallinfo before = mallinfo(), with, after;
	char *p = malloc(5 * MEBI), *wall = malloc(1000);

	expect(p && wall);
	with = mallinfo();
	expect(with.uordblks - before.uordblks >= 5 * MEBI);
	expect(with.uordblks - before.uordblks < 6 * MEBI);
	expect(with.arena >= 5 * MEBI && with.arena < 64 * MEBI);
	free(p);
	after = mallinfo();
	expect(after.fordblks >= 5 * MEBI && after.fordblks < 64 * MEBI);
	for (struct mallinfo *m = &before; m; m = m == &before ? &with : m == &with ? &after : NULL) {
		expect_equal(m->uordblks + m->fordblks, m->arena);
		expect(m->ordblks >= 1 && m->ordblks < 1000);
		expect(m->keepcost <= m->fordblks);
		expect(!m->hblks && !m->hblkhd && !m->smblks && !m->usmblks && !m->fsmblks);
	}
	free(wall);
}

/*
 * tests/unit/string_test.c tests the rest; this tests them with the features of this
 * CPU.
 */
static void copies_overlap(void)
{
	static unsigned char a[8192], b[8192];

	for (size_t n = 0; n < 4000; n += 1 + n / 7) {
		for (size_t i = 0; i < sizeof(a); i++)
			a[i] = b[i] = i * 7 + i / 256;
		memmove(a + 100 + n % 13, a + 100, n);
		for (size_t i = n; i-- > 0;)
			b[100 + n % 13 + i] = b[100 + i];
		memcpy(a + 4200, a + 3, n);
		for (size_t i = 0; i < n; i++)
			b[4200 + i] = b[3 + i];
		expect(memcmp(a, b, sizeof(a)) == 0);
	}
}

int main(void)
{
	divides_128_bits();
	an_archive_divides_128_bits();
	mallinfo_adds_up();
	copies_overlap();
	test_success();
}

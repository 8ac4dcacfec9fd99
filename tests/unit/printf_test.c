/* SPDX-License-Identifier: ISC */
/* lib/libc/printf.c and printf_float.c, beside the host's printf(). */
#include "lib/libc/printf.c"
#include "lib/libc/printf_float.c"

#include "tests/host/host.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdio.h>

#define LEN 30000

struct memory {
	struct printf_output output;
	size_t len, most;		/* it fails after so many bytes */
	char text[LEN];
};

/* The output, for as long as it fits. */
static bool append(struct printf_output *output, const char *bytes, size_t len)
{
	struct memory *m = (struct memory *)output;

	if (len > m->most - m->len)
		return false;
	memcpy(m->text + m->len, bytes, len);
	m->len += len;
	return true;
}

static struct memory memory;
static char wanted[LEN];

static int ours(const char *format, ...)
{
	va_list args;
	int n;

	memory.output.put = append;
	memory.len = 0;
	memory.most = LEN - 1;
	va_start(args, format);
	n = printf_to(&memory.output, format, args);
	va_end(args);
	memory.text[memory.len] = '\0';
	assert(n < 0 || (size_t)n == memory.len);
	return n;
}

#define same_as_host(format, ...) do {						\
		int n_ = snprintf(wanted, LEN, format, __VA_ARGS__);		\
		int o_ = ours(format, __VA_ARGS__);				\
		if (n_ != o_ || strcmp(wanted, memory.text)) {			\
			fprintf(stderr, "'%s': %.200s, not %.200s\n", format,	\
				memory.text, wanted);				\
			assert(0);						\
		}								\
	} while (0)

/* Flags, a width, a precision, such as "%+-12.3". */
static char *some_format(char *p)
{
	*p++ = '%';
	for (const char *flag = "-+ #0"; *flag; flag++)
		if (host_chance(4))
			*p++ = *flag;
	if (host_chance(2))
		p += sprintf(p, "%u", 1 + (unsigned)host_below(host_chance(8) ? 300 : 30));
	if (host_chance(2))
		p += sprintf(p, ".%u", (unsigned)host_below(host_chance(8) ? 400 : 25));
	*p = '\0';
	return p;
}

static double some_double(void)
{
	static const double special[] = {
		0, -0.0, 1, -1, 0.5, 1.5, 2.5, 0.125, 9.5, 99.5, 999999.5, 9.9999995, 0.05, 1e-5,
		0.0001, 0.00009999995, 123456, 1e15, 1e16, 1e17, 1e22, 1e23, 5e-324, DBL_MIN,
		DBL_MAX, INFINITY, -INFINITY, NAN, 4503599627370497.5, 0.1, 0.3, 1.0 / 3,
	};
	union { uint64_t u; double d; } any = { .u = host_random() };

	if (host_chance(4))
		return special[host_below(HOST_COUNT(special))];
	if (host_chance(3))
		return (double)(int64_t)(host_random() >> host_below(64)) / (1 << host_below(12));
	if (host_chance(3))
		return (double)host_below(100000) / 1000;
	return any.d;
}

static long double some_long_double(void)
{
	union { struct { uint64_t m; uint16_t e; }; long double ld; } any = { .ld = 0 };

	any.m = host_random() | 1ull << 63;
	any.e = host_chance(2) ? host_random() : 16383 - 100 + host_below(200);
	if ((any.e & 0x7fff) == 0)
		any.m &= ~(1ull << 63);
	else if ((any.e & 0x7fff) == 0x7fff)
		any.m = 1ull << 63;
	return any.ld;
}

static bool is(const char *text)
{
	if (strcmp(text, memory.text))
		fprintf(stderr, "'%s', not '%s'\n", memory.text, text);
	return !strcmp(text, memory.text);
}

#pragma clang diagnostic ignored "-Wformat-nonliteral"
#pragma clang diagnostic ignored "-Wformat"

/* glibc's %#g of 999999.5 is 1.e+06. */
static char decimal_letter(const char *format)
{
	return "eEfFgG"[host_below(strchr(format, '#') ? 4 : 6)];
}

static void doubles(void)
{
	for (int i = 0; i < 2000; i++) {
		char format[64], *end = some_format(format);
		double d = some_double();

		*end++ = decimal_letter(format);
		*end = '\0';
		same_as_host(format, d);
	}
}

static void long_doubles(void)
{
	assert(ours("%#g %#g %#.3G %#.0f %#.0e", 999999.5, 100., 1e-5, 1., 2.) > 0);
	assert(is("1.00000e+06 100.000 1.00E-05 1. 2.e+00"));
	for (int i = 0; i < 30; i++) {
		char format[64], *end = some_format(format);
		long double d = some_long_double();

		*end++ = 'L';
		*end++ = decimal_letter(format);
		*end = '\0';
		same_as_host(format, d);
	}
}

/* The host begins a double that is not normal with 0x0. */
static void hexadecimals(void)
{
	for (int i = 0; i < 2000; i++) {
		char format[64], *end = some_format(format);
		double d = some_double();

		*end++ = "aA"[host_below(2)];
		*end = '\0';
		if (d == 0 || !isfinite(d) || isnormal(d))
			same_as_host(format, d);
	}
	assert(ours("%a %A %.0a", 0x1p-1074, 0x3p-1074, 0x1.8p-1070) > 0);
	assert(is("0x1p-1074 0X1.8P-1073 0x2p-1070"));
	assert(ours("%La %.3La %.20La", 0x1.23456789abcdef02p+5L, 0x1.fffffp-1000L, 1.5L) > 0);
	assert(is("0x1.23456789abcdef02p+5 0x2.000p-1000 0x1.80000000000000000000p+0"));
}

static void integers(void)
{
	static const char *const length[] = { "hh", "h", "", "l", "ll", "j", "z", "t" };

	for (int i = 0; i < 2000; i++) {
		char format[64], *end = some_format(format);
		long n = host_chance(8) ? 0 : (long)host_random() >> host_below(64);

		end += sprintf(end, "%s", length[host_below(HOST_COUNT(length))]);
		*end++ = "diouxX"[host_below(6)];
		*end = '\0';
		same_as_host(format, n);
	}
	same_as_host("%#o %#.0o %#x %.0d|%+.0d|% d", 0, 0, 0, 0, 0, 5);
	same_as_host("%'d %'.3f", 1234567, 1234.5);
	same_as_host("%p %20p %-20p|", (void *)wanted, (void *)wanted, (void *)wanted);
}

static void strings(void)
{
	static const char *const text[] = { "", "a", "abc", "a text of some 40 characters.............." };

	for (int i = 0; i < 2000; i++) {
		char format[64];
		const char *s = text[host_below(HOST_COUNT(text))];
		int width = (int)host_below(60) - 30, precision = (int)host_below(60) - 20;

		sprintf(format, "<%%%s*.*s> %%%d.%ds.", host_chance(2) ? "-" : "",
			(int)host_below(50) - 25, (int)host_below(9));
		same_as_host(format, width, precision, s, s);
	}
	same_as_host("%s %.3s%%%5c|%-5c|%c", (char *)NULL, (char *)NULL, 'x', 'y', 0);
	same_as_host("%d%n%d%hhn", 123, &(int){ 0 }, 4, &(signed char){ 0 });
	same_as_host("%.5s", (char[5]){ "abcde" });
	errno = ENOENT;
	same_as_host("%m|%30m|%-30m|%.4m", 0);
}

static void positions(void)
{
	int n = 0;
	long l = -1;

	same_as_host("%2$s %1$s", "a", "b");
	same_as_host("%3$.2f %1$d %2$s %4$.2Lf %5$c", 7, "hi", 1.5, 3.25L, 'x');
	same_as_host("%1$*2$d|%1$-*2$d|%1$0*2$d|%4$.*3$f", 42, 5, 3, 3.14159);
	same_as_host("%9$d%8$d%7$d%6$d%5$d%4$d%3$d%2$d%1$d", 1, 2, 3, 4, 5, 6, 7, 8, 9);
	same_as_host("%11$g %10$g %1$g", 1., 2., 3., 4., 5., 6., 7., 8., 9., 10., 11.);
	same_as_host("%3$d %1$d", 1, 2, 3);
	assert(ours("%2$d%1$n%3$ln", &n, 77, &l) == 2 && n == 2 && l == 2);
	errno = 0;
	assert(ours("%65$d", 1) == -1 && errno == EINVAL);
	assert(ours("%99999999999$d", 1) == -1 && errno == EINVAL);
}

static void refusals(void)
{
	int n = 0;

	errno = 0;
	assert(ours("%2147483648d", 1) == -1 && errno == EOVERFLOW);
	errno = 0;
	assert(ours("ab%2147483646d", 1) == -1 && errno == EOVERFLOW);
	errno = 0;
	assert(ours("%.2147483647d%d", 1, 1) == -1 && errno != EOVERFLOW);	/* put() fails */
	errno = 0;
	assert(ours("%.99999999999f", 1.) == -1 && errno == EOVERFLOW);
	assert(ours("%*d", INT_MIN, 1) == -1 && errno == EOVERFLOW);
	assert(ours("%") == 0 && ours("a%5.3l") == 1 && ours("%y%%%5%%d", 3) == 8);
	assert(is("y%    %3"));
	assert(ours("%40000d%n", 1, &n) == -1 && n == 0 && memory.len < LEN);
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "doubles are printed as by the host", doubles, 200 },
		{ "long doubles are printed as by the host", long_doubles, 100 },
		{ "hexadecimal doubles are printed as by the host", hexadecimals, 50 },
		{ "integers are printed as by the host", integers, 50 },
		{ "strings are printed as by the host", strings, 20 },
		{ "positional arguments are printed as by the host", positions, 1 },
		{ "output that is too long or fails is an error", refusals, 1 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}

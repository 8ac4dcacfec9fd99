/* SPDX-License-Identifier: ISC */
/* kernel/format.c, against the C library's where both know the format. */
#include "kernel/log.h"
#include "tests/host/host.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define SAME(...)								\
	do {									\
		char ours_[200], theirs_[200];					\
		int n_ = snprintf(theirs_, sizeof(theirs_), __VA_ARGS__);	\
		assert(format(ours_, sizeof(ours_), __VA_ARGS__) == n_);	\
		assert(!strcmp(ours_, theirs_));				\
	} while (0)

static void numbers(void)
{
	SAME("%d %i %u %x", 0, -1, 4000000000u, 0xdeadbeefu);
	SAME("%d %d %u", INT_MIN, INT_MAX, UINT_MAX);
	SAME("%ld %ld %lu %lx", LONG_MIN, LONG_MAX, ULONG_MAX, ULONG_MAX);
	SAME("%lld %lld %llu %llx", LLONG_MIN, LLONG_MAX, ULLONG_MAX, 255ull);
	SAME("%zu %zx %zd", SIZE_MAX, SIZE_MAX, (ssize_t)-5);
	SAME("%p", (void *)0x1234);
	SAME("%d%%", 100);
}

static void widths(void)
{
	SAME("[%5d] [%-5d] [%05d] [%05d]", 42, 42, 42, -42);
	SAME("[%2d] [%-2d] [%02d]", 12345, 12345, 12345);
	SAME("[%16lx] [%016lx] [%-16lx]", 0xabcul, 0xabcul, 0xabcul);
	SAME("[%8s] [%-8s] [%2s]", "abc", "abc", "abc");
	SAME("[%3c] [%-3c] [%c]", 'x', 'y', 'z');
	SAME("[%20p] [%-20p]", (void *)0xffff, (void *)0xffff);
	SAME("[%10d] [%010d]", INT_MIN, INT_MIN);
	SAME("[%12d] [%012d] [%-12d]", -7, -7, -7);
	SAME("%150d", 1);
}

static void any_number(void)
{
	unsigned long v = host_random() >> host_below(64);

	SAME("%lu %ld %lx", v, (long)v, v);
	SAME("%u %d %x", (unsigned)v, (int)v, (unsigned)v);
	SAME("%20lu|%-20ld|%016lx", v, -(long)v, v);
	SAME("%7u|%-7d|%07d", (unsigned)v, (int)v, (int)v);
}

static void strings(void)
{
	char buffer[20];

	SAME("%s and %s%s", "one", "", "two");
	SAME("no format");
	SAME("%s", "");
	assert(format(buffer, sizeof(buffer), "%s", (char *)NULL) == 6);
	assert(!strcmp(buffer, "(null)"));
}

static void cut_to_size(void)
{
	char buffer[12];

	for (size_t size = 0; size <= 10; size++) {
		memset(buffer, '#', sizeof(buffer));
		assert(format(buffer, size, "%s-%d", "abc", 1234) == 8);
		for (size_t i = size; i < sizeof(buffer); i++)
			assert(buffer[i] == '#');
		if (size) {
			assert(strlen(buffer) == (size > 8 ? 8 : size - 1));
			assert(!strncmp(buffer, "abc-1234", strlen(buffer)));
		}
	}
	assert(format(NULL, 0, "%d", 12345) == 5);
}

/* An unknown one is shown as it stands, and nothing is taken from the arguments. */
static void unknown(void)
{
	static const char *const fmt[] = {
		"a %y b", "100%", "%", "%-", "%5", "%l", "%.3d", "%*d",
	};
	char buffer[40];

	for (size_t i = 0; i < HOST_COUNT(fmt); i++) {
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wformat-nonliteral"
#pragma clang diagnostic ignored "-Wformat-security"
		format(buffer, sizeof(buffer), fmt[i]);
#pragma clang diagnostic pop
		assert(!strcmp(buffer, fmt[i]));
	}
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "numbers are formatted as by printf", numbers, 1 },
		{ "width, zero padding and minus are formatted as by printf", widths, 1 },
		{ "random numbers are formatted as by printf", any_number, 500 },
		{ "strings are formatted as by printf", strings, 1 },
		{ "a text that does not fit is cut and terminated", cut_to_size, 1 },
		{ "an unknown format is copied", unknown, 1 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}

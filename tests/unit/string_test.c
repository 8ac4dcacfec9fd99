/* SPDX-License-Identifier: ISC */
/* arch/x86_64/string.c, beside a loop over bytes. */
#include <stddef.h>

void *our_memcpy(void *restrict to, const void *restrict from, size_t n);
void *our_memmove(void *to, const void *from, size_t n);
void *our_memset(void *to, int byte, size_t n);

#define memcpy our_memcpy
#define memmove our_memmove
#define memset our_memset
#include "arch/x86_64/string.c"
#undef memcpy
#undef memmove
#undef memset

#include "tests/host/host.h"

#include <assert.h>

#define SIZE 2048
#define MARGIN 64			/* on either side, which must not be written */

static unsigned char ours[SIZE], theirs[SIZE];

static void scramble(void)
{
	for (size_t i = 0; i < SIZE; i++)
		ours[i] = theirs[i] = host_random();
}

/* memmove() by its definition. */
static void move(size_t to, size_t from, size_t n)
{
	unsigned char copy[SIZE];

	for (size_t i = 0; i < n; i++)
		copy[i] = theirs[from + i];
	for (size_t i = 0; i < n; i++)
		theirs[to + i] = copy[i];
}

static void expect_same(const char *what, size_t to, size_t from, size_t n)
{
	for (size_t i = 0; i < SIZE; i++)
		if (ours[i] != theirs[i])
			host_fail("%s, %zu bytes from %zu to %zu: byte %zu is wrong", what, n,
				  from, to, i);
}

static size_t any_length(void)
{
	return host_below(host_chance(2) ? 80 : 600);
}

static void copies(void)
{
	string_init(host_chance(2));
	scramble();
	for (int i = 0; i < 200; i++) {
		size_t n = any_length(), to = MARGIN + host_below(300);
		size_t from = MARGIN + 1000 + host_below(300);

		if (host_chance(2)) {
			size_t swap = to;

			to = from;
			from = swap;
		}
		assert(our_memcpy(ours + to, ours + from, n) == ours + to);
		move(to, from, n);
		expect_same("memcpy()", to, from, n);
	}
}

static void overlaps(void)
{
	string_init(host_chance(2));
	scramble();
	for (int i = 0; i < 200; i++) {
		size_t n = any_length(), from = MARGIN + 300 + host_below(300);
		size_t near = host_chance(2) ? 20 : 600;
		size_t to = from + host_below(near) - host_below(near < from ? near : from);

		assert(our_memmove(ours + to, ours + from, n) == ours + to);
		move(to, from, n);
		expect_same("memmove()", to, from, n);
	}
}

static void sets(void)
{
	string_init(host_chance(2));
	scramble();
	for (int i = 0; i < 200; i++) {
		size_t n = any_length(), to = MARGIN + host_below(600);
		int byte = host_random();

		assert(our_memset(ours + to, byte, n) == ours + to);
		for (size_t k = 0; k < n; k++)
			theirs[to + k] = byte;
		expect_same("memset()", to, 0, n);
	}
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "memcpy() copies, and changes nothing else", copies, 200 },
		{ "memmove() copies overlapping memory", overlaps, 200 },
		{ "memset() sets, and changes nothing else", sets, 200 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}

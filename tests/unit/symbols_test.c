/* SPDX-License-Identifier: ISC */
/* kernel/symbols.c, with a table as tools/symbols makes it. */
#include "kernel/symbols.h"

#include "tests/host/host.h"

#include <assert.h>
#include <string.h>

extern const struct table {
	uint8_t pairs[256][2];
	uint8_t entries[20];
} symbol_table;

const struct table symbol_table = {
	.pairs = {
		[1] = { 'a', 'b' },
		[2] = { 1, 1 },
		[3] = { 2, 0 },		/* a name's end may be part of a pair */
	},
	.entries = {
		0x80, 0x20, 'm', 0,	/* 0x1000: m */
		0x10, 3,		/* 0x1010: abab */
		1, 2, 2, 'c', 0,	/* 0x1011: ababababc */
		0x81, 1, 1, 0,		/* 0x1092: ab */
		0x10, 0,		/* 0x10a2: the end */
	},
};

static void is(uintptr_t addr, const char *name, uintptr_t start)
{
	uintptr_t at = 0;
	const char *found = symbol_lookup(addr, &at);

	assert(name ? found && !strcmp(found, name) && at == start : !found);
}

static void finds(void)
{
	is(0, NULL, 0);
	is(0xfff, NULL, 0);
	is(0x1000, "m", 0x1000);
	is(0x100f, "m", 0x1000);
	is(0x1010, "abab", 0x1010);
	is(0x1011, "ababababc", 0x1011);
	is(0x1091, "ababababc", 0x1011);
	is(0x1092, "ab", 0x1092);
	is(0x10a1, "ab", 0x1092);
	is(0x10a2, NULL, 0);
	is(UINTPTR_MAX, NULL, 0);
}

static void lists(void)
{
	static const char *const names[] = { "m", "abab", "ababababc", "ab", "" };
	const uint8_t *at = NULL;
	uintptr_t start;

	for (size_t i = 0; i < HOST_COUNT(names); i++)
		assert(!strcmp(symbol_next(&at, &start), names[i]));
	assert(start == 0x10a2 && !symbol_next(&at, &start));
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "a function is found by any address in it", finds, 1 },
		{ "functions are listed in order", lists, 1 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}

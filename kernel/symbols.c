/* SPDX-License-Identifier: ISC */
/*
 * Names of functions, for backtraces.  tools/symbols makes the table from the linked
 * image, and describes it.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/symbols.h"

extern const struct {
	uint8_t pairs[256][2];
	uint8_t entries[];
} symbol_table;

static char names[2][256];		/* of this call of symbol_next(), and of the one before */

static const uint8_t *number(const uint8_t *p, uintptr_t *value)
{
	unsigned shift = 0;

	*value = 0;
	do {
		*value |= (uintptr_t)(*p & 127) << shift;
		shift += 7;
	} while (*p++ & 128);
	return p;
}

/* Append what a byte of the table stands for.  False: the name has ended. */
static bool expand(char *name, size_t *len, uint8_t byte)
{
	const uint8_t *pair = symbol_table.pairs[byte];

	if (*pair)
		return expand(name, len, pair[0]) && expand(name, len, pair[1]);
	if (!byte || *len < sizeof(names[0]) - 1)
		name[(*len)++] = (char)byte;
	return byte;
}

const char *symbol_next(const uint8_t **at, uintptr_t *start)
{
	static unsigned turn;
	char *name = names[turn ^= 1];
	uintptr_t step;
	size_t len = 0;

	if (!*at) {
		*at = symbol_table.entries;
		*start = 0;
	} else if (!**at) {	/* the last entry's empty name */
		return NULL;
	}
	*at = number(*at, &step);
	*start += step;
	*name = '\0';
	if (**at)
		while (expand(name, &len, *(*at)++))
			;
	return name;
}

const char *symbol_lookup(uintptr_t addr, uintptr_t *start)
{
	const uint8_t *at = NULL;
	const char *name = NULL, *next;
	uintptr_t from;

	while ((next = symbol_next(&at, &from)) && addr >= from) {
		name = *next ? next : NULL;
		*start = from;
	}
	return next ? name : NULL;
}

/* SPDX-License-Identifier: ISC */
/*
 * Names of functions, for backtraces.  tools/symbols makes the table from the linked
 * image, and describes it.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "kernel/symbols.h"

extern const uint8_t symbol_table[];

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

const char *symbol_next(const uint8_t **at, uintptr_t *start)
{
	const char *name;
	uintptr_t step;

	if (!*at) {
		*at = symbol_table;
		*start = 0;
	} else if (!**at) {	/* the last entry's empty name */
		return NULL;
	}
	*at = number(*at, &step);
	*start += step;
	name = (const char *)*at;
	if (*name)
		*at += strlen(name) + 1;
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

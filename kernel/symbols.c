/* SPDX-License-Identifier: ISC */
/*
 * Names of functions, for backtraces.  The table is made of the linked image by
 * tools/symbols, which describes it.
 */
#include <stddef.h>
#include <stdint.h>

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

const char *symbol_lookup(uintptr_t addr, uintptr_t *start)
{
	const char *name = NULL;
	uintptr_t at = 0, step;

	for (const uint8_t *p = symbol_table;;) {
		p = number(p, &step);
		at += step;
		if (addr < at)
			return name;
		*start = at;
		name = (const char *)p;
		if (!*name)
			return NULL;
		while (*p++)
			;
	}
}

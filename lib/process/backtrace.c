/* SPDX-License-Identifier: ISC */
/* backtrace() of glibc: the frames of the calling thread, with the names that the image has. */
#include "kernel/symbols.h"
#include "kernel/arch.h"

#include <execinfo.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEEPEST 256			/* frames */
#define LINE 320			/* a name has at most 255 characters */

/* Without the address in this function. */
int backtrace(void **to, int size)
{
	uintptr_t pcs[DEEPEST + 1];
	struct arch_call top;
	int n = arch_callers(NULL, pcs, DEEPEST + 1, &top) - 1;

	n = n < size ? n : size;
	if (n <= 0)
		return 0;
	memcpy(to, pcs + 1, n * sizeof(*to));
	return n;
}

/* A return address may lie just behind the end of a function that does not return. */
static int describe(char *line, void *address)
{
	uintptr_t at = (uintptr_t)address, start = 0;
	const char *name = at ? symbol_lookup(at - 1, &start) : NULL;

	if (!name || !*name)
		return snprintf(line, LINE, "%s() [%p]", image_name, address);
	return snprintf(line, LINE, "%s(%s+%#lx) [%p]", image_name, name,
			(unsigned long)(at - start), address);
}

char **backtrace_symbols(void *const *addresses, int size)
{
	size_t used = size * sizeof(char *);
	char line[LINE], **list;

	for (int i = 0; i < size; i++)
		used += describe(line, addresses[i]) + 1;
	list = malloc(used ? used : 1);
	if (!list)
		return NULL;
	used = size * sizeof(char *);
	for (int i = 0; i < size; i++) {
		list[i] = (char *)list + used;
		used += describe(line, addresses[i]) + 1;
		strcpy(list[i], line);
	}
	return list;
}

void backtrace_symbols_fd(void *const *addresses, int size, int fd)
{
	char line[LINE];

	for (int i = 0; i < size; i++) {
		int n = describe(line, addresses[i]);

		line[n] = '\n';
		if (write(fd, line, n + 1) < 0)
			return;
	}
}

/* SPDX-License-Identifier: ISC */
/* strsep() of 4.4BSD. newlib's returns NULL for an empty field at the end. */
#define _GNU_SOURCE
#include <string.h>

char *strsep(char **text, const char *separators)
{
	char *field = *text;
	size_t n;

	if (!field)
		return NULL;
	n = strcspn(field, separators);
	*text = field[n] ? field + n + 1 : NULL;
	field[n] = '\0';
	return field;
}

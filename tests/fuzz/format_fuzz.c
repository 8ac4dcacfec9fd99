/* SPDX-License-Identifier: ISC */
/* kernel/format.c: any format and any size, with more arguments than it can take. */
#include "kernel/log.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#pragma clang diagnostic ignored "-Wformat-nonliteral"

static int format_any(char *to, size_t size, const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = vformat(to, size, fmt, args);
	va_end(args);
	return len;
}

/* Every argument is this string, or its address as a number. */
#define A text
#define EIGHT A, A, A, A, A, A, A, A

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char text[] = "argument";
	char fmt[64], *to;
	size_t room, specs = 0, digits = 0;
	int len;

	if (size < 2 || size > sizeof(fmt))
		return 0;
	room = data[0];
	memcpy(fmt, data + 1, size - 1);
	fmt[size - 1] = '\0';
	for (const char *p = fmt; *p; p++) {
		specs += *p == '%';
		digits += *p >= '0' && *p <= '9';
	}
	if (specs > 24 || digits > 6)		/* wide is slow, and just that */
		return 0;
	to = malloc(room ? room : 1);
	len = format_any(to, room, fmt, EIGHT, EIGHT, EIGHT);
	assert(len >= 0);
	if (room)
		assert(strnlen(to, room) <= (size_t)len && strnlen(to, room) < room);
	free(to);
	return 0;
}

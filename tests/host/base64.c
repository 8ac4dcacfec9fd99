/* SPDX-License-Identifier: ISC */
/* RFC 4648, for tests that read the bytes in a method's reply. */
#include "tests/host/host.h"

#include <assert.h>
#include <string.h>

static unsigned digit(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	assert(strchr(digits, c) && c);
	return strchr(digits, c) - digits;
}

size_t host_base64(const char *text, size_t len, uint8_t *to)
{
	size_t n = 0;
	uint32_t rest = 0, bits = 0;

	assert(len % 4 == 0);
	for (size_t i = 0; i < len && text[i] != '='; i++) {
		rest = rest << 6 | digit(text[i]);
		for (bits += 6; bits >= 8; bits -= 8)
			to[n++] = rest >> (bits - 8);
	}
	return n;
}

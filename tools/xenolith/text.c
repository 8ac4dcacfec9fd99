/* SPDX-License-Identifier: ISC */
#include "text.h"
#include "endpoint.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/*
 * Decodes the character at s and returns its size in bytes, or 0 if it is not
 * UTF-8 (RFC 3629).
 */
static int decode(const unsigned char *s, uint32_t *c)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	int n = *s < 0x80 ? 1 : *s >= 0xf0 ? 4 : *s >= 0xe0 ? 3 : *s >= 0xc2 ? 2 : 0;

	if (*s > 0xf4)
		return 0;
	*c = n < 2 ? *s : *s & (0x7f >> n);
	for (int i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		*c = *c << 6 | (s[i] & 0x3f);
	}
	return n && *c >= least[n] && *c <= 0x10ffff && (*c < 0xd800 || *c > 0xdfff) ? n : 0;
}

static int is_harmful(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x61c || c == 0x200e ||
	       c == 0x200f || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) ||
	       c == 0xfeff;
}

static void put(FILE *to, const char *text, int lines)
{
	const unsigned char *s = (const unsigned char *)text;

	while (*s) {
		uint32_t c;
		int n = decode(s, &c);
		int kept = lines && (*s == '\n' || *s == '\t' || (*s == '\r' && s[1] == '\n'));

		if (!n || (c < 0x80 && is_harmful(c) && !kept))
			fprintf(to, "\\x%02x", *s);
		else if (is_harmful(c) && !kept)
			fprintf(to, "\\u%04x", (unsigned)c);
		else
			fwrite(s, 1, n, to);
		s += n ? n : 1;
	}
}

void put_word(FILE *to, const char *s)
{
	put(to, s, 0);
}

void put_lines(FILE *to, const char *s)
{
	put(to, s, 1);
}

static FILE *memory(char **text, size_t *size)
{
	FILE *f = open_memstream(text, size);

	if (!f)
		die(FAILED, "out of memory");
	return f;
}

char *escaped_word(const char *s)
{
	const unsigned char *p = (const unsigned char *)s;
	uint32_t c;
	int n;
	char *text;
	size_t size;
	FILE *f;

	while (*p && (n = decode(p, &c)) && !is_harmful(c))
		p += n;
	if (!*p)
		return NULL;
	f = memory(&text, &size);
	put_word(f, s);
	if (fclose(f))
		die(FAILED, "out of memory");
	return text;
}

/*
 * jansson has escaped C0, and the text is UTF-8; other harmful characters are in strings.
 */
char *escaped_json(char *json)
{
	const unsigned char *s = (const unsigned char *)json;
	char *text;
	size_t size;
	FILE *f;

	if (!json)
		die(FAILED, "out of memory");
	f = memory(&text, &size);
	while (*s) {
		uint32_t c;
		int n = decode(s, &c);

		if (!n)
			fputs("\\ufffd", f);
		else if (c >= 0x20 && is_harmful(c))
			fprintf(f, "\\u%04x", (unsigned)c);
		else
			fwrite(s, 1, n, f);
		s += n ? n : 1;
	}
	if (fclose(f))
		die(FAILED, "out of memory");
	free(json);
	return text;
}

/* SPDX-License-Identifier: ISC */
/*
 * Text that is written to a buffer of fixed size, without printf().
 *
 * A piece that does not fit is left out as a whole, as is all that follows; text_whole()
 * tells whether that happened.
 */
#ifndef HTTPD_TEXT_H
#define HTTPD_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {				/* bytes in memory of another owner */
	const char *at;			/* NULL: absent */
	size_t len;
};

struct text {
	char *start, *at, *end;
};

static inline struct text text_in(char *buffer, size_t size)
{
	return (struct text){ buffer, buffer, buffer + size };
}

static inline size_t text_len(const struct text *t)
{
	return t->at - t->start;
}

static inline bool text_whole(const struct text *t)
{
	return t->end != NULL;
}

static inline void put(struct text *t, const void *from, size_t n)
{
	if (t->end && (size_t)(t->end - t->at) >= n) {
		memcpy(t->at, from, n);
		t->at += n;
	} else {
		t->end = NULL;
	}
}

#define put_literal(t, s) put(t, "" s, sizeof(s) - 1)

static inline void put_string(struct text *t, const char *s)
{
	put(t, s, strlen(s));
}

static inline void put_span(struct text *t, struct span s)
{
	put(t, s.at, s.len);
}

static inline void put_char(struct text *t, char c)
{
	put(t, &c, 1);
}

static inline void put_number(struct text *t, uint64_t n)
{
	char digits[20], *p = digits + sizeof(digits);

	do
		*--p = '0' + n % 10;
	while (n /= 10);
	put(t, p, digits + sizeof(digits) - p);
}

void put_html(struct text *t, struct span s);	/* with <, >, &, " and ' escaped */
void put_url(struct text *t, struct span s);	/* a path, percent-encoded */
/* For a log: control characters, " and \ as \xHH */
void put_quoted(struct text *t, struct span s);
void put_json(struct text *t, struct span s);	/* a JSON string with its quotes */

static inline bool span_is(struct span s, const char *text, size_t len)
{
	return s.len == len && memcmp(s.at, text, len) == 0;
}

#endif

/* SPDX-License-Identifier: ISC */
/* Escaping of untrusted text. */
#include "apps/httpd/text.h"

static const char hex[] = "0123456789abcdef";

void put_html(struct text *t, struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		switch (s.at[i]) {
		case '<': put_literal(t, "&lt;"); break;
		case '>': put_literal(t, "&gt;"); break;
		case '&': put_literal(t, "&amp;"); break;
		case '"': put_literal(t, "&quot;"); break;
		case '\'': put_literal(t, "&#39;"); break;
		default: put_char(t, s.at[i]);
		}
}

/*
 * Characters that RFC 3986 allows in a path, except `:`, which could end a scheme at its
 * start.
 */
static bool plain_in_url(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("-._~/!$()*+,;=@", c));
}

void put_url(struct text *t, struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = s.at[i];
		char escaped[3] = { '%', hex[c >> 4], hex[c & 15] };

		put(t, plain_in_url(c) ? (char *)&c : escaped, plain_in_url(c) ? 1 : 3);
	}
}

void put_quoted(struct text *t, struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = s.at[i];
		char escaped[4] = { '\\', 'x', hex[c >> 4], hex[c & 15] };
		bool plain = c >= ' ' && c < 0x7f && c != '"' && c != '\\';

		put(t, plain ? (char *)&c : escaped, plain ? 1 : 4);
	}
}

void put_json(struct text *t, struct span s)
{
	put_char(t, '"');
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = s.at[i];
		char escaped[6] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };
		bool plain = c >= ' ' && c < 0x7f && c != '"' && c != '\\';

		put(t, plain ? (char *)&c : escaped, plain ? 1 : 6);
	}
	put_char(t, '"');
}

/* SPDX-License-Identifier: ISC */
/* Quotes a word as for sh, since the guest splits its command line in this way. */
#ifndef QUOTE_H
#define QUOTE_H

#include <stdio.h>
#include <string.h>

static inline void quote(FILE *f, const char *word)
{
	size_t plain = strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789@%+=:,./_-");

	if (*word && !word[plain]) {
		fputs(word, f);
		return;
	}
	fputc('\'', f);
	for (; *word; word++)
		fputs(*word == '\'' ? "'\\''" : (char[]){ *word, 0 }, f);
	fputc('\'', f);
}

#endif

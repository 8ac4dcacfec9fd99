/* SPDX-License-Identifier: ISC */
/*
 * Strings of a guest, made fit for a terminal: whatever a guest names comes through here.
 *
 * Control characters (C0, DEL, C1 as U+0080 to U+009F), bytes that are no UTF-8, and what
 * changes the direction of text or breaks lines (U+061C, U+200E, U+200F, U+2028 to U+202E,
 * U+2066 to U+2069, U+FEFF) become escapes: \x1b, \u009b.
 */
#ifndef XENOLITH_TEXT_H
#define XENOLITH_TEXT_H

#include <stdio.h>

void put_word(FILE *to, const char *s);		/* a line's end and a tab are escaped, too */
void put_lines(FILE *to, const char *s);	/* they stay as they are */

/* The same as put_word(), for free(); NULL: there is nothing to escape. */
char *escaped_word(const char *s);

/* A JSON text, for free(), the same value without such characters; takes over the text. */
char *escaped_json(char *json);

#endif

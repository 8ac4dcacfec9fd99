/* SPDX-License-Identifier: ISC */
/*
 * Escapes text from a guest for a terminal.  All such text must be printed by these
 * functions.
 *
 * Control characters (C0, DEL, C1 as U+0080 to U+009F), bytes that are not UTF-8, and
 * characters that change the direction of text or break lines (U+061C, U+200E, U+200F,
 * U+2028 to U+202E, U+2066 to U+2069, U+FEFF) become escapes such as \x1b and \u009b.
 */
#ifndef XENOLITH_TEXT_H
#define XENOLITH_TEXT_H

#include <stdio.h>

void put_word(FILE *to, const char *s);		/* also escapes line feeds and tabs */
void put_lines(FILE *to, const char *s);	/* keeps line feeds and tabs */

/*
 * Returns the text that put_word() prints, to be freed, or NULL if it is the same as s.
 */
char *escaped_word(const char *s);

/* Returns JSON text of the same value, escaped, to be freed.  Takes over its argument. */
char *escaped_json(char *json);

#endif

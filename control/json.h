/* SPDX-License-Identifier: ISC */
/*
 * JSON (RFC 8259), written into a buffer and read in place: no memory but the caller's,
 * and no sleep.
 */
#ifndef CONTROL_JSON_H
#define CONTROL_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Writing.  key: of a member of an object, NULL within an array and for the outermost.
 * What does not fit is counted and not written; size 0 only counts.
 */
struct json {
	char *to;
	size_t size, len;		/* len: all that there is to write */
	bool comma;			/* before the next */
};

void json_open(struct json *j, const char *key, char bracket);	/* '{' or '[' */
void json_close(struct json *j, char bracket);			/* '}' or ']' */
void json_number(struct json *j, const char *key, int64_t value);
void json_bool(struct json *j, const char *key, bool value);
/* Any bytes: what is no UTF-8 becomes U+FFFD. */
void json_string(struct json *j, const char *key, const char *value);
void json_chars(struct json *j, const char *key, const char *value, size_t len);
/* All members of an object that json_check() knows, as they are. */
struct json_value;
void json_members(struct json *j, struct json_value object);
bool json_fits(const struct json *j);

/*
 * Reading.  Nothing but what json_check() found to be one value is given to the others: 0;
 * -EINVAL, it is not; -E2BIG, deeper than depth (at most 32) arrays and objects.
 */
int json_check(const char *text, size_t len, unsigned depth);

/* A value within such a text. */
struct json_value {
	const char *at;
	size_t len;
};
char json_kind(struct json_value v);	/* { [ " t f n, or 0: a number */

/*
 * The member of an object, no blanks around it: false, there is none, or v is no object.  The
 * first one counts.
 */
bool json_member(struct json_value v, const char *key, struct json_value *member);

/* A string with a NUL behind it: its length; -EINVAL, none (or with U+0000); -E2BIG. */
int json_get_string(struct json_value v, char *to, size_t size);
int json_get_integer(struct json_value v, int64_t *to);	/* 0 or -EINVAL */

#endif

/* SPDX-License-Identifier: ISC */
/*
 * JSON (RFC 8259), written into a buffer and read in place.  It uses only the caller's
 * memory, and does not sleep.
 */
#ifndef CONTROL_JSON_H
#define CONTROL_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Writing.  key is the name of a member of an object, NULL in an array and for the
 * outermost value.  Bytes that do not fit are counted and not written; size 0 only
 * counts.
 */
struct json {
	char *to;
	size_t size, len;		/* len: including what did not fit */
	bool comma;			/* before the next value */
};

void json_open(struct json *j, const char *key, char bracket);	/* '{' or '[' */
void json_close(struct json *j, char bracket);			/* '}' or ']' */
void json_number(struct json *j, const char *key, int64_t value);
void json_bool(struct json *j, const char *key, bool value);
/* Any bytes: invalid UTF-8 becomes U+FFFD. */
void json_string(struct json *j, const char *key, const char *value);
void json_chars(struct json *j, const char *key, const char *value, size_t len);
/* Copies all members of an object that json_check() has accepted. */
struct json_value;
void json_members(struct json *j, struct json_value object);
bool json_fits(const struct json *j);
bool json_utf8(const char *s, size_t len);	/* whether it stays as it is */

/*
 * Reading.  Only text that json_check() has accepted as one value may be passed to the
 * others.  It returns 0; -EINVAL; or -E2BIG for more than depth (at most 32) nested
 * arrays and objects.
 */
int json_check(const char *text, size_t len, unsigned depth);

/* A value in such a text. */
struct json_value {
	const char *at;
	size_t len;
};
char json_kind(struct json_value v);	/* { [ " t f n, or 0: a number */

/*
 * Finds the first member of this name, without blanks around it.  Returns false if there
 * is none, or v is not an object.
 */
bool json_member(struct json_value v, const char *key, struct json_value *member);

/*
 * Copies a string, followed by a NUL. Returns its length; -EINVAL if it is not a string
 * (or contains U+0000); -E2BIG.
 */
int json_get_string(struct json_value v, char *to, size_t size);
int json_get_integer(struct json_value v, int64_t *to);	/* 0 or -EINVAL */

#endif

/* SPDX-License-Identifier: ISC */
/*
 * net/dnsmsg.c for any message of up to LEN bytes: nothing outside of the message, of the answer or
 * of the buffers for names is accessed, and all loops end.  Records are proved with any name that expand()
 * may return.
 */
#include "net/dnsmsg.c"
#include "tests/prove/prove.h"

#define LEN 30u

static uint8_t message[LEN];
static size_t len;

static void any_message(void)
{
	any_bytes(message, sizeof(message));
	len = nondet_size();
	ASSUME(len <= LEN);
	REACHED("any message");
}

/* Compressed names: each pointer goes backwards, so a message has at most LEN of them. */

/* prove: unwind 12 seconds 9 */
void prove_expand(void)
{
	uint8_t name[WIRE_MAX];
	size_t at = nondet_size(), end;

	any_message();
	ASSUME(len <= 10 && at <= len);
	end = expand(message, len, at, NULL);
	CLAIM("it ends behind its beginning, in the message", !end || (end > at && end <= len));
	if (end)
		REACHED("a name");
	else
		REACHED("no name");
}

/* A name of up to NAME bytes in wire format, and what is not a name. */
#define NAME 5u

/* prove: unwind 12 seconds 10 */
void prove_expand_to(void)
{
	uint8_t name[2 * NAME + 1];
	size_t at = nondet_size(), end;

	any_message();
	ASSUME(len <= NAME && at <= len);
	end = expand(message, len, at, name);
	if (end) {
		CLAIM("the name ends in its buffer", wire_len(name) <= 2 * NAME);
		CLAIM("it is lower case", name[0] == 0 || name[1] < 'A' || name[1] > 'Z');
		REACHED("a name");
	}
}

/* prove: unwind 8 */
void prove_to_text(void)
{
	uint8_t name[NAME + 1];
	char text[DNSMSG_NAME_MAX];
	size_t n = 0;

	any_bytes(name, sizeof(name));
	/* What expand() writes: labels of 1 to 63 bytes, and the last of 0. */
	ASSUME(name[0] <= 2 && (!name[0] || name[name[0] + 1] <= 1));
	if (name[0] && name[name[0] + 1])
		name[name[0] + 3] = 0;
	text[0] = '?';
	to_text(name, text);
	if (text[0] != '?') {
		while (n < NAME + 1 && text[n])
			n++;
		CLAIM("the text ends", n < NAME + 1 && text[n] == '\0');
		CLAIM("it has letters of host names", is_fine(text[0]));
		REACHED("a text");
	}
}

/* prove: unwind 6 seconds 5 */
void prove_query(void)
{
	uint8_t query[DNSMSG_QUERY_MAX];
	char name[4];
	size_t n;

	any_bytes(name, sizeof(name));
	name[3] = '\0';
	n = dnsmsg_query(query, 1, name, DNSMSG_A, nondet_bool());
	CLAIM("it fits", n <= DNSMSG_QUERY_MAX);
	CLAIM("a question has its name, type and class", !n || n >= HEADER + 3 + 4);
	if (n)
		REACHED("a query");
	else
		REACHED("an invalid name");
}

/* ---- above expand() */

size_t any_name(const uint8_t *m, size_t len, size_t at, uint8_t *to)
{
	size_t end = nondet_size();

	CLAIM("a name is looked for in a message", len == 0 || READABLE(m, len));
	ASSUME(end == 0 || (end > at && end <= len));
	if (to) {			/* one label of one byte, or the root */
		to[0] = nondet_bool();
		to[1] = nondet_uint8();
		to[2] = 0;
		if (!to[0])
			to[1] = 0;
	}
	return end;
}

/* prove: unwind 2 replace expand:any_name */
void prove_record(void)
{
	struct record r;
	size_t at = nondet_size();

	any_message();
	if (record_at(message, len, at, &r)) {
		CLAIM("its data is in the message", r.data >= 10 && r.data <= len && r.len <= len - r.data &&
		      r.next == r.data + r.len);
		CLAIM("the next is behind it", r.next >= at + 10);
		REACHED("a record");
	}
}

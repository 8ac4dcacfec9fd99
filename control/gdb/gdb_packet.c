/* SPDX-License-Identifier: ISC */
/* gdb's remote protocol as bytes ("Overview" in appendix E of its manual). */
#include "control/gdb/gdb_internal.h"

#include <string.h>

#define INTERRUPT 3

static const char digits[] = "0123456789abcdef";

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 'a' - 'A';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* ---- received packets */

static enum gdb_event outside(struct gdb_packet *p, char c)
{
	if (c == '$') {
		p->at = GDB_DATA;
		p->len = p->sum = 0;
		p->broken = false;
	}
	return c == INTERRUPT ? GDB_INTERRUPT : c == '-' ? GDB_AGAIN : GDB_NOTHING;
}

static void inside(struct gdb_packet *p, char c)
{
	if (c == '#') {
		p->at = GDB_SUM_HIGH;
	} else if (c == '$') {		/* never in data: the end of the last packet was lost */
		p->len = p->sum = 0;
		p->broken = false;
	} else {
		p->sum += (uint8_t)c;
		if (p->len == GDB_PACKET_MAX)
			p->broken = true;
		else
			p->data[p->len++] = c;
	}
}

enum gdb_event gdb_byte(struct gdb_packet *p, char c)
{
	switch (p->at) {
	case GDB_OUTSIDE:
		return outside(p, c);
	case GDB_DATA:
		inside(p, c);
		return GDB_NOTHING;
	case GDB_SUM_HIGH:
		p->broken |= digit(c) < 0;
		p->checksum = digit(c) & 15;
		p->at = GDB_SUM_LOW;
		return GDB_NOTHING;
	case GDB_SUM_LOW:
		break;
	}
	p->at = GDB_OUTSIDE;
	p->data[p->len] = '\0';
	if (p->broken || digit(c) < 0 || (p->checksum * 16 + digit(c)) != p->sum)
		return GDB_BROKEN;
	return GDB_PACKET;
}

/* ---- replies */

static void put(struct gdb_reply *r, char c)
{
	if (r->len > GDB_PACKET_MAX)
		r->full = true;
	else
		r->data[r->len++] = c;
}

void gdb_begin(struct gdb_reply *r)
{
	r->data[0] = '$';
	r->len = 1;
	r->full = false;
}

void gdb_put(struct gdb_reply *r, const char *text)
{
	while (*text)
		put(r, *text++);
}

void gdb_put_number(struct gdb_reply *r, uint64_t n)
{
	int shift = 60;

	while (shift && !(n >> shift))
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		put(r, digits[n >> shift & 15]);
}

void gdb_put_bytes(struct gdb_reply *r, const void *from, size_t n)
{
	const uint8_t *p = from;

	while (n--) {
		put(r, digits[*p >> 4]);
		put(r, digits[*p++ & 15]);
	}
}

/* No reply contains a character that must be escaped. */
void gdb_end(struct gdb_reply *r)
{
	uint8_t sum = 0;

	for (size_t i = 1; i < r->len; i++)
		sum += (uint8_t)r->data[i];
	r->data[r->len++] = '#';
	r->data[r->len++] = digits[sum >> 4];
	r->data[r->len++] = digits[sum & 15];
}

/* ---- contents of packets */

bool gdb_take(const char **at, const char *text)
{
	size_t n = strlen(text);

	if (strncmp(*at, text, n))
		return false;
	*at += n;
	return true;
}

bool gdb_take_number(const char **at, uint64_t *n)
{
	const char *p = *at;
	uint64_t value = 0;

	for (; digit(*p) >= 0; p++) {
		if (p - *at == 16)
			return false;
		value = value << 4 | digit(*p);
	}
	if (p == *at)
		return false;
	*at = p;
	*n = value;
	return true;
}

bool gdb_take_bytes(const char **at, void *to, size_t n)
{
	const char *p = *at;
	uint8_t *b = to;

	for (size_t i = 0; i < n; i++, p += 2) {
		if (digit(p[0]) < 0 || digit(p[1]) < 0)
			return false;
		b[i] = digit(p[0]) << 4 | digit(p[1]);
	}
	*at = p;
	return true;
}

/* SPDX-License-Identifier: ISC */
#include "net/dnsmsg.h"

#include <string.h>

#define HEADER 12
#define WIRE_MAX 255			/* bytes of a name: RFC 1035, 2.3.4 */
#define LABEL_MAX 63
#define CLASS_IN 1
#define CNAME 5
#define OPT 41
#define JUMPS_MAX 127			/* the maximum number of labels */
#define ALIASES_MAX 16			/* CNAMEs that are followed */

enum { QR = 0x80, OPCODE = 0x78, TC = 2, RD = 1 };	/* flags in bytes 2 and 3 */

static unsigned get16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

static void put16(uint8_t *p, unsigned n)
{
	p[0] = n >> 8;
	p[1] = n;
}

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c;
}

/*
 * Characters of host names in practice. Those that are unsafe in a terminal or a path are
 * excluded.
 */
static bool is_fine(uint8_t c)
{
	c = lower(c);
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* Converts text to wire format. Returns the length, or 0 if the name is invalid. */
static size_t encode(const char *name, uint8_t to[WIRE_MAX])
{
	size_t at = 0, len = strlen(name);

	if (len && name[len - 1] == '.')
		len--;
	if (!len || len > WIRE_MAX - 2)
		return 0;
	for (size_t i = 0; i <= len; i++) {
		size_t label = i;

		while (i < len && name[i] != '.') {
			if (!is_fine(name[i]))
				return 0;
			to[at + 1 + i - label] = name[i];
			i++;
		}
		if (i == label || i - label > LABEL_MAX)
			return 0;
		to[at] = i - label;
		at += 1 + to[at];
	}
	to[at++] = 0;
	return at;
}

size_t dnsmsg_query(uint8_t to[DNSMSG_QUERY_MAX], uint16_t id, const char *name, uint16_t type,
		    bool edns)
{
	size_t n;

	memset(to, 0, DNSMSG_QUERY_MAX);
	n = encode(name, to + HEADER);
	if (!n)
		return 0;
	put16(to, id);
	to[2] = RD;
	to[5] = 1;
	n += HEADER;
	put16(to + n, type);
	put16(to + n + 2, CLASS_IN);
	n += 4;
	if (edns) {
		to[11] = 1;
		put16(to + n + 1, OPT);		/* owner name: the root */
		put16(to + n + 3, DNSMSG_UDP_MAX);
		n += 11;
	}
	return n;
}

/*
 * Writes the name at `at`, decompressed and in lower case, to `to` if it is not NULL.
 * Returns the offset behind the name, or 0 if it is invalid. A compression pointer must
 * point backwards (RFC 1035, 4.1.4: "a prior occurrence"), so there is no loop.
 */
static size_t expand(const uint8_t *m, size_t len, size_t at, uint8_t *to)
{
	size_t begin = at, behind = 0, n = 0, jumps = 0;

	while (at < len) {
		uint8_t c = m[at];

		if ((c & 0xc0) == 0xc0) {
			if (at + 2 > len)
				return 0;
			behind = behind ? behind : at + 2;
			at = get16(m + at) & 0x3fff;
			if (at >= begin || ++jumps > JUMPS_MAX)
				return 0;
			begin = at;
			continue;
		}
		if (c > LABEL_MAX || at + 1 + c > len || n + 1 + c > WIRE_MAX)
			return 0;
		if (to) {
			to[n] = c;
			for (size_t i = 1; i <= c; i++)
				to[n + i] = lower(m[at + i]);
		}
		n += 1 + c;
		at += 1 + c;
		if (!c)
			return behind ? behind : at;
	}
	return 0;
}

static size_t wire_len(const uint8_t *name)
{
	size_t n = 0;

	while (name[n])
		n += 1 + name[n];
	return n + 1;
}

static bool same(const uint8_t *a, const uint8_t *b)
{
	size_t n = wire_len(a);

	return n == wire_len(b) && !memcmp(a, b, n);
}

/* Converts a name to text. Leaves `to` unchanged if it is not a host name. */
static void to_text(const uint8_t *name, char to[DNSMSG_NAME_MAX])
{
	char text[WIRE_MAX];
	size_t n = 0;

	for (; *name; name += 1 + *name) {
		for (unsigned i = 1; i <= *name; i++) {
			if (!is_fine(name[i]))
				return;
			text[n++] = name[i];
		}
		text[n++] = '.';
	}
	if (!n)
		return;
	text[n - 1] = '\0';
	memcpy(to, text, n);
}

struct record {
	size_t owner, data, next;	/* offsets in the message */
	unsigned type, class, len;
};

static bool record_at(const uint8_t *m, size_t len, size_t at, struct record *r)
{
	size_t end = expand(m, len, at, NULL);

	if (!end || len - end < 10)
		return false;
	r->owner = at;
	r->type = get16(m + end);
	r->class = get16(m + end + 2);
	r->len = get16(m + end + 8);
	r->data = end + 10;
	if (r->len > len - r->data)
		return false;
	r->next = r->data + r->len;
	return true;
}

/*
 * Checks the id, the QR bit and that the question is the same. Returns the offset behind
 * the question, or 0.
 */
static size_t answers(const uint8_t *m, size_t len, const uint8_t *query, size_t query_len)
{
	uint8_t theirs[WIRE_MAX], ours[WIRE_MAX];
	size_t end, asked = expand(query, query_len, HEADER, ours);

	if (len < HEADER || memcmp(m, query, 2) || !(m[2] & QR) || m[2] & OPCODE)
		return 0;
	/* Some servers do not repeat a question that they do not understand. */
	if (!get16(m + 4) && (m[3] & 15) != DNSMSG_NOERROR && (m[3] & 15) != DNSMSG_NXDOMAIN)
		return len;
	end = expand(m, len, HEADER, theirs);
	if (get16(m + 4) != 1 || !end || len - end < 4)
		return 0;
	return same(theirs, ours) && !memcmp(m + end, query + asked, 4) ? end + 4 : 0;
}

/* Replaces a name by the one that it is an alias of. Returns false if it has no CNAME. */
static bool follow(const uint8_t *m, size_t len, size_t first, unsigned n, uint8_t *name)
{
	uint8_t owner[WIRE_MAX], target[WIRE_MAX];
	struct record r = { .next = first };

	while (n-- && record_at(m, len, r.next, &r)) {
		if (r.type != CNAME || r.class != CLASS_IN)
			continue;
		expand(m, len, r.owner, owner);
		if (!same(owner, name))
			continue;
		if (expand(m, r.next, r.data, target) != r.next)
			return false;
		memcpy(name, target, wire_len(target));
		return true;
	}
	return false;
}

static void take(const uint8_t *m, const struct record *r, void *to, size_t most,
		 struct dnsmsg_answer *a)
{
	size_t size = r->type == DNSMSG_A ? 4 : 16;
	uint8_t name[WIRE_MAX];

	if (r->type == DNSMSG_PTR) {
		if (!a->count && expand(m, r->next, r->data, name) == r->next) {
			a->name[0] = '\0';
			to_text(name, a->name);
			a->count = a->name[0] != '\0';
		}
	} else if (r->len == size && a->count < most) {
		memcpy((uint8_t *)to + a->count++ * size, m + r->data, size);
	}
}

/*
 * The upper bits of an extended RCODE are in the OPT record, in the additional section.
 */
static unsigned extended_code(const uint8_t *m, size_t len, size_t at)
{
	unsigned n = get16(m + 6) + get16(m + 8) + get16(m + 10);
	struct record r = { .next = at };

	while (n-- && record_at(m, len, r.next, &r))
		if (r.type == OPT)
			return (unsigned)m[r.data - 6] << 4;
	return 0;
}

bool dnsmsg_read(const uint8_t *m, size_t len, const uint8_t *query, size_t query_len,
		 void *addresses, size_t most, struct dnsmsg_answer *a)
{
	size_t first = answers(m, len, query, query_len);
	uint8_t name[WIRE_MAX], owner[WIRE_MAX];
	unsigned n, type;
	struct record r;

	if (!first)
		return false;
	memset(a, 0, sizeof(*a));
	a->rcode = (m[3] & 15) | extended_code(m, len, first);
	a->truncated = m[2] & TC;
	type = get16(query + expand(query, query_len, HEADER, name));
	n = get16(m + 6);
	to_text(name, a->name);
	for (int i = 0; i < ALIASES_MAX && follow(m, len, first, n, name); i++)
		;
	to_text(name, a->name);
	r.next = first;
	while (n-- && record_at(m, len, r.next, &r)) {
		if (r.type != type || r.class != CLASS_IN)
			continue;
		expand(m, len, r.owner, owner);
		if (same(owner, name))
			take(m, &r, addresses, most, a);
	}
	if (type == DNSMSG_PTR && !a->count)
		a->name[0] = '\0';
	return true;
}

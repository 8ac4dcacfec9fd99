/* SPDX-License-Identifier: ISC */
/* net/dnsmsg.c: questions, and valid and invalid replies. */
#include "net/dnsmsg.h"
#include "tests/host/host.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static uint8_t query[DNSMSG_QUERY_MAX], m[70000], out[100000];
static size_t query_len, len;
static struct dnsmsg_answer answer;

static void ask(const char *name, uint16_t type, bool edns)
{
	query_len = dnsmsg_query(query, 0x1234, name, type, edns);
	assert(query_len);
	len = query_len - (edns ? 11 : 0);
	memcpy(m, query, len);
	m[2] = 0x81;
	m[3] = 0x80;
	m[11] = 0;
}

static void put(const void *from, size_t n)
{
	memcpy(m + len, from, n);
	len += n;
}

static void record(const char *owner, size_t owner_len, uint8_t type, const char *data,
		   uint16_t n)
{
	const uint8_t head[] = { 0, type, 0, 1, 0, 0, 0, 60, n >> 8, n };
	unsigned count = (m[6] << 8 | m[7]) + 1;

	put(owner, owner_len);
	put(head, sizeof(head));
	put(data, n);
	m[6] = count >> 8;
	m[7] = count;
}

#define SELF "\xc0\x0c", 2

/* In memory of exactly this size, so that the sanitizer finds accesses beyond it. */
static bool takes(void)
{
	uint8_t *copy = malloc(len + !len), *to = malloc(len / 12 * 16 + 1);
	bool taken;

	memcpy(copy, m, len);
	taken = dnsmsg_read(copy, len, query, query_len, to, len / 12, &answer);
	if (taken)
		memcpy(out, to, len / 12 * 16);
	free(copy);
	free(to);
	return taken;
}

static void questions_are_of_hosts(void)
{
	static const char *const bad[] = { "", ".", "..", "a..b", ".a", "a b", "a!", "a..",
					   "a\n", "\x1b[1m" };
	char name[300];

	assert(dnsmsg_query(query, 0x1234, "Ab.c-d_1.", DNSMSG_A, false) == 26);
	assert(!memcmp(query, "\x12\x34\1\0\0\1\0\0\0\0\0\0\2Ab\5c-d_1\0\0\1\0\1", 26));
	assert(dnsmsg_query(query, 1, "a", DNSMSG_AAAA, true) == 12 + 3 + 4 + 11);
	assert(!memcmp(query + 12, "\1a\0\0\x1c\0\1\0\0\x29\4\xd0\0\0\0\0\0\0", 18));
	for (size_t i = 0; i < HOST_COUNT(bad); i++)
		assert(!dnsmsg_query(query, 1, bad[i], DNSMSG_A, true));
	memset(name, 'a', sizeof(name));
	name[64] = '\0';
	assert(!dnsmsg_query(query, 1, name, DNSMSG_A, true));
	name[63] = '\0';
	assert(dnsmsg_query(query, 1, name, DNSMSG_A, true));
	for (int i = 0; i < 299; i++)
		name[i] = i % 50 == 49 ? '.' : 'a';
	name[254] = '\0';
	assert(!dnsmsg_query(query, 1, name, DNSMSG_A, true));
	name[253] = '\0';
	assert(dnsmsg_query(query, 1, name, DNSMSG_A, true) == 12 + 255 + 4 + 11);
}

static void all_addresses_are_there(void)
{
	ask("Many.Test", DNSMSG_A, true);
	for (int i = 0; i < 1000; i++)
		record(SELF, 1, (char[]){ 10, 0, i >> 8, i }, 4);
	assert(takes() && answer.count == 1000 && answer.rcode == 0 && !answer.truncated);
	for (int i = 0; i < 1000; i++)
		assert(out[4 * i + 2] == i >> 8 && out[4 * i + 3] == (i & 255));
	assert(!strcmp(answer.name, "many.test"));
	ask("six.test", DNSMSG_AAAA, false);
	record(SELF, 28, "0123456789abcdef", 16);
	record(SELF, 1, "\1\2\3\4", 4);		/* of another type */
	record(SELF, 28, "0123", 4);		/* no such address */
	m[2] |= 2;
	assert(takes() && answer.count == 1 && answer.truncated && !memcmp(out, "0123456", 7));
}

static void another_question_is_not_answered(void)
{
	static const int changed[] = { 0, 1, 2, 5, 13, 14, 17, 19, 21, 22, 24 };

	ask("me.test", DNSMSG_A, true);
	record(SELF, 1, "\1\2\3\4", 4);
	assert(takes() && answer.count == 1);
	for (size_t i = 0; i < HOST_COUNT(changed); i++) {
		uint8_t was = m[changed[i]];

		m[changed[i]] = changed[i] == 2 ? 1 : was ^ 1;
		assert(!takes());
		m[changed[i]] = was;
	}
	m[13] ^= 0x20;				/* large and small letters are the same */
	assert(takes() && answer.count == 1);
	m[2] = 0x81 | 2 << 3;			/* another operation */
	assert(!takes());
}

static void only_the_name_that_was_asked_for_has_addresses(void)
{
	ask("me.test", DNSMSG_A, true);
	record("\3bad\4test", 10, 1, "\6\6\6\6", 4);
	record("\1y\4TEST", 8, 5, "\1z\4test", 8);
	record("\1z\4test", 8, 1, "\1\2\3\4", 4);
	record(SELF, 5, "\1x\4test", 8);
	record("\1x\4Test", 8, 5, "\1Y\4test", 8);
	assert(takes() && answer.count == 1 && !memcmp(out, "\1\2\3\4", 4));
	assert(!strcmp(answer.name, "z.test"));
	ask("me.test", DNSMSG_A, true);
	record(SELF, 5, "\1\x1b\4test", 8);		/* no name of a host */
	record("\1\x1b\4test", 8, 1, "\1\2\3\4", 4);
	assert(takes() && answer.count == 1 && !strcmp(answer.name, "me.test"));
}

static void addresses_have_names(void)
{
	ask("4.3.2.1.in-addr.arpa", DNSMSG_PTR, true);
	record(SELF, 12, "\2Me\4test", 9);
	record(SELF, 12, "\3you\4test", 10);
	assert(takes() && answer.count == 1 && !strcmp(answer.name, "me.test"));
	ask("4.3.2.1.in-addr.arpa", DNSMSG_PTR, true);
	record(SELF, 12, "\5\x1b[31m\4test", 12);
	assert(takes() && answer.count == 0 && !*answer.name);
}

static void codes_are_told(void)
{
	ask("me.test", DNSMSG_A, true);
	m[3] = 0x83;
	assert(takes() && answer.rcode == DNSMSG_NXDOMAIN && answer.count == 0);
	m[3] = 0x80;
	put("\0\0\x29\4\xd0\1\0\0\0\0\0", 11);	/* BADVERS */
	m[11] = 1;
	assert(takes() && answer.rcode == 16);
	len = 12;				/* an error that does not repeat the question */
	memset(m + 4, 0, 8);
	m[3] = 0x81;
	assert(takes() && answer.rcode == DNSMSG_FORMERR);
	m[3] = 0x80;
	assert(!takes());
}

/* Pointers in circles, forwards, beyond the end; invalid lengths and counts. */
static void what_is_wrong_has_an_end(void)
{
	size_t whole;

	ask("me.test", DNSMSG_A, true);
	record(SELF, 5, "\xc0\x0c", 2);		/* an alias of itself */
	assert(takes() && answer.count == 0);
	record((char[]){ 0xc0, len }, 2, 1, "\1\2\3\4", 4);	/* a name that is itself */
	record("\xff\xff", 2, 1, "\1\2\3\4", 4);
	assert(takes() && answer.count == 0);
	ask("me.test", DNSMSG_A, true);
	record(SELF, 5, "\1a", 2);		/* a name without an end */
	record(SELF, 1, "\1\2\3\4", 4);
	m[6] = m[7] = m[8] = m[9] = m[10] = m[11] = 0xff;
	assert(takes() && answer.count == 1);
	whole = len;
	for (len = 0; len < whole; len++)
		takes();
	for (int i = 0; i < 20000; i++) {
		size_t n;

		ask("me.test", DNSMSG_A, true);
		n = host_below(12);
		for (size_t k = 0; k < n; k++)
			record(SELF, host_chance(2) ? 1 : 5, "\1x\xc0\x0c", 4);
		for (size_t k = host_below(6); k; k--)
			m[12 + host_below(len - 12)] = host_chance(3) ? 0xc0 : host_random();
		len -= host_chance(4) ? host_below(20) : 0;
		takes();
	}
}

/* The time for the slowest message is bounded by the length of a name. */
static void long_chains_of_pointers_are_refused(void)
{
	ask("me.test", DNSMSG_A, true);
	put("\0\0\1\0\1\0\0\0\0\x3a\x98", 11);	/* 15000 bytes of pointers */
	m[7] = 1;
	for (int i = 0; i < 7500; i++) {
		size_t to = i ? len - 2 : 12;

		put((uint8_t[]){ 0xc0 | to >> 8, to }, 2);
	}
	for (int i = 0; i < 3000; i++)
		record((char[]){ 0xc0 | 15000 >> 8, 15000 & 254 }, 2, 1, "\1\2\3\4", 4);
	assert(takes() && answer.count == 0);
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "questions are built for valid names only", questions_are_of_hosts, 1 },
		{ "all addresses of a reply are found", all_addresses_are_there, 1 },
		{ "a reply to another question is refused",
		  another_question_is_not_answered, 1 },
		{ "only addresses of the requested name are taken",
		  only_the_name_that_was_asked_for_has_addresses, 1 },
		{ "an address is resolved to its name", addresses_have_names, 1 },
		{ "result codes are returned", codes_are_told, 1 },
		{ "parsing of an invalid message ends", what_is_wrong_has_an_end, 4 },
		{ "long chains of pointers are refused", long_chains_of_pointers_are_refused, 1 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}

/* SPDX-License-Identifier: ISC */
/* Internet addresses as text (POSIX.1-2017: inet_pton, inet_ntop; RFC 5952). */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct in6_addr in6addr_any = IN6ADDR_ANY_INIT;
const struct in6_addr in6addr_loopback = IN6ADDR_LOOPBACK_INIT;

/* Four decimal numbers without leading zeros. */
static bool parse_v4(const char *text, uint8_t to[4])
{
	for (int i = 0; i < 4; i++) {
		unsigned n = 0, digits = 0;

		for (; *text >= '0' && *text <= '9'; text++, digits++)
			if (digits == 3 || (digits && !n))
				return false;
			else
				n = n * 10 + (*text - '0');
		if (!digits || n > 255 || *text++ != (i < 3 ? '.' : '\0'))
			return false;
		to[i] = n;
	}
	return true;
}

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' :
	       c >= 'a' && c <= 'f' ? c - 'a' + 10 :
	       c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Parses a group of at most four hexadecimal digits. Returns the rest, or NULL. */
static const char *group(const char *text, unsigned *n)
{
	const char *p = text;

	for (*n = 0; hex(*p) >= 0; p++) {
		if (p - text == 4)
			return NULL;
		*n = *n << 4 | hex(*p);
	}
	return p == text ? NULL : p;
}

static bool parse_v6(const char *text, uint8_t to[16])
{
	int filled = 0, gap = -1;
	unsigned n;

	memset(to, 0, 16);
	if (text[0] == ':' && text[1] != ':')
		return false;
	while (*text) {
		const char *rest;

		if (text[0] == ':' && text[1] == ':') {
			if (gap >= 0)
				return false;
			gap = filled;
			text += 2;
			continue;
		}
		if (*text == ':' && filled && filled != gap)
			text++;
		if (filled <= 12 && strchr(text, '.') && !strchr(text, ':')) {
			if (!parse_v4(text, to + filled))
				return false;
			filled += 4;
			break;
		}
		rest = filled < 16 ? group(text, &n) : NULL;
		if (!rest || (*rest && *rest != ':'))
			return false;
		to[filled++] = n >> 8;
		to[filled++] = n;
		text = rest;
		if (text[0] == ':' && !text[1])
			return false;
	}
	if (gap < 0)
		return filled == 16;
	if (filled == 16)
		return false;
	memmove(to + 16 - (filled - gap), to + gap, filled - gap);
	memset(to + gap, 0, 16 - filled);
	return true;
}

int inet_pton(int family, const char *text, void *to)
{
	uint8_t address[16];
	size_t size = family == AF_INET ? 4 : 16;

	if (family != AF_INET && family != AF_INET6) {
		errno = EAFNOSUPPORT;
		return -1;
	}
	if (family == AF_INET ? !parse_v4(text, address) : !parse_v6(text, address))
		return 0;
	memcpy(to, address, size);
	return 1;
}

static void print_v4(char *to, size_t size, const uint8_t *a)
{
	snprintf(to, size, "%u.%u.%u.%u", a[0], a[1], a[2], a[3]);
}

static unsigned word(const uint8_t *a, int i)
{
	return a[2 * i] << 8 | a[2 * i + 1];
}

/*
 * Finds the run of zeros that "::" replaces: the longest one of at least two groups, and
 * the first of equal ones.
 */
static int longest_zeros(const uint8_t *a, int groups, int *length)
{
	int best = -1;

	*length = 1;
	for (int i = 0; i < groups; i++) {
		int n = 0;

		while (i + n < groups && !word(a, i + n))
			n++;
		if (n > *length) {
			*length = n;
			best = i;
		}
		i += n;
	}
	return best;
}

static void print_v6(char *to, const struct in6_addr *from)
{
	const uint8_t *a = from->s6_addr;
	bool v4 = IN6_IS_ADDR_V4MAPPED(from) || (IN6_IS_ADDR_V4COMPAT(from) && word(a, 6));
	int groups = v4 ? 6 : 8, length, zeros = longest_zeros(a, groups, &length);

	for (int i = 0; i < groups; i++) {
		if (i == zeros) {
			to += sprintf(to, "::");
			i += length - 1;
			continue;
		}
		to += sprintf(to, "%s%x", i && i != zeros + length ? ":" : "", word(a, i));
	}
	if (v4 && zeros + length != groups)
		*to++ = ':';
	if (v4)
		print_v4(to, INET_ADDRSTRLEN, a + 12);
}

const char *inet_ntop(int family, const void *from, char *to, socklen_t size)
{
	char text[INET6_ADDRSTRLEN] = "";

	if (family == AF_INET)
		print_v4(text, sizeof(text), from);
	else if (family == AF_INET6)
		print_v6(text, from);
	if (!*text || strlen(text) >= size) {
		errno = *text ? ENOSPC : EAFNOSUPPORT;
		return NULL;
	}
	return strcpy(to, text);
}

/* As in BSD: one to four numbers in any base; the last one fills the remaining bytes. */
int inet_aton(const char *text, struct in_addr *to)
{
	uint32_t address = 0;

	for (int shift = 24; ; shift -= 8) {
		char *end;
		unsigned long n;

		if (!isdigit((unsigned char)*text))
			return 0;
		n = strtoul(text, &end, 0);
		if (*end == '.') {
			if (shift == 0 || n > 255)
				return 0;
			address |= n << shift;
			text = end + 1;
			continue;
		}
		if ((*end && !isspace((unsigned char)*end)) ||
		    n >= 1ull << (shift + 8))
			return 0;
		to->s_addr = htonl(address | n);
		return 1;
	}
}

in_addr_t inet_addr(const char *text)
{
	struct in_addr address;

	return inet_aton(text, &address) ? address.s_addr : INADDR_NONE;
}

char *inet_ntoa(struct in_addr from)
{
	static _Thread_local char text[INET_ADDRSTRLEN];

	print_v4(text, sizeof(text), (const uint8_t *)&from);
	return text;
}

#undef htonl
#undef htons
#undef ntohl
#undef ntohs

uint32_t htonl(uint32_t n)
{
	return __builtin_bswap32(n);
}

uint16_t htons(uint16_t n)
{
	return __builtin_bswap16(n);
}

uint32_t ntohl(uint32_t n)
{
	return __builtin_bswap32(n);
}

uint16_t ntohs(uint16_t n)
{
	return __builtin_bswap16(n);
}

/* SPDX-License-Identifier: ISC */
/*
 * The order in which addresses are tried (RFC 6724, 6): rules 1, 2, 5, 6, 8, 9 and 10.
 * Rule 9 is not applied to IPv4, where it would only undo the server's order.
 */
#include "kernel/sched.h"
#include "lib/netdb/resolve.h"
#include "lib/socket/datagram.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

enum { SCOPE_LINK = 2, SCOPE_SITE = 5, SCOPE_GLOBAL = 14 };

static const struct policy {
	uint8_t prefix[16];
	uint8_t bits, precedence, label;
} policies[] = {			/* RFC 6724, 2.1; longest prefix first */
	{ { [15] = 1 }, 128, 50, 0 },
	{ { [10] = 0xff, 0xff }, 96, 35, 4 },
	{ { 0 }, 96, 1, 3 },
	{ { 0x20, 0x01 }, 32, 5, 5 },
	{ { 0x20, 0x02 }, 16, 30, 2 },
	{ { 0x3f, 0xfe }, 16, 1, 12 },
	{ { 0xfe, 0xc0 }, 10, 1, 11 },
	{ { 0xfc }, 7, 3, 13 },
	{ { 0 }, 0, 40, 1 },
};

static unsigned common_bits(const uint8_t *a, const uint8_t *b)
{
	unsigned n = 0;

	while (n < 128 && !((a[n / 8] ^ b[n / 8]) & 0x80 >> n % 8))
		n++;
	return n;
}

static const struct policy *policy_of(const struct in6_addr *a)
{
	const struct policy *p = policies;

	while (common_bits(a->s6_addr, p->prefix) < p->bits)
		p++;
	return p;
}

/* RFC 6724, 3.1 and 3.2. */
static unsigned scope_of(const struct in6_addr *a)
{
	if (IN6_IS_ADDR_V4MAPPED(a))
		return a->s6_addr[12] == 127 || (a->s6_addr[12] == 169 &&
		       a->s6_addr[13] == 254) ? SCOPE_LINK : SCOPE_GLOBAL;
	if (IN6_IS_ADDR_MULTICAST(a))
		return a->s6_addr[1] & 15;
	return IN6_IS_ADDR_LINKLOCAL(a) || IN6_IS_ADDR_LOOPBACK(a) ? SCOPE_LINK :
	       IN6_IS_ADDR_SITELOCAL(a) ? SCOPE_SITE : SCOPE_GLOBAL;
}

static struct in6_addr mapped(const void *v4)
{
	struct in6_addr a = { .s6_addr32 = { 0, 0, htonl(0xffff) } };

	memcpy(&a.s6_addr32[3], v4, 4);
	return a;
}

/* Finds the source address for a destination. Returns false if there is none. */
static bool source_of(const struct address *to, struct in6_addr *from)
{
	struct endpoint e = { .port = 9 };
	ip_addr_t local;
	bool found;

	if (to->family == AF_INET) {
		ip_addr_set_zero_ip4(&e.ip);
		ip_addr_set_zero_ip4(&local);
		ip4_addr_set_u32(ip_2_ip4(&e.ip), to->v4.s_addr);
	} else {
		ip_addr_set_zero_ip6(&e.ip);
		ip_addr_set_zero_ip6(&local);
		memcpy(ip_2_ip6(&e.ip)->addr, &to->v6, 16);
		if (ip6_addr_has_scope(ip_2_ip6(&e.ip), IP6_UNKNOWN))
			ip6_addr_set_zone(ip_2_ip6(&e.ip), to->scope);
	}
	kernel_enter();
	dgram_source(&e, &local);
	kernel_leave();
	found = !ip_addr_isany(&local);
	if (to->family == AF_INET)
		*from = mapped(ip_2_ip4(&local));
	else
		memcpy(from, ip_2_ip6(&local)->addr, 16);
	return found;
}

/* A higher value is tried earlier; the first rules are in the upper bits. */
static uint32_t rank(const struct address *a)
{
	struct in6_addr to = a->family == AF_INET ? mapped(&a->v4) : a->v6, from;
	const struct policy *p = policy_of(&to);
	unsigned scope = scope_of(&to);
	uint32_t n = (uint32_t)p->precedence << 16 | (15 - scope) << 8;

	if (!source_of(a, &from))
		return n;
	n |= 1u << 31;
	n |= (uint32_t)(scope_of(&from) == scope) << 30;
	n |= (uint32_t)(policy_of(&from)->label == p->label) << 29;
	if (a->family == AF_INET6)
		n |= common_bits(to.s6_addr, from.s6_addr);	/* at most 128 */
	return n;
}

struct ranked {
	struct address address;
	uint32_t rank;
	unsigned index;
};

static int compare(const void *x, const void *y)
{
	const struct ranked *a = x, *b = y;

	return a->rank != b->rank ? (a->rank < b->rank ? 1 : -1) : (int)(a->index - b->index);
}

void address_sort(struct address *list, unsigned count)
{
	struct ranked *r = count > 1 ? malloc(count * sizeof(*r)) : NULL;

	if (!r)
		return;
	for (unsigned i = 0; i < count; i++)
		r[i] = (struct ranked){ list[i], rank(&list[i]), i };
	qsort(r, count, sizeof(*r), compare);
	for (unsigned i = 0; i < count; i++)
		list[i] = r[i].address;
	free(r);
}

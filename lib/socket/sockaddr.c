/* SPDX-License-Identifier: ISC */
/*
 * Conversion of POSIX's and lwIP's addresses.
 *
 * An IPv6 socket without IPV6_V6ONLY also handles IPv4, with addresses of the form
 * ::ffff:a.b.c.d (RFC 3493, 3.7).
 */
#include "lib/socket/socket.h"

#include <errno.h>
#include <lwip/ip6_zone.h>
#include <netinet/in.h>
#include <string.h>

static void from_v4(uint32_t address, ip_addr_t *to)
{
	ip_addr_set_zero_ip4(to);
	ip4_addr_set_u32(ip_2_ip4(to), address);
}

static int read_v6(const struct socket *s, const struct sockaddr_in6 *from, ip_addr_t *to)
{
	const struct in6_addr *a = &from->sin6_addr;

	if (IN6_IS_ADDR_V4MAPPED(a)) {
		from_v4(a->s6_addr32[3], to);
		return s->v6only ? -ENETUNREACH : 0;
	}
	ip_addr_set_zero_ip6(to);
	memcpy(ip_2_ip6(to)->addr, a, sizeof(*a));
	/* As on Linux, the scope of another address has no meaning. */
	if (!ip6_addr_has_scope(ip_2_ip6(to), IP6_UNKNOWN))
		return 0;
	if (from->sin6_scope_id > UINT8_MAX)
		return -EINVAL;
	ip6_addr_set_zone(ip_2_ip6(to), from->sin6_scope_id);
	return 0;
}

int sockaddr_read(const struct socket *s, const struct sockaddr *from, socklen_t len,
		  struct endpoint *to)
{
	struct sockaddr_in6 v6 = { 0 };
	struct sockaddr_in v4;

	if (!from || len < sizeof(sa_family_t))
		return -EINVAL;
	if (from->sa_family != s->domain)
		return -EAFNOSUPPORT;
	*to = (struct endpoint){ 0 };
	if (s->domain == AF_UNIX)
		return 0;
	if (s->domain == AF_INET) {
		if (len < sizeof(v4))
			return -EINVAL;
		memcpy(&v4, from, sizeof(v4));
		to->port = ntohs(v4.sin_port);
		from_v4(v4.sin_addr.s_addr, &to->ip);
		return 0;
	}
	if (len < offsetof(struct sockaddr_in6, sin6_scope_id))
		return -EINVAL;
	memcpy(&v6, from, len < sizeof(v6) ? len : sizeof(v6));
	to->port = ntohs(v6.sin6_port);
	return read_v6(s, &v6, &to->ip);
}

static void copy(struct sockaddr *to, socklen_t *len, const void *from, socklen_t size)
{
	if (to && len)
		memcpy(to, from, *len < size ? *len : size);
	if (len)
		*len = size;
}

void sockaddr_write(const struct socket *s, const struct endpoint *from, struct sockaddr *to,
		    socklen_t *len)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(from->port) };
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(from->port) };
	bool is_v4 = IP_IS_V4_VAL(from->ip);
	sa_family_t nameless = AF_UNIX;
	uint32_t address = is_v4 ? ip4_addr_get_u32(ip_2_ip4(&from->ip)) : 0;

	if (s->domain == AF_UNIX) {
		copy(to, len, &nameless, sizeof(nameless));
		return;
	}
	if (s->domain == AF_INET) {
		v4.sin_addr.s_addr = address;
		copy(to, len, &v4, sizeof(v4));
		return;
	}
	if (is_v4) {
		v6.sin6_addr.s6_addr32[2] = htonl(0xffff);
		v6.sin6_addr.s6_addr32[3] = address;
	} else if (IP_IS_V6_VAL(from->ip)) {
		memcpy(&v6.sin6_addr, ip_2_ip6(&from->ip)->addr, sizeof(v6.sin6_addr));
		v6.sin6_scope_id = ip6_addr_zone(ip_2_ip6(&from->ip));
	}
	copy(to, len, &v6, sizeof(v6));
}

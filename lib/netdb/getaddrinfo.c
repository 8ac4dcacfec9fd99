/* SPDX-License-Identifier: ISC */
/* getaddrinfo() (POSIX.1-2017; RFC 3493, 6.1). */
#include "kernel/clock.h"
#include "kernel/sched.h"
#include "lib/netdb/resolve.h"
#include "lib/netdb/service.h"
#include "net/config.h"
#include "net/net.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FLAGS (AI_PASSIVE | AI_CANONNAME | AI_NUMERICHOST | AI_V4MAPPED | AI_ALL |	\
	       AI_ADDRCONFIG | AI_NUMERICSERV)

static int port_of(const char *text, const struct addrinfo *hints, unsigned *port)
{
	const struct service *s;
	char *end;
	unsigned long n;

	*port = 0;
	if (!text)
		return 0;
	n = strtoul(text, &end, 10);
	if (*text >= '0' && *text <= '9' && !*end) {
		*port = n;
		return n > 65535 ? EAI_SERVICE : 0;
	}
	if (hints->ai_flags & AI_NUMERICSERV)
		return EAI_NONAME;
	s = service_named(text, hints->ai_socktype);
	if (!s)
		return EAI_SERVICE;
	*port = s->port;
	return 0;
}

static bool add_v4(struct addresses *f, uint32_t address)
{
	struct address a = { .family = AF_INET, .v4 = { address } };

	return addresses_add(f, &a);
}

static bool add_v6(struct addresses *f, const struct in6_addr *address)
{
	struct address a = { .family = AF_INET6, .v6 = *address };

	return addresses_add(f, &a);
}

static struct in6_addr mapped(struct in_addr a)
{
	return (struct in6_addr){ .s6_addr32 = { 0, 0, htonl(0xffff), a.s_addr } };
}

/* Names that are never sent to a server: RFC 6761, 6.3. */
static bool is_localhost(const char *host)
{
	static const char local[] = "localhost";
	size_t len = strlen(host), n = sizeof(local) - 1;

	len -= len && host[len - 1] == '.';
	return len >= n && !strncasecmp(host + len - n, local, n) &&
	       (len == n || host[len - n - 1] == '.');
}

static int add_local(bool any, bool want4, bool want6, struct addresses *f)
{
	if (want6 && !add_v6(f, any ? &in6addr_any : &in6addr_loopback))
		return EAI_MEMORY;
	if (want4 && !add_v4(f, any ? 0 : htonl(INADDR_LOOPBACK)))
		return EAI_MEMORY;
	return 0;
}

/*
 * Returns 0 if host is an address of the requested family; EAI_NONAME if it is no
 * address.
 */
static int parse_numeric(const char *host, const struct addrinfo *hints, struct addresses *f)
{
	struct in_addr a4;
	struct address a;
	int family;

	if (inet_aton(host, &a4) && !strpbrk(host, " \t\r\n"))
		a = (struct address){ .family = AF_INET, .v4 = a4 };
	else if (!address_parse(host, &a))
		return EAI_NONAME;
	family = hints->ai_family;
	if (a.family == AF_INET && family == AF_INET6 && hints->ai_flags & AI_V4MAPPED)
		a = (struct address){ .family = AF_INET6, .v6 = mapped(a.v4) };
	if (family != AF_UNSPEC && a.family != family)
		return EAI_ADDRFAMILY;
	return addresses_add(f, &a) ? 0 : EAI_MEMORY;
}

/* RFC 3493, 6.1: no addresses of a family for which the guest has no address. */
static void drop_unconfigured(bool *want4, bool *want6)
{
	bool up4, up6;

	kernel_enter();
	if (!net_init())
		net_wait_up(0, clock_now() + NET_PATIENCE);
	up4 = config_up(4);
	up6 = config_up(6);
	kernel_leave();
	if (up4 || up6) {
		*want4 &= up4;
		*want6 &= up6;
	}
}

/*
 * Maps IPv4 addresses to IPv6 (AI_V4MAPPED): all of them with AI_ALL, otherwise only if
 * there are no IPv6 addresses.
 */
static void map(const struct addrinfo *hints, struct addresses *f)
{
	unsigned real = 0, left = 0;

	for (unsigned i = 0; i < f->count; i++)
		real += f->list[i].family == AF_INET6;
	for (unsigned i = 0; i < f->count; i++) {
		struct address *a = &f->list[i];

		if (a->family == AF_INET && real && !(hints->ai_flags & AI_ALL))
			continue;
		if (a->family == AF_INET)
			*a = (struct address){ .family = AF_INET6, .v6 = mapped(a->v4) };
		f->list[left++] = *a;
	}
	f->count = left;
}

int netdb_lookup(const char *host, const struct addrinfo *hints, struct addresses *f)
{
	bool want4 = hints->ai_family != AF_INET6, want6 = hints->ai_family != AF_INET;
	bool maps = !want4 && hints->ai_flags & AI_V4MAPPED;
	int rc;

	if (!host)
		return add_local(hints->ai_flags & AI_PASSIVE, want4, want6, f);
	rc = parse_numeric(host, hints, f);
	if (!rc || rc == EAI_MEMORY || rc == EAI_ADDRFAMILY)
		return rc;
	if (hints->ai_flags & AI_NUMERICHOST)
		return EAI_NONAME;
	if (is_localhost(host))
		return add_local(false, want4, want6, f);
	want4 |= maps;
	if (hints->ai_flags & AI_ADDRCONFIG)
		drop_unconfigured(&want4, &want6);
	if (!want4 && !want6)
		return EAI_NODATA;
	rc = resolve(host, want4, want6, f);
	if (!rc && maps)
		map(hints, f);
	if (!rc)
		address_sort(f->list, f->count);
	return rc;
}

static const struct kind {
	int socktype, protocol;
} kinds[] = {
	{ SOCK_STREAM, IPPROTO_TCP }, { SOCK_DGRAM, IPPROTO_UDP }, { SOCK_RAW, 0 },
};

struct entry {
	struct addrinfo info;		/* must be first */
	union {
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	};
};

static struct addrinfo *new_addrinfo(const struct address *a, unsigned port, const struct kind *k)
{
	struct entry *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->info.ai_family = a->family;
	r->info.ai_socktype = k->socktype;
	r->info.ai_protocol = k->protocol;
	r->info.ai_addr = (struct sockaddr *)&r->v4;
	if (a->family == AF_INET6) {
		r->info.ai_addrlen = sizeof(r->v6);
		r->v6.sin6_family = AF_INET6;
		r->v6.sin6_port = htons(port);
		r->v6.sin6_addr = a->v6;
		r->v6.sin6_scope_id = a->scope;
	} else {
		r->info.ai_addrlen = sizeof(r->v4);
		r->v4.sin_family = AF_INET;
		r->v4.sin_port = htons(port);
		r->v4.sin_addr = a->v4;
	}
	return &r->info;
}

static bool wanted(const struct kind *k, const struct addrinfo *hints, const char *service,
		   unsigned port)
{
	if (hints->ai_socktype ? k->socktype != hints->ai_socktype : k->socktype == SOCK_RAW &&
	    service)
		return false;
	if (hints->ai_protocol && k->protocol && k->protocol != hints->ai_protocol)
		return false;
	/* A service by name exists only for some protocols. */
	return !service || (*service >= '0' && *service <= '9') ||
	       service_fits(service_at(port, 0), k->socktype);
}

void freeaddrinfo(struct addrinfo *list)
{
	struct addrinfo *next;

	for (; list; list = next) {
		next = list->ai_next;
		free(list->ai_canonname);
		free(list);
	}
}

static int check(const char *host, const char *service, const struct addrinfo *hints)
{
	if (hints->ai_flags & ~FLAGS || (!host && hints->ai_flags & AI_CANONNAME))
		return EAI_BADFLAGS;
	if (!host && !service)
		return EAI_NONAME;
	if (hints->ai_family != AF_UNSPEC && hints->ai_family != AF_INET &&
	    hints->ai_family != AF_INET6)
		return EAI_FAMILY;
	if (hints->ai_socktype < 0 || hints->ai_socktype > SOCK_RAW)
		return EAI_SOCKTYPE;
	return 0;
}

/* Makes an entry for each address and each requested socket type. */
static int list_all(const struct addresses *f, const struct addrinfo *hints, const char *service,
		    unsigned port, struct addrinfo **last)
{
	for (unsigned i = 0; i < f->count; i++)
		for (const struct kind *k = kinds; k < kinds + 3; k++) {
			if (!wanted(k, hints, service, port))
				continue;
			*last = new_addrinfo(&f->list[i], port, k);
			if (!*last)
				return EAI_MEMORY;
			last = &(*last)->ai_next;
		}
	return 0;
}

int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
		struct addrinfo **list)
{
	static const struct addrinfo none = { .ai_flags = AI_ADDRCONFIG | AI_V4MAPPED };
	struct addrinfo *first = NULL;
	struct addresses f = { 0 };
	unsigned port;
	int rc;

	hints = hints ? hints : &none;
	rc = check(host, service, hints);
	if (!rc)
		rc = port_of(service, hints, &port);
	if (!rc)
		rc = netdb_lookup(host, hints, &f);
	if (!rc)
		rc = list_all(&f, hints, service, port, &first);
	free(f.list);
	if (!rc && !first)
		rc = EAI_SERVICE;
	if (!rc && hints->ai_flags & AI_CANONNAME) {
		first->ai_canonname = strdup(*f.name ? f.name : host);
		rc = first->ai_canonname ? 0 : EAI_MEMORY;
	}
	if (rc)
		freeaddrinfo(first);
	else
		*list = first;
	return rc;
}

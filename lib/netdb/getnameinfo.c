/* SPDX-License-Identifier: ISC */
/* getnameinfo() (POSIX.1-2017; RFC 3493, 6.2). */
#include "lib/netdb/resolve.h"
#include "lib/netdb/service.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#define NI_FLAGS (NI_NUMERICHOST | NI_NUMERICSERV | NI_NOFQDN | NI_NAMEREQD | NI_DGRAM |	\
		  NI_NUMERICSCOPE)

static int print_address(const struct address *a, bool number, char *to, socklen_t size)
{
	char text[INET6_ADDRSTRLEN + IF_NAMESIZE + 1], zone[IF_NAMESIZE];

	inet_ntop(a->family, &a->v6, text, sizeof(text));
	if (a->scope) {
		strcat(text, "%");
		if (number || !if_indextoname(a->scope, zone))
			snprintf(zone, sizeof(zone), "%u", (unsigned)a->scope);
		strcat(text, zone);
	}
	if (strlen(text) >= size)
		return EAI_OVERFLOW;
	strcpy(to, text);
	return 0;
}

static bool is_loopback(const struct address *a)
{
	return a->family == AF_INET ? ntohl(a->v4.s_addr) >> 24 == 127 :
	       IN6_IS_ADDR_LOOPBACK(&a->v6);
}

int netdb_host_name(const struct address *a, int flags, char *to, socklen_t size)
{
	struct address asked = *a;
	char name[DNSMSG_NAME_MAX];
	int rc = EAI_NONAME;

	if (a->family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&a->v6))
		asked = (struct address){ .family = AF_INET, .v4 = { a->v6.s6_addr32[3] } };
	if (!(flags & NI_NUMERICHOST) && is_loopback(&asked)) {
		strcpy(name, "localhost");
		rc = 0;
	} else if (!(flags & NI_NUMERICHOST)) {
		rc = resolve_address(&asked, name);
	}
	if (rc && flags & NI_NAMEREQD)
		return rc == EAI_NODATA ? EAI_NONAME : rc;
	if (rc)
		return print_address(a, flags & NI_NUMERICSCOPE, to, size);
	if (strlen(name) >= size)
		return EAI_OVERFLOW;
	strcpy(to, name);
	return 0;
}

int getnameinfo(const struct sockaddr *name, socklen_t name_len, char *host,
		socklen_t host_size, char *service, socklen_t service_size, int flags)
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)name;
	const struct service *s = NULL;
	struct address a = { 0 };
	unsigned port;
	int n, rc = 0;

	if (flags & ~NI_FLAGS)
		return EAI_BADFLAGS;
	if (name_len < sizeof(struct sockaddr_in) ||
	    (name->sa_family == AF_INET6 && name_len < sizeof(struct sockaddr_in6)) ||
	    (name->sa_family != AF_INET && name->sa_family != AF_INET6))
		return EAI_FAMILY;
	if ((!host || !host_size) && (!service || !service_size))
		return EAI_NONAME;
	a.family = name->sa_family;
	if (a.family == AF_INET) {
		a.v4 = ((const struct sockaddr_in *)name)->sin_addr;
	} else {
		a.v6 = in6->sin6_addr;
		a.scope = in6->sin6_scope_id;
	}
	if (host && host_size)
		rc = netdb_host_name(&a, flags, host, host_size);
	if (rc || !service || !service_size)
		return rc;
	/* The port has the same offset in both families */
	port = ntohs(((const struct sockaddr_in *)name)->sin_port);
	if (!(flags & NI_NUMERICSERV))
		s = service_at(port, flags & NI_DGRAM ? SOCK_DGRAM : SOCK_STREAM);
	n = s ? snprintf(service, service_size, "%s", s->name) :
		snprintf(service, service_size, "%u", port);
	return (unsigned)n < service_size ? 0 : EAI_OVERFLOW;
}

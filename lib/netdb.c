/* SPDX-License-Identifier: ISC */
/*
 * Names of hosts and services (POSIX.1-2017: getaddrinfo, getnameinfo, gethostbyname).
 *
 * Hosts are asked for by DNS (net/resolve.h); services are the few one meets.
 */
#include "kernel/clock.h"
#include "kernel/sched.h"
#include "net/net.h"
#include "net/resolve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE (20 * NSEC_PER_SEC)
#define NAME_MOST 254

static const struct service {
	const char *name;
	uint16_t port;
	bool tcp, udp;
} services[] = {
	{ "echo", 7, true, true }, { "discard", 9, true, true },
	{ "daytime", 13, true, true }, { "chargen", 19, true, true },
	{ "ftp", 21, true, false }, { "ssh", 22, true, false },
	{ "telnet", 23, true, false }, { "smtp", 25, true, false },
	{ "time", 37, true, true }, { "domain", 53, true, true },
	{ "tftp", 69, false, true }, { "http", 80, true, false },
	{ "pop3", 110, true, false }, { "ntp", 123, false, true },
	{ "imap2", 143, true, false }, { "snmp", 161, true, true },
	{ "https", 443, true, true }, { "syslog", 514, false, true },
};

static bool fits(const struct service *s, int socktype)
{
	return socktype == SOCK_DGRAM ? s->udp : socktype == SOCK_STREAM ? s->tcp : true;
}

static const struct service *service_named(const char *name, int socktype)
{
	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++)
		if (!strcmp(services[i].name, name) && fits(&services[i], socktype))
			return &services[i];
	return NULL;
}

static const struct service *service_at(unsigned port, int socktype)
{
	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++)
		if (services[i].port == port && fits(&services[i], socktype))
			return &services[i];
	return NULL;
}

/* ---- getaddrinfo() */

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

static ip_addr_t v4(uint32_t address)
{
	ip_addr_t ip;

	ip_addr_set_zero_ip4(&ip);
	ip4_addr_set_u32(ip_2_ip4(&ip), address);
	return ip;
}

static ip_addr_t v6(const struct in6_addr *address)
{
	ip_addr_t ip;

	ip_addr_set_zero_ip6(&ip);
	memcpy(ip_2_ip6(&ip)->addr, address, sizeof(*address));
	return ip;
}

/* What no server need be asked for: how many; 0: it must; or EAI_*. */
static int without_asking(const char *host, const struct addrinfo *hints, ip_addr_t *to)
{
	bool passive = hints->ai_flags & AI_PASSIVE;
	bool want4 = hints->ai_family != AF_INET6, want6 = hints->ai_family != AF_INET;
	char text[INET6_ADDRSTRLEN + IF_NAMESIZE], *zone;
	struct in6_addr a6;
	struct in_addr a4;
	int n = 0;

	if (!host || !strcasecmp(host, "localhost")) {
		if (want6)
			to[n++] = v6(!host && passive ? &in6addr_any : &in6addr_loopback);
		if (want4)
			to[n++] = v4(!host && passive ? 0 : htonl(INADDR_LOOPBACK));
		return n;
	}
	if (inet_aton(host, &a4)) {
		if (want4)
			*to = v4(a4.s_addr);
		else if (hints->ai_flags & AI_V4MAPPED)
			*to = v6(&(struct in6_addr){ .s6_addr32 = {
				0, 0, htonl(0xffff), a4.s_addr } });
		else
			return EAI_NONAME;
		return 1;
	}
	if (strlen(host) < sizeof(text)) {
		strcpy(text, host);
		zone = strchr(text, '%');
		if (zone)
			*zone++ = '\0';
		if (inet_pton(AF_INET6, text, &a6) == 1) {
			if (!want6)
				return EAI_NONAME;
			*to = v6(&a6);
			if (zone)
				ip6_addr_set_zone(ip_2_ip6(to), if_nametoindex(zone) ?:
						  (unsigned)strtoul(zone, NULL, 10));
			return 1;
		}
	}
	return hints->ai_flags & AI_NUMERICHOST ? EAI_NONAME : 0;
}

static int ask(const char *host, int family, ip_addr_t *to)
{
	unsigned version = family == AF_INET ? 4 : family == AF_INET6 ? 6 : 0;
	uint64_t deadline = clock_now() + PATIENCE;
	int n;

	if (strlen(host) > NAME_MOST)
		return EAI_NONAME;
	kernel_enter();
	n = net_init();
	if (!n && net_wait_up(0, clock_now() + NET_PATIENCE) == -ENETUNREACH)
		n = -EAGAIN;
	if (!n)
		n = resolve(host, version, to, deadline);
	kernel_leave();
	return n == -ENOENT || n == -EINVAL ? EAI_NONAME : n == -ENOMEM ? EAI_MEMORY :
	       n == -EAGAIN || n == -ETIMEDOUT ? EAI_AGAIN : n < 0 ? EAI_FAIL : n;
}

static const struct kind {
	int socktype, protocol;
} kinds[] = {
	{ SOCK_STREAM, IPPROTO_TCP }, { SOCK_DGRAM, IPPROTO_UDP }, { SOCK_RAW, 0 },
};

struct result {
	struct addrinfo info;		/* first */
	union {
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	};
};

static struct addrinfo *result(const ip_addr_t *ip, unsigned port, const struct kind *k)
{
	struct result *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->info.ai_socktype = k->socktype;
	r->info.ai_protocol = k->protocol;
	r->info.ai_addr = (struct sockaddr *)&r->v4;
	if (IP_IS_V6(ip)) {
		r->info.ai_family = AF_INET6;
		r->info.ai_addrlen = sizeof(r->v6);
		r->v6.sin6_family = AF_INET6;
		r->v6.sin6_port = htons(port);
		memcpy(&r->v6.sin6_addr, ip_2_ip6(ip)->addr, sizeof(r->v6.sin6_addr));
		r->v6.sin6_scope_id = ip6_addr_zone(ip_2_ip6(ip));
	} else {
		r->info.ai_family = AF_INET;
		r->info.ai_addrlen = sizeof(r->v4);
		r->v4.sin_family = AF_INET;
		r->v4.sin_port = htons(port);
		r->v4.sin_addr.s_addr = ip4_addr_get_u32(ip_2_ip4(ip));
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
	/* A service by name is not there on every protocol. */
	return !service || (*service >= '0' && *service <= '9') ||
	       fits(service_at(port, 0), k->socktype);
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

int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
		struct addrinfo **list)
{
	static const struct addrinfo none = { .ai_flags = AI_ADDRCONFIG };
	struct addrinfo *first = NULL, **last = &first;
	ip_addr_t ips[RESOLVE_MAX];
	unsigned port;
	int n;

	hints = hints ? hints : &none;
	if (!host && !service)
		return EAI_NONAME;
	if (hints->ai_family != AF_UNSPEC && hints->ai_family != AF_INET &&
	    hints->ai_family != AF_INET6)
		return EAI_FAMILY;
	if (hints->ai_socktype < 0 || hints->ai_socktype > SOCK_RAW)
		return EAI_SOCKTYPE;
	if (!host && hints->ai_flags & AI_CANONNAME)
		return EAI_BADFLAGS;
	n = port_of(service, hints, &port);
	if (n)
		return n;
	n = without_asking(host, hints, ips);
	if (!n)
		n = ask(host, hints->ai_family, ips);
	if (n <= 0)
		return n ? n : EAI_NONAME;
	for (int i = 0; i < n; i++)
		for (const struct kind *k = kinds; k < kinds + 3; k++) {
			if (!wanted(k, hints, service, port))
				continue;
			*last = result(&ips[i], port, k);
			if (!*last)
				goto no_memory;
			last = &(*last)->ai_next;
		}
	if (!first)
		return EAI_SERVICE;
	if (hints->ai_flags & AI_CANONNAME && !(first->ai_canonname = strdup(host)))
		goto no_memory;
	*list = first;
	return 0;
no_memory:
	freeaddrinfo(first);
	return EAI_MEMORY;
}

/* ---- getnameinfo() */

/* Addresses have no names here: only numbers. */
static int print_host(const struct sockaddr *name, char *to, socklen_t size)
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)name;
	const void *address = name->sa_family == AF_INET ?
			      (const void *)&((const struct sockaddr_in *)name)->sin_addr :
			      (const void *)&in6->sin6_addr;
	char text[INET6_ADDRSTRLEN + IF_NAMESIZE + 1], zone[IF_NAMESIZE];

	inet_ntop(name->sa_family, address, text, sizeof(text));
	if (name->sa_family == AF_INET6 && in6->sin6_scope_id) {
		strcat(text, "%");
		if (!if_indextoname(in6->sin6_scope_id, zone))
			snprintf(zone, sizeof(zone), "%u", (unsigned)in6->sin6_scope_id);
		strcat(text, zone);
	}
	if (strlen(text) >= size)
		return EAI_OVERFLOW;
	strcpy(to, text);
	return 0;
}

int getnameinfo(const struct sockaddr *name, socklen_t name_len, char *host,
		socklen_t host_size, char *service, socklen_t service_size, int flags)
{
	const struct service *s = NULL;
	unsigned port;
	int n, rc = 0;

	if (name_len < sizeof(struct sockaddr_in) ||
	    (name->sa_family == AF_INET6 && name_len < sizeof(struct sockaddr_in6)) ||
	    (name->sa_family != AF_INET && name->sa_family != AF_INET6))
		return EAI_FAMILY;
	if (host && host_size && flags & NI_NAMEREQD)
		return EAI_NONAME;
	if (host && host_size)
		rc = print_host(name, host, host_size);
	if (rc || !service || !service_size)
		return rc;
	port = ntohs(((const struct sockaddr_in *)name)->sin_port);	/* at the same place */
	if (!(flags & NI_NUMERICSERV))
		s = service_at(port, flags & NI_DGRAM ? SOCK_DGRAM : SOCK_STREAM);
	n = s ? snprintf(service, service_size, "%s", s->name) :
		snprintf(service, service_size, "%u", port);
	return (unsigned)n < service_size ? 0 : EAI_OVERFLOW;
}

const char *gai_strerror(int error)
{
	switch (error) {
	case 0:
		return "Success";
	case EAI_BADFLAGS:
		return "Bad value for ai_flags";
	case EAI_NONAME:
	case EAI_NODATA:
		return "Name or service not known";
	case EAI_AGAIN:
		return "Temporary failure in name resolution";
	case EAI_FAIL:
		return "Non-recoverable failure in name resolution";
	case EAI_FAMILY:
		return "ai_family not supported";
	case EAI_SOCKTYPE:
		return "ai_socktype not supported";
	case EAI_SERVICE:
		return "Service not supported for ai_socktype";
	case EAI_MEMORY:
		return "Memory allocation failure";
	case EAI_SYSTEM:
		return "System error";
	case EAI_OVERFLOW:
		return "Argument buffer overflow";
	}
	return "Unknown error";
}

/* ---- those of before */

static _Thread_local int last_error;

int *__h_errno(void)
{
	return &last_error;
}

const char *hstrerror(int error)
{
	switch (error) {
	case 0:
		return "Success";
	case HOST_NOT_FOUND:
		return "Unknown host";
	case TRY_AGAIN:
		return "Host name lookup failure";
	case NO_DATA:
		return "No address associated with name";
	}
	return "Unknown server error";
}

struct hostent *gethostbyname(const char *name)
{
	static struct in_addr addresses[RESOLVE_MAX];
	static char *list[RESOLVE_MAX + 1], *aliases[1], host[NAME_MOST + 1];
	static struct hostent entry;
	struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM };
	struct addrinfo *found;
	int error = strlen(name) > NAME_MOST ? EAI_NONAME :
		    getaddrinfo(name, NULL, &hints, &found), n = 0;

	if (error) {
		h_errno = error == EAI_AGAIN ? TRY_AGAIN : error == EAI_NONAME ?
			  HOST_NOT_FOUND : NO_RECOVERY;
		return NULL;
	}
	for (struct addrinfo *i = found; i && n < RESOLVE_MAX; i = i->ai_next, n++) {
		addresses[n] = ((struct sockaddr_in *)i->ai_addr)->sin_addr;
		list[n] = (char *)&addresses[n];
	}
	freeaddrinfo(found);
	list[n] = NULL;
	strcpy(host, name);
	entry = (struct hostent){ host, aliases, AF_INET, sizeof(struct in_addr), list };
	return &entry;
}

static struct servent *servent(const struct service *s, const char *protocol)
{
	static char *aliases[1];
	static struct servent entry;

	if (!s)
		return NULL;
	entry = (struct servent){ (char *)s->name, aliases, htons(s->port),
				  protocol ? (char *)protocol : s->tcp ? "tcp" : "udp" };
	return &entry;
}

static int socktype(const char *protocol)
{
	return !protocol ? 0 : !strcmp(protocol, "tcp") ? SOCK_STREAM :
	       !strcmp(protocol, "udp") ? SOCK_DGRAM : 0;
}

struct servent *getservbyname(const char *name, const char *protocol)
{
	return servent(service_named(name, socktype(protocol)), protocol);
}

struct servent *getservbyport(int port, const char *protocol)
{
	return servent(service_at(ntohs(port), socktype(protocol)), protocol);
}

struct protoent *getprotobyname(const char *name)
{
	static char *aliases[1];
	static struct protoent protocols[] = {
		{ "ip", aliases, IPPROTO_IP }, { "icmp", aliases, IPPROTO_ICMP },
		{ "tcp", aliases, IPPROTO_TCP }, { "udp", aliases, IPPROTO_UDP },
		{ "ipv6-icmp", aliases, IPPROTO_ICMPV6 },
	};

	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++)
		if (!strcmp(protocols[i].p_name, name))
			return &protocols[i];
	return NULL;
}

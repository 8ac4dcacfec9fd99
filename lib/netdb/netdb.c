/* SPDX-License-Identifier: ISC */
/*
 * Names of hosts and services (POSIX.1-2017: getaddrinfo, getnameinfo, gethostbyname).
 *
 * Hosts are looked up in /etc/hosts and by DNS (resolve.h); services are the few one meets.
 */
#include "kernel/clock.h"
#include "kernel/sched.h"
#include "lib/netdb/resolve.h"
#include "net/config.h"
#include "net/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FLAGS (AI_PASSIVE | AI_CANONNAME | AI_NUMERICHOST | AI_V4MAPPED | AI_ALL |	\
	       AI_ADDRCONFIG | AI_NUMERICSERV)
#define NI_FLAGS (NI_NUMERICHOST | NI_NUMERICSERV | NI_NOFQDN | NI_NAMEREQD | NI_DGRAM |	\
		  NI_NUMERICSCOPE)

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

static bool add_v4(struct found *f, uint32_t address)
{
	struct address a = { .family = AF_INET, .v4 = { address } };

	return found_add(f, &a);
}

static bool add_v6(struct found *f, const struct in6_addr *address)
{
	struct address a = { .family = AF_INET6, .v6 = *address };

	return found_add(f, &a);
}

static struct in6_addr mapped(struct in_addr a)
{
	return (struct in6_addr){ .s6_addr32 = { 0, 0, htonl(0xffff), a.s_addr } };
}

/* A name that no server is asked for: RFC 6761, 6.3. */
static bool is_localhost(const char *host)
{
	static const char local[] = "localhost";
	size_t len = strlen(host), n = sizeof(local) - 1;

	len -= len && host[len - 1] == '.';
	return len >= n && !strncasecmp(host + len - n, local, n) &&
	       (len == n || host[len - n - 1] == '.');
}

static int add_own(bool any, bool want4, bool want6, struct found *f)
{
	if (want6 && !add_v6(f, any ? &in6addr_any : &in6addr_loopback))
		return EAI_MEMORY;
	if (want4 && !add_v4(f, any ? 0 : htonl(INADDR_LOOPBACK)))
		return EAI_MEMORY;
	return 0;
}

/* 0: it was an address, and fits. */
static int parse_host(const char *host, const struct addrinfo *hints, struct found *f)
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
	return found_add(f, &a) ? 0 : EAI_MEMORY;
}

/* RFC 3493, 6.1: a family of which we have no address is not asked for. */
static void configured(bool *want4, bool *want6)
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

/* IPv4's addresses as IPv6's, where those are wanted and these are not to be had, or all are. */
static void map(const struct addrinfo *hints, struct found *f)
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

static int find(const char *host, const struct addrinfo *hints, struct found *f)
{
	bool want4 = hints->ai_family != AF_INET6, want6 = hints->ai_family != AF_INET;
	bool maps = !want4 && hints->ai_flags & AI_V4MAPPED;
	int rc;

	if (!host)
		return add_own(hints->ai_flags & AI_PASSIVE, want4, want6, f);
	rc = parse_host(host, hints, f);
	if (!rc || rc == EAI_MEMORY || rc == EAI_ADDRFAMILY)
		return rc;
	if (hints->ai_flags & AI_NUMERICHOST)
		return EAI_NONAME;
	if (is_localhost(host))
		return add_own(false, want4, want6, f);
	want4 |= maps;
	if (hints->ai_flags & AI_ADDRCONFIG)
		configured(&want4, &want6);
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

struct result {
	struct addrinfo info;		/* first */
	union {
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	};
};

static struct addrinfo *result(const struct address *a, unsigned port, const struct kind *k)
{
	struct result *r = calloc(1, sizeof(*r));

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

/* All addresses for all kinds of sockets that are wanted. */
static int list_all(const struct found *f, const struct addrinfo *hints, const char *service,
		    unsigned port, struct addrinfo **last)
{
	for (unsigned i = 0; i < f->count; i++)
		for (const struct kind *k = kinds; k < kinds + 3; k++) {
			if (!wanted(k, hints, service, port))
				continue;
			*last = result(&f->list[i], port, k);
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
	struct found f = { 0 };
	unsigned port;
	int rc;

	hints = hints ? hints : &none;
	rc = check(host, service, hints);
	if (!rc)
		rc = port_of(service, hints, &port);
	if (!rc)
		rc = find(host, hints, &f);
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

/* ---- getnameinfo() */

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

static int print_host(const struct address *a, int flags, char *to, socklen_t size)
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
		rc = print_host(&a, flags, host, host_size);
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
		return "Name or service not known";
	case EAI_NODATA:
		return "No address associated with hostname";
	case EAI_ADDRFAMILY:
		return "Address family for hostname not supported";
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
	case NO_RECOVERY:
		return "Unknown server error";
	case NO_DATA:
		return "No address associated with name";
	}
	return "Unknown server error";
}

static int h_errno_of(int error)
{
	switch (error) {
	case EAI_AGAIN:
		return TRY_AGAIN;
	case EAI_NONAME:
		return HOST_NOT_FOUND;
	case EAI_NODATA:
	case EAI_ADDRFAMILY:
		return NO_DATA;
	}
	return NO_RECOVERY;
}

/* In one piece of memory: the pointers, the addresses, the name. */
static bool fill(struct hostent *to, const char *name, int family, const struct address *list,
		 unsigned count, char *memory, size_t size)
{
	size_t len = family == AF_INET ? 4 : 16;
	size_t skip = -(uintptr_t)memory % sizeof(char *);
	size_t pointers = (count + 2) * sizeof(char *);
	char **p = (char **)(memory + skip), *at = (char *)p + pointers;

	if (size < skip || size - skip < pointers + count * len + strlen(name) + 1)
		return false;
	to->h_addrtype = family;
	to->h_length = len;
	to->h_addr_list = p;
	for (unsigned i = 0; i < count; i++, at += len)
		*p++ = memcpy(at, &list[i].v6, len);
	*p++ = NULL;
	to->h_aliases = p;
	*p = NULL;
	to->h_name = strcpy(at, name);
	return true;
}

static int give(int error, int *h_error, struct hostent *entry, struct hostent **result)
{
	if (error)
		*h_error = h_errno_of(error);
	*result = error ? NULL : entry;
	return error == EAI_AGAIN ? EAGAIN : error == EAI_MEMORY ? ENOMEM :
	       error == EAI_SYSTEM ? errno : 0;
}

int gethostbyname2_r(const char *name, int family, struct hostent *entry, char *memory,
		     size_t size, struct hostent **result, int *h_error)
{
	struct addrinfo hints = { .ai_family = family };
	struct found f = { 0 };
	int rc = family == AF_INET || family == AF_INET6 ? find(name, &hints, &f) : EAI_FAMILY;
	bool fits = rc || fill(entry, *f.name ? f.name : name, family, f.list, f.count,
			       memory, size);

	free(f.list);
	if (fits)
		return give(rc, h_error, entry, result);
	*result = NULL;
	*h_error = NETDB_INTERNAL;
	return ERANGE;
}

int gethostbyname_r(const char *name, struct hostent *entry, char *memory, size_t size,
		    struct hostent **result, int *h_error)
{
	return gethostbyname2_r(name, AF_INET, entry, memory, size, result, h_error);
}

int gethostbyaddr_r(const void *address, socklen_t len, int family, struct hostent *entry,
		    char *memory, size_t size, struct hostent **result, int *h_error)
{
	struct address a = { .family = family };
	char name[DNSMSG_NAME_MAX];
	int rc = EAI_FAMILY;

	if ((family == AF_INET && len == 4) || (family == AF_INET6 && len == 16)) {
		memcpy(&a.v6, address, len);
		rc = print_host(&a, NI_NAMEREQD, name, sizeof(name));
	}
	if (rc || fill(entry, name, family, &a, 1, memory, size))
		return give(rc, h_error, entry, result);
	*result = NULL;
	*h_error = NETDB_INTERNAL;
	return ERANGE;
}

/* Until what there is fits; the memory is the next call's. */
#define GROWING(call)								\
	({									\
		static struct hostent entry;					\
		static char *memory;						\
		struct hostent *result;						\
		size_t size = 512;						\
		int rc = ERANGE;						\
		while (rc == ERANGE) {						\
			char *more = realloc(memory, size *= 2);		\
			if (!more) {						\
				h_errno = NETDB_INTERNAL;			\
				return NULL;					\
			}							\
			memory = more;						\
			rc = (call);						\
		}								\
		result;								\
	})

struct hostent *gethostbyname2(const char *name, int family)
{
	return GROWING(gethostbyname2_r(name, family, &entry, memory, size, &result, &h_errno));
}

struct hostent *gethostbyname(const char *name)
{
	return gethostbyname2(name, AF_INET);
}

struct hostent *gethostbyaddr(const void *address, socklen_t len, int family)
{
	return GROWING(gethostbyaddr_r(address, len, family, &entry, memory, size, &result,
				       &h_errno));
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

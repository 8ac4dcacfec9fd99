/* SPDX-License-Identifier: ISC */
/*
 * Services and protocols by name and number (POSIX.1-2017: getservbyname, getservbyport,
 * getprotobyname).
 */
#include "lib/netdb/service.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

static const struct service services[] = {
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

bool service_fits(const struct service *s, int socktype)
{
	return socktype == SOCK_DGRAM ? s->udp : socktype == SOCK_STREAM ? s->tcp : true;
}

const struct service *service_named(const char *name, int socktype)
{
	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++)
		if (!strcmp(services[i].name, name) && service_fits(&services[i], socktype))
			return &services[i];
	return NULL;
}

const struct service *service_at(unsigned port, int socktype)
{
	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++)
		if (services[i].port == port && service_fits(&services[i], socktype))
			return &services[i];
	return NULL;
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

/* In the caller's memory, which is not needed, since the table stays. */
static int servent_r(const struct service *s, const char *protocol, struct servent *entry,
		     struct servent **result)
{
	static char *aliases[1];

	*result = s ? entry : NULL;
	if (s)
		*entry = (struct servent){ (char *)s->name, aliases, htons(s->port),
					   protocol ? (char *)protocol : s->tcp ? "tcp" : "udp" };
	return s ? 0 : ENOENT;
}

int getservbyname_r(const char *name, const char *protocol, struct servent *entry, char *memory,
		    size_t size, struct servent **result)
{
	(void)memory, (void)size;
	return servent_r(service_named(name, socktype(protocol)), protocol, entry, result);
}

int getservbyport_r(int port, const char *protocol, struct servent *entry, char *memory,
		    size_t size, struct servent **result)
{
	(void)memory, (void)size;
	return servent_r(service_at(ntohs(port), socktype(protocol)), protocol, entry, result);
}

static char *no_aliases[1];
static struct protoent protocols[] = {
	{ "ip", no_aliases, IPPROTO_IP }, { "icmp", no_aliases, IPPROTO_ICMP },
	{ "tcp", no_aliases, IPPROTO_TCP }, { "udp", no_aliases, IPPROTO_UDP },
	{ "ipv6", no_aliases, IPPROTO_IPV6 }, { "ipv6-icmp", no_aliases, IPPROTO_ICMPV6 },
};

struct protoent *getprotobyname(const char *name)
{
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++)
		if (!strcmp(protocols[i].p_name, name))
			return &protocols[i];
	return NULL;
}

struct protoent *getprotobynumber(int number)
{
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++)
		if (protocols[i].p_proto == number)
			return &protocols[i];
	return NULL;
}

/* SPDX-License-Identifier: ISC */
/*
 * What is behind getaddrinfo() and getnameinfo(): names and addresses by /etc/hosts and DNS.
 *
 * All of this runs in the thread that asks, on sockets like any program's: there is no table
 * that could be full.  Results are EAI_* or 0.
 */
#ifndef LIB_NETDB_RESOLVE_H
#define LIB_NETDB_RESOLVE_H

#include "net/dnsmsg.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct address {
	int family;
	uint32_t scope;
	union {
		struct in_addr v4;
		struct in6_addr v6;
	};
};

struct found {
	char name[DNSMSG_NAME_MAX];	/* the canonical one */
	struct address *list;		/* malloc()'s */
	unsigned count;
};

/* False: no memory. */
bool found_add(struct found *f, const struct address *a);

/* A name is looked up, the names of the search list too; families that are not wanted are not. */
int resolve(const char *name, bool want4, bool want6, struct found *f);
int resolve_address(const struct address *a, char name[DNSMSG_NAME_MAX]);

/*
 * getaddrinfo.c: the addresses of a host, in the order in which they are to be tried; host is
 * a name, an address, or NULL (the own addresses).
 */
struct addrinfo;
int netdb_find(const char *host, const struct addrinfo *hints, struct found *f);

/* getnameinfo.c: the name of a host, or its address as text; flags: NI_*. */
int netdb_host_name(const struct address *a, int flags, char *to, socklen_t size);

/* ---- hosts.c: the files of the image */

#define CONF_SERVERS 3
#define CONF_SEARCH 6

struct conf {
	struct address servers[CONF_SERVERS];
	unsigned count;
	char search[CONF_SEARCH][DNSMSG_NAME_MAX];
	unsigned searches;
	unsigned ndots, timeout, attempts;	/* timeout: s */
};

/* /etc/resolv.conf, and search= of the command line. */
void conf_read(struct conf *c);

/* /etc/hosts: what it has of a name is added; false: no memory. */
bool hosts_find(const char *name, bool want4, bool want6, struct found *f);
bool hosts_name(const struct address *a, char name[DNSMSG_NAME_MAX]);

/* "1.2.3.4", "fe80::1%xn0" */
bool address_parse(const char *text, struct address *a);

/* ---- addrsort.c: the order in which addresses are to be tried (RFC 6724, 6) */
void address_sort(struct address *list, unsigned count);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * Lookup of names and addresses, by /etc/hosts and DNS, for getaddrinfo() and
 * getnameinfo().
 *
 * A lookup runs in the calling thread, with its own sockets, so there is no shared table
 * or limit. Functions return 0 or EAI_*. resolve() and resolve_address() sleep.
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

struct addresses {
	char name[DNSMSG_NAME_MAX];	/* the canonical name */
	struct address *list;		/* allocated by malloc() */
	unsigned count;
};

/* Returns false if there is no memory. */
bool addresses_add(struct addresses *f, const struct address *a);

/*
 * Looks up a name, also with the search list; only addresses of the requested families.
 */
int resolve(const char *name, bool want4, bool want6, struct addresses *f);
int resolve_address(const struct address *a, char name[DNSMSG_NAME_MAX]);

/*
 * getaddrinfo.c: stores the addresses of a host, in the order in which to try them. host:
 * a name, an address, or NULL (the guest's own addresses).
 */
struct addrinfo;
int netdb_lookup(const char *host, const struct addrinfo *hints, struct addresses *f);

/* getnameinfo.c: stores the name of a host, or its address as text; flags: NI_*. */
int netdb_host_name(const struct address *a, int flags, char *to, socklen_t size);

/* ---- hosts.c: the files of the image */

#define CONF_SERVERS 3
#define CONF_SEARCH 6

struct conf {
	struct address servers[CONF_SERVERS];
	unsigned count;
	char search[CONF_SEARCH][DNSMSG_NAME_MAX];
	unsigned searches;
	unsigned ndots, timeout, attempts;	/* timeout in seconds */
};

/* /etc/resolv.conf, and search= of the command line. */
void conf_read(struct conf *c);

/*
 * Add what /etc/hosts has for a name; return false if there is no memory. Look up the
 * name of an address; return false if there is none.
 */
bool hosts_lookup(const char *name, bool want4, bool want6, struct addresses *f);
bool hosts_name(const struct address *a, char name[DNSMSG_NAME_MAX]);

/* "1.2.3.4", "fe80::1%xn0" */
bool address_parse(const char *text, struct address *a);

/* ---- addrsort.c: sorts addresses by RFC 6724, 6 */
void address_sort(struct address *list, unsigned count);

#endif

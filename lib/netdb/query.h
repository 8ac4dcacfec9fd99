/* SPDX-License-Identifier: ISC */
/*
 * Queries to DNS servers: one name, one or two record types (query.c). resolve.c selects
 * servers and applies the search list.
 */
#ifndef LIB_NETDB_QUERY_H
#define LIB_NETDB_QUERY_H

#include "net/dnsmsg.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUERY_MESSAGE_MAX 4096
#define QUERY_SERVERS_MAX 6			/* servers */

struct question {
	uint8_t query[DNSMSG_QUERY_MAX];
	size_t len;
	uint16_t id, type;
	bool edns, answered, failed;	/* failed: the current server replied with an error */
	void *addresses;		/* 4 or 16 bytes each */
	struct dnsmsg_answer answer;
};

struct lookup {
	const char *name;
	struct sockaddr_in6 servers[QUERY_SERVERS_MAX];
	unsigned nservers, queried;
	unsigned timeout, attempts;
	uint64_t deadline;
	int fd;
	struct question questions[2];
	unsigned count;
	uint8_t message[QUERY_MESSAGE_MAX];
};

/* Adds a record type to the lookup: DNSMSG_*. */
void query_add(struct lookup *l, uint16_t type);

/* Queries one name, without the search list. Sleeps. Returns 0 or EAI_*. */
int query_name(struct lookup *l, const char *name);

#endif

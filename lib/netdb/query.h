/* SPDX-License-Identifier: ISC */
/*
 * Questions to DNS servers: one name, one or two record types (query.c).  resolve.c has the
 * servers and the search list.
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
	bool edns, settled, refused;	/* refused: by the server that is asked now */
	void *addresses;		/* of 4 or 16 bytes */
	struct dnsmsg_answer answer;
};

struct lookup {
	const char *name;
	struct sockaddr_in6 servers[QUERY_SERVERS_MAX];
	unsigned nservers, asked;
	unsigned timeout, attempts;
	uint64_t deadline;
	int fd;
	struct question questions[2];
	unsigned count;
	uint8_t message[QUERY_MESSAGE_MAX];
};

/* Asks for records of this type too: DNSMSG_*. */
void query_add(struct lookup *l, uint16_t type);

/* Asks for one name, as it is.  Sleeps.  0 or EAI_*. */
int query_ask(struct lookup *l, const char *name);

#endif

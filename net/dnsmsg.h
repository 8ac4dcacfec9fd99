/* SPDX-License-Identifier: ISC */
/*
 * Messages of DNS (RFC 1035; EDNS: RFC 6891): questions are made, answers are read.
 *
 * An answer may come from anybody and say anything.  Whoever takes one compares where it came
 * from; dnsmsg_read() compares the rest with the question (RFC 5452, 9.1) and takes only what
 * the answer says of the name that was asked for, and of the names that it is an alias of.
 * Nothing here sleeps or allocates.
 */
#ifndef NET_DNSMSG_H
#define NET_DNSMSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNSMSG_NAME_MAX 254		/* of text, with its NUL */
#define DNSMSG_QUERY_MAX 300
#define DNSMSG_UDP_MAX 1232		/* that we take: fits IPv6's least MTU */

enum { DNSMSG_A = 1, DNSMSG_PTR = 12, DNSMSG_AAAA = 28 };
enum { DNSMSG_NOERROR, DNSMSG_FORMERR, DNSMSG_SERVFAIL, DNSMSG_NXDOMAIN, DNSMSG_NOTIMP,
       DNSMSG_REFUSED };

/*
 * A question for a name, which may end with a dot: how many bytes it has, at most
 * DNSMSG_QUERY_MAX; 0: that is no name of a host.
 */
size_t dnsmsg_query(uint8_t to[DNSMSG_QUERY_MAX], uint16_t id, const char *name, uint16_t type,
		    bool edns);

struct dnsmsg_answer {
	unsigned rcode;			/* extended ones too */
	bool truncated;
	char name[DNSMSG_NAME_MAX];	/* PTR: the first; else the canonical one */
	unsigned count;			/* of addresses */
};

/*
 * Read an answer to query.  At most `most` addresses of 4 or 16 bytes go to `addresses`; there
 * are never more than len / 12.  False: it is none, and somebody else may send the right one.
 */
bool dnsmsg_read(const uint8_t *message, size_t len, const uint8_t *query, size_t query_len,
		 void *addresses, size_t most, struct dnsmsg_answer *answer);

#endif

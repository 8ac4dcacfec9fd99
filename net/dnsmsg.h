/* SPDX-License-Identifier: ISC */
/*
 * DNS messages (RFC 1035; EDNS: RFC 6891): queries are written, responses are parsed.
 *
 * A response may be forged. The caller compares its source address; dnsmsg_read()
 * compares the rest with the query (RFC 5452, 9.1) and uses only records of the name that
 * was queried, and of the names that it is an alias of. No function sleeps or allocates.
 */
#ifndef NET_DNSMSG_H
#define NET_DNSMSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNSMSG_NAME_MAX 254		/* bytes of text, including the NUL */
#define DNSMSG_QUERY_MAX 300
#define DNSMSG_UDP_MAX 1232		/* UDP payload accepted: fits into IPv6's minimum MTU */

enum { DNSMSG_A = 1, DNSMSG_PTR = 12, DNSMSG_AAAA = 28 };
enum { DNSMSG_NOERROR, DNSMSG_FORMERR, DNSMSG_SERVFAIL, DNSMSG_NXDOMAIN, DNSMSG_NOTIMP,
       DNSMSG_REFUSED };

/*
 * Writes a query for a name, which may end with a dot. Returns its length, at most
 * DNSMSG_QUERY_MAX, or 0 if the name is not a valid host name.
 */
size_t dnsmsg_query(uint8_t to[DNSMSG_QUERY_MAX], uint16_t id, const char *name, uint16_t type,
		    bool edns);

struct dnsmsg_answer {
	unsigned rcode;			/* including extended codes */
	bool truncated;
	char name[DNSMSG_NAME_MAX];	/* PTR: the first name; otherwise the canonical name */
	unsigned count;			/* number of addresses */
};

/*
 * Parses a response to query. At most `most` addresses of 4 or 16 bytes are written to
 * `addresses`; there are never more than len / 12. Returns false if the message does not
 * answer this query: the right one may still arrive.
 */
bool dnsmsg_read(const uint8_t *message, size_t len, const uint8_t *query, size_t query_len,
		 void *addresses, size_t most, struct dnsmsg_answer *answer);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * A request: what of its header matters to a server of files (RFC 9110, RFC 9112).
 *
 * Strict where proxies before us could read the same bytes otherwise: lines end with CR LF
 * and hold no other CR, none is folded, there is one Host, which is a host, and whoever sends a body is
 * told the connection ends (server.c), so nothing behind it is ever taken for a request.
 * llhttp judges all the rest.  Nothing is allocated; spans point into the header.
 */
#ifndef HTTPD_REQUEST_H
#define HTTPD_REQUEST_H

#include "apps/httpd/text.h"

#include <sys/types.h>

#define REQUEST_PATH_MAX 2048

enum method { METHOD_GET, METHOD_HEAD, METHOD_OPTIONS, METHOD_OTHER };

struct request {
	enum method method;
	bool http_1_0, keep_alive, has_body;
	bool everything;		/* OPTIONS * */
	bool folder;			/* the path ends with a slash */
	struct span line;		/* for the log: without CR LF */
	struct span query;		/* with its ? */
	struct span range, if_range, if_match, if_none_match, if_modified_since,
		    if_unmodified_since, accept_encoding;
	unsigned hosts, ranges;
	size_t path_len;
	char path[REQUEST_PATH_MAX];	/* decoded, without . .. // or slashes at its ends */
};

/*
 * Where the header that begins at data ends: its length; 0: it is not all there; -400.
 * *from is 0 at first, and how far an earlier call for the same header came.
 */
ssize_t request_end(const char *data, size_t len, size_t *from);

/* Of a header that is complete: 0, or the HTTP status that refuses it. */
int request_parse(struct request *r, const char *data, size_t len);

/* Whether it takes gzip (RFC 9110, 12.5.3). */
bool request_takes_gzip(const struct request *r);

#endif

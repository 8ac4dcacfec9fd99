/* SPDX-License-Identifier: ISC */
/*
 * A request: the parts of its header that a file server uses (RFC 9110, RFC 9112).
 *
 * Parsing is strict where a proxy in front could interpret the same bytes differently:
 * lines end with CR LF and contain no other CR, there are no folded lines, exactly one
 * Host field with a valid host; and after a request with a body the connection is closed,
 * so data behind it is never taken for a request. llhttp checks the rest. Nothing is
 * allocated; spans point into the header.
 */
#ifndef HTTPD_REQUEST_H
#define HTTPD_REQUEST_H

#include "apps/httpd/text.h"

#include <sys/types.h>

#define REQUEST_PATH_MAX 2048

enum method { METHOD_GET, METHOD_HEAD, METHOD_OPTIONS, METHOD_PUT, METHOD_OTHER };

struct request {
	enum method method;
	bool http_1_0, keep_alive, has_body;
	bool chunked, has_length;	/* how the body's end is known; neither: no body */
	uint64_t length;		/* of the body, if has_length */
	bool expects_continue;		/* the client waits for 100 Continue */
	bool everything;		/* OPTIONS * */
	bool folder;			/* the path ends with a slash */
	struct span line;		/* without CR LF, for the log */
	struct span query;		/* including its ? */
	struct span host;		/* valid, with its port */
	struct span range, if_range, if_match, if_none_match, if_modified_since,
		    if_unmodified_since, accept_encoding, content_range, content_encoding;
	unsigned hosts, ranges;
	size_t path_len;
	char path[REQUEST_PATH_MAX];	/* decoded, without . .. // or slashes at its ends */
};

/*
 * Finds the end of the header at data. Returns its length; 0 if it is incomplete; -400.
 * *from is 0 for a new header; later calls continue there.
 */
ssize_t request_end(const char *data, size_t len, size_t *from);

/* Parses a complete header. Returns 0, or the HTTP status of an error. */
int request_parse(struct request *r, const char *data, size_t len);

/* Whether the client accepts gzip (RFC 9110, 12.5.3). */
bool request_accepts_gzip(const struct request *r);

#endif

/* SPDX-License-Identifier: ISC */
/* The reply to a request: reply.c makes it, connection.c sends it. */
#ifndef HTTPD_REPLY_H
#define HTTPD_REPLY_H

#include "apps/httpd/request.h"
#include "apps/httpd/site.h"

#define RANGES_MAX 16			/* with more ranges the whole file is sent */

struct range {
	off_t from, to;			/* to: behind the last byte */
};

struct reply {
	int status;
	unsigned port;			/* of a redirection to TLS, with status 308 */
	const struct representation *what;	/* NULL: no body */
	bool has_body;			/* the body is sent: not for HEAD */
	unsigned nranges;	/* 1: the whole body or one range; more: multipart/byteranges */
	struct range ranges[RANGES_MAX];
	off_t length;			/* of the body, including the text between parts */
	struct representation *own;	/* made for this reply: the caller frees it; or NULL */
	bool list;			/* of a folder, also if it could not be made */
	bool can_put;			/* files can be uploaded to the request's path */
};

/* Prepares the error pages; false: no memory. */
bool reply_init(void);

/* Makes the reply to a valid request. The caller sets own and can_put before. */
void reply_to(struct reply *reply, struct site *site, const struct request *r);

/* Makes a reply with a representation for this request only. */
void reply_with(struct reply *reply, const struct representation *what,
		const struct request *r);

/* Makes an error reply, with its page. */
void reply_error(struct reply *reply, int status, const struct request *r);

/* Makes the reply to a complete upload: 201 or 204. what: the header's validators, or NULL. */
void reply_stored(struct reply *reply, int status, const struct representation *what);

/*
 * Whether a list of entity tags has this tag, or is *; weak: a weak one is sufficient.
 */
bool reply_has_tag(struct span list, struct span tag, bool weak);

/*
 * Makes the reply to a request that must be repeated with TLS, at this port: of all requests except
 * those by which a certificate is asked for (RFC 8555, 8.3). Returns false for these.
 */
bool reply_redirect(struct reply *reply, unsigned port, const struct request *r);

/* Writes the header; `date` has DATE_LEN bytes; hsts: milliseconds, or 0. */
void reply_head(const struct reply *reply, struct text *t, const char *date,
		bool keep_alive, const struct request *r, uint64_t hsts);

/*
 * Writes the text before the i-th part of several; for i equal to their number, the text
 * after the last one.
 */
void reply_part(const struct reply *reply, struct text *t, unsigned i);
#define PART_MAX 512

const char *reply_reason(int status);

#endif

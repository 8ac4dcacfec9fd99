/* SPDX-License-Identifier: ISC */
/*
 * What a request is answered with: decided here, sent by server.c.
 */
#ifndef HTTPD_REPLY_H
#define HTTPD_REPLY_H

#include "apps/httpd/request.h"
#include "apps/httpd/site.h"

#define RANGES_MAX 16			/* who asks for more gets the whole */

struct range {
	off_t from, to;			/* to: the byte after the last */
};

struct reply {
	int status;
	const struct representation *what;	/* NULL: no body */
	bool has_body;			/* it is sent, not only described: not for HEAD */
	unsigned nranges;		/* 1 for the whole; more: multipart/byteranges */
	struct range ranges[RANGES_MAX];
	off_t length;			/* of the body, with what is between parts */
	struct resource *redirect;	/* 301, to this folder */
};

/* Make the tables of what is said beside files; false: no memory. */
bool reply_init(void);

/* Of a request that was understood. */
void reply_to(struct reply *reply, struct site *site, const struct request *r);

/* Send what was made for this request alone. */
void reply_with(struct reply *reply, const struct representation *what,
		const struct request *r);

/* A refusal, with the little page it has. */
void reply_error(struct reply *reply, int status, const struct request *r);

/* All lines of the header; `date` is of DATE_LEN bytes. */
void reply_head(const struct reply *reply, struct text *t, const char *date,
		bool keep_alive, const struct request *r);

/* What stands in front of the i-th part of several, or, of as many as there are, after all. */
void reply_part(const struct reply *reply, struct text *t, unsigned i);
#define PART_MAX 512

const char *reply_reason(int status);

#endif

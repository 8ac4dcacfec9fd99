/* SPDX-License-Identifier: ISC */
/* The body of a request as it arrives: of a known length, or in chunks (RFC 9112, 7.1). */
#ifndef HTTPD_INCOMING_H
#define HTTPD_INCOMING_H

#include "llhttp.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Is given data of the body. Returns 0, or a negative number, which ends it. */
typedef int incoming_sink(void *arg, const char *data, size_t len);

struct incoming {
	bool chunked, complete;
	uint64_t left;			/* of the length; not for chunks */
	int error;			/* of the sink */
	incoming_sink *sink;
	void *arg;
	llhttp_t parser;		/* for chunks */
};

/* It must not be moved afterwards. */
void incoming_begin(struct incoming *in, bool chunked, uint64_t length, incoming_sink *sink,
		    void *arg);

/*
 * Takes bytes from the connection. Bytes behind the body are ignored. Returns 0: more is
 * needed; 1: the body is complete; -400: it is invalid; or a result of the sink. After other
 * results than 0 it must not be called again.
 */
int incoming_take(struct incoming *in, const char *data, size_t len);

#endif

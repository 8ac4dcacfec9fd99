/* SPDX-License-Identifier: ISC */
/*
 * Records of 32-bit words in a ring of fixed size: put by whoever runs, also in an upcall
 * of kernel code, and taken out as text.  What does not fit is lost, and counted.
 */
#ifndef KERNEL_RECORD_H
#define KERNEL_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct records {
	uint32_t *words;		/* NULL: there is no ring */
	char *text;			/* of records_take() */
	uint32_t produced, consumed;	/* words */
	uint64_t put, lost;		/* records */
	bool closed;			/* its time is over */
};

/* An empty ring: 0 or -ENOMEM. */
int records_begin(struct records *r);
void records_end(struct records *r);

/* A record of n words, n in its first byte; not from an upcall within itself. */
void records_put(struct records *r, const uint32_t *words, unsigned n);

/*
 * Some of the oldest records, none if there are none: base64 (RFC 4648) of their words, low
 * byte first, is in r->text, and they make room for others.  Returns the length of the text.
 */
size_t records_take(struct records *r);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * Records of 32-bit words in a ring of fixed size: put by whoever runs, also in an upcall
 * of kernel code, and taken out as text by a method that an operator called.  What does
 * not fit is lost, and counted.
 */
#ifndef KERNEL_RECORD_H
#define KERNEL_RECORD_H

#include "kernel/command.h"

struct records {
	uint32_t *words;		/* NULL: there is no ring */
	char *text;			/* what goes into a reply */
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
 * For a method with c->more: replies of {records: base64 of the words, low byte first; put;
 * lost} several times a second until `until`; then what is left is in the last reply.
 */
void records_stream(struct records *r, struct command *c, uint64_t until);

#endif

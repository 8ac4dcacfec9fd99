/* SPDX-License-Identifier: ISC */
/*
 * Records of 32-bit words in a ring of fixed size.  They can be written in any context,
 * also in an upcall of kernel code, and are read as text.  If the ring is full, records
 * are lost, and counted.  These functions do not sleep.
 */
#ifndef KERNEL_RECORD_H
#define KERNEL_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct records {
	uint32_t *words;		/* NULL: there is no ring */
	char *text;			/* output of records_take() */
	uint32_t produced, consumed;	/* words */
	uint64_t put, lost;		/* records */
	bool closed;			/* takes no more records */
};

/* Makes an empty ring.  Returns 0, -EBUSY if there is one, or -ENOMEM. */
int records_begin(struct records *r);
void records_end(struct records *r);

/*
 * Writes a record of n words, whose first byte is n.  Must not be called by an upcall
 * that interrupts it.
 */
void records_put(struct records *r, const uint32_t *words, unsigned n);

/*
 * Removes some of the oldest records, and writes their words to r->text as base64 (RFC
 * 4648), low byte first.  Returns the length of the text; 0 if there are no records.
 */
size_t records_take(struct records *r);

#endif

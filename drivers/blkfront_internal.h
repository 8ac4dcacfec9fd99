/* SPDX-License-Identifier: ISC */
/* Internal declarations of blkfront.c (calls), blkfront_connect.c and blkfront_request.c. */
#ifndef DRIVERS_BLKFRONT_INTERNAL_H
#define DRIVERS_BLKFRONT_INTERNAL_H

#include "drivers/blkfront.h"
#include "drivers/border/pending.h"
#include "drivers/xenbus/frontend.h"

#include <xen/io/blkif.h>

#define DIRECT BLKIF_MAX_SEGMENTS_PER_REQUEST
#define INDIRECT 32			/* pages in a request; more would not be faster */
#define SECTOR 512			/* bytes; the unit in requests: see check_units() */

struct blkfront {
	struct frontend fe;
	struct ring ring;
	struct pool pool;
	struct evtchn event;
	struct pending pending;		/* of struct part */
	bool has_leader;		/* one of the waiting threads sleeps for the event */
	struct turns waiting;		/* the other waiting threads */
	unsigned calls;			/* that have requests in flight, or will have */
	struct write *writes;		/* in progress or waiting, in order of arrival */
	struct waitq written;

	struct disk_info info;
	unsigned info_of;		/* the attachment (fe.attached) that it is of */
	unsigned segments;		/* limit of one request */
	uint8_t flush_op;		/* BLKIF_OP_FLUSH_..., _WRITE_BARRIER, or 0 */
	enum { FLUSH_DATA_UNKNOWN, FLUSH_DATA_WRITTEN, FLUSH_DATA_IGNORED } flush_data;
	uint64_t discard_granularity, discard_alignment;

	uint64_t requests[BLKIF_OP_INDIRECT], errors;	/* by operation */
	uint64_t bytes[2];		/* read, written */
};

static inline uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* ---- blkfront_connect.c */

extern const struct frontend_driver blkfront_driver;

/* How a flush is done at this backend, for the log. */
const char *blkfront_flush_name(const struct blkfront *b);

/* ---- blkfront_request.c; all but the last sleep */

/*
 * Waits for the connection, and checks that it is the disk that was opened.  Returns 0 or
 * -EIO.
 */
int blkfront_check(const struct disk *d);

/*
 * Reads, or writes whole sectors: several runs in any order.  They must lie within the disk.
 * Returns 0, or the first error when all have ended.  BLKIF_OP_FLUSH_DISKCACHE writes one run of
 * at most DIRECT pages, behind a flush.
 */
int blkfront_transfer(const struct disk *d, uint8_t op, const struct blkfront_run *runs,
		      unsigned count);

/* Sends a request without data, and returns its result. */
int blkfront_command(struct blkfront *b, struct blkif_request *req);

struct part;
void blkfront_complete(struct blkfront *b, struct part *part, int result);

#endif

/* SPDX-License-Identifier: ISC */
/* What blkfront.c (calls), blkfront_connect.c and blkfront_request.c share. */
#ifndef DRIVERS_BLKFRONT_INTERNAL_H
#define DRIVERS_BLKFRONT_INTERNAL_H

#include "drivers/blkfront.h"
#include "drivers/border/pending.h"
#include "drivers/xenbus/frontend.h"

#include <xen/io/blkif.h>

#define DIRECT BLKIF_MAX_SEGMENTS_PER_REQUEST
#define INDIRECT 32			/* more pages in one request gain nothing */
#define SECTOR 512			/* the unit on the wire: see check_units() */

struct blkfront {
	struct frontend fe;
	struct ring ring;
	struct pool pool;
	struct evtchn event;
	struct pending pending;		/* of struct part */
	bool has_leader;		/* one of those who wait sleeps for the event */
	struct turns waiting;		/* the others */
	struct write *writes;		/* under way or waiting, in the order they came */
	struct waitq written;

	struct disk_info info;
	unsigned segments;		/* of one request, at most */
	uint8_t flush_op;		/* BLKIF_OP_FLUSH_..., _WRITE_BARRIER, or 0 */
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

/* What a flush is at this backend, for the log. */
const char *blkfront_flush_name(const struct blkfront *b);

/* ---- blkfront_request.c; these sleep, but the last */

/* The disk is there, and the one that was opened: 0 or -EIO. */
int blkfront_check(const struct disk *d);

/* Read, or write whole sectors; the range is within the disk. */
int blkfront_transfer(const struct disk *d, uint8_t op, char *data, size_t len, uint64_t at);

/* A request without data. */
int blkfront_command(struct blkfront *b, struct blkif_request *req);

struct part;
void blkfront_complete(struct blkfront *b, struct part *part, int result);

#endif

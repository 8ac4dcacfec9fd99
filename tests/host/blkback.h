/* SPDX-License-Identifier: ISC */
/*
 * A block backend for the host tests, well-behaved or not.  It is written from
 * xen/io/blkif.h and the behaviour of Linux's xen-blkback, with Xen's ring macros, and
 * uses the fake xenstored.  It is in dom0; its disk is number BLKBACK_VDEV.
 */
#ifndef TESTS_HOST_BLKBACK_H
#define TESTS_HOST_BLKBACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BLKBACK_VDEV 51712		/* xvda */
#define BLKBACK_SIZE (256 * 1024)	/* what it really has, whatever it says */

enum blkback_lie {
	LIE_NONE,
	LIE_ID,				/* an answer to what was never asked */
	LIE_TWICE,			/* or to what was answered */
	LIE_OPERATION,
	LIE_INDEX,			/* more answers than questions */
	LIE_LIES,			/* how many ways those are */
};

struct blkback {
	/* What it offers: set before blkback_attach(). */
	const char *sectors, *sector_size, *info;	/* NULL: as it is */
	bool flush, barrier, discard, persistent;
	bool unknown;			/* it does not say what only Linux's says */
	unsigned ring_order, indirect;

	/* Its manners, now. */
	enum blkback_lie lie;		/* with the next answer */
	bool silent;			/* takes, and does not answer */
	bool scribbles;			/* writes anything anywhere it can */
	bool keeps;			/* what it has mapped, for good */
	bool refuses;			/* flushes and barriers: "not supported" */
	unsigned fails;			/* one request in so many fails */
	unsigned (*input)(void);	/* a fuzzer's bytes decide; UINT32_MAX: the end */

	/* What it saw. */
	unsigned requests, flushes, barriers, discards, indirects, connections;
	uint64_t last_sector;		/* of the last read or write: where it began */
	bool connected;
	unsigned mapped;		/* pages of the guest it has mapped */
};
extern struct blkback blkback;
extern uint8_t blkback_disk[BLKBACK_SIZE];

void blkback_attach(void);		/* as a toolstack does it */
void blkback_detach(void);		/* asks for it; it is gone when both have closed */
bool blkback_detached(void);
void blkback_vanish(void);		/* without a word, as a domain that is destroyed */
void blkback_restart(void);		/* closes by itself, and shall come back */
void blkback_let_go(void);		/* what it kept */

#endif

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
#define BLKBACK_SIZE (256 * 1024)	/* its real size, whatever it publishes */

enum blkback_lie {
	LIE_NONE,
	LIE_ID,				/* a response without a request */
	LIE_TWICE,			/* a second response to a request */
	LIE_OPERATION,
	LIE_INDEX,			/* more responses than requests */
	LIE_LIES,			/* the number of these */
};

struct blkback {
	/* Features that it offers: set before blkback_attach(). */
	const char *sectors, *sector_size, *info;	/* NULL: the real one */
	bool flush, barrier, discard, persistent;
	bool unknown;			/* without the keys that only Linux's backend writes */
	unsigned ring_order, indirect;

	/* Its behaviour, which may change at any time. */
	enum blkback_lie lie;		/* with the next response */
	bool silent;			/* takes requests and does not respond */
	bool scribbles;			/* writes random bytes to all shared memory */
	bool keeps;			/* never unmaps pages */
	bool refuses;			/* flushes and barriers: "not supported" */
	bool ignores;			/* the data of a flush, without an error */
	unsigned fails;			/* one of so many requests fails */
	unsigned fail_read;		/* the n-th read from now on fails; 0: none */
	unsigned (*input)(void);	/* a fuzzer's bytes decide; UINT32_MAX: the end */

	/* Counters and observations. */
	unsigned requests, flushes, flush_writes, barriers, discards, indirects, connections;
	uint64_t last_sector;		/* of the last read or write: its first sector */
	bool connected;
	unsigned mapped;		/* pages of the guest that it has mapped */
};
extern struct blkback blkback;
extern uint8_t blkback_disk[BLKBACK_SIZE];

void blkback_attach(void);		/* as a toolstack does */
void blkback_detach(void);		/* requests it; done when both ends have closed */
bool blkback_detached(void);
void blkback_vanish(void);		/* without notice, as a domain that is destroyed */
void blkback_restart(void);		/* closes by itself, then connects again */
void blkback_let_go(void);		/* unmaps the pages that it kept */

#endif

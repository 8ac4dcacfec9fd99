/* SPDX-License-Identifier: ISC */
/*
 * A xenstored for the host tests: it implements xen/io/xs_wire.h over the guest's ring,
 * and is written from docs/misc/xenstore.txt and xenstored's source, not from the guest's
 * client.
 *
 * Set `store` between store_start() and xs_init(), or later, to make it slow, unordered
 * or hostile.  It reads the ring only after an event from the guest, and sends events as
 * xenstored does.
 */
#ifndef TESTS_HOST_XENSTORED_H
#define TESTS_HOST_XENSTORED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store {
	/* Its misbehaviour; 0 switches each kind off. */
	unsigned chunk;			/* at most so many bytes at a time */
	unsigned lazy;			/* does nothing in one of so many steps */
	bool unordered;			/* replies in any order */
	unsigned conflicts;		/* one of so many commits fails without a reason */
	unsigned nasty;			/* one of so many replies is invalid */
	bool mistyped;			/* and then has the wrong type */
	unsigned noise;			/* one of this many replies has no request */
	bool silent;			/* reads, and does not reply */
	bool deaf;			/* does not even read */
	bool reconnects;		/* on request; docs/misc/xenstore-ring.txt */
	bool old;			/* without RESET_WATCHES and DIRECTORY_PART */
	unsigned max_transactions, max_watches;

	/* Observations. */
	unsigned requests, answers, events, resets, mad;
	unsigned transactions, watches;	/* now */
	unsigned bytes;			/* that it wrote to the ring */
	bool lost;			/* it has given up the guest */
	bool ended;			/* store_end(): the guest gives up its devices */
};
extern struct store store;

/*
 * A new store with what a toolstack writes for a guest, and a ring that was used
 * before: the indexes are anything.
 */
void store_start(void);

/* Puts into the ring, before the guest starts, a reply to an earlier kernel. */
void store_left_over(void);

/* As by another domain: they fire watches.  Paths are absolute. */
void store_write(const char *path, const char *value);
void store_rm(const char *path);
const char *store_read(const char *path);	/* NULL: does not exist */

/* The guest may neither read nor write at and below this path, whether it exists or not; NULL: none. */
void store_deny(const char *path);

/* An event with this path for each watch, whatever it watches. */
void store_stray_event(const char *path);

void store_raw_event(const void *payload, size_t len);

bool store_in_reply_ring(const void *address);

/* Ways to end the connection, which the guest must detect. */
enum store_end {
	STORE_TOO_LONG,			/* a message that the protocol does not allow */
	STORE_BAD_REPLY_INDEX,
	STORE_BAD_REQUEST_INDEX,
	STORE_GIVES_UP,			/* an error in the error field */
	STORE_ENDS,			/* the number of these */
};
void store_end(enum store_end how);

#endif

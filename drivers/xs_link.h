/* SPDX-License-Identifier: ISC */
/*
 * The connection to xenstored: requests out, answers and events in (xen/io/xs_wire.h,
 * docs/misc/xenstore-ring.txt).  For drivers/xenstore.c and xs_watch.c alone.
 *
 * Requests are copied and queued in the order in which they were made, and whoever
 * finds room in the ring moves the head of the queue on.  So nobody sleeps for room,
 * messages cannot interleave, and a caller whose deadline passes can go, even with
 * half of its message in the ring.
 */
#ifndef DRIVERS_XS_LINK_H
#define DRIVERS_XS_LINK_H

#include <errno.h>		/* before xs_wire.h, which then has xsd_errors[] */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <xen/io/xs_wire.h>

int xs_link_open(void);

/* A piece of a request's payload. */
struct xs_piece {
	const void *data;
	size_t len;
};

/*
 * Ask, and sleep until answered or the deadline (NEVER: for ever): the answer's
 * length, or -errno.  reply != NULL gets the answer, with a NUL behind it, for free().
 */
ssize_t xs_link_call(uint32_t type, uint32_t tx, uint64_t deadline,
		     const struct xs_piece *pieces, unsigned n, char **reply);

/* Ask, and never mind the answer.  Does not sleep. */
void xs_link_post(uint32_t type, uint32_t tx, const struct xs_piece *pieces, unsigned n);

/* As xs_link_post(), from a panic: no memory, and until fetched or ns have passed. */
void xs_link_last_words(const struct xs_piece *pieces, unsigned n, uint64_t ns);

/* Something came that should not have: said in the log, less and less often. */
void xs_link_odd(const char *what);

/* drivers/xs_watch.c: an event came, len bytes and a NUL behind; no more will come. */
void xs_watch_event(const char *payload, size_t len);
void xs_watch_fail(int error);

/* drivers/xenstore.c: a transaction began whose beginner did not wait for it. */
void xs_orphan(uint32_t tx);

#endif

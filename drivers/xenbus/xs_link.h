/* SPDX-License-Identifier: ISC */
/*
 * The connection to xenstored: requests out, answers and events in (xen/io/xs_wire.h,
 * docs/misc/xenstore-ring.txt).  For drivers/xenbus/xenstore.c and xs_watch.c alone.
 *
 * Requests are copied and queued in the order in which they were made, and whoever
 * finds room in the ring moves the head of the queue on.  So nobody sleeps for room,
 * messages cannot interleave, and a caller whose deadline passes can go, even with
 * half of its message in the ring.
 */
#ifndef DRIVERS_XENBUS_XS_LINK_H
#define DRIVERS_XENBUS_XS_LINK_H

#include <errno.h>		/* before xs_wire.h, which then has xsd_errors[] */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <xen/io/xs_wire.h>

struct thread;

/* Adopt the ring; the same, and start to listen.  0 or -errno; again: as then. */
int xs_link_open(void);
int xs_link_run(void);

/*
 * From now on this thread may ask, or everybody (NULL); at first nobody may.  The others
 * get -ENODEV: what they were given would be taken from them by XS_RESET_WATCHES.
 */
void xs_link_admit(struct thread *only);

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

/*
 * Ask, and never mind the answer.  Does not sleep, and what it needs was made before, so
 * that undoing something cannot fail.  prepare: NULL, no memory; else to be posted or
 * given to free().
 */
struct xs_request;
struct xs_request *xs_link_prepare(const struct xs_piece *pieces, unsigned n);
void xs_link_post(struct xs_request *r, uint32_t type, uint32_t tx);

/*
 * Begin a transaction: 0, its id in *tx and in *end what ends it, for xs_link_post().
 * One that begins after the deadline is ended at once.
 */
int xs_link_begin(uint64_t deadline, uint32_t *tx, struct xs_request **end);

/* As xs_link_post(), from a panic: no memory, and until fetched or ns have passed. */
void xs_link_last_words(const struct xs_piece *pieces, unsigned n, uint64_t ns);

/* Something came that should not have: said in the log, less and less often. */
void xs_link_odd(const char *what);

/* drivers/xenbus/xs_watch.c: an event came, len bytes and a NUL behind; no more will come. */
void xs_watch_event(const char *payload, size_t len);
void xs_watch_fail(int error);

#endif

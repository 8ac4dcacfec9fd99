/* SPDX-License-Identifier: ISC */
/*
 * The connection to xenstored: sends requests, receives replies and events
 * (xen/io/xs_wire.h, docs/misc/xenstore-ring.txt). Only for xenstore.c and xs_watch.c.
 *
 * Requests are copied, and queued in order.  Any thread that finds room in the ring
 * writes the first ones of the queue.  So no thread sleeps for room, messages do not
 * interleave, and a caller may leave at its deadline even if half of its message is in
 * the ring.
 */
#ifndef DRIVERS_XENBUS_XS_LINK_H
#define DRIVERS_XENBUS_XS_LINK_H

#include "kernel/sched.h"

#include <errno.h>		/* before xs_wire.h, which then has xsd_errors[] */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <xen/io/xs_wire.h>

/*
 * xs_link_open() adopts the ring; xs_link_run() also starts the thread that reads it.
 * Return 0 or -errno; further calls return the same.  May sleep.
 */
int xs_link_open(void);
int xs_link_run(void);

/*
 * Only this thread may send requests from now on, or all threads (NULL); at first none
 * may.  The others get -ENODEV: XS_RESET_WATCHES would remove their watches and
 * transactions.
 */
void xs_link_admit(struct thread *only);

/*
 * For a suspend.  While requests are held, those outside of transactions wait in xs_link_hold_on();
 * xs_link_quiet() returns whether none is in flight, and xs_link_changed is woken when it may be.
 * xs_link_restored() adopts the ring of a restored domain, with which xenstored begins anew.
 */
extern bool xs_link_held;
extern struct waitq xs_link_changed;
void xs_link_hold_on(uint64_t deadline);
bool xs_link_quiet(void);
void xs_link_restored(void);

/* A piece of a request's payload. */
struct xs_piece {
	const void *data;
	size_t len;
};

/*
 * Sends a request, and sleeps until the reply or the deadline (or NEVER). Returns the
 * length of the reply, or -errno.  If reply is not NULL, it gets the reply, followed by a
 * NUL, to be freed by free().
 */
ssize_t xs_link_call(uint32_t type, uint32_t tx, uint64_t deadline,
		     const struct xs_piece *pieces, unsigned n, char **reply);

/*
 * Send a request without waiting for the reply.  xs_link_post() does not sleep, and its
 * memory was allocated by xs_link_prepare(), so that undoing something cannot fail.
 * xs_link_prepare() returns NULL without memory, or a request to be posted or freed by
 * free().
 */
struct xs_request;
struct xs_request *xs_link_prepare(const struct xs_piece *pieces, unsigned n);
void xs_link_post(struct xs_request *r, uint32_t type, uint32_t tx);

/*
 * Begins a transaction; sleeps.  Returns 0, its id in *tx, and in *end the request that
 * ends it, for xs_link_post(); or -errno.  If it begins after the deadline it is ended at
 * once.
 */
int xs_link_begin(uint64_t deadline, uint32_t *tx, struct xs_request **end);

/*
 * As xs_link_post(), for a panic: allocates nothing, and waits until xenstored has read
 * the request, or ns have passed.  Does not sleep.
 */
void xs_link_last_words(const struct xs_piece *pieces, unsigned n, uint64_t ns);

/* Logs an unexpected message, less and less often. */
void xs_link_unexpected(const char *what);

/*
 * In xs_watch.c: an event of len bytes and a NUL was received; no more events will come.
 */
void xs_watch_event(const char *payload, size_t len);
void xs_watch_fail(int error);

/*
 * Also there: prepares what xs_watch_restored() needs to set all watches again, or frees it.
 * Returns 0 or -ENOMEM.
 */
int xs_watch_prepare(void);
void xs_watch_restored(bool restored);

#endif

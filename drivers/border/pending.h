/* SPDX-License-Identifier: ISC */
/*
 * Requests in flight.
 *
 * Hands out the ids that are put into requests, and takes them back from responses: a
 * backend can only name a request that is in flight, and each of them once.  Kernel code
 * only; none of these sleep.
 */
#ifndef DRIVERS_BORDER_PENDING_H
#define DRIVERS_BORDER_PENDING_H

#include <stdint.h>

/* A zeroed one has no ids. */
struct pending {
	struct pending_entry *entry;
	uint32_t size;
	uint32_t free;			/* first free id; size: none */
};

/* Makes ids 0 ... size-1, none in flight.  Returns 0 or -ENOMEM. */
int pending_init(struct pending *p, uint32_t size);
void pending_free(struct pending *p);

/* Returns an id for `what`, which is not NULL, or -EAGAIN if all are in flight. */
int pending_add(struct pending *p, void *what);

/* Frees an id, and returns what it was for; NULL if it is not in flight. */
void *pending_take(struct pending *p, uint64_t id);

/* The same for any id in flight; NULL if there is none.  For the end of a connection. */
void *pending_take_any(struct pending *p);

#endif

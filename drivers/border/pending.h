/* SPDX-License-Identifier: ISC */
/*
 * Requests in flight.
 *
 * Hands out the ids that we put into requests and takes them back from responses: a
 * backend can only name what is really in flight, and each of it once.  Kernel code only;
 * none of these sleep.
 */
#ifndef DRIVERS_BORDER_PENDING_H
#define DRIVERS_BORDER_PENDING_H

#include <stdint.h>

/* Zero is one of no ids. */
struct pending {
	struct pending_entry *entry;
	uint32_t size;
	uint32_t free;			/* head of the free ids; size: none */
};

/* With ids 0 ... size-1, none in flight: 0 or -ENOMEM. */
int pending_init(struct pending *p, uint32_t size);
void pending_free(struct pending *p);

/* An id for what, which is not NULL; or -EAGAIN: all are in flight. */
int pending_add(struct pending *p, void *what);

/* What has this id, which is free now; NULL: nothing has. */
void *pending_take(struct pending *p, uint64_t id);

/* For the end of a connection: any of it, until it is NULL. */
void *pending_take_any(struct pending *p);

#endif

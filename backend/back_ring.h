/* SPDX-License-Identifier: ISC */
/*
 * The backend half of a Xen request/response ring (xen/io/ring.h): drivers/border/ring.h has the
 * other one.
 *
 * The frontend is not trusted.  Each request is copied out once, and no pointer into the ring leaves
 * back_ring.c.  An invalid index ends the ring: all calls return the error from then on.  Indexes
 * count freely over 32 bits.  Nothing here sleeps or notifies.
 */
#ifndef BACKEND_BACK_RING_H
#define BACKEND_BACK_RING_H

#include "drivers/border/shared.h"

struct back_ring_page;

struct back_ring {
	struct back_ring_page __shared *page;
	uint32_t nslots;		/* a power of two */
	uint32_t request_size, response_size, slot_size;
	uint32_t consumed;		/* requests taken */
	uint32_t produced;		/* responses published */
	int error;
};

/*
 * Attaches to a frontend's ring in `size` bytes of memory, behind the last response: so a backend
 * that was restarted takes the requests again that have no response.
 */
void back_ring_attach(struct back_ring *r, void *memory, size_t size, size_t request_size,
		      size_t response_size);

/* Copies the next request out.  Returns 1; 0 if there is none; or -EPROTO. */
int back_ring_take(struct back_ring *r, void *request);

/* Returns whether back_ring_take() would return 1. */
bool back_ring_any(const struct back_ring *r);

/* The number of requests that there are now, as `consumed` counts: any number, as the frontend says. */
uint32_t back_ring_offered(const struct back_ring *r);

/* Before sleeping: requests an event.  Returns whether there is a request already. */
bool back_ring_rearm(struct back_ring *r);

/*
 * Publishes a response, at most one for each request.  Returns whether the frontend wants an event.
 */
bool back_ring_put(struct back_ring *r, const void *response);

#endif

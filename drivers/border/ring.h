/* SPDX-License-Identifier: ISC */
/*
 * The frontend half of a Xen request/response ring (xen/io/ring.h).
 *
 * Producers take turns in the order in which they arrive.  A turn has n consecutive slots
 * from ring_begin() to ring_end() and may sleep in between; nothing of it is visible to
 * the backend before ring_end(), which publishes all of it at once.
 *
 *	rc = ring_begin(r, 2);		sleeps until it is our turn and 2 slots are free
 *	...
 *	ring_put(r, 0, &first);
 *	ring_put(r, 1, &second);
 *	if (ring_end(r, 2))
 *		evtchn_notify(e);
 *
 * The consumer copies responses out one at a time:
 *
 *	do {
 *		while ((got = ring_take(r, &response)) > 0)
 *			...
 *	} while (got == 0 && ring_rearm(r, 1));
 *
 * The backend is not trusted.  No pointer into the ring leaves ring.c, what it wrote is
 * copied before it is looked at, and an index it cannot have ends the ring: every call
 * then returns the error, every sleeping producer wakes with it, and the memory is not
 * touched any more.
 *
 * Indexes run freely over 32 bits and are only ever subtracted.  Nothing here notifies,
 * and nothing but ring_begin() and ring_close() sleeps.  Kernel code only.
 */
#ifndef DRIVERS_BORDER_RING_H
#define DRIVERS_BORDER_RING_H

#include "drivers/border/shared.h"
#include "drivers/border/turn.h"

struct ring_page;

struct ring {
	struct ring_page __shared *page;
	uint32_t nslots;		/* a power of two */
	uint32_t request_size, response_size, slot_size;
	uint32_t produced;		/* requests published */
	uint32_t consumed;		/* responses taken */
	uint32_t reserved;		/* slots of the turn that has begun; 0: none has */
	uint32_t most;			/* slots that were ever in use at once */
	struct turns turns;		/* who waits in ring_begin() */
	struct waitq left;		/* the last of them went, after a failure */
	int error;
};

/*
 * Start an empty ring on memory of ours: one page, or several in a row.  A slot is as large
 * as the larger of request and response.
 */
void ring_init(struct ring *r, void *memory, size_t size, size_t request_size,
	       size_t response_size);

/* A turn of n slots, at least 1: 0, -EMSGSIZE (more than there are), or the error. */
int ring_begin(struct ring *r, uint32_t n);

/* The same for who may not sleep: also -EAGAIN, full or not our turn. */
int ring_try_begin(struct ring *r, uint32_t n);

/* Fill slot i < n of the turn.  */
void ring_put(struct ring *r, uint32_t i, const void *request);

/*
 * Publish the first n slots of the turn, which may be less than it has, or none; the next
 * one's turn comes.  True: the backend wants an event.
 */
bool ring_end(struct ring *r, uint32_t n);

/* Copy the next response out: 1; 0, there is none yet; or the error. */
int ring_take(struct ring *r, void *response);

/*
 * Before sleeping: ask for an event when n more responses have come, at least 1.  True:
 * they have, so there will be none.
 */
bool ring_rearm(struct ring *r, uint32_t n);

/*
 * How many more responses it takes until the first in the line can go; 0: nobody waits for
 * any.  For who has nothing else to do with responses than to make room.
 */
uint32_t ring_short(const struct ring *r);

/* Turn the ring off for good; the first error stays, and is returned. */
int ring_fail(struct ring *r, int error);

/* How full it is: slots there are, in use, ever in use at once; who waits for some. */
struct ring_use {
	uint32_t slots, used, most, waiting;
};
void ring_use(const struct ring *r, struct ring_use *use);

/* A line about it, begun by the caller, on the console; from an NMI too. */
void ring_report(const struct ring *r);

/* After ring_fail(): sleeps until no turn is under way and nobody waits for one. */
void ring_close(struct ring *r);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * The frontend half of a Xen request/response ring (xen/io/ring.h).
 *
 * Producers take turns in order of arrival.  A turn has n consecutive slots from
 * ring_begin() to ring_end(), and may sleep in between.  The backend sees nothing of it
 * before ring_end(), which publishes all slots at once.
 *
 *	rc = ring_begin(r, 2);		sleeps until 2 slots are free and it is its turn
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
 * The backend is not trusted.  No pointer into the ring leaves ring.c.  Data that the backend
 * wrote is copied before it is checked.  An invalid index ends the ring: every call then
 * returns the error, all waiting producers wake with it, and the memory is not accessed
 * any more.
 *
 * Indexes count freely over 32 bits, and are only subtracted.  Nothing here notifies, and
 * only ring_begin() and ring_close() sleep.  Kernel code only.
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
	uint32_t reserved;		/* slots of the turn in progress; 0: none */
	uint32_t most;			/* most slots that were in use at once */
	struct turns turns;		/* threads that wait in ring_begin() */
	struct waitq left;		/* woken when the last of them has left, after a failure */
	int error;
};

/*
 * Makes an empty ring in private memory: one page, or several consecutive ones.  size and
 * the sizes of request and response are in bytes.  A slot is as large as the larger of
 * the two.
 */
void ring_init(struct ring *r, void *memory, size_t size, size_t request_size,
	       size_t response_size);

/*
 * Begins a turn of n slots, at least 1. Sleeps.  Returns 0; -EMSGSIZE for more than there
 * are; or the ring's error.
 */
int ring_begin(struct ring *r, uint32_t n);

/*
 * The same without sleeping: returns -EAGAIN if the ring is full or another producer is
 * first.
 */
int ring_try_begin(struct ring *r, uint32_t n);

/* Fills slot i < n of the turn. */
void ring_put(struct ring *r, uint32_t i, const void *request);

/*
 * Publishes the first n slots of the turn, which may be fewer than it has, or 0, and ends
 * it.  Returns whether the backend wants an event.
 */
bool ring_end(struct ring *r, uint32_t n);

/*
 * Copies the next response out.  Returns 1; 0 if there is none; or the error, -EPROTO for
 * an invalid index.
 */
int ring_take(struct ring *r, void *response);

/*
 * Before sleeping: asks for an event when n more responses, at least 1, are there.
 * Returns true if they are there already: then there will be no event.
 */
bool ring_rearm(struct ring *r, uint32_t n);

/*
 * Returns how many more responses must arrive before the first waiting producer can
 * proceed; 0 if none waits.  For consumers for which responses only free slots.
 */
uint32_t ring_short(const struct ring *r);

/* Disables the ring for good.  The first error stays, and is returned. */
int ring_fail(struct ring *r, int error);

/*
 * The slots that there are, those in use, the most that were in use, and the threads that
 * wait for some.
 */
struct ring_use {
	uint32_t slots, used, most, waiting;
};
void ring_use(const struct ring *r, struct ring_use *use);

/* Prints the rest of a line about the ring; also from an NMI. */
void ring_report(const struct ring *r);

/* After ring_fail(): sleeps until no turn is in progress and no thread waits for one. */
void ring_close(struct ring *r);

#endif

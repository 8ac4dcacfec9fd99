/* SPDX-License-Identifier: ISC */
/* What netfront.c (the connection), netfront_tx*.c and netfront_rx.c share. */
#ifndef DRIVERS_NETFRONT_INTERNAL_H
#define DRIVERS_NETFRONT_INTERNAL_H

#include "drivers/netfront.h"
#include "drivers/xenbus/frontend.h"

#include <xen/io/netif.h>

#define SLOTS 256u			/* of either ring: they take a page */
#define DATA_SLOTS XEN_NETIF_NR_SLOTS_MIN
#define LARGEST (DATA_SLOTS + 1)	/* and what is to be known of segments */
#define HEADER 14u			/* of Ethernet; no frame is shorter */

/*
 * Transmit.  Each id owns a page, granted as long as the connection: what is not in lent
 * memory is copied there.
 */
struct tx_slot {
	bool in_flight;
	uint16_t frame;			/* whose done() waits for it, or SLOTS */
	uint32_t page;			/* of lent memory, then */
};

struct tx_frame {			/* one that lies in lent memory, at least in part */
	void (*done)(void *arg);
	void *arg;
	uint32_t slots;			/* not answered; 0: it is free */
};

struct lent_page {
	grant_ref_t ref;		/* 0: it is not granted */
	uint32_t uses;			/* slots in flight */
};

struct tx {
	struct ring ring;
	char *pages;
	uint32_t nids;			/* and pages */
	grant_ref_t refs[SLOTS];
	struct tx_slot slots[SLOTS];
	struct tx_frame frames[SLOTS];
	uint16_t ids[SLOTS], free_frames[SLOTS];	/* the free ones, last in first out */
	uint32_t nfree, nframes;
	uint32_t extras;		/* in flight: they take a slot, but no id */
	struct lent_page *lent;
	struct tx_room {
		uint32_t ids, slots;
	} refused;			/* the least that would have done */
	bool sender_waits;		/* room() is owed, when there is that */
	bool watched;			/* the thread knows of frames[] in flight ... */
	bool overdue;			/* ... and has looked for their answers in vain */
	bool notify;			/* the backend wants to know of what it was sent */
};

/* Receive.  A page goes to the user only when another is there to take its place. */
struct rx_buffer {
	struct rx_page page;		/* the first: what the user sees is a buffer */
	uint8_t *memory;		/* the whole page */
	grant_ref_t ref;		/* 0: ours alone */
	bool held;			/* by the user */
	bool stale;			/* of a connection that has ended */
};

struct rx_chunk {			/* they are never freed: the user may have some */
	struct rx_chunk *next;
	struct rx_buffer buffers[64];
};

struct rx {
	struct ring ring;
	uint32_t nslots;		/* that are to be posted */
	uint32_t held, max_held;
	struct rx_page *posted[SLOTS];	/* by their place in the ring */
	struct rx_page *granted;	/* to be posted as they are */
	struct rx_page *free;		/* with a page, ours alone */
	struct rx_page *blank;		/* without */
	uint32_t ngranted, nfree;
	struct rx_chunk *chunks;

	/* The frame that is being received. */
	struct rx_page *first, **last;
	struct offload offload;
	uint32_t len, pages, slots_seen;
	bool more;			/* data is to follow */
	bool extra;			/* an extra is the next */
	bool bad;			/* to be dropped when it has come as a whole */
};

struct netfront {
	struct frontend fe;
	const struct netfront_user *user;	/* NULL: nobody's */
	void *arg;
	bool open;
	bool connected;
	bool split;			/* an event channel for each direction */
	bool carrier;
	bool sg;			/* a frame may have several slots */
	struct waitq work;
	struct thread *worker;		/* of this connection */
	struct evtchn tx_event, rx_event;
	struct netfront_info info;
	struct netfront_stats stats;
	struct tx tx;
	struct rx rx;
};

/* ---- netfront_tx.c; as offer(), start() and stop() of a frontend_driver, and */

int tx_offer(struct netfront *n);
void tx_start(struct netfront *n);
void tx_stop(struct netfront *n);	/* each done() is called when the pages are ours */
void tx_take_responses(struct netfront *n);	/* take the answers that are there */
bool tx_has_room(struct netfront *n);	/* that room() is owed, and due */

/* Before the thread sleeps: an event comes when it has to; false: it has come. */
bool tx_may_sleep(struct netfront *n);
uint64_t tx_deadline(struct netfront *n);
void tx_late(struct netfront *n);	/* that has passed */

/* ---- netfront_tx_pages.c: for tx_offer(), 0 or -errno, undone with the connection; and */

int tx_share_pages(struct netfront *n);
int tx_share_lent(struct netfront *n);

/* The page of lent memory that a byte is in, or -1: it must be copied. */
int64_t tx_lent_page(const struct tx *tx, const char *at);

/* ---- netfront_rx.c */

int rx_offer(struct netfront *n);
int rx_start(struct netfront *n);
void rx_stop(struct netfront *n);
bool rx_poll(struct netfront *n);	/* some of what has come, true: maybe not all */
bool rx_may_sleep(struct netfront *n);
uint64_t rx_deadline(struct netfront *n);

#endif

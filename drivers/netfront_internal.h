/* SPDX-License-Identifier: ISC */
/* Internal declarations of netfront.c (the connection), netfront_tx*.c and netfront_rx.c. */
#ifndef DRIVERS_NETFRONT_INTERNAL_H
#define DRIVERS_NETFRONT_INTERNAL_H

#include "drivers/netfront.h"
#include "drivers/xenbus/frontend.h"

#include <xen/io/netif.h>

#define SLOTS 256u			/* of either ring: one page */
#define DATA_SLOTS XEN_NETIF_NR_SLOTS_MIN
#define LARGEST (DATA_SLOTS + 1)	/* and the properties of segments */
#define HEADER 14u			/* bytes; of Ethernet; no frame is shorter */

/*
 * Transmit.  Each id has a page, which is granted during the connection.  Data that is
 * not in lent memory is copied there.
 */
struct tx_slot {
	bool in_flight;
	uint16_t frame;			/* the frame whose done() waits for it, or SLOTS */
	uint32_t page;			/* the page of lent memory, then */
};

struct tx_frame {			/* a frame that is in lent memory, at least in part */
	void (*done)(void *arg);
	void *arg;
	uint32_t slots;			/* slots without a response; 0: this entry is free */
};

struct lent_page {
	grant_ref_t ref;		/* 0: not granted */
	uint32_t uses;			/* slots in flight */
};

struct tx {
	struct ring ring;
	char *pages;
	uint32_t nids;			/* number of ids and pages */
	grant_ref_t refs[SLOTS];
	struct tx_slot slots[SLOTS];
	struct tx_frame frames[SLOTS];
	uint16_t ids[SLOTS], free_frames[SLOTS];	/* the free ones, last in first out */
	uint32_t nfree, nframes;
	uint32_t extras;		/* extras in flight, which take a slot but no id */
	struct lent_page *lent;
	struct tx_room {
		uint32_t ids, slots;
	} refused;			/* the room that the refused frame needs */
	bool sender_waits;		/* room() must be called when there is that */
	bool watched;			/* the thread knows of frames[] in flight ... */
	bool overdue;			/* ... and LATE has passed without a response */
	bool notify;			/* the backend must be notified */
};

/* Receive.  A page is passed to the user only if another one can take its place. */
struct rx_buffer {
	struct rx_page page;		/* first member: the user's pointer is the buffer's */
	uint8_t *memory;		/* the whole page */
	grant_ref_t ref;		/* 0: not granted */
	bool held;			/* by the user */
	bool stale;			/* of a connection that has ended */
};

struct rx_chunk {			/* never freed: the user may hold some */
	struct rx_chunk *next;
	struct rx_buffer buffers[64];
};

struct rx {
	struct ring ring;
	uint32_t nslots;		/* to be posted */
	uint32_t held, max_held;
	struct rx_page *posted[SLOTS];	/* by slot of the ring */
	struct rx_page *granted;	/* to be posted with the grant that they have */
	struct rx_page *free;		/* with a page, not granted */
	struct rx_page *blank;		/* without a page */
	uint32_t ngranted, nfree;
	struct rx_chunk *chunks;

	/* The frame that is being received. */
	struct rx_page *first, **last;
	struct offload offload;
	uint32_t len, pages, slots_seen;
	bool more;			/* more data follows */
	bool extra;			/* an extra follows */
	bool bad;			/* to be dropped when it is complete */
};

struct netfront {
	struct frontend fe;
	const struct netfront_user *user;	/* NULL: none */
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

/* ---- netfront_tx.c: offer(), start() and stop() of a frontend_driver, and more */

int tx_offer(struct netfront *n);
void tx_start(struct netfront *n);
void tx_stop(struct netfront *n);	/* done() is called when all is unmapped */
void tx_take_responses(struct netfront *n);	/* takes the responses that are there */
bool tx_has_room(struct netfront *n);	/* whether room() must be called now */

/*
 * Before the thread sleeps: asks for an event if one is needed.  Returns false if there
 * is work already.
 */
bool tx_may_sleep(struct netfront *n);
uint64_t tx_deadline(struct netfront *n);
void tx_late(struct netfront *n);	/* tx_deadline() has passed */

/* ---- netfront_tx_pages.c: for tx_offer(); 0 or -errno, undone with the connection */

int tx_share_pages(struct netfront *n);
int tx_share_lent(struct netfront *n);

/* Returns the page of lent memory in which a byte is, or -1 if it must be copied. */
int64_t tx_lent_page(const struct tx *tx, const char *at);

/* ---- netfront_rx.c */

int rx_offer(struct netfront *n);
int rx_start(struct netfront *n);
void rx_stop(struct netfront *n);
bool rx_poll(struct netfront *n);	/* receives frames: true if there may be more */
bool rx_may_sleep(struct netfront *n);
uint64_t rx_deadline(struct netfront *n);

#endif

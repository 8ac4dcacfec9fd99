/* SPDX-License-Identifier: ISC */
/*
 * One disk that is offered to another domain: the backend half of xen/io/blkif.h.
 *
 *	blkback.c		its life: xenstore, connections
 *	blkback_queue.c		rings, threads, order of responses
 *	blkback_request.c	one request: what it says, grants, the store
 *	blkback_grants.c	persistent grants
 *
 * Numbers and states in the frontend's folder, indexes, requests and segments come from a domain that
 * is not trusted.  It can end its connection in any way, and nothing of it remains.
 */
#ifndef BACKEND_BLKBACK_H
#define BACKEND_BLKBACK_H

#include "backend/back_ring.h"
#include "backend/domain.h"

#include <xen/io/blkif.h>
#include <xenolith/disk.h>

#define BLKBACK_SEGMENTS 256		/* of an indirect request, as Linux */
#define BLKBACK_RING_ORDER 4		/* 16 pages */
#define BLKBACK_QUEUES 16
#define BLKBACK_THREADS 32		/* of one queue */
#define BLKBACK_PERSISTENT 1280		/* pages of one disk that stay mapped; Linux uses 1056 */
#define BLKBACK_SECTOR 512		/* bytes; the unit of all sector numbers, as Linux counts */
#define BLKBACK_LOG 20			/* lines that a frontend can cause */

/* ---- blkback_request.c */

/* How a frontend lays out requests: its `protocol`. */
enum blk_abi { BLK_ABI_64, BLK_ABI_32 };

#define BLK_REQUEST_MAX sizeof(struct blkif_request)

struct blk_request {
	uint64_t id, sector;
	uint64_t nr_sectors;		/* of a discard */
	uint8_t op;			/* that of an indirect request: the inner one */
	bool indirect;
	unsigned count;			/* of segments; may be invalid */
	uint32_t pages[BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST];
	struct blkif_request_segment segments[BLKBACK_SEGMENTS];
};

size_t blk_request_size(enum blk_abi abi);
size_t blk_response_size(enum blk_abi abi);

/* Interprets the copy of a slot.  The segments of an indirect request are not read yet. */
void blk_parse(enum blk_abi abi, const uint8_t slot[BLK_REQUEST_MAX], struct blk_request *r);

/* ---- blkback_grants.c */

struct blk_grants {
	struct blk_grant *table;	/* by ref; NULL: nothing was mapped yet */
	unsigned used, most;
};

/* Returns the page of a ref that is mapped for good, or NULL.  Does not sleep. */
void *blk_grants_find(const struct blk_grants *g, uint32_t ref);

/* Maps a page for good.  Sleeps.  Returns NULL if that is not possible, or there are too many. */
void *blk_grants_add(struct blk_grants *g, unsigned domid, uint32_t ref);
void blk_grants_free(struct blk_grants *g);	/* sleeps */

/* ---- blkback_queue.c */

struct blkback;

struct blk_answer {
	bool done;
	uint8_t op;
	int16_t status;
	uint64_t id;
};

struct blk_queue {
	struct blkback *disk;
	struct back_ring ring;
	struct domain_map map;		/* of the ring */
	struct domain_event *event;
	struct blk_grants grants;
	struct blk_answer *answers;	/* by slot: requests that are not answered yet */
	bool stopping;			/* no more responses */
	bool ending;			/* no more requests than `last` */
	uint32_t last;
	bool leader;			/* a thread waits for the event */
	unsigned threads, sleeping;
	struct domain_queue idle;	/* threads that do not wait for the event */
	struct domain_queue pause;	/* the leader, after events without a request */
	unsigned spurious;		/* such events, one after another */
};

/* The keys that the frontend has published for one queue. */
struct blk_offer {
	uint32_t refs[1 << BLKBACK_RING_ORDER];
	unsigned pages;
	uint32_t port;
};

/* Sleeps.  Returns 0 or -errno, and then there is nothing to stop. */
int blk_queue_start(struct blk_queue *q, struct blkback *disk, const struct blk_offer *offer);

/*
 * end() says that the threads are to end.  answer: when they have answered the requests that are in the
 * ring now; otherwise at once, and those without a response may be repeated on a new connection.
 * stop() waits for them, unmaps all and sleeps.
 */
void blk_queue_end(struct blk_queue *q, bool answer);
void blk_queue_stop(struct blk_queue *q);

/* One thread's memory for a request. */
struct blk_worker {
	struct blk_queue *queue;
	uint8_t slot[BLK_REQUEST_MAX];
	struct blk_request request;
	struct iovec pieces[BLKBACK_SEGMENTS];
	uint8_t *where[BLKBACK_SEGMENTS];
	uint32_t refs[BLKBACK_SEGMENTS];
};

/* In blkback_request.c: does what the request says.  Returns BLKIF_RSP_*.  Sleeps. */
int blk_serve(struct blk_worker *w);

/* ---- blkback.c */

struct blkback {
	struct disk_stats stats;
	struct disk_store *store;
	char path[64];			/* of the backend's folder */
	char front[128];		/* of the frontend's folder */
	bool readonly;
	struct domain_watch *watch;
	struct domain_queue changed;	/* woken when a thread has ended */

	enum blk_abi abi;		/* of the connection */
	bool persistent;
	unsigned grants_most, threads_most;	/* of each queue */
	unsigned queues;		/* that are connected; 0: none */
	struct blk_queue queue[BLKBACK_QUEUES];
	const char *broken;		/* the frontend has violated the protocol */
	bool end;			/* the server ends */
	bool resized;			/* the store is to look at its size */
	unsigned calls;			/* of the store, in progress */
	struct domain_queue turn;	/* threads that wait to call it */
	uint64_t published;		/* size in bytes that xenstore has */
	unsigned logged;
};

/*
 * Serves the disk until it is detached, the frontend's domain is gone, or blkback_end().  path,
 * front, store, readonly, stats.domid and stats.vdev are set.  Called outside of the monitor.  Returns 0,
 * or -errno if xenstore cannot be used.
 */
int blkback_run(struct blkback *b);

/* Makes blkback_run() end; the frontend may be served by another server. */
void blkback_end(struct blkback *b);

/* The connection ends, and the frontend must attach again.  Does not sleep. */
void blkback_break(struct blkback *b, const char *why);

/* Logs a line about a disk, of which a frontend can cause BLKBACK_LOG. */
#define blkback_log(b, fmt, ...) \
	((b)->logged++ < BLKBACK_LOG ? domain_log("%s: " fmt, (b)->path, ##__VA_ARGS__) : (void)0)

#endif

/* SPDX-License-Identifier: ISC */
/*
 * Block devices for tests: bytes in memory or in a file; each can record what is done to it,
 * fail, and write several runs in any order.
 */
#ifndef TESTS_FS_DEVICE_H
#define TESTS_FS_DEVICE_H

#include "fs/block.h"

#define SECTOR 512

/* The events of a recording device, in order. */
enum event_kind {
	EVENT_WRITE,			/* issued */
	EVENT_FLUSH,			/* begun */
	EVENT_BEGIN,			/* an operation of the test begins */
	EVENT_END,			/* it has ended */
};
struct event {
	enum event_kind kind;
	uint64_t at;			/* of a write */
	size_t len;
	uint8_t *data;
	unsigned number;		/* of an operation */
	unsigned done;			/* index of the event before which it ended; UINT_MAX */
};

struct device {
	struct block block;
	uint8_t *data;			/* in memory */
	int fd;				/* or in this file */
	uint64_t reads, writes, flushes;

	/* Recording. */
	bool recording;
	struct event *events;
	unsigned event_count, event_room;

	/* Errors: the call of this number fails, counted from 1; `broken` until it is false. */
	uint64_t fail_read, fail_write, fail_flush;
	bool fail_on;			/* all later ones fail too */
	uint64_t bad_from, bad_to;	/* transfers of these bytes fail */
	unsigned failed;		/* how many did */

	/* Called before bytes of the device change. */
	void (*before_write)(struct device *d, uint64_t at, size_t len);
};

/* Over memory that the caller has (size bytes), without write_runs() and flush_write(). */
void device_memory(struct device *d, void *data, uint64_t size);
/* Over a file. */
int device_file(struct device *d, const char *path, bool read_only);
/* Have write_runs(), which writes them in any order, and flush_write() or not. */
void device_concurrent(struct device *d);
/* Free what it has, without the memory; a file is closed. */
void device_end(struct device *d);

void device_record(struct device *d);	/* from now on; what was recorded is forgotten */
void device_mark(struct device *d, enum event_kind kind, unsigned number);

#endif

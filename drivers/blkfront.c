/* SPDX-License-Identifier: ISC */
/*
 * A call is cut into parts, which are one request each; several of them are in flight, so
 * that we copy one while the backend works at another.
 *
 * Who waits for an answer takes the answers of all from the ring: one of those who wait
 * leads, that is, sleeps for the event; the others sleep until theirs has come or until it
 * is their turn to lead.  So an event wakes who asked, and no thread in between.
 *
 * A call that has parts in flight never sleeps for a slot or for pages, only for its
 * answers, or those who hold all of them could wait for each other.
 */
#include "drivers/blkfront.h"
#include "drivers/border/pending.h"
#include "drivers/xenbus/frontend.h"
#include "kernel/arch.h"
#include "kernel/clock.h"
#include "kernel/log.h"
#include "kernel/page.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xen/io/blkif.h>
#include <xen/io/protocols.h>
#include <xen/io/xenbus.h>

#define DIRECT BLKIF_MAX_SEGMENTS_PER_REQUEST
#define INDIRECT 32			/* more pages in one request gain nothing */
#define PARTS 8				/* of one call in flight */
#define RING_ORDER 1
#define POOL_MIN (DIRECT + 1)
#define PATIENCE (10 * NSEC_PER_SEC)
#define SECTOR 512			/* the unit on the wire: see check_units() */

struct blkfront {
	struct frontend fe;
	struct ring ring;
	struct pool pool;
	struct evtchn event;
	struct pending pending;		/* of struct part */
	bool has_leader;		/* one of those who wait sleeps for the event */
	struct turns waiting;		/* the others */
	struct write *writes;		/* under way or waiting, in the order they came */
	struct waitq written;

	struct disk_info info;
	unsigned segments;		/* of one request, at most */
	uint8_t flush_op;		/* BLKIF_OP_FLUSH_..., _WRITE_BARRIER, or 0 */
	uint64_t discard_granularity, discard_alignment;

	uint64_t requests[BLKIF_OP_INDIRECT], errors;	/* by operation */
	uint64_t bytes[2];		/* read, written */
};

/* Bytes that are written, in whole sectors; lives on the stack. */
struct write {
	struct write *next;
	uint64_t start, end;
	bool partial;			/* they are read, changed and written back */
};

/* One that waits for its answers; lives on the stack. */
struct call {
	struct turn turn;		/* where it sleeps */
	struct part *done;		/* answered, as yet not looked at */
	unsigned in_flight;		/* parts not answered */
	int error;			/* the first */
};

struct part {
	struct part *next;
	struct call *call;
	struct page *pages;		/* its data, and a list of them if indirect */
	uint8_t op, wire_op;
	int result;
	char *data;			/* the caller's */
	size_t skip, len;		/* bytes of the first page not his; bytes of his */
};

static uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* ---- connection */

static int offer(struct frontend *fe)
{
	struct blkfront *b = (struct blkfront *)fe;
	struct page_stats memory;
	uint64_t order;
	uint32_t most;
	int rc;

	page_stats(&memory);
	most = min(memory.total / 16, 1024);
	most = most > POOL_MIN ? most : POOL_MIN;
	rc = frontend_read_number(fe, "max-ring-page-order", 0, UINT32_MAX, 0, &order);
	order = min(order, RING_ORDER);
	if (!rc)
		rc = frontend_ring(fe, &b->ring, order, sizeof(struct blkif_request),
				   sizeof(struct blkif_response), "ring-ref");
	if (!rc && order)
		rc = frontend_write(fe, "ring-page-order", "%u", (unsigned)order);
	if (!rc)
		rc = pending_init(&b->pending, b->ring.nslots);
	if (!rc)
		rc = frontend_pool(fe, &b->pool, POOL_MIN, most);
	if (!rc)
		rc = frontend_event(fe, &b->event, "event-channel");
	if (!rc)
		rc = frontend_write(fe, "protocol", XEN_IO_PROTO_ABI_X86_64);
	if (!rc)
		rc = frontend_write(fe, "feature-persistent", "1");
	return rc;
}

/*
 * What a sector number counts where a sector has more than 512 bytes: blkif.h has said
 * different things over the years.  Linux's backend counts 512 bytes everywhere, FreeBSD's
 * and tapdisk whole sectors in some places.  A wrong guess damages the disk.  Linux's is
 * known by a key that no other writes.  QEMU either counts 512 bytes, or has no larger
 * sectors for a frontend that does not ask for them (feature-large-sector-size).
 */
static int check_units(struct frontend *fe, unsigned sector_size)
{
	uint64_t queues;
	int rc = frontend_read_number(fe, "multi-queue-max-queues", 0, UINT32_MAX, 0, &queues);

	if (rc || queues || sector_size == SECTOR || strstr(fe->backend, "/backend/qdisk/"))
		return rc;
	frontend_log(fe, LOG_ERROR, "sectors of %u bytes, and it is not known whether this "
		     "backend counts in these or in 512 bytes", sector_size);
	return frontend_fail(fe, "unit of sectors");
}

static int read_geometry(struct blkfront *b)
{
	struct frontend *fe = &b->fe;
	uint64_t sectors, size, info;
	int rc;

	rc = frontend_read_number(fe, "sectors", 0, INT64_MAX / SECTOR, UINT64_MAX, &sectors);
	if (!rc)
		rc = frontend_read_number(fe, "sector-size", SECTOR, PAGE_SIZE, SECTOR, &size);
	if (!rc)
		rc = frontend_read_number(fe, "info", 0, UINT32_MAX, 0, &info);
	if (rc)
		return rc;
	if (sectors == UINT64_MAX || size & (size - 1) || sectors % (size / SECTOR))
		return frontend_fail(fe, "geometry of the disk");
	rc = check_units(fe, size);
	if (rc)
		return rc;
	b->info = (struct disk_info){
		.size = sectors * SECTOR,
		.sector_size = size,
		.writable = !(info & VDISK_READONLY),
		.cdrom = info & VDISK_CDROM,
		.removable = info & VDISK_REMOVABLE,
	};
	return 0;
}

static int read_features(struct blkfront *b, bool *persistent)
{
	struct frontend *fe = &b->fe;
	uint64_t flush, barrier, indirect, discard, keeps;
	int rc;

	rc = frontend_read_number(fe, "feature-flush-cache", 0, 1, 0, &flush);
	if (!rc)
		rc = frontend_read_number(fe, "feature-barrier", 0, 1, 0, &barrier);
	if (!rc)
		rc = frontend_read_number(fe, "feature-persistent", 0, 1, 0, &keeps);
	if (!rc)
		rc = frontend_read_number(fe, "feature-discard", 0, 1, 0, &discard);
	if (!rc)
		rc = frontend_read_number(fe, "discard-granularity", 0, UINT32_MAX,
				  b->info.sector_size, &b->discard_granularity);
	if (!rc)
		rc = frontend_read_number(fe, "discard-alignment", 0, UINT32_MAX, 0,
				  &b->discard_alignment);
	if (!rc)
		rc = frontend_read_number(fe, "feature-max-indirect-segments", 0, UINT32_MAX, 0,
				  &indirect);
	if (rc)
		return rc;
	if (b->discard_granularity % b->info.sector_size ||
	    b->discard_alignment % b->info.sector_size || !b->discard_granularity)
		discard = false;
	b->info.discard = discard;
	b->flush_op = flush ? BLKIF_OP_FLUSH_DISKCACHE :
		      barrier ? BLKIF_OP_WRITE_BARRIER : 0;
	/* Behind the data comes a page with the list of it. */
	indirect = min(min(indirect, INDIRECT), b->pool.max - 1);
	b->segments = indirect > DIRECT ? indirect : DIRECT;
	*persistent = keeps;
	return 0;
}

static const char *blkfront_flush_name(const struct blkfront *b)
{
	return b->flush_op == BLKIF_OP_FLUSH_DISKCACHE ? "flush" :
	       b->flush_op == BLKIF_OP_WRITE_BARRIER ? "barrier instead of flush" :
							"no flush and no barrier";
}

static int start_disk(struct frontend *fe)
{
	struct blkfront *b = (struct blkfront *)fe;
	bool persistent;
	int rc = read_geometry(b);

	if (!rc)
		rc = read_features(b, &persistent);
	if (rc)
		return rc;
	frontend_log(fe, LOG_INFO, "%llu KiB, sectors of %u, %s, %s, %s%u segments, %u slots%s",
		     (unsigned long long)b->info.size / 1024, b->info.sector_size,
		     b->info.writable ? "writable" : "read-only", blkfront_flush_name(b),
		     b->info.discard ? "discard, " : "", b->segments, b->ring.nslots,
		     persistent ? ", persistent grants" : "");
	return 0;
}

static void blkfront_complete(struct blkfront *b, struct part *part, int result)
{
	struct call *call = part->call;

	b->errors += result != 0;
	if (!result && part->op <= BLKIF_OP_WRITE)
		b->bytes[part->op] += part->len;
	part->result = result;
	part->next = call->done;
	call->done = part;
	call->in_flight--;
	wake(&call->turn.queue);
}

static void stop(struct frontend *fe)
{
	struct blkfront *b = (struct blkfront *)fe;
	struct part *part;

	if (!b->ring.error)
		ring_fail(&b->ring, -EIO);
	pool_fail(&b->pool, -EIO);
	while ((part = pending_take_any(&b->pending)))
		blkfront_complete(b, part, -EIO);
	pending_free(&b->pending);
	wake(&b->event.waiters);
	turn_wake_all(&b->waiting);
}

static void flush_at_shutdown(struct frontend *fe)
{
	struct disk d = { (struct blkfront *)fe, fe->attached };

	blkfront_flush(&d);
}

static const struct frontend_driver blkfront_driver = {
	.kind = "vbd",
	.size = sizeof(struct blkfront),
	.publish_as = XenbusStateInitialised,
	.offer = offer,
	.start = start_disk,
	.stop = stop,
	.flush = flush_at_shutdown,
	.methods_add = blkfront_methods_add,
};

/* ---- answers */

/*
 * Linux answers an indirect request by the operation it is about, others by "indirect".
 * Not all say what is not supported in the one way there is.
 */
static int response_result(const struct blkif_response *rsp, const struct part *part)
{
	if (rsp->operation != part->op && rsp->operation != part->wire_op)
		return -EPROTO;
	switch (rsp->status) {
	case BLKIF_RSP_OKAY:
		return 0;
	case BLKIF_RSP_EOPNOTSUPP:
		return -EOPNOTSUPP;
	default:
		return -EIO;
	}
}

/* Everything the backend says is judged here.  Does not sleep. */
static void take_responses(struct blkfront *b)
{
	struct blkif_response rsp;
	struct part *part;
	int got, result;

	do {
		while ((got = ring_take(&b->ring, &rsp)) > 0) {
			part = pending_take(&b->pending, rsp.id);
			result = part ? response_result(&rsp, part) : -EPROTO;
			if (part)
				blkfront_complete(b, part, result == -EPROTO ? -EIO : result);
			if (result == -EPROTO) {
				frontend_fail(&b->fe, "an answer to no request");
				ring_fail(&b->ring, -EIO);
				return;
			}
		}
	} while (got == 0 && ring_rearm(&b->ring, 1));
	if (got == -EPROTO)
		frontend_fail(&b->fe, "an index of the ring");
}

/* Sleep until one of the call's parts is answered. */
static void wait_for_response(struct blkfront *b, struct call *call)
{
	while (!call->done && b->has_leader) {
		turn_join(&b->waiting, &call->turn, 1);
		wait_until(&call->turn.queue, call->done || !b->has_leader);
		turn_leave(&b->waiting, &call->turn);
	}
	if (!call->done) {
		b->has_leader = true;
		wait_until(&b->event.waiters,
			   (evtchn_rung(&b->event), take_responses(b), call->done));
		b->has_leader = false;
	}
	if (!b->has_leader)		/* the next one's turn, unless he is done too */
		turn_wake(&b->waiting, 1);
}

/* ---- requests */

static void copy_to_pages(const struct part *part)
{
	const char *from = part->data;
	size_t left = part->len, n;

	for (struct page *p = part->pages; left; p = p->next) {
		n = min(left, PAGE_SIZE);
		shared_put(p->data, from, n);
		from += n;
		left -= n;
	}
}

static void copy_from_pages(const struct part *part)
{
	size_t skip = part->skip, left = part->len, n;
	char *to = part->data;

	for (struct page *p = part->pages; left; p = p->next) {
		n = min(left, PAGE_SIZE - skip);
		shared_get(to, (char __shared *)p->data + skip, n);
		to += n;
		left -= n;
		skip = 0;
	}
}

/* Segments for so many sectors, beginning with the first page: the page behind them. */
static struct page *list_segments(struct blkif_request_segment *seg, struct page *p,
				  uint64_t sectors)
{
	for (; sectors; seg++, p = p->next) {
		uint64_t n = min(sectors, PAGE_SIZE / SECTOR);

		*seg = (struct blkif_request_segment){ .gref = p->ref, .last_sect = n - 1 };
		sectors -= n;
	}
	return p;
}

static unsigned pages_for(uint64_t sectors)
{
	return (sectors * SECTOR + PAGE_SIZE - 1) / PAGE_SIZE;
}

/* The request for a part that has its pages; its id comes later. */
static void build_request(struct blkfront *b, struct part *part, struct blkif_request *req,
		     uint64_t sector, uint64_t sectors)
{
	struct blkif_request_segment seg[INDIRECT];
	struct blkif_request_indirect *in = (struct blkif_request_indirect *)req;
	unsigned n = pages_for(sectors);
	struct page *list;

	memset(req, 0, sizeof(*req));
	part->wire_op = n > DIRECT ? BLKIF_OP_INDIRECT : part->op;
	if (n <= DIRECT) {
		req->operation = part->op;
		req->nr_segments = n;
		req->handle = b->fe.id;
		req->sector_number = sector;
		list_segments(req->seg, part->pages, sectors);
		return;
	}
	list = list_segments(seg, part->pages, sectors);
	shared_put(list->data, seg, n * sizeof(*seg));
	in->operation = BLKIF_OP_INDIRECT;
	in->indirect_op = part->op;
	in->nr_segments = n;
	in->handle = b->fe.id;
	in->sector_number = sector;
	in->indirect_grefs[0] = list->ref;
}

/* Into the ring: 0; -EAGAIN, wait for what is in flight; or the error. */
static int send_request(struct blkfront *b, struct part *part, struct blkif_request *req)
{
	struct call *call = part->call;
	int rc = call->in_flight ? ring_try_begin(&b->ring, 1) : ring_begin(&b->ring, 1);

	if (rc)
		return rc == -EAGAIN ? rc : -EIO;
	req->id = pending_add(&b->pending, part);	/* there are as many as slots */
	call->in_flight++;
	b->requests[part->op]++;
	ring_put(&b->ring, 0, req);
	if (ring_end(&b->ring, 1))
		evtchn_notify(&b->event);
	return 0;
}

static int get_pages(struct blkfront *b, struct part *part, unsigned n)
{
	n += n > DIRECT;
	return part->call->in_flight ? pool_try_get(&b->pool, n, &part->pages) :
				       pool_get(&b->pool, n, &part->pages);
}

/*
 * Begin a part: as much as one request takes from at on; its data is part->data.  How
 * many bytes, -EAGAIN, or the error.
 */
static ssize_t begin_part(struct blkfront *b, struct part *part, uint64_t at, size_t len)
{
	uint32_t size = b->info.sector_size;
	struct blkif_request req;
	uint64_t first, sectors;
	int rc;

	part->skip = at % size;
	if (part->op == BLKIF_OP_WRITE && (part->skip || len % size))
		return -EIO;		/* it has come back with larger sectors */
	first = at - part->skip;
	sectors = min((part->skip + len + size - 1) / size * size,
		      b->segments * PAGE_SIZE) / SECTOR;
	rc = get_pages(b, part, pages_for(sectors));
	if (rc == -ENOMEM && pages_for(sectors) > DIRECT) {
		sectors = DIRECT * PAGE_SIZE / SECTOR;
		rc = get_pages(b, part, DIRECT);
	}
	if (rc)
		return rc;
	part->len = min(len, sectors * SECTOR - part->skip);
	if (part->op == BLKIF_OP_WRITE)
		copy_to_pages(part);
	build_request(b, part, &req, first / SECTOR, sectors);
	rc = send_request(b, part, &req);
	if (rc) {
		pool_put(&b->pool, part->pages);
		return rc;
	}
	return part->len;
}

static void finish_part(struct blkfront *b, struct part *part)
{
	struct call *call = part->call;

	if (part->result && !call->error)
		call->error = part->result;
	if (part->op == BLKIF_OP_READ && !part->result)
		copy_from_pages(part);
	if (part->pages)
		pool_put(&b->pool, part->pages);
}

/* The disk is there, and the one that was opened. */
static int blkfront_check(const struct disk *d)
{
	struct blkfront *b = d->blkfront;
	int rc = b->fe.error;

	if (rc == -EAGAIN)
		rc = frontend_wait(&b->fe, clock_now() + PATIENCE);
	return rc || b->fe.attached != d->attached ? -EIO : 0;
}

/* Read, or write whole sectors; the range is within the disk. */
static int blkfront_transfer(const struct disk *d, uint8_t op, char *data, size_t len,
			     uint64_t at)
{
	struct blkfront *b = d->blkfront;
	struct part parts[PARTS], *unused = NULL, *part;
	struct call call = { .error = blkfront_check(d) };
	ssize_t n;

	if (call.error)
		return call.error;

	for (unsigned i = 0; i < PARTS; i++) {
		parts[i] = (struct part){ .next = unused, .call = &call, .op = op };
		unused = &parts[i];
	}
	while (len || call.in_flight || call.done) {
		n = -EAGAIN;
		part = unused;
		if (len && part && !call.error && !call.done) {
			part->data = data;
			n = begin_part(b, part, at, len);
		}
		if (n > 0) {
			unused = part->next;
			data += n;
			at += n;
			len -= n;
			continue;
		}
		if (n != -EAGAIN && !call.error)
			call.error = n;
		if (call.error)
			len = 0;	/* no more of it; but wait for what is under way */
		if (!call.done && call.in_flight)
			wait_for_response(b, &call);
		while ((part = call.done)) {
			call.done = part->next;
			finish_part(b, part);
			part->next = unused;
			unused = part;
		}
		kernel_pause();		/* a fast backend's answers are there before we wait */
	}
	return call.error;
}

/* A request without data. */
static int blkfront_command(struct blkfront *b, struct blkif_request *req)
{
	struct call call = { .error = 0 };
	struct part part = {
		.call = &call, .op = req->operation, .wire_op = req->operation,
	};
	int rc = send_request(b, &part, req);

	if (rc)
		return rc;
	while (!call.done)
		wait_for_response(b, &call);
	return part.result;
}

/*
 * An edit writes back what it has read: what others wrote meanwhile would be undone.  So it
 * waits for each earlier write of its sectors, and each later one waits for it.
 */
static bool must_wait(const struct blkfront *b, const struct write *w)
{
	for (const struct write *v = b->writes; v != w; v = v->next)
		if ((v->partial || w->partial) && v->start < w->end && w->start < v->end)
			return true;
	return false;
}

static void write_begin(struct blkfront *b, struct write *w)
{
	struct write **last = &b->writes;

	while (*last)
		last = &(*last)->next;
	*last = w;
	wait_until(&b->written, !must_wait(b, w));
}

static void write_end(struct blkfront *b, struct write *w)
{
	struct write **p = &b->writes;

	while (*p != w)
		p = &(*p)->next;
	*p = w->next;
	wake(&b->written);
}

/* Whole sectors. */
static int write_sectors(const struct disk *d, const char *from, size_t len, uint64_t at)
{
	struct write w = { .start = at, .end = at + len };
	int rc;

	write_begin(d->blkfront, &w);
	rc = blkfront_transfer(d, BLKIF_OP_WRITE, (char *)from, len, at);
	write_end(d->blkfront, &w);
	return rc;
}

/* A piece of one sector. */
static int write_partial(const struct disk *d, const char *from, size_t len, uint64_t at)
{
	struct blkfront *b = d->blkfront;
	uint32_t size = b->info.sector_size;
	struct write w = { .start = at - at % size, .partial = true };
	char *sector = malloc(size);
	int rc;

	if (!sector)
		return -ENOMEM;
	w.end = w.start + size;
	write_begin(b, &w);
	rc = blkfront_transfer(d, BLKIF_OP_READ, sector, size, at - at % size);
	if (!rc) {
		memcpy(sector + at % size, from, len);
		rc = blkfront_transfer(d, BLKIF_OP_WRITE, sector, size, at - at % size);
	}
	write_end(b, &w);
	free(sector);
	return rc;
}

/* ---- what others call */

int blkfront_open(struct disk *d, unsigned vdev, uint64_t deadline)
{
	struct frontend *fe = frontend_get(&blkfront_driver, vdev);
	int rc;

	if (!fe)
		return -ENODEV;
	rc = frontend_wait(fe, deadline);
	if (rc)
		return rc;
	*d = (struct disk){ (struct blkfront *)fe, fe->attached };
	return 0;
}

int64_t blkfront_next(unsigned vdev)
{
	struct frontend *fe = frontend_next(&blkfront_driver, vdev);

	return fe ? (int64_t)fe->id : -ENODEV;
}

ssize_t blkfront_read(const struct disk *d, void *to, size_t len, uint64_t at)
{
	struct blkfront *b = d->blkfront;
	int rc = blkfront_check(d);

	if (rc)
		return rc;
	if (at >= b->info.size)
		return 0;
	len = min(min(len, b->info.size - at), INT64_MAX);
	rc = blkfront_transfer(d, BLKIF_OP_READ, to, len, at);
	return rc ? rc : (ssize_t)len;
}

static int write_all(const struct disk *d, const char *from, size_t len, uint64_t at)
{
	uint32_t size = d->blkfront->info.sector_size;
	int rc = 0;

	while (len && !rc) {
		size_t n = len - len % size;

		if (at % size || !n) {
			n = min(size - at % size, len);
			rc = write_partial(d, from, n, at);
		} else {
			rc = write_sectors(d, from, n, at);
		}
		from += n;
		at += n;
		len -= n;
	}
	return rc;
}

ssize_t blkfront_write(const struct disk *d, const void *from, size_t len, uint64_t at)
{
	struct blkfront *b = d->blkfront;
	int rc = blkfront_check(d);

	if (rc)
		return rc;
	if (!b->info.writable)
		return -EROFS;
	if (at >= b->info.size)
		return len ? -ENOSPC : 0;
	len = min(min(len, b->info.size - at), INT64_MAX);
	rc = write_all(d, from, len, at);
	return rc ? rc : (ssize_t)len;
}

/* Offered, and refused when it comes to it: then the next best. */
static void downgrade_flush(struct blkfront *b, uint8_t op)
{
	if (b->flush_op != op)
		return;			/* somebody else has noticed */
	b->flush_op = op == BLKIF_OP_FLUSH_DISKCACHE ? BLKIF_OP_WRITE_BARRIER : 0;
	frontend_log(&b->fe, LOG_WARNING, "from now on %s", blkfront_flush_name(b));
}

int blkfront_flush(const struct disk *d)
{
	struct blkfront *b = d->blkfront;
	int rc = blkfront_check(d);

	while (!rc && b->flush_op && b->info.writable) {
		struct blkif_request req = {
			.operation = b->flush_op, .handle = b->fe.id,
		};

		rc = blkfront_command(b, &req);
		if (rc != -EOPNOTSUPP)
			return rc;
		downgrade_flush(b, req.operation);
		rc = 0;
	}
	return rc;
}

int blkfront_discard(const struct disk *d, uint64_t at, uint64_t len)
{
	struct blkfront *b = d->blkfront;
	int rc = blkfront_check(d);
	uint64_t g = b->discard_granularity, a, first, end;
	struct write w = { .partial = false };
	struct blkif_request req = { 0 };
	struct blkif_request_discard *discard = (struct blkif_request_discard *)&req;

	if (rc)
		return rc;
	if (!b->info.writable)
		return -EROFS;
	if (!b->info.discard)
		return -EOPNOTSUPP;
	if (at >= b->info.size)
		return 0;
	len = min(len, b->info.size - at);
	a = b->discard_alignment % g;	/* extents begin at a, a + g, ... */
	first = at <= a ? a : (at - a + g - 1) / g * g + a;
	end = at + len < a ? 0 : (at + len - a) / g * g + a;
	if (first >= end)
		return 0;
	*discard = (struct blkif_request_discard){
		.operation = BLKIF_OP_DISCARD, .handle = b->fe.id,
		.sector_number = first / SECTOR, .nr_sectors = (end - first) / SECTOR,
	};
	w.start = first;
	w.end = end;
	write_begin(b, &w);
	rc = blkfront_check(d);	/* it may have gone and come while we waited */
	if (!rc)
		rc = blkfront_command(b, &req);
	write_end(b, &w);
	return rc;
}

int blkfront_info(const struct disk *d, struct disk_info *info)
{
	int rc = blkfront_check(d);

	if (!rc)
		*info = d->blkfront->info;
	return rc;
}

void blkfront_stats(const struct frontend *fe, struct blkfront_stats *s)
{
	const struct blkfront *b = (const struct blkfront *)fe;

	*s = (struct blkfront_stats){
		.info = b->info,
		.reads = b->requests[BLKIF_OP_READ],
		.writes = b->requests[BLKIF_OP_WRITE],
		.flushes = b->requests[BLKIF_OP_FLUSH_DISKCACHE] +
			   b->requests[BLKIF_OP_WRITE_BARRIER],
		.discards = b->requests[BLKIF_OP_DISCARD],
		.read_bytes = b->bytes[BLKIF_OP_READ],
		.written_bytes = b->bytes[BLKIF_OP_WRITE],
		.errors = b->errors,
		.ring = &b->ring, .pool = &b->pool,
	};
}

void blkfront_each(void (*visit)(const struct frontend *fe, void *arg), void *arg)
{
	frontend_each(&blkfront_driver, visit, arg);
}

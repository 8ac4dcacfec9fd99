/* SPDX-License-Identifier: ISC */
/*
 * Requests and responses.  A call is cut into parts, of one request each.  Several parts
 * are in flight, so that data of one is copied while the backend works on another.
 *
 * There is no thread for responses.  One of the waiting threads, the leader, sleeps for
 * the event and takes the responses of all; the others sleep until their response is
 * taken, or they become the leader.  So an event directly wakes a thread that waits for
 * it.
 *
 * A call with parts in flight never sleeps for slots or pages, only for its responses.
 * Otherwise calls that hold all of them could wait for each other.
 */
#include "drivers/blkfront_internal.h"
#include "kernel/arch.h"
#include "kernel/clock.h"

#include <errno.h>
#include <string.h>

#define PARTS 32			/* in flight for one call */
#define PATIENCE (10 * NSEC_PER_SEC)

/* A place in the caller's memory: `skip` bytes of the first piece are before it. */
struct place {
	const struct iovec *pieces;
	size_t skip;
};

/* A call that waits for its responses; lives on the stack. */
struct call {
	struct turn turn;		/* for its place among the waiting threads */
	struct part *done;		/* completed, and not yet handled */
	unsigned in_flight;		/* parts without a response */
	int error;			/* the first one */
};

struct part {
	struct part *next;
	struct call *call;
	struct page *pages;		/* of the data; of the list, if indirect */
	uint8_t op, wire_op;
	int result;
	struct place data;		/* in the caller's memory */
	size_t skip, len;		/* bytes: before the data in the first page; data */
};

/* ---- responses */

void blkfront_complete(struct blkfront *b, struct part *part, int result)
{
	struct call *call = part->call;

	b->errors += result != 0;
	if (!result)
		b->bytes[part->op != BLKIF_OP_READ] += part->len;
	part->result = result;
	part->next = call->done;
	call->done = part;
	call->in_flight--;
	wake(&call->turn.queue);
}

/*
 * Linux sets the operation of an indirect request's response to the operation inside,
 * others to "indirect". Some report an unsupported operation by another status than
 * BLKIF_RSP_EOPNOTSUPP.
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

/* Takes all responses, and checks them.  Does not sleep. */
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
				frontend_fail(&b->fe, "protocol error: a response to no request");
				ring_fail(&b->ring, -EIO);
				return;
			}
		}
	} while (got == 0 && ring_rearm(&b->ring, 1));
	if (got == -EPROTO)
		frontend_fail(&b->fe, "protocol error: response index out of range");
}

/* Sleeps until one of the call's parts has a response. */
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
			   (evtchn_take(&b->event), take_responses(b), call->done));
		b->has_leader = false;
	}
	if (!b->has_leader)		/* the next thread leads, unless it is done, too */
		turn_wake(&b->waiting, 1);
}

/* ---- requests */

/* The bytes at a place that are consecutive, at most `most`; moves it behind them. */
static char *next_bytes(struct place *at, size_t most, size_t *n)
{
	char *bytes;

	while (at->skip == at->pieces->iov_len) {
		at->pieces++;
		at->skip = 0;
	}
	bytes = (char *)at->pieces->iov_base + at->skip;
	*n = min(most, at->pieces->iov_len - at->skip);
	at->skip += *n;
	return bytes;
}

static void advance(struct place *at, size_t len)
{
	for (size_t n; len; len -= n)
		next_bytes(at, len, &n);
}

static void copy_to_pages(const struct part *part)
{
	struct place data = part->data;
	struct page *p = part->pages;

	for (size_t left = part->len, at = 0, n; left; left -= n) {
		const char *from = next_bytes(&data, min(left, PAGE_SIZE - at), &n);

		shared_put((char __shared *)p->data + at, from, n);
		at = (at + n) % PAGE_SIZE;
		p = at ? p : p->next;
	}
}

static void copy_from_pages(const struct part *part)
{
	struct place data = part->data;
	struct page *p = part->pages;

	for (size_t left = part->len, at = part->skip, n; left; left -= n) {
		char *to = next_bytes(&data, min(left, PAGE_SIZE - at), &n);

		shared_get(to, (char __shared *)p->data + at, n);
		at = (at + n) % PAGE_SIZE;
		p = at ? p : p->next;
	}
}

/*
 * Fills in segments for this many sectors, from page p on.  Returns the page behind them.
 */
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

/* Fills in the request of a part that has its pages, but for the id. */
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

/*
 * Puts a request into the ring.  Returns 0; -EAGAIN if the caller must wait for a part in
 * flight; or the error.
 */
static int send_request(struct blkfront *b, struct part *part, struct blkif_request *req)
{
	struct call *call = part->call;
	int rc = call->in_flight ? ring_try_begin(&b->ring, 1) : ring_begin(&b->ring, 1);

	if (rc)
		return rc == -EAGAIN ? rc : -EIO;
	req->id = pending_add(&b->pending, part);	/* there are as many ids as slots */
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
 * Begins a part: as much as one request can transfer from `at` on, with part->data.
 * Returns the number of bytes, -EAGAIN, or the error.
 */
static ssize_t begin_part(struct blkfront *b, struct part *part, uint64_t at, size_t len)
{
	uint32_t size = b->info.sector_size;
	struct blkif_request req;
	uint64_t first, sectors;
	int rc;

	part->skip = at % size;
	if (part->op != BLKIF_OP_READ && (part->skip || len % size))
		return -EIO;		/* the disk came back with larger sectors */
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
	if (part->op != BLKIF_OP_READ)
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

int blkfront_check(const struct disk *d)
{
	struct blkfront *b = d->blkfront;
	int rc;

	do {	/* a suspend has its own limit, which is longer, and is not the disk's fault */
		wait_until(&b->fe.changed, !frontend_held);
		rc = b->fe.error;
		if (rc == -EAGAIN)
			rc = frontend_wait(&b->fe, clock_now() + PATIENCE);
	} while (rc == -ETIMEDOUT && frontend_held);
	return rc || b->fe.attached != d->attached ? -EIO : 0;
}

/* The rest of a transfer: from an offset in the first run on. */
struct rest {
	const struct blkfront_run *run;
	unsigned runs;			/* with the first one; 0: nothing is left */
	struct place data;
	uint64_t at;
	size_t len;			/* of the first run */
};

static void next_run(struct rest *r)
{
	while (r->runs && !r->run->len) {
		r->run++;
		r->runs--;
	}
	if (!r->runs)
		return;
	r->data = (struct place){ .pieces = r->run->pieces };
	r->at = r->run->at;
	r->len = r->run->len;
}

static void take(struct rest *r, size_t len)
{
	advance(&r->data, len);
	r->at += len;
	r->len -= len;
	if (r->len)
		return;
	r->run++;
	r->runs--;
	next_run(r);
}

static void call_begin(struct blkfront *b)
{
	b->calls++;
}

static void call_end(struct blkfront *b)
{
	if (--b->calls == 0 && frontend_held)
		wake(&b->fe.changed);
}

int blkfront_transfer(const struct disk *d, uint8_t op, const struct blkfront_run *runs,
		      unsigned count)
{
	struct blkfront *b = d->blkfront;
	struct rest rest = { .run = runs, .runs = count };
	struct part parts[PARTS], *unused = NULL, *part;
	struct call call = { .error = blkfront_check(d) };
	ssize_t n;

	if (call.error)
		return call.error;

	call_begin(b);
	next_run(&rest);
	for (unsigned i = 0; i < PARTS; i++) {
		parts[i] = (struct part){ .next = unused, .call = &call, .op = op };
		unused = &parts[i];
	}
	while (rest.runs || call.in_flight || call.done) {
		n = -EAGAIN;
		part = unused;
		if (rest.runs && part && !call.error && !call.done) {
			part->data = rest.data;
			n = begin_part(b, part, rest.at, rest.len);
		}
		if (n > 0) {
			unused = part->next;
			take(&rest, n);
			continue;
		}
		if (n != -EAGAIN && !call.error)
			call.error = n;
		if (call.error)
			rest.runs = 0;	/* begin no more parts, but wait for those in flight */
		if (!call.done && call.in_flight)
			wait_for_response(b, &call);
		while ((part = call.done)) {
			call.done = part->next;
			finish_part(b, part);
			part->next = unused;
			unused = part;
		}
		kernel_pause();		/* a fast backend may have responded before the wait */
	}
	call_end(b);
	return call.error;
}

int blkfront_command(struct blkfront *b, struct blkif_request *req)
{
	struct call call = { .error = 0 };
	struct part part = {
		.call = &call, .op = req->operation, .wire_op = req->operation,
	};
	int rc;

	call_begin(b);
	rc = send_request(b, &part, req);
	while (!rc && !call.done)
		wait_for_response(b, &call);
	call_end(b);
	return rc ? rc : part.result;
}

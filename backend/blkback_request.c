/* SPDX-License-Identifier: ISC */
/* One request: its fields (xen/io/blkif.h), its pages, and the call of the store. */
#include "backend/blkback.h"

#include <errno.h>
#include <string.h>

/*
 * The offsets of a request's fields.  A guest of 32 bits aligns its numbers of 64 bits to 4 bytes
 * (Linux: blkif_x86_32_request in xen-blkback/common.h).
 */
static size_t id_at(enum blk_abi abi)
{
	return abi == BLK_ABI_32 ? 4 : 8;
}

size_t blk_request_size(enum blk_abi abi)
{
	return id_at(abi) + 16 + BLKIF_MAX_SEGMENTS_PER_REQUEST * sizeof(struct blkif_request_segment);
}

size_t blk_response_size(enum blk_abi abi)
{
	return abi == BLK_ABI_32 ? 12 : 16;
}

void blk_parse(enum blk_abi abi, const uint8_t slot[BLK_REQUEST_MAX], struct blk_request *r)
{
	const uint8_t *id = slot + id_at(abi), *body = id + 16;
	uint16_t count;

	r->op = slot[0];
	r->count = slot[1];
	memcpy(&r->id, id, sizeof(r->id));
	memcpy(&r->sector, id + 8, sizeof(r->sector));
	r->indirect = r->op == BLKIF_OP_INDIRECT;
	if (r->indirect) {
		r->op = slot[1];
		memcpy(&count, slot + 2, sizeof(count));
		r->count = count;
		memcpy(r->pages, body + 4, sizeof(r->pages));	/* behind the number of the device */
	} else if (r->op == BLKIF_OP_DISCARD) {
		r->count = 0;
		memcpy(&r->nr_sectors, body, sizeof(r->nr_sectors));
	} else {
		memcpy(r->segments, body,
		       BLKIF_MAX_SEGMENTS_PER_REQUEST * sizeof(struct blkif_request_segment));
	}
}

/* ---- what it says is checked, on the copy */

/* Returns the number of sectors of 512 bytes, or -EINVAL. */
static int64_t count_sectors(const struct blk_request *r)
{
	int64_t sectors = 0;

	for (unsigned i = 0; i < r->count; i++) {
		const struct blkif_request_segment *s = &r->segments[i];

		if (s->first_sect > s->last_sect || s->last_sect >= 4096 / BLKBACK_SECTOR)
			return -EINVAL;
		sectors += s->last_sect - s->first_sect + 1;
	}
	return sectors;
}

/* Whether a range of sectors of 512 bytes is within the disk, in whole sectors of its own. */
static bool in_disk(const struct blkback *b, uint64_t first, uint64_t n)
{
	uint64_t size = b->published / BLKBACK_SECTOR, unit = b->store->sector_size / BLKBACK_SECTOR;

	return n <= size && first <= size - n && (!unit || (first % unit == 0 && n % unit == 0));
}

/* ---- the pages */

static void *page_of(struct blk_queue *q, uint32_t ref)
{
	void *page = blk_grants_find(&q->grants, ref);

	return page || !q->disk->persistent ? page :
	       blk_grants_add(&q->grants, q->disk->stats.domid, ref);
}

/* Copies the segments of an indirect request, once.  Returns 0 or -errno. */
static int read_segments(struct blk_worker *w)
{
	struct blk_request *r = &w->request;
	struct domain_map map = { .addr = NULL };
	const void __shared *page;
	int rc;

	_Static_assert(BLKBACK_SEGMENTS * sizeof(r->segments[0]) <= 4096, "one page");
	page = page_of(w->queue, r->pages[0]);
	if (!page) {
		rc = domain_map(&map, w->queue->disk->stats.domid, &r->pages[0], 1, true);
		if (rc)
			return rc;
		page = map.addr;
	}
	shared_get(r->segments, page, r->count * sizeof(r->segments[0]));
	if (map.addr)
		domain_unmap(&map);
	return 0;
}

/*
 * Finds the page of each segment, and maps the pages that do not stay mapped: map, which the caller
 * unmaps.  Returns 0 or -errno, and then nothing is in map.
 */
static int find_pages(struct blk_worker *w, struct domain_map *map)
{
	struct blk_request *r = &w->request;
	struct blkback *b = w->queue->disk;
	unsigned missing = 0;
	int rc = 0;

	for (unsigned i = 0; i < r->count; i++) {
		w->where[i] = page_of(w->queue, r->segments[i].gref);
		if (!w->where[i])
			w->refs[missing++] = r->segments[i].gref;
	}
	/* A frontend with persistent grants grants its pages for writing, as Linux expects it. */
	if (missing)
		rc = domain_map(map, b->stats.domid, w->refs, missing,
				r->op != BLKIF_OP_READ && !b->persistent);
	if (rc)
		return rc;
	missing = 0;
	for (unsigned i = 0; i < r->count; i++)
		if (!w->where[i])
			w->where[i] = (uint8_t *)map->addr + 4096 * missing++;
	return 0;
}

/* Returns the number of pieces of memory; segments that are adjacent there are one piece. */
static int make_pieces(struct blk_worker *w)
{
	const struct blk_request *r = &w->request;
	int n = 0;

	for (unsigned i = 0; i < r->count; i++) {
		const struct blkif_request_segment *s = &r->segments[i];
		uint8_t *start = w->where[i] + s->first_sect * BLKBACK_SECTOR;
		size_t len = (s->last_sect - s->first_sect + 1) * BLKBACK_SECTOR;

		if (n && (uint8_t *)w->pieces[n - 1].iov_base + w->pieces[n - 1].iov_len == start)
			w->pieces[n - 1].iov_len += len;
		else
			w->pieces[n++] = (struct iovec){ start, len };
	}
	return n;
}

/* ---- the store */

/* A frontend with several queues has more threads than the store admits. */
static void call_begin(struct blkback *b)
{
	while (b->calls >= (b->store->threads ? b->store->threads : 1))
		domain_sleep(&b->turn, DOMAIN_NEVER);
	b->calls++;
	domain_leave();
}

static void call_end(struct blkback *b)
{
	domain_enter();
	b->calls--;
	domain_wake_one(&b->turn);
}

static int call(struct blk_worker *w, int n)
{
	struct blkback *b = w->queue->disk;
	struct disk_store *s = b->store;
	uint64_t at = w->request.sector * BLKBACK_SECTOR;
	int rc;

	call_begin(b);
	if (w->request.op == BLKIF_OP_READ)
		rc = s->read(s, w->pieces, n, at);
	else
		rc = s->write(s, w->pieces, n, at);
	call_end(b);
	return rc;
}

static int transfer(struct blk_worker *w)
{
	struct blk_request *r = &w->request;
	struct blkback *b = w->queue->disk;
	struct domain_map map = { .addr = NULL };
	bool write = r->op != BLKIF_OP_READ;
	int64_t sectors;
	int rc;

	if (r->count == 0 || r->count > (r->indirect ? BLKBACK_SEGMENTS : BLKIF_MAX_SEGMENTS_PER_REQUEST))
		return -EINVAL;
	if (write && b->readonly)
		return -EROFS;
	rc = r->indirect ? read_segments(w) : 0;
	if (rc)
		return rc;
	sectors = count_sectors(r);
	if (sectors < 0 || !in_disk(b, r->sector, sectors))
		return -EINVAL;
	rc = find_pages(w, &map);
	if (rc)
		return rc;
	rc = call(w, make_pieces(w));
	if (map.addr)
		domain_unmap(&map);
	if (write)
		b->stats.written_bytes += sectors * BLKBACK_SECTOR;
	else
		b->stats.read_bytes += sectors * BLKBACK_SECTOR;
	return rc;
}

static int flush(struct blkback *b)
{
	struct disk_store *s = b->store;
	int rc;

	b->stats.flushes++;
	if (!s->flush)
		return 0;
	call_begin(b);
	rc = s->flush(s);
	call_end(b);
	return rc;
}

static int discard(struct blkback *b, const struct blk_request *r)
{
	struct disk_store *s = b->store;
	int rc;

	b->stats.discards++;
	if (b->readonly)
		return -EROFS;
	if (!s->discard)
		return -EOPNOTSUPP;
	if (!in_disk(b, r->sector, r->nr_sectors))
		return -EINVAL;
	call_begin(b);
	rc = s->discard(s, r->sector * BLKBACK_SECTOR, r->nr_sectors * BLKBACK_SECTOR);
	call_end(b);
	return rc;
}

static int serve(struct blk_worker *w)
{
	struct blkback *b = w->queue->disk;
	struct blk_request *r = &w->request;
	int rc;

	if (r->indirect && r->op != BLKIF_OP_READ && r->op != BLKIF_OP_WRITE)
		return -EINVAL;
	switch (r->op) {
	case BLKIF_OP_READ:
		b->stats.reads++;
		return transfer(w);
	case BLKIF_OP_WRITE:
		b->stats.writes++;
		return transfer(w);
	case BLKIF_OP_FLUSH_DISKCACHE:		/* it may have data, which is written then */
		rc = flush(b);
		return rc || r->count == 0 ? rc : transfer(w);
	case BLKIF_OP_DISCARD:
		return discard(b, r);
	}
	return -EOPNOTSUPP;
}

int blk_serve(struct blk_worker *w)
{
	int rc = serve(w);

	if (rc)
		w->queue->disk->stats.errors++;
	return rc == 0 ? BLKIF_RSP_OKAY : rc == -EOPNOTSUPP ? BLKIF_RSP_EOPNOTSUPP : BLKIF_RSP_ERROR;
}

/* SPDX-License-Identifier: ISC */
/*
 * backend/blkback_request.c for any content of a slot and of an indirect page: the store is called
 * with pieces within the pages that were found and with sectors within the disk only, and no write
 * reaches a disk that is read-only.  The parts are proved for up to 2 or 3 segments, and the order in
 * which they are called for any number.
 */
#define GET_FILLS(to, len) any_segments()
static void any_segments(void);

#include "tests/prove/peer.h"
#include "backend/blkback_request.c"

#define SEGMENTS 3u

static struct blkback disk;
static struct disk_store store;
static struct blk_queue queue;
static struct blk_worker worker;
static uint8_t page[SEGMENTS][4096];	/* one for each segment, and no other memory */
static uint8_t map_memory[SEGMENTS * 4096];
static unsigned mapped, calls;
static bool read_whole;			/* an indirect page, all its segments */

static int store_read(struct disk_store *s, const struct iovec *v, int n, uint64_t at);
static int store_write(struct disk_store *s, const struct iovec *v, int n, uint64_t at);
static int store_flush(struct disk_store *s);
static int store_discard(struct disk_store *s, uint64_t at, uint64_t len);

static void any_segments(void)
{
	struct blkif_request_segment *s = worker.request.segments;

	for (unsigned i = 0; i < SEGMENTS; i++) {
		s[i].gref = nondet_uint32();
		s[i].first_sect = nondet_uint8();
		s[i].last_sect = nondet_uint8();
	}
}

static void on_load(const void *p, uint32_t value)
{
	(void)p, (void)value;
}

static void on_store(const void *p, uint32_t value)
{
	(void)p, (void)value;
}

static void on_get(const void *to, const void *from, size_t len)
{
	(void)from;
	CLAIM("segments are read into their place", to == worker.request.segments &&
	      len <= sizeof(worker.request.segments));
	read_whole = len == worker.request.count * sizeof(worker.request.segments[0]);
}

static void on_put(const void *to, const void *from, size_t len)
{
	(void)to, (void)from, (void)len;
}

/* Persistent pages: any is found or not, each in memory of its own. */
static unsigned found;

void *blk_grants_find(const struct blk_grants *g, uint32_t ref)
{
	(void)g, (void)ref;
	return nondet_bool() && found < SEGMENTS ? page[found++] : NULL;
}

void *blk_grants_add(struct blk_grants *g, unsigned domid, uint32_t ref)
{
	(void)g, (void)ref;
	CLAIM("of the right domain", domid == disk.stats.domid);
	return nondet_bool() && found < SEGMENTS ? page[found++] : NULL;
}

int domain_map(struct domain_map *m, unsigned domid, const uint32_t *refs, unsigned n, bool readonly)
{
	CLAIM("refs are in memory", n == 1 || (n > 0 && READABLE(refs, n * sizeof(*refs))));
	CLAIM("of the right domain", domid == disk.stats.domid);
	CLAIM("nothing is mapped already", mapped == 0);
	if (nondet_bool() || n > SEGMENTS)
		return -EACCES;
	(void)readonly;
	mapped = n;
	m->addr = map_memory;
	return 0;
}

void domain_unmap(struct domain_map *m)
{
	CLAIM("what is unmapped was mapped", mapped && m->addr);
	mapped = 0;
}

void domain_enter(void)
{
}

void domain_leave(void)
{
}

void domain_sleep(struct domain_queue *q, uint64_t deadline)
{
	(void)q, (void)deadline;
}

void domain_wake_one(struct domain_queue *q)
{
	(void)q;
}

/* ---- the parts */

static void any_disk(unsigned sector_size)
{
	struct blk_request *r = &worker.request;

	disk.stats.domid = nondet_uint32();
	r->id = nondet_uint64();
	r->sector = nondet_uint64();
	r->nr_sectors = nondet_uint64();
	r->op = nondet_uint8();
	r->indirect = nondet_bool();
	r->count = nondet_uint32();
	r->pages[0] = nondet_uint32();
	any_segments();
	disk.readonly = nondet_bool();
	disk.persistent = nondet_bool();
	disk.published = nondet_uint64();
	store = (struct disk_store){ .read = store_read, .write = store_write,
				     .flush = nondet_bool() ? store_flush : NULL,
				     .discard = nondet_bool() ? store_discard : NULL,
				     .sector_size = sector_size };
	ASSUME(disk.published <= INT64_MAX && disk.published % sector_size == 0);
	disk.store = &store;
	queue.disk = &disk;
	worker.queue = &queue;
}

/* prove: unwind 5 */
void prove_count_sectors(void)
{
	struct blk_request *r = &worker.request;
	bool valid = true;
	int64_t n, sum = 0;

	any_disk(512);
	ASSUME(r->count <= SEGMENTS);
	n = count_sectors(r);
	for (unsigned i = 0; i < r->count; i++) {
		valid = valid && r->segments[i].last_sect < 8 &&
			r->segments[i].first_sect <= r->segments[i].last_sect;
		sum += r->segments[i].last_sect - r->segments[i].first_sect + 1;
	}
	CLAIM("valid segments are within their pages", (n >= 0) == valid);
	CLAIM("all are counted", n < 0 ? n == -EINVAL : n == sum && n <= 8 * (int64_t)r->count);
	REACHED("counted");
}

/* size: of a sector, a constant. */
static void range(unsigned size)
{
	uint64_t first = nondet_uint64(), n = nondet_uint64();

	any_disk(size);
	if (in_disk(&disk, first, n)) {
		CLAIM("the range is within the disk", n <= disk.published / 512 &&
		      first * 512 <= disk.published - n * 512 && first <= UINT64_MAX / 512);
		CLAIM("it is in whole sectors", (first * 512) % size == 0 && (n * 512) % size == 0);
		REACHED("within");
	} else {
		CLAIM("what is refused is not within", n > disk.published / 512 || first > disk.published / 512 - n ||
		      first % (size / 512) || n % (size / 512));
		REACHED("not within");
	}
}

/* prove: unwind 4 */
void prove_range_in_sectors_of_512(void)
{
	range(512);
}

/* prove: unwind 4 */
void prove_range_in_sectors_of_4096(void)
{
	range(4096);
}

/*
 * The pages of up to 2 segments.
 *
 * prove: unwind 4
 */
void prove_pages(void)
{
	struct blk_request *r = &worker.request;
	struct domain_map map = { .addr = NULL };
	int rc;

	any_disk(512);
	ASSUME(r->count <= 2);
	rc = find_pages(&worker, &map);
	for (unsigned i = 0; i < 2; i++)
		CLAIM("each segment has a page", rc || i >= r->count || WRITABLE(worker.where[i], 4096));
	CLAIM("two segments do not share one", rc || r->count < 2 || worker.where[0] != worker.where[1]);
	CLAIM("what is mapped is returned", !mapped == !map.addr && (!rc || !mapped));
	if (rc)
		REACHED("no pages");
	else if (mapped == 2)
		REACHED("pages");
}

/*
 * The pieces of up to 2 segments.
 *
 * prove: unwind 4
 */
void prove_pieces(void)
{
	struct blk_request *r = &worker.request;
	size_t sum = 0;
	int n;

	any_disk(512);
	ASSUME(r->count >= 1 && r->count <= 2 && count_sectors(r) > 0);
	worker.where[0] = map_memory;
	worker.where[1] = nondet_bool() ? map_memory + 4096 : page[0];
	n = make_pieces(&worker);
	CLAIM("some pieces", n >= 1 && n <= (int)r->count);
	for (int i = 0; i < n; i++) {
		CLAIM("a piece is in the pages", WRITABLE(worker.pieces[i].iov_base, worker.pieces[i].iov_len));
		sum += worker.pieces[i].iov_len;
	}
	CLAIM("they have all sectors", sum == (size_t)count_sectors(r) * 512);
	CLAIM("the first begins with the first sector", worker.pieces[0].iov_base ==
	      map_memory + 512 * r->segments[0].first_sect);
	REACHED("pieces");
	if (n == 1 && r->count == 2)
		REACHED("adjacent segments");
}

/* ---- the request, with these parts */

static bool counted, ranged;
static int64_t sectors;

int64_t any_count(const struct blk_request *r)
{
	CLAIM("segments that can be counted", r->count <= BLKBACK_SEGMENTS);
	CLAIM("the segments of an indirect request are read", !r->indirect || read_whole);
	sectors = nondet_uint64();
	ASSUME(sectors == -EINVAL || (sectors > 0 && sectors <= 8 * (int64_t)r->count));
	counted = sectors > 0;
	return sectors;
}

bool any_range(const struct blkback *b, uint64_t first, uint64_t n)
{
	const struct blk_request *r = &worker.request;

	CLAIM("the range is that of the request", b == &disk && first == r->sector &&
	      (r->op == BLKIF_OP_DISCARD ? n == r->nr_sectors : n == (uint64_t)sectors));
	ranged = nondet_bool();
	return ranged;
}

int any_pages(struct blk_worker *w, struct domain_map *map)
{
	CLAIM("all is checked before a page is mapped", counted && ranged && !mapped);
	(void)w;
	if (nondet_bool())
		return -EACCES;
	mapped = nondet_bool();
	map->addr = mapped ? map_memory : NULL;
	return 0;
}

int any_pieces(const struct blk_worker *w)
{
	int n = nondet_int();

	ASSUME(n >= 1 && n <= (int)w->request.count);
	return n;
}

static int on_call(const struct iovec *v, int n, uint64_t at, bool write)
{
	calls++;
	CLAIM("the store is called for what was checked", v == worker.pieces && counted && ranged &&
	      n >= 1 && n <= (int)worker.request.count && at == worker.request.sector * 512);
	CLAIM("nothing is written to a read-only disk", !write || !disk.readonly);
	CLAIM("a read does not write, and a write does", write == (worker.request.op != BLKIF_OP_READ));
	CLAIM("the calls are counted", disk.calls == 1);
	return nondet_bool() ? 0 : -EIO;
}

static int store_read(struct disk_store *s, const struct iovec *v, int n, uint64_t at)
{
	(void)s;
	REACHED("a read");
	return on_call(v, n, at, false);
}

static int store_write(struct disk_store *s, const struct iovec *v, int n, uint64_t at)
{
	(void)s;
	REACHED("a write");
	return on_call(v, n, at, true);
}

static int store_flush(struct disk_store *s)
{
	(void)s;
	REACHED("a flush");
	return nondet_bool() ? 0 : -EIO;
}

static int store_discard(struct disk_store *s, uint64_t at, uint64_t len)
{
	(void)s;
	calls++;
	CLAIM("what was checked is discarded", ranged && at == worker.request.sector * 512 &&
	      len == worker.request.nr_sectors * 512);
	CLAIM("nothing is discarded on a read-only disk", !disk.readonly);
	REACHED("a discard");
	return nondet_bool() ? 0 : -EIO;
}

/*
 * A request after blk_parse(), of any number of segments.
 *
 * prove: unwind 5 replace count_sectors:any_count in_disk:any_range find_pages:any_pages make_pieces:any_pieces
 */
void prove_serve(void)
{
	bool indirect;
	uint8_t op;
	int rc;

	any_disk(512);
	op = worker.request.op;
	indirect = worker.request.indirect;
	rc = blk_serve(&worker);
	CLAIM("the answer is one of the protocol", rc == BLKIF_RSP_OKAY || rc == BLKIF_RSP_ERROR ||
	      rc == BLKIF_RSP_EOPNOTSUPP);
	CLAIM("nothing stays mapped", mapped == 0);
	CLAIM("no call stays counted", disk.calls == 0);
	CLAIM("success is that of the store", rc != BLKIF_RSP_OKAY || calls == 1 ||
	      op == BLKIF_OP_FLUSH_DISKCACHE);
	CLAIM("only reads and writes are indirect", !indirect || op == BLKIF_OP_READ ||
	      op == BLKIF_OP_WRITE || (rc == BLKIF_RSP_ERROR && !calls));
	CLAIM("errors are counted", disk.stats.errors == (rc != BLKIF_RSP_OKAY));
	if (rc == BLKIF_RSP_OKAY)
		REACHED("served");
	else
		REACHED("refused");
	if (worker.request.count == BLKBACK_SEGMENTS && calls)
		REACHED("as many segments as are allowed");
}

/* prove: unwind 1 */
void prove_parse(void)
{
	uint8_t slot[BLK_REQUEST_MAX];
	enum blk_abi abi = nondet_bool() ? BLK_ABI_64 : BLK_ABI_32;
	struct blk_request *r = &worker.request;

	any_bytes(slot, sizeof(slot));
	blk_parse(abi, slot, r);
	CLAIM("a request fits its slot", blk_request_size(abi) <= BLK_REQUEST_MAX);
	CLAIM("a direct one has its own count", r->indirect || r->op == BLKIF_OP_DISCARD ||
	      (r->op == slot[0] && r->count == slot[1]));
	CLAIM("an indirect one has 16 bits of count", r->count <= UINT16_MAX);
	CLAIM("the id is the slot's", ((uint8_t *)&r->id)[0] == slot[abi == BLK_ABI_32 ? 4 : 8]);
	CLAIM("so is the sector", ((uint8_t *)&r->sector)[7] == slot[(abi == BLK_ABI_32 ? 12 : 16) + 7]);
	REACHED("parsed");
	if (r->indirect)
		REACHED("indirect");
}

/* SPDX-License-Identifier: ISC */
/* backend/: the requests of frontends that behave well or not. */
#include "tests/unit/blkback_front.h"

/* ---- data */

static void data_that_was_written_is_read(void)
{
	struct disk_stats s;

	up();
	use(30);
	assert(disks_stats(&s, 1) == 1 && s.connected && s.domid == PEER && s.vdev == 51712);
	assert(s.reads + s.writes == 30 && s.errors == 0);
	assert(host_mapped_by_guest(front.ref[0]) == front.persistent);
	down();
	assert(store_events[DISK_CONNECTED] == 1 && store_events[DISK_STOPPED] == 1);
	assert(store_events[DISK_CLOSED] + store_events[DISK_LOST] == 1);
}

/* Many requests in the ring at once, with any number of threads: each has one response. */
static void each_request_has_one_response(void)
{
	unsigned sent = 0, got = 0, most;
	bool busy[64] = { false };		/* the page has data of a request in flight */
	struct blkif_response r;
	uint64_t expected = 1;

	up();
	if (!front.abi32)
		test_store.out_of_order = host_chance(2);
	most = RING_SIZE(&front.ring);
	most = most > 64 ? 64 : most;
	while (got < 200) {
		while (sent < 200 && sent - got < most && !busy[(sent + 1) % 64] && !host_chance(5)) {
			struct blkif_request q = {
				.operation = BLKIF_OP_WRITE, .nr_segments = 1, .id = sent + 1,
				.sector_number = sent + 1, .seg[0] = { front.ref[(sent + 1) % 64], 0, 0 },
			};

			sent++;
			busy[sent % 64] = true;
			memset(front.page[sent % 64], sent, 512);
			front_put(&q);
		}
		front_push();
		pass(host_below(50000));
		while (front_take(&r)) {
			assert(r.status == 0 && r.id >= 1 && r.id <= 200);
			assert(disk_data[r.id * 512] == (uint8_t)r.id);
			assert(test_store.out_of_order || r.id == expected);
			busy[r.id % 64] = false;
			expected++;
			got++;
		}
	}
	down();
}

static void flush_and_discard(void)
{
	struct blkif_request flush = { .operation = BLKIF_OP_FLUSH_DISKCACHE };
	struct blkif_request barrier = { .operation = BLKIF_OP_WRITE_BARRIER };
	struct blkif_request_discard d = {
		.operation = BLKIF_OP_DISCARD, .sector_number = 4, .nr_sectors = 3,
	};
	unsigned calls;

	up();
	assert(atoi(store_read(BACK "/feature-flush-cache")) == 1);
	assert(atoi(store_read(BACK "/feature-discard")) == 1);
	assert(front_request(&flush) == 0 && store_calls == 1);
	flush.nr_segments = 1;			/* Linux: the flush first, then the write */
	flush.seg[0] = (struct blkif_request_segment){ front.ref[0], 0, 0 };
	memset(front.page[0], 0x55, 512);
	assert(front_request(&flush) == 0 && store_calls == 3 && disk_data[511] == 0x55);
	assert(front_request(&barrier) == BLKIF_RSP_EOPNOTSUPP);
	assert(front_request(&d) == 0);
	assert(disk_data[4 * 512] == 0 && disk_data[7 * 512 - 1] == 0 && disk_data[7 * 512] == model[7 * 512]);
	store_error = -EIO;
	flush.nr_segments = 0;
	assert(front_request(&flush) == BLKIF_RSP_ERROR && front_request(&d) == BLKIF_RSP_ERROR);
	store_error = -EOPNOTSUPP;
	assert(front_request(&d) == BLKIF_RSP_EOPNOTSUPP);
	calls = store_calls;
	d.sector_number = UINT64_MAX;
	assert(front_request(&d) == BLKIF_RSP_ERROR);
	d.sector_number = SIZE / 512 - 2;
	assert(front_request(&d) == BLKIF_RSP_ERROR && store_calls == calls);
	down();
}

/* ---- invalid requests */

static const struct bad {
	unsigned first, last, count;
	uint64_t sector;
	int grant;			/* -1: a valid one */
} bad[] = {
	{ 0, 7, 0, 0, -1 },		/* no segment */
	{ 0, 7, 12, 0, -1 },
	{ 0, 7, 255, 0, -1 },
	{ 1, 0, 1, 0, -1 },		/* backwards */
	{ 0, 8, 1, 0, -1 },		/* beyond the page */
	{ 255, 255, 1, 0, -1 },
	{ 0, 0, 1, SIZE / 512, -1 },
	{ 0, 7, 1, SIZE / 512 - 7, -1 },
	{ 0, 7, 11, SIZE / 512 - 87, -1 },
	{ 0, 0, 1, UINT64_MAX, -1 },
	{ 0, 7, 1, UINT64_MAX / 512 + 1, -1 },
	{ 0, 7, 1, 0, 1000000 },	/* XSA-365: grants that cannot be mapped */
	{ 0, 7, 2, 0, 8000 },
};

static void an_invalid_request_has_no_effect(void)
{
	struct blkif_request unknown = { .operation = 77 };
	static uint8_t data[64 * 512];

	up();
	/* Valid segments that an invalid number could reach. */
	for (unsigned i = 0; i < 4; i++)
		assert(front_transfer(BLKIF_OP_READ, 0, data, sizeof(data), true) == 0);
	store_calls = 0;
	for (unsigned i = 0; i < HOST_COUNT(bad); i++) {
		const struct bad *b = &bad[i];
		struct blkif_request q = {
			.operation = host_chance(2) ? BLKIF_OP_READ : BLKIF_OP_WRITE,
			.nr_segments = b->count, .sector_number = b->sector,
		};
		struct blkif_request_indirect in = {
			.operation = BLKIF_OP_INDIRECT, .indirect_op = q.operation,
			.nr_segments = b->count == 12 ? 257 : b->count == 255 ? 65535 : b->count,
			.sector_number = b->sector, .indirect_grefs[0] = front.ref[PAGES - 1],
		};
		struct blkif_request_segment *list = (void *)front.page[PAGES - 1];

		for (unsigned k = 0; k < 11; k++)
			list[k] = q.seg[k] = (struct blkif_request_segment){
				b->grant < 0 || (k == 0 && b->count == 2) ? front.ref[k] :
				(grant_ref_t)b->grant, b->first, b->last,
			};
		assert((host_chance(2) ? front_request(&in) : front_request(&q)) == BLKIF_RSP_ERROR);
		if (store_calls)
			host_fail("invalid request %u reaches the store", i);
	}
	assert(front_request(&unknown) == BLKIF_RSP_EOPNOTSUPP && store_calls == 0);
	unknown.operation = BLKIF_OP_INDIRECT;
	unknown.nr_segments = BLKIF_OP_DISCARD;
	assert(front_request(&unknown) == BLKIF_RSP_ERROR && store_calls == 0);
	assert(front_transfer(BLKIF_OP_READ, 512, data, 512, false) == 0);
	assert(memcmp(data, disk_data + 512, 512) == 0);
	down();
}

static void a_read_only_disk_is_not_written(void)
{
	uint8_t data[512] = { 1 };

	boot();
	server_start();
	toolstack_attach("r");
	front_connect();
	assert(atoi(store_read(BACK "/info")) == VDISK_READONLY);
	assert(front_transfer(BLKIF_OP_WRITE, 0, data, 512, host_chance(2)) == BLKIF_RSP_ERROR);
	assert(store_calls == 0 && front_transfer(BLKIF_OP_READ, 0, data, 512, false) == 0);
	down();
}

/* ---- known faults of backends */

/*
 * The guest maps the frontend's pages at addresses of its own; such a page is recognised by its
 * contents.
 */
static unsigned reads[2][4096];

/* The guest's heap around a page may be poisoned. */
__attribute__((no_sanitize("address"))) static bool same_page(const uint8_t *a, const uint8_t *b)
{
	for (size_t i = 0; i < 4096; i += 8)
		if (*(const uint64_t *)(a + i) != *(const uint64_t *)(b + i))
			return false;
	return true;
}

static void count_reads(const void *address, size_t size, bool write)
{
	const uint8_t *pages[2] = { front.ring_page, front.page[PAGES - 1] };
	uintptr_t at = (uintptr_t)address % 4096;
	const uint8_t *page = (const uint8_t *)address - at;

	if ((uintptr_t)page < boot_info.memory_start || (uintptr_t)page >= boot_info.memory_end)
		return;
	for (unsigned k = 0; !write && k < 2; k++)
		for (size_t i = 0; page != pages[k] && same_page(page, pages[k]) && i < size; i++)
			if (at + i >= (k ? 0 : 64) && reads[k][at + i]++)
				host_fail("byte %zu of a request is read twice", at + i);
}

static void xsa_155_each_byte_is_read_once(void)
{
	static uint8_t data[40 * 512];

	boot();
	front.order = front.queues = 0;
	front.abi32 = false;
	server_start();
	toolstack_attach("w");
	front_connect();
	for (unsigned i = 0; i < 20; i++) {
		memset(reads, 0, sizeof(reads));
		host_on_access = count_reads;
		assert(front_transfer(i % 2 ? BLKIF_OP_READ : BLKIF_OP_WRITE, 512 * i, data,
				      (i < 10 ? 1 : 40) * 512, i >= 10) == 0);
		host_on_access = NULL;
		assert(reads[0][64 + i * 112 % (32 * 112)] == 1);
		assert(reads[1][0] == (i >= 10));
	}
	down();
}

/* Switches between threads in 200 ms in which the frontend sends an event every 10 us, or none. */
static uint64_t switches(bool storm)
{
	uint64_t before = sched_stats.switches, end = clock_now() + SECOND / 5;

	while (clock_now() < end) {
		if (storm)
			front_kick();
		pass(10000);
	}
	return sched_stats.switches - before;
}

static void xsa_332_391_a_storm_of_events(void)
{
	uint64_t quiet, storm;

	up();
	quiet = switches(false);
	storm = switches(true);
	if (storm > quiet + 1000)
		host_fail("%llu switches, and %llu without events", (unsigned long long)storm,
			  (unsigned long long)quiet);
	use(3);
	down();
}

static void xsa_216_padding_of_responses(void)
{
	uint8_t data[512];

	up();
	memset(front.ring_page + 64, 0, 112);
	assert(front_transfer(BLKIF_OP_READ, 0, data, 512, false) == 0);	/* front_take() checks it */
	down();
}

/* A write, whose pages are not mapped any more when its response is there. */
static void write_with_grants_of_its_own(unsigned sectors)
{
	struct blkif_request q = {
		.operation = BLKIF_OP_WRITE, .nr_segments = 1, .sector_number = 5, .handle = 51712,
	};
	uint8_t *page = host_page();

	memset(page, sectors, 4096);
	q.seg[0] = (struct blkif_request_segment){ host_grant(PEER, page, true), 0, sectors - 1 };
	assert(front_request(&q) == 0 && !host_mapped_by_guest(q.seg[0].gref));
	assert(disk_data[5 * 512 + sectors * 512 - 1] == sectors);
}

/*
 * NetBSD's xbd(4) (sys/arch/xen/xen/xbd_xenbus.c): it publishes its only ring page under the old name,
 * and the state Initialised, before the backend has begun.  It grants the pages of each request, for
 * writes read-only, and takes no response whose page is still mapped.  A flush has what the slot of
 * the ring had before as its sector and segments.  It answers Closing with Closed.
 */
static void quirks_of_netbsd(void)
{
	struct blkif_request flush = {
		.operation = BLKIF_OP_FLUSH_DISKCACHE, .handle = 51712, .sector_number = UINT64_MAX - 3,
		.seg[0] = { 999999, 7, 200 },
	};
	unsigned calls;

	boot();
	front.order = front.queues = 0;
	front.old_name = true;
	front.abi32 = front.persistent = false;
	toolstack_attach("w");
	front_pages();
	SHARED_RING_INIT((struct blkif_sring *)front.ring_page);
	FRONT_RING_INIT(&front.ring, (struct blkif_sring *)front.ring_page, 4096);
	front.port = host_listen(PEER);
	front_publish();
	say_to(FRONT, "state", "3");
	server_start();
	wait_for_state(XenbusStateConnected);
	assert(atoi(store_read(BACK "/sectors")) == SIZE / 512 && store_read(BACK "/info"));
	say_to(FRONT, "state", "4");
	for (unsigned i = 1; i <= 8; i++)
		write_with_grants_of_its_own(i);
	calls = store_calls;
	assert(front_request(&flush) == 0 && store_calls == calls + 1);
	toolstack_detach();
	say_to(FRONT, "state", "6");
	wait_until_removed();
	down();
}

/* A response with the id of 64 bits; the frontend zeroes the slot when it has read it. */
static void windows_request(uint64_t tag, unsigned sectors)
{
	struct blkif_request q = {
		.operation = BLKIF_OP_READ, .nr_segments = 1, .sector_number = sectors,
		.id = 0x67615458ull << 32 | tag << 16 | tag,
		.seg[0] = { front.ref[0], 8 - sectors, 7 },
	};
	uint8_t *slot = (uint8_t *)RING_GET_REQUEST(&front.ring, front.ring.req_prod_pvt);
	struct blkif_response r;

	front_put(&q);
	front_push();
	while (!front_take(&r))
		pass(100000);
	assert(r.id == q.id && r.status == 0);
	assert(!memcmp(front.page[0] + (8 - sectors) * 512, model + sectors * 512, sectors * 512));
	memset(slot, 0, sizeof(r));
}

/*
 * Windows' xenvbd (src/xenvbd/blockring.c and frontend.c): with one page of ring the old name, with
 * more the order; the key protocol; transfers of any number of sectors; tags of 64 bits as ids; a
 * barrier without segments, if it was not told that there is none.  The same page in two segments.
 */
static void quirks_of_windows(void)
{
	uint8_t data[11 * 512];
	struct blkif_request q = {
		.operation = BLKIF_OP_READ, .nr_segments = 2, .sector_number = 3,
	};
	struct blkif_request barrier = {
		.operation = BLKIF_OP_WRITE_BARRIER, .sector_number = 7,
	};

	boot();
	front.order = host_below(5);
	front.queues = 0;
	front.old_name = !front.order;
	front.persistent = front.abi32 = false;
	server_start();
	toolstack_attach("w");
	front_connect();
	assert(!strcmp(store_read(BACK "/feature-barrier"), "0"));
	for (unsigned i = 1; i <= 40; i++)
		windows_request(i, i % 8 + 1);
	assert(front_request(&barrier) == BLKIF_RSP_EOPNOTSUPP);
	for (unsigned i = 1; i <= 11; i++) {
		assert(front_transfer(BLKIF_OP_READ, 512 * i, data, 512 * i, false) == 0);
		assert(memcmp(data, model + 512 * i, 512 * i) == 0);
	}
	q.seg[0] = (struct blkif_request_segment){ front.ref[0], 6, 7 };
	q.seg[1] = (struct blkif_request_segment){ front.ref[0], 0, 2 };
	assert(front_request(&q) == 0);
	assert(memcmp(front.page[0] + 6 * 512, model + 3 * 512, 1024) == 0);
	assert(memcmp(front.page[0], model + 5 * 512, 3 * 512) == 0);
	down();
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "data that was written is read", data_that_was_written_is_read, 60 },
		{ "each request has one response, in order unless the store says otherwise",
		  each_request_has_one_response, 60 },
		{ "flush and discard reach the store", flush_and_discard, 10 },
		{ "an invalid request has no effect", an_invalid_request_has_no_effect, 20 },
		{ "a read-only disk is not written", a_read_only_disk_is_not_written, 4 },
		{ "XSA-155: each byte of a request is read once", xsa_155_each_byte_is_read_once, 10 },
		{ "XSA-216: the padding of a response is zero", xsa_216_padding_of_responses, 4 },
		{ "XSA-332, XSA-391: a storm of events without requests costs little",
		  xsa_332_391_a_storm_of_events, 2 },
		{ "quirks of NetBSD's frontend", quirks_of_netbsd, 10 },
		{ "quirks of Windows' frontend", quirks_of_windows, 10 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}

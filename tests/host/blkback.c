/* SPDX-License-Identifier: ISC */
#include "tests/host/blkback.h"
#include "tests/host/host.h"

#define FRONT "/local/domain/5/device/vbd/51712"
#define BACK "/local/domain/0/backend/vbd/5/51712"
#include "tests/host/backend.h"

#include <xen/io/blkif.h>

#define PEER 0
#define MAX_REFS 4096

struct blkback blkback;
uint8_t blkback_disk[BLKBACK_SIZE];

static struct blkif_back_ring ring;
static evtchn_port_t port;
static bool awake, owes_event, mad;
static struct blkif_request held[256];
static unsigned nheld;
static struct mapped {
	grant_ref_t ref;
	uint8_t *page;
} mapped[MAX_REFS];

/* ---- the guest's pages */

static uint8_t *map(grant_ref_t ref)
{
	unsigned i;

	for (i = 0; i < blkback.mapped; i++)
		if (mapped[i].ref == ref)
			return mapped[i].page;
	if (i == MAX_REFS)
		host_fail("blkback: too many pages");
	mapped[i] = (struct mapped){ ref, host_map(PEER, ref, true) };
	if (!mapped[i].page)
		host_fail("blkback: may not map grant %u", ref);
	blkback.mapped++;
	return mapped[i].page;
}

static void unmap_down_to(unsigned n)
{
	while (blkback.mapped > n) {
		blkback.mapped--;
		host_unmap(PEER, mapped[blkback.mapped].ref, true);
	}
}

void blkback_let_go(void)
{
	unmap_down_to(0);
}

/* ---- connection */

static unsigned ring_pages;

static void connect(void)
{
	long order = front("ring-page-order");
	uint8_t *first = NULL;
	char key[20];

	if (front("multi-queue-num-queues") >= 0 || front("feature-large-sector-size") >= 0)
		host_fail("blkback: keys of another connection");
	if (front("ring-ref") > 0 == order > 0 || front("ring-ref0") > 0 != order > 0)
		host_fail("blkback: a ring of another connection");

	ring_pages = order < 0 ? 1 : 1u << order;
	if (order > (long)blkback.ring_order)
		host_fail("blkback: a ring of order %ld", order);
	for (unsigned i = 0; i < ring_pages; i++) {
		snprintf(key, sizeof(key), order < 0 ? "ring-ref" : "ring-ref%u", i);
		uint8_t *page = map(front(key));

		if (i && page != first + i * PAGE_SIZE)
			host_fail("blkback: a ring in pieces");
		first = i ? first : page;
	}
	BACK_RING_ATTACH(&ring, (struct blkif_sring *)first, 0, ring_pages * PAGE_SIZE);
	port = host_connect(PEER, front("event-channel"));
	if (!port)
		host_fail("blkback: no event channel");
	awake = true;
	nheld = 0;
	mad = false;
	blkback.connections++;
	blkback.connected = true;
	say_number("feature-flush-cache", blkback.flush);
	say_number("feature-barrier", blkback.barrier);
	say_number("feature-discard", blkback.discard);
	say_number("feature-persistent", blkback.persistent);
	say("sectors", blkback.sectors ? blkback.sectors : "512");
	say("sector-size", blkback.sector_size ? blkback.sector_size : "512");
	say("info", blkback.info ? blkback.info : "0");
	set_state(XenbusStateConnected);
}

static void disconnect(void)
{
	if (blkback.connected)
		host_close(port);
	blkback.connected = false;
	if (!blkback.keeps)
		unmap_down_to(0);
}

static void end_input(void)
{
	blkback.input = NULL;
	mad = true;
	blkback_detach();
}

/* A guest that has lost xenstore may have taken its rings back in the meantime. */
static void offered(void)
{
	if (store.ended)
		set_state(XenbusStateClosing);
	else
		connect();
}

/* As frontend_changed() of Linux's xenbus.c. */
static bool follow(void)
{
	static const char *before;
	const char *value = store_read(FRONT "/state");
	long now = front("state");

	if (value == before || !attached)
		return false;
	before = value;			/* each time it is written it is another one */
	if (now == XenbusStateInitialising && state == XenbusStateClosed)
		set_state(XenbusStateInitWait);
	else if (now == XenbusStateInitialised && state == XenbusStateInitWait)
		offered();
	else if (now == XenbusStateClosing)
		set_state(XenbusStateClosing);
	else if (now == XenbusStateClosed) {
		disconnect();
		set_state(XenbusStateClosed);
		if (strcmp(store_read(BACK "/online"), "0") == 0)
			gone();
		else if (blkback.input)		/* the rest of it has no receiver */
			end_input();
	}
	return true;
}

/* ---- requests */

static int move(bool write, uint64_t sector, const struct blkif_request_segment *seg,
		unsigned n)
{
	blkback.last_sector = sector;
	if (!write && blkback.fail_read && !--blkback.fail_read)
		return BLKIF_RSP_ERROR;
	for (unsigned i = 0; i < n; i++) {
		unsigned sectors = seg[i].last_sect - seg[i].first_sect + 1;
		uint8_t *at = map(seg[i].gref) + seg[i].first_sect * 512;

		if (seg[i].last_sect > 7 || seg[i].first_sect > seg[i].last_sect)
			host_fail("blkback: segment %u of %u", i, n);
		if (blkback.sector_size && (sector * 512 | sectors * 512) %
						   atoi(blkback.sector_size))
			host_fail("blkback: not whole sectors");
		if (sector + sectors > BLKBACK_SIZE / 512)
			return blkback.sectors ? BLKIF_RSP_OKAY : BLKIF_RSP_ERROR;
		if (write)
			memcpy(blkback_disk + sector * 512, at, sectors * 512);
		else
			memcpy(at, blkback_disk + sector * 512, sectors * 512);
		sector += sectors;
	}
	return BLKIF_RSP_OKAY;
}

static int move_indirect(const struct blkif_request_indirect *in)
{
	const struct blkif_request_segment *seg;

	blkback.indirects++;
	if (in->nr_segments > blkback.indirect || in->indirect_op > BLKIF_OP_WRITE)
		host_fail("blkback: %u indirect segments", in->nr_segments);
	seg = (void *)map(in->indirect_grefs[0]);
	return move(in->indirect_op == BLKIF_OP_WRITE, in->sector_number, seg,
		    in->nr_segments);
}

static int serve(const struct blkif_request *q)
{
	const struct blkif_request_discard *discard = (const void *)q;

	switch (q->operation) {
	case BLKIF_OP_READ:
	case BLKIF_OP_WRITE:
		if (q->nr_segments == 0 || q->nr_segments > BLKIF_MAX_SEGMENTS_PER_REQUEST)
			host_fail("blkback: %u segments", q->nr_segments);
		return move(q->operation == BLKIF_OP_WRITE, q->sector_number, q->seg,
			    q->nr_segments);
	case BLKIF_OP_INDIRECT:
		return move_indirect((const void *)q);
	case BLKIF_OP_FLUSH_DISKCACHE:
		blkback.flushes++;
		blkback.flush_writes += q->nr_segments > 0;
		if (blkback.refuses || !q->nr_segments || blkback.ignores)
			return blkback.refuses ? BLKIF_RSP_EOPNOTSUPP : BLKIF_RSP_OKAY;
		return move(true, q->sector_number, q->seg, q->nr_segments);
	case BLKIF_OP_WRITE_BARRIER:
		blkback.barriers++;
		return blkback.refuses ? BLKIF_RSP_EOPNOTSUPP : BLKIF_RSP_OKAY;
	case BLKIF_OP_DISCARD:
		blkback.discards++;
		memset(blkback_disk + discard->sector_number * 512, 0,
		       discard->nr_sectors * 512);
		return BLKIF_RSP_OKAY;
	}
	host_fail("blkback: operation %u", q->operation);
}

static void answer(uint64_t id, uint8_t operation, int status)
{
	int notify;

	*RING_GET_RESPONSE(&ring, ring.rsp_prod_pvt) = (struct blkif_response){
		.id = id, .operation = operation, .status = status,
	};
	ring.rsp_prod_pvt++;
	RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&ring, notify);
	owes_event |= notify;
}

static void serve_one(void)
{
	unsigned i = host_below(nheld), keep = blkback.mapped;
	struct blkif_request q = held[i];
	uint8_t operation = q.operation;
	int status = serve(&q);

	held[i] = held[--nheld];
	if (blkback.fails && host_chance(blkback.fails))
		status = -(int)host_below(3);
	if (operation == BLKIF_OP_INDIRECT && host_chance(2))
		operation = ((struct blkif_request_indirect *)&q)->indirect_op;
	switch (blkback.lie) {
	case LIE_ID:
		q.id = host_chance(2) ? host_random() : q.id + (1ull << 32);
		break;
	case LIE_TWICE:
		/* A response must be outstanding, or the index would be invalid. */
		answer(q.id, operation, status);
		break;
	case LIE_OPERATION:
		operation = 17;
		break;
	case LIE_INDEX:
		ring.rsp_prod_pvt += ring.nr_ents + host_below(1 << 30);
		break;
	default:
		break;
	}
	answer(q.id, operation, status);
	if (blkback.lie)
		mad = true;
	if (!blkback.persistent)
		unmap_down_to(keep < ring_pages ? ring_pages : keep);
}

static void take(void)
{
	uint32_t prod = __atomic_load_n(&ring.sring->req_prod, __ATOMIC_SEQ_CST);
	int more;

	if (RING_REQUEST_PROD_OVERFLOW(&ring, prod))
		host_fail("blkback: the frontend's index");
	for (; ring.req_cons != prod; ring.req_cons++) {
		RING_COPY_REQUEST(&ring, ring.req_cons, &held[nheld]);
		nheld++;
		blkback.requests++;
	}
	RING_FINAL_CHECK_FOR_REQUESTS(&ring, more);
	awake = more;
}

/* From here on the contents of the ring are invalid, until there is a new one. */
static void scribble(void)
{
	mad = true;
	uint8_t *page = mapped[host_below(blkback.mapped)].page;
	uint32_t value = host_random();

	if (page == (uint8_t *)ring.sring && host_chance(2))
		memcpy(page + 8, &value, 1 + host_below(4));	/* rsp_prod */
	else
		memcpy(page + host_below(PAGE_SIZE - 3), &value, 4);
	host_notify(port);
}

/* Actions that the fuzzer's input selects; the connection ends with the input. */
static bool follow_input(void)
{
	unsigned what = blkback.input();
	uint8_t *page = mapped[blkback.mapped ? what / 8 % blkback.mapped : 0].page;
	int more;

	if (what == UINT32_MAX) {
		end_input();
		return true;
	}
	switch (what % 8) {
	case 0 ... 1:
		/* More responses than requests: the frontend's index cannot be checked any more. */
		mad |= (int32_t)(ring.rsp_prod_pvt - ring.req_cons) > 0;
		if (!mad)
			take();
		break;
	case 2 ... 3:
		if (nheld)		/* as it should be, but for the status */
			answer(held[nheld - 1].id, held[nheld - 1].operation, -(what & 64));
		nheld -= nheld > 0;
		break;
	case 4:
		answer(blkback.input() % 80, what / 8 % 8, blkback.input());
		break;
	case 5:
		ring.rsp_prod_pvt += blkback.input();
		RING_PUSH_RESPONSES(&ring);
		mad = true;
		break;
	case 6:
		page[blkback.input() * 16 % PAGE_SIZE] = blkback.input();
		mad |= page < (uint8_t *)ring.sring + ring_pages * PAGE_SIZE;
		break;
	case 7:
		host_notify(port);
		RING_FINAL_CHECK_FOR_REQUESTS(&ring, more);
		(void)more;
	}
	return true;
}

static bool work(void)
{
	if (host_rung(port))
		awake = true;
	if (owes_event && host_chance(2)) {
		owes_event = false;
		host_notify(port);
	} else if (blkback.input) {
		return follow_input();
	} else if (blkback.scribbles) {
		if (host_chance(2))
			return false;
		scribble();
	} else if (mad) {
		return false;
	} else if (nheld && !blkback.silent && (!awake || host_chance(2))) {
		serve_one();
	} else if (awake) {
		take();
	} else {
		return owes_event;
	}
	return true;
}

static bool act(void *arg)
{
	(void)arg;
	return follow() || (blkback.connected && work());
}

/* ---- the toolstack */

void blkback_attach(void)
{
	static bool acts;

	if (!acts)
		host_actor("blkback", act, NULL);
	acts = true;
	say("online", "1");
	say_number("max-ring-page-order", blkback.ring_order);
	say("multi-queue-max-queues", blkback.unknown ? NULL : "4");
	if (blkback.indirect)
		say_number("feature-max-indirect-segments", blkback.indirect);
	attach();
}

void blkback_detach(void)
{
	say("online", "0");
	set_state(XenbusStateClosing);
}

bool blkback_detached(void)
{
	return !attached;
}

void blkback_vanish(void)
{
	disconnect();
	gone();
}

void blkback_restart(void)
{
	set_state(XenbusStateClosing);
}

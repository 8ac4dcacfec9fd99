/* SPDX-License-Identifier: ISC */
/*
 * drivers/border/ring.c, against a backend written with Xen's own macros.  Indexes begin just
 * below 2^32, where comparing them is not subtracting them.
 *
 * Over 500 lines: all claims share the backend.
 */
#include "drivers/border/ring.h"
#include "kernel/clock.h"
#include "kernel/evtchn.h"
#include "tests/host/host.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define xen_mb() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define xen_wmb() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define xen_rmb() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#include <xen/io/ring.h>

struct request {
	uint32_t id, producer, part, parts;
	uint32_t sum;
};
struct response {
	uint32_t id, part;
};
DEFINE_RING_TYPES(test, struct request, struct response);

#define PAGES 2
#define WIDEST 8

static _Alignas(4096) uint8_t memory[PAGES * 4096];
static struct test_sring *const sring = (struct test_sring *)memory;
static struct ring ring;
static struct evtchn port;

/* ---- the backend */

static struct test_back_ring back;
static struct {
	unsigned taken, answered;	/* requests */
	unsigned held;			/* as yet unanswered, in this order: */
	struct request request[256];
	unsigned seen[8];		/* by producer: packets */
	struct request packet;		/* the one that is not complete yet */
	evtchn_port_t port;
	bool awake;
	bool owes_event;
} backend;

/* Packets arrive complete, one after the other, and in order for each producer. */
static void expect_contiguous(const struct request *q)
{
	assert(q->sum == q->id + q->producer + q->part + q->parts);
	assert(q->part == backend.packet.part);
	if (q->part) {
		assert(q->producer == backend.packet.producer);
		assert(q->id == backend.packet.id && q->parts == backend.packet.parts);
	} else {
		assert(q->id == backend.seen[q->producer]++);
	}
	backend.packet = *q;
	backend.packet.part = q->part + 1 == q->parts ? 0 : q->part + 1;
}

static void take(void)
{
	uint32_t prod = __atomic_load_n(&sring->req_prod, __ATOMIC_SEQ_CST);

	assert(!RING_REQUEST_PROD_OVERFLOW(&back, prod));
	while (back.req_cons != prod) {
		struct request q;

		assert(!RING_REQUEST_CONS_OVERFLOW(&back, back.req_cons));
		RING_COPY_REQUEST(&back, back.req_cons, &q);
		back.req_cons++;
		backend.taken++;
		expect_contiguous(&q);
		backend.request[backend.held++] = q;
	}
	assert(!backend.packet.part);	/* it is never seen in the middle of a packet */
}

static void answer(void)
{
	unsigned i = host_below(backend.held);
	struct request q = backend.request[i];
	int notify;

	backend.request[i] = backend.request[--backend.held];
	*RING_GET_RESPONSE(&back, back.rsp_prod_pvt) =
		(struct response){ .id = q.id, .part = q.part };
	back.rsp_prod_pvt++;
	backend.answered++;
	RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&back, notify);
	backend.owes_event |= notify;
}

/* Sleeps until notified, as they do: a notification that is missing is a hang. */
static bool act(void *arg)
{
	int more;

	(void)arg;
	if (host_rung(backend.port))
		backend.awake = true;
	if (backend.owes_event && host_chance(2)) {
		backend.owes_event = false;
		host_notify(backend.port);
	} else if (backend.held && (!backend.awake || host_chance(2))) {
		answer();
	} else if (backend.awake) {
		take();
		RING_FINAL_CHECK_FOR_REQUESTS(&back, more);
		backend.awake = more;
	} else {
		return backend.owes_event;
	}
	return true;
}

/* ---- the guest */

static void start_ring(size_t pages, uint32_t at)
{
	ring_init(&ring, memory, pages * 4096, sizeof(struct request),
		  sizeof(struct response));
	assert(sring->req_prod == 0 && sring->rsp_prod == 0);
	assert(sring->req_event == 1 && sring->rsp_event == 1);
	ring.produced = ring.consumed = at;
	sring->req_prod = sring->rsp_prod = at;
	sring->req_event = sring->rsp_event = at + 1;
	BACK_RING_ATTACH(&back, sring, at, pages * 4096);
	assert(ring.nslots == RING_SIZE(&back));
}

static void boot(void)
{
	host_boot();
	start_ring(1 + host_below(PAGES), -host_below(300));
	assert(evtchn_listen(&port, "ring", 0) == 0);
	backend.port = host_connect(0, port.port);
}

static void shut_down(void)
{
	ring_fail(&ring, -ENETDOWN);
	ring_close(&ring);
	evtchn_close(&port);
}

static unsigned running, sent, answers;
static struct waitq ended;

static void start_thread(void (*main)(void *), uintptr_t arg)
{
	running++;
	assert(thread_start("producer", THREAD_KERNEL, STACK_KERNEL, main, (void *)arg, NULL));
}

static void end_thread(void)
{
	running--;
	wake(&ended);
}

static void send_packet(uint32_t producer, uint32_t id, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct request q = { id, producer, i, n, id + producer + i + n };

		if (host_chance(8))
			thread_yield();
		ring_put(&ring, i, &q);
	}
	sent += n;
	if (ring_end(&ring, n))
		evtchn_notify(&port);
}

static uint32_t some_slots(void)
{
	return 1 + host_below(host_chance(4) ? ring.nslots : 8);
}

static void producer(void *arg)
{
	uint32_t me = (uintptr_t)arg, n;

	for (uint32_t id = 0; id < 12; id++) {
		n = some_slots();
		if (host_chance(2) || ring_try_begin(&ring, n))
			assert(ring_begin(&ring, n) == 0);
		if (host_chance(16)) {
			ring_end(&ring, 0);	/* no event is needed after all */
			id--;
			continue;
		}
		send_packet(me, id, n);
		if (host_chance(3))
			thread_yield();
	}
	end_thread();
}

static void consume(void)
{
	struct response rsp;
	int got;

	while (running || answers < sent) {
		uint32_t n = 1 + (host_chance(3) ? ring_short(&ring) / 2 : 0);

		while ((got = ring_take(&ring, &rsp)) > 0)
			answers++;
		assert(got == 0);
		assert(answers == sent - (ring.produced - ring.consumed));
		if (ring.produced - ring.consumed >= n && !ring_rearm(&ring, n))
			evtchn_wait(&port);
		else
			thread_yield();
	}
}

static void packets_are_whole_and_in_order(void)
{
	boot();
	host_actor("backend", act, NULL);
	for (unsigned i = 0; i < 5; i++)
		start_thread(producer, i);
	consume();
	assert(backend.taken == sent && backend.answered == sent);
	shut_down();
}

/* ---- order of arrival */

static unsigned order[8], norder;
static uint32_t wants[8];

static void go_once(void *arg)
{
	uintptr_t me = (uintptr_t)arg;

	assert(ring_begin(&ring, wants[me]) == 0);
	order[norder++] = me;
	ring_end(&ring, wants[me]);
	end_thread();
}

/* The backend sends n responses in one step, in the order of the requests. */
static void answer_next(uint32_t n)
{
	sring->rsp_prod += n;
}

static void take_answers(uint32_t n)
{
	struct response rsp;

	while (n--)
		assert(ring_take(&ring, &rsp) == 1);
}

static void expect_use(uint32_t used, uint32_t most, uint32_t waiting)
{
	struct ring_use use;

	ring_use(&ring, &use);
	assert(use.slots == ring.nslots && use.used == used);
	assert(use.most == most && use.waiting == waiting);
}

static void how_full_it_is(void)
{
	boot();
	for (uint32_t n = 1; n <= 3; n++) {
		assert(ring_begin(&ring, n) == 0);
		ring_end(&ring, n);
	}
	expect_use(6, 6, 0);
	answer_next(4);
	take_answers(4);
	expect_use(2, 6, 0);
	assert(ring_begin(&ring, 5) == 0);
	ring_end(&ring, 5);
	expect_use(7, 7, 0);
	shut_down();
}

static void nobody_overtakes(void)
{
	boot();
	host.fifo = true;
	expect_use(0, 0, 0);
	assert(ring_begin(&ring, ring.nslots) == 0);
	expect_use(0, 0, 0);
	ring_end(&ring, ring.nslots);
	wants[0] = ring.nslots;		/* the one with the most slots comes first */
	for (unsigned i = 1; i < 8; i++)
		wants[i] = 1 + host_below(4);
	for (unsigned i = 0; i < 8; i++) {
		start_thread(go_once, i);
		thread_yield();
	}
	assert(ring_short(&ring) == ring.nslots);
	expect_use(ring.nslots, ring.nslots, 8);
	assert(ring_try_begin(&ring, 1) == -EAGAIN);
	while (running) {
		if (ring.consumed != ring.produced) {
			answer_next(1);
			take_answers(1);
		}
		assert(ring_try_begin(&ring, 1) == -EAGAIN || !ring.turns.first);
		if (!ring.turns.first && ring.reserved)
			ring_end(&ring, 0);
		thread_yield();
	}
	for (unsigned i = 0; i < 8; i++)
		assert(order[i] == i);
	expect_use(ring.produced - ring.consumed, ring.nslots, 0);
	shut_down();
}

/* The first in the line has been woken, and has not run yet. */
static void nobody_slips_in(void)
{
	boot();
	host.fifo = true;
	assert(ring_begin(&ring, ring.nslots) == 0);
	ring_end(&ring, ring.nslots);
	wants[0] = 1 + host_below(4);
	start_thread(go_once, 0);
	thread_yield();
	answer_next(5);
	take_answers(5);
	assert(norder == 0 && ring_begin(&ring, 1) == 0);
	assert(norder == 1);
	ring_end(&ring, 1);
	while (running)
		thread_yield();
	shut_down();
}

/* ---- exact wake-ups */

static struct thread *waiting[4];

static void wait_for_turn(void *arg)
{
	uintptr_t me = (uintptr_t)arg;

	waiting[me] = current;
	assert(ring_begin(&ring, wants[me]) == 0);
	thread_yield();
	for (unsigned i = me + 1; i < 4; i++)	/* space for all, but it is this one's turn */
		assert(!waiting[i]->runnable);
	ring_end(&ring, wants[me]);
	end_thread();
}

static void only_who_can_go_is_woken(void)
{
	uint32_t n;

	boot();
	host.fifo = true;
	assert(ring_begin(&ring, ring.nslots) == 0);
	for (unsigned i = 0; i < 4; i++) {
		wants[i] = i ? 1 + host_below(3) : 2 + host_below(ring.nslots - 2);
		start_thread(wait_for_turn, i);
		thread_yield();
	}
	ring_end(&ring, ring.nslots);	/* full: all producers wait */
	for (unsigned i = 0; i < 4; i++)
		assert(!waiting[i]->runnable);
	for (n = wants[0]; n > 0; n--) {
		assert(ring_short(&ring) == n);
		assert(!waiting[0]->runnable);
		answer_next(1);
		take_answers(1);
	}
	assert(ring_short(&ring) == 0);
	assert(waiting[0]->runnable);
	for (unsigned i = 1; i < 4; i++)
		assert(!waiting[i]->runnable);
	while (running) {
		n = ring.produced - ring.consumed;
		answer_next(n);
		take_answers(n);
		thread_yield();
	}
	shut_down();
}

/* ---- visibility */

static uint32_t published_before;

static void watch_index(const void *address, size_t size, bool write)
{
	(void)size;
	if (address == &sring->req_prod && write)
		assert(sring->ring[published_before & (ring.nslots - 1)].req.sum == 4711);
	else
		assert(sring->req_prod == published_before);
}

static void all_at_once_and_not_before(void)
{
	uint32_t n, at;

	boot();
	at = ring.produced;
	published_before = at;
	n = 1 + host_below(ring.nslots);
	assert(ring_begin(&ring, n) == 0);
	host_on_access = watch_index;
	for (uint32_t i = n; i-- > 0;) {
		struct request q = { .id = i, .sum = 4711 };

		ring_put(&ring, i, &q);
	}
	host_on_access = NULL;
	assert(sring->req_prod == at);
	assert(ring_end(&ring, n));	/* req_event is at + 1 */
	assert(sring->req_prod == at + n);
	for (uint32_t i = 0; i < n; i++)
		assert(sring->ring[(at + i) & (ring.nslots - 1)].req.id == i);
	shut_down();
}

static void an_event_where_the_backend_wants_it(void)
{
	uint32_t n, at;

	boot();
	at = ring.produced;
	n = 1 + host_below(ring.nslots);
	for (int32_t event = -2; event <= (int32_t)n + 2; event++) {
		start_ring(1, at);
		if (n > ring.nslots)
			n = ring.nslots;
		sring->req_event = at + event;
		assert(ring_begin(&ring, n) == 0);
		assert(ring_end(&ring, n) == (event >= 1 && event <= (int32_t)n));
	}
	shut_down();
}

static void rearm_asks_and_looks_again(void)
{
	struct response rsp;
	uint32_t n;

	boot();
	assert(ring_begin(&ring, 8) == 0);
	ring_end(&ring, 8);
	n = 1 + host_below(8);
	assert(!ring_rearm(&ring, n));
	assert(sring->rsp_event == ring.consumed + n);
	answer_next(n - 1);
	assert(!ring_rearm(&ring, n));
	answer_next(1);
	assert(ring_rearm(&ring, n));
	while (n--)
		assert(ring_take(&ring, &rsp) == 1);
	assert(ring_take(&ring, &rsp) == 0);
	shut_down();
}

/* ---- the impossible */

static void too_wide_is_refused_at_once(void)
{
	boot();
	assert(ring_begin(&ring, ring.nslots + 1) == -EMSGSIZE);
	assert(ring_try_begin(&ring, UINT32_MAX) == -EMSGSIZE);
	assert(ring_begin(&ring, ring.nslots) == 0);
	assert(ring_try_begin(&ring, 1) == -EAGAIN);
	ring_end(&ring, 0);
	shut_down();
}

static unsigned failed;

static void wait_to_fail(void *arg)
{
	(void)arg;
	assert(ring_begin(&ring, 1 + host_below(ring.nslots)) == -EPROTO);
	failed++;
	end_thread();
}

static void an_index_that_lies_ends_the_ring(void)
{
	uint32_t produced, owed, lie;
	struct response rsp;

	boot();
	owed = host_below(ring.nslots + 1);
	if (owed) {
		assert(ring_begin(&ring, owed) == 0);
		ring_end(&ring, owed);
	}
	assert(owed == ring.nslots || ring_begin(&ring, ring.nslots - owed) == 0);
	for (unsigned i = 0; i < 4; i++)
		start_thread(wait_to_fail, i);
	thread_yield();
	produced = sring->req_prod;
	lie = host_chance(2) ? owed + 1 : owed + 1 + host_below(UINT32_MAX - owed);
	sring->rsp_prod = ring.consumed + lie;
	assert(ring_rearm(&ring, 1));
	assert(ring_take(&ring, &rsp) == -EPROTO);
	assert(ring_take(&ring, &rsp) == -EPROTO && !ring_rearm(&ring, 1));
	assert(ring_try_begin(&ring, 1) == -EPROTO && ring_begin(&ring, 1) == -EPROTO);
	assert(ring_fail(&ring, -EIO) == -EPROTO);	/* the first one stays */
	if (ring.reserved) {
		ring_put(&ring, 0, &(struct request){ 0 });
		assert(!ring_end(&ring, 1));
	}
	assert(sring->req_prod == produced);
	ring_close(&ring);
	while (running)
		thread_yield();
	assert(failed == 4);
	evtchn_close(&port);
}

/* A response is read once: the checked value is the used value. */
static void *slot_seen;

static void count_reads(const void *address, size_t size, bool write)
{
	uint8_t *at = (uint8_t *)(uintptr_t)address;

	(void)size;
	if (at < (uint8_t *)sring->ring || at >= memory + sizeof(memory))
		return;
	assert(!write && at >= (uint8_t *)slot_seen);
	memset(slot_seen, 0xee, at - (uint8_t *)slot_seen);	/* the peer changes it */
	slot_seen = at;
}

static void a_response_is_read_once(void)
{
	struct response rsp[2] = { [1] = { 79, 80 } };

	boot();
	assert(ring_begin(&ring, 1) == 0);
	ring_end(&ring, 1);
	slot_seen = &sring->ring[ring.consumed & (ring.nslots - 1)];
	*(struct response *)slot_seen = (struct response){ .id = 77, .part = 78 };
	answer_next(1);
	host_on_access = count_reads;
	assert(ring_take(&ring, rsp) == 1);
	host_on_access = NULL;
	assert(rsp[0].id == 77 && rsp[0].part == 78);
	assert(rsp[1].id == 79 && rsp[1].part == 80);	/* and no more is copied */
	shut_down();
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "packets are complete, in order, and not lost",
		  packets_are_whole_and_in_order, 300 },
		{ "the ring reports its use, now and the maximum", how_full_it_is, 20 },
		{ "producers do not overtake each other: one that needs many slots is not starved",
		  nobody_overtakes, 50 },
		{ "no producer gets ahead of the one that was woken", nobody_slips_in, 20 },
		{ "only a producer that can proceed is woken", only_who_can_go_is_woken, 100 },
		{ "n slots are published at once, and not before", all_at_once_and_not_before,
		  100 },
		{ "the backend gets an event when it requested one",
		  an_event_where_the_backend_wants_it, 50 },
		{ "rearm requests an event for the nth response, then checks again",
		  rearm_asks_and_looks_again, 50 },
		{ "a request for more slots than the ring has is refused",
		  too_wide_is_refused_at_once, 5 },
		{ "an invalid index ends the ring for all threads",
		  an_index_that_lies_ends_the_ring, 300 },
		{ "each byte of a response is read once", a_response_is_read_once, 20 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}

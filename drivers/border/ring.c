/* SPDX-License-Identifier: ISC */
#include "drivers/border/ring.h"
#include "kernel/log.h"
#include "kernel/trace.h"

#include <assert.h>
#include <errno.h>

/* struct name##_sring of xen/io/ring.h, for slots of any size. */
struct ring_page {
	uint32_t req_prod, req_event;
	uint32_t rsp_prod, rsp_event;
	uint8_t reserved[48];
	uint8_t slots[];
};

static void __shared *slot(struct ring *r, uint32_t index)
{
	return &r->page->slots[(index & (r->nslots - 1)) * r->slot_size];
}

/* Requests without a response: the slots in use. */
static uint32_t outstanding(const struct ring *r)
{
	return r->produced - r->consumed;
}

static uint32_t room(const struct ring *r)
{
	return r->nslots - outstanding(r);
}

/* Wakes the first waiting producer if there is room for it. */
static void next_turn(struct ring *r)
{
	if (!r->reserved)
		turn_wake(&r->turns, room(r));
}

void ring_init(struct ring *r, void *memory, size_t size, size_t request_size,
	       size_t response_size)
{
	size_t slot_size = request_size > response_size ? request_size : response_size;
	size_t fit = (size - sizeof(struct ring_page)) / slot_size;

	assert(fit >= 1);
	*r = (struct ring){
		.page = memory, .nslots = 1, .slot_size = slot_size,
		.request_size = request_size, .response_size = response_size,
	};
	while (r->nslots * 2 <= fit)
		r->nslots *= 2;
	shared_store(&r->page->req_prod, 0);
	shared_store(&r->page->req_event, 1);
	shared_store(&r->page->rsp_prod, 0);
	shared_store(&r->page->rsp_event, 1);
}

static void reserve(struct ring *r, uint32_t n)
{
	r->reserved = n;
	trace(TRACE_RING_BEGIN, (uintptr_t)r, n);
}

int ring_begin(struct ring *r, uint32_t n)
{
	struct turn me;
	int rc = ring_try_begin(r, n);

	if (rc != -EAGAIN)
		return rc;
	turn_join(&r->turns, &me, n);
	wait_until(&me.queue, r->error || (turn_first(&r->turns, &me) && !r->reserved &&
					   n <= room(r)));
	turn_leave(&r->turns, &me);
	if (r->error) {
		wake(&r->left);
		return r->error;
	}
	reserve(r, n);
	return 0;
}

int ring_try_begin(struct ring *r, uint32_t n)
{
	assert(n);
	if (r->error)
		return r->error;
	if (n > r->nslots)
		return -EMSGSIZE;
	if (r->reserved || r->turns.first || n > room(r))
		return -EAGAIN;
	reserve(r, n);
	return 0;
}

void ring_put(struct ring *r, uint32_t i, const void *request)
{
	if (r->error)
		return;
	assert(i < r->reserved);
	shared_put(slot(r, r->produced + i), request, r->request_size);
}

bool ring_end(struct ring *r, uint32_t n)
{
	assert(r->reserved && n <= r->reserved);
	r->reserved = 0;
	if (r->error) {
		wake(&r->left);
		return false;
	}
	r->produced += n;
	trace(TRACE_RING_PUBLISH, (uintptr_t)r, n);
	if (outstanding(r) > r->most)
		r->most = outstanding(r);
	next_turn(r);

	shared_store(&r->page->req_prod, r->produced);
	shared_fence();
	/* Whether the event is among the n just published: RING_PUSH_REQUESTS_AND_... */
	return r->produced - shared_load(&r->page->req_event) < n;
}

int ring_take(struct ring *r, void *response)
{
	uint32_t ready;

	if (r->error)
		return r->error;
	ready = shared_load(&r->page->rsp_prod) - r->consumed;
	if (ready == 0)
		return 0;
	if (ready > outstanding(r))	/* more responses than requests */
		return ring_fail(r, -EPROTO);

	shared_get(response, slot(r, r->consumed), r->response_size);
	trace(TRACE_RING_TAKE, (uintptr_t)r, r->consumed);
	r->consumed++;
	next_turn(r);
	return 1;
}

bool ring_rearm(struct ring *r, uint32_t n)
{
	if (r->error)
		return false;
	shared_store(&r->page->rsp_event, r->consumed + n);
	shared_fence();
	/* An invalid index counts as "more", too: ring_take() will return the error. */
	return shared_load(&r->page->rsp_prod) - r->consumed >= n;
}

uint32_t ring_short(const struct ring *r)
{
	if (!r->turns.first || r->turns.first->n <= room(r))
		return 0;
	return r->turns.first->n - room(r);
}

int ring_fail(struct ring *r, int error)
{
	if (!r->error)
		r->error = error;
	turn_wake_all(&r->turns);
	return r->error;
}

void ring_close(struct ring *r)
{
	assert(r->error);
	wait_until(&r->left, !r->reserved && !r->turns.first);
}

void ring_use(const struct ring *r, struct ring_use *use)
{
	*use = (struct ring_use){ .slots = r->nslots, .used = outstanding(r), .most = r->most };
	for (const struct turn *t = r->turns.first; t; t = t->next)
		use->waiting++;
}

void ring_report(const struct ring *r)
{
	print("%u produced, %u consumed, %u in flight, %u of %u slots free%s%s", r->produced,
	      r->consumed, outstanding(r), room(r), r->nslots, r->reserved ? ", in a turn" : "",
	      r->turns.first ? ", waited for" : "");
	if (r->error)
		print(", failed (%d)\n", r->error);
	else
		print(", %u responses not taken\n",
		      shared_load(&r->page->rsp_prod) - r->consumed);
}

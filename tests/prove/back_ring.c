/* SPDX-License-Identifier: ISC */
/*
 * backend/back_ring.c, one call from each state that the invariant allows, the frontend's indexes
 * and requests being anything: no access outside of the ring, no request twice, no response to
 * what was not taken.
 */
#include "tests/prove/peer.h"
#include "backend/back_ring.c"

#define SIZE 4096

static uint8_t memory[SIZE] __attribute__((aligned(8)));
static struct back_ring r, before;
static unsigned gets, puts;
static uint32_t loaded, stored;
static const void *stored_at, *loaded_at;
static bool ordered;

static struct back_ring_page *page(void)
{
	return (struct back_ring_page *)memory;
}

static bool invariant(void)
{
	return r.page == page() && r.nslots && !(r.nslots & (r.nslots - 1)) &&
	       r.slot_size && r.slot_size <= SIZE && r.nslots <= SIZE &&
	       r.nslots * r.slot_size <= SIZE - sizeof(struct back_ring_page) &&
	       r.request_size <= r.slot_size && r.response_size <= r.slot_size &&
	       r.consumed - r.produced <= r.nslots && r.error <= 0;
}

static void any_ring(void)
{
	any_bytes(&r, sizeof(r));
	r.page = page();
	ASSUME(r.slot_size <= 128 && r.nslots <= 64 && invariant());
	before = r;
	REACHED("any ring");
}

static void on_load(const void *p, uint32_t value)
{
	CLAIM("only indexes of the frontend are read", p == &page()->req_prod ||
	      p == &page()->rsp_event || p == &page()->rsp_prod);
	ordered = fenced && stores;
	loaded_at = p;
	loaded = value;
}

static void on_store(const void *p, uint32_t value)
{
	CLAIM("only own indexes are written", p == &page()->rsp_prod || p == &page()->req_event);
	CLAIM("a response is written before it is published", p != &page()->rsp_prod || puts == 1);
	stored_at = p;
	stored = value;
}

static void on_get(const void *to, const void *from, size_t len)
{
	(void)to;
	gets++;
	CLAIM("the next request is read, whole",
	      from == page()->slots + (before.consumed % before.nslots) * before.slot_size &&
	      len == before.request_size);
}

static void on_put(const void *to, const void *from, size_t len)
{
	(void)from;
	puts++;
	CLAIM("the next response is written, and nothing else",
	      to == page()->slots + (before.produced % before.nslots) * before.slot_size &&
	      len == before.response_size);
	CLAIM("it is not published yet", !stores);
}

/* prove: unwind 1 */
void prove_take(void)
{
	uint8_t request[128];
	int rc;

	any_ring();
	rc = back_ring_take(&r, request);
	CLAIM("the invariant holds", invariant());
	CLAIM("nothing is written", !stores && !puts);
	CLAIM("a request is taken, or none", gets == (rc == 1) && r.consumed - before.consumed == gets &&
	      r.produced == before.produced);
	CLAIM("the index is read once, unless the ring has failed", loads == !before.error);
	if (before.error)
		CLAIM("a failed ring stays so", rc == before.error && r.error == before.error);
	else if (loaded == before.consumed)
		CLAIM("there is none", rc == 0 && !r.error);
	else if (loaded - before.produced > r.nslots || loaded - before.consumed > r.nslots)
		CLAIM("an invalid index ends the ring", rc == -EPROTO && r.error == -EPROTO);
	else
		CLAIM("all that is there is taken", rc == 1 && !r.error);
	if (rc == 1)
		REACHED("taken");
	if (rc == -EPROTO && !before.error)
		REACHED("an invalid index");
}

/* prove: unwind 1 */
void prove_any(void)
{
	bool any;

	any_ring();
	any = back_ring_any(&r);
	CLAIM("there is one if the index says so", any == (!r.error && loaded != r.consumed));
	CLAIM("the right index", before.error || loaded_at == &page()->req_prod);
	CLAIM("nothing is changed", !stores && r.consumed == before.consumed);
	REACHED("asked");
}

/* prove: unwind 1 */
void prove_rearm(void)
{
	bool more;

	any_ring();
	more = back_ring_rearm(&r);
	if (before.error) {
		CLAIM("a failed ring is not touched", !stores && !loads && !more);
		return;
	}
	CLAIM("the next request's event is requested", stores == 1 &&
	      stored_at == &page()->req_event && stored == r.consumed + 1);
	CLAIM("then requests are looked for", ordered && loads == 1 && loaded_at == &page()->req_prod);
	CLAIM("there is one, or there will be an event", more == (loaded != r.consumed));
	REACHED("armed");
}

/* prove: unwind 1 */
void prove_put(void)
{
	uint8_t response[128];
	bool notify;

	any_ring();
	ASSUME(r.produced != r.consumed);
	notify = back_ring_put(&r, response);
	CLAIM("the invariant holds", invariant());
	if (before.error) {
		CLAIM("a failed ring is not touched", !stores && !loads && !puts && !notify);
		REACHED("a failed ring");
		return;
	}
	CLAIM("one is published", puts == 1 && stores == 1 && stored_at == &page()->rsp_prod &&
	      stored == before.produced + 1 && r.produced == stored);
	CLAIM("the event is read after that", ordered && loads == 1 && loaded_at == &page()->rsp_event);
	/* RING_PUSH_RESPONSES_AND_CHECK_NOTIFY() of xen/io/ring.h */
	CLAIM("the frontend is notified if it asked for it",
	      notify == (r.produced - loaded < r.produced - before.produced));
	REACHED("published");
}

/* prove: unwind 11 */
void prove_attach(void)
{
	size_t request = nondet_size(), response = nondet_size();
	size_t largest = request > response ? request : response;

	ASSUME(request && response && largest <= 1024 && request >= 4);
	back_ring_attach(&r, memory, SIZE, request, response);
	CLAIM("the invariant holds", invariant());
	CLAIM("all slots that fit are used",
	      (2 * r.nslots) * r.slot_size > SIZE - sizeof(struct back_ring_page));
	CLAIM("it goes on behind the last response", r.consumed == loaded && r.produced == loaded &&
	      loaded_at == &page()->rsp_prod && loads == 1);
	CLAIM("the sizes are kept", r.request_size == request && r.response_size == response &&
	      r.slot_size == largest);
	CLAIM("nothing is written", !stores && !puts);
	REACHED("attached");
}

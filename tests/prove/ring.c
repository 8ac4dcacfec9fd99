/* SPDX-License-Identifier: ISC */
/*
 * drivers/border/ring.c, one call from each state that the invariant allows, the backend's indexes
 * and responses being anything: no access outside of the ring, n slots contiguous and in order,
 * published at once, no producer overtakes another one, a producer with room is woken.
 */
#include "tests/prove/peer.h"
#include "drivers/border/ring.c"
#include "tests/prove/waits.h"

#define SIZE 4096
#define SLOTS 64u			/* of the tests' requests; see prove_init() for others */

void (*trace_put)(enum trace_event e, uint32_t a, uint32_t b);

void print(const char *fmt, ...)
{
	(void)fmt;
}

static uint8_t memory[SIZE] __attribute__((aligned(8)));
static struct ring r;
static struct turn other[2];		/* producers that wait */
static struct ring before;
static unsigned gets, puts, wakes_first;
static uint32_t loaded, stored_value;
static const void *stored_at;
static bool begins;			/* in ring_init(), which sets all indexes */
static bool ordered;			/* a fence was between the last store and the load */

static struct ring_page *page(void)
{
	return (struct ring_page *)memory;
}

static bool invariant(void)
{
	return r.page == page() && r.nslots && !(r.nslots & (r.nslots - 1)) &&
	       r.slot_size && r.slot_size <= SIZE && r.nslots <= SIZE &&
	       r.nslots * r.slot_size <= SIZE - sizeof(struct ring_page) &&
	       r.request_size <= r.slot_size && r.response_size <= r.slot_size &&
	       outstanding(&r) <= r.nslots && r.reserved <= room(&r) && r.error <= 0;
}

static bool queue_valid(void)
{
	const struct turn *first = r.turns.first, *last = first;

	for (int i = 0; last && last->next && i < 3; i++)
		last = last->next;
	return r.turns.last == last;
}

/* Any ring, of slots of up to 128 bytes, with up to two producers that wait. */
static void any_ring(void)
{
	unsigned n = nondet_uint32();

	any_bytes(&r, sizeof(r));
	r.page = page();
	any_bytes(other, sizeof(other));
	other[0].next = n > 1 ? &other[1] : NULL;
	other[1].next = NULL;
	ASSUME(n <= 2 && other[0].n && other[1].n);
	r.turns.first = n ? &other[0] : NULL;
	r.turns.last = n ? &other[n - 1] : NULL;
	ASSUME(r.slot_size <= 128 && r.nslots <= SLOTS && invariant());
	/* Who waits needs a slot more than there are, or another one has its turn. */
	ASSUME(n == 0 || r.error || r.reserved || other[0].n > room(&r));
	before = r;
	REACHED("any ring");
}

static void on_load(const void *p, uint32_t value)
{
	CLAIM("only the backend's indexes are read", p == &page()->rsp_prod || p == &page()->req_event);
	ordered = fenced && stores;
	loaded = value;
}

static void on_store(const void *p, uint32_t value)
{
	CLAIM("only own indexes are written", begins || p == &page()->req_prod || p == &page()->rsp_event);
	stored_at = p;
	stored_value = value;
}

static void on_get(const void *to, const void *from, size_t len)
{
	(void)to;
	gets++;
	CLAIM("the next response is read, whole",
	      from == page()->slots + (before.consumed % before.nslots) * before.slot_size &&
	      len == before.response_size);
	CLAIM("it is of a request in flight", before.produced != before.consumed);
	CLAIM("the backend has published it",
	      loaded - before.consumed - 1 < before.produced - before.consumed);
}

static uint32_t put_i;			/* the slot of the turn that is filled */

static void on_put(const void *to, const void *from, size_t len)
{
	(void)from;
	puts++;
	CLAIM("a request fills its slot, and no other",
	      to == page()->slots + ((r.produced + put_i) % r.nslots) * r.slot_size &&
	      len == r.request_size);
	CLAIM("the slot has no request in flight", r.produced + put_i - r.consumed < r.nslots);
}

static void on_wake(const struct waitq *queue)
{
	CLAIM("a queue is in memory", READABLE(queue, sizeof(*queue)));
	wakes_first += r.turns.first && queue == &r.turns.first->queue;
}

/* ---- producers */

static struct turn *own;		/* of the thread that waits */
static bool ahead;			/* another one is before it */

/* Others produce, leave, join; the backend answers; the ring may fail. */
static void others_run(void)
{
	bool behind = nondet_bool();

	own = r.turns.last;
	CLAIM("a producer joins at the end", own && own->next == NULL && own != &other[0] &&
	      own != &other[1]);
	ahead = nondet_bool();
	any_bytes(&r.produced, sizeof(r.produced));
	any_bytes(&r.consumed, sizeof(r.consumed));
	any_bytes(&r.reserved, sizeof(r.reserved));
	any_bytes(&r.error, sizeof(r.error));
	r.turns.first = ahead ? &other[0] : own;
	other[0].next = own;
	own->next = behind ? &other[1] : NULL;
	other[1].next = NULL;
	r.turns.last = behind ? &other[1] : own;
	ASSUME(invariant());
	ASSUME(!before.error || r.error == before.error);
	REACHED("asleep");
}

/* prove: unwind 5 */
void prove_begin(void)
{
	uint32_t n = nondet_uint32();
	struct turn *first;
	int rc;

	any_ring();
	ASSUME(n);
	first = r.turns.first;
	rc = ring_begin(&r, n);
	CLAIM("the invariant holds", invariant() && queue_valid());
	CLAIM("nothing is published", stores == 0 && puts == 0);
	if (rc == 0) {
		CLAIM("the turn has n slots, which are free", r.reserved == n && n <= room(&r));
		CLAIM("it is given to the first", own ? !ahead : !first);
		CLAIM("nobody has a failed ring", !r.error);
		REACHED("a turn begins");
		if (own)
			REACHED("a turn begins after a sleep");
		if (own && r.turns.first)
			REACHED("a turn begins while others wait");
	} else {
		CLAIM("the error is the ring's, or n is too large",
		      r.error ? rc == r.error : rc == -EMSGSIZE && n > r.nslots);
		CLAIM("who failed is not in the queue", r.turns.first != own || !own);
		REACHED("a turn fails");
	}
}

/* prove: unwind 5 */
void prove_try_begin(void)
{
	uint32_t n = nondet_uint32();
	int rc;

	any_ring();
	ASSUME(n);
	rc = ring_try_begin(&r, n);
	CLAIM("the invariant holds", invariant() && queue_valid());
	CLAIM("a turn begins if it can at once, and nobody waits",
	      (rc == 0) == (!before.error && !before.reserved && !before.turns.first &&
			    n <= before.nslots - (before.produced - before.consumed)));
	CLAIM("the turn has n slots", rc ? r.reserved == before.reserved : r.reserved == n);
	CLAIM("the reason is told", rc == 0 || (before.error ? rc == before.error :
						n > before.nslots ? rc == -EMSGSIZE : rc == -EAGAIN));
	CLAIM("nothing is published", stores == 0 && puts == 0);
	if (rc == 0)
		REACHED("a turn begins");
	else
		REACHED("no turn begins");
}

/* prove: unwind 5 */
void prove_put(void)
{
	uint8_t request[128];

	any_ring();
	put_i = nondet_uint32();
	ASSUME(r.error || put_i < r.reserved);
	ring_put(&r, put_i, request);
	CLAIM("it is written, unless the ring has failed", puts == !before.error);
	CLAIM("nothing is published", stores == 0 && r.produced == before.produced);
	REACHED("put");
}

/* prove: unwind 5 */
void prove_end(void)
{
	uint32_t n = nondet_uint32();
	bool notify;

	any_ring();
	ASSUME(r.reserved && n <= r.reserved);
	notify = ring_end(&r, n);
	CLAIM("the invariant holds", invariant() && queue_valid());
	CLAIM("the turn has ended", r.reserved == 0);
	if (before.error) {
		CLAIM("a failed ring is not touched", stores == 0 && loads == 0 && !notify);
		REACHED("a failed ring");
		return;
	}
	CLAIM("all n are published at once", stores == 1 && stored_at == &page()->req_prod &&
	      stored_value == before.produced + n && r.produced == stored_value);
	CLAIM("the event is read after that", ordered);
	/* RING_PUSH_REQUESTS_AND_CHECK_NOTIFY() of xen/io/ring.h */
	CLAIM("the backend is notified if it asked for one of them",
	      notify == (r.produced - loaded < r.produced - before.produced));
	CLAIM("the first that waits is woken if there is room for it",
	      !r.turns.first || r.turns.first->n > room(&r) || wakes_first == 1);
	CLAIM("the most slots in use are counted", r.most >= outstanding(&r) && r.most >= before.most);
	REACHED("published");
	if (wakes_first)
		REACHED("one is woken");
}

/*
 * A whole turn, with the attempt of another producer in the middle.
 *
 * prove: unwind 5 seconds 7
 */
void prove_turn(void)
{
	uint32_t n = nondet_uint32(), m = nondet_uint32();
	uint8_t request[128];
	unsigned other_producer;

	any_ring();
	ASSUME(n && n <= 3 && m <= n);
	if (ring_try_begin(&r, n))
		return;
	for (put_i = 0; put_i < m; put_i++) {
		other_producer = ring_try_begin(&r, 1);
		CLAIM("no other producer gets into it", (int)other_producer == -EAGAIN);
		ring_put(&r, put_i, request);
		CLAIM("the backend does not see a part", stores == 0);
	}
	ring_end(&r, m);
	CLAIM("the backend sees all", stores == 1 && puts == m &&
	      r.produced == before.produced + m);
	CLAIM("the next can begin", r.reserved == 0);
	REACHED("a whole turn");
}

/* ---- the consumer */

/* prove: unwind 5 */
void prove_take(void)
{
	uint8_t response[128];
	int rc;

	any_ring();
	rc = ring_take(&r, response);
	CLAIM("the invariant holds", invariant() && queue_valid());
	CLAIM("nothing is published", stores == 0);
	CLAIM("a response is taken, or none", gets == (rc == 1) && r.consumed - before.consumed == gets);
	CLAIM("the index is read once", loads == !before.error);
	if (before.error)
		CLAIM("a failed ring stays so", rc == before.error && r.error == before.error);
	else if (loaded - before.consumed > before.produced - before.consumed)
		CLAIM("an invalid index ends the ring", rc == -EPROTO && r.error == -EPROTO);
	else
		CLAIM("all that is there is taken", rc == (loaded != before.consumed) && !r.error);
	CLAIM("the first that waits is woken if there is room for it",
	      rc != 1 || r.reserved || !r.turns.first || r.turns.first->n > room(&r) || wakes_first);
	CLAIM("all that wait are woken by an error",
	      rc >= 0 || before.error || !r.turns.first || wakes_first);
	if (rc == 1)
		REACHED("taken");
	if (rc == -EPROTO && !before.error)
		REACHED("an invalid index");
	if (wakes_first)
		REACHED("one is woken");
}

/* prove: unwind 5 */
void prove_rearm(void)
{
	uint32_t n = nondet_uint32();
	bool more;

	any_ring();
	ASSUME(n);
	more = ring_rearm(&r, n);
	if (before.error) {
		CLAIM("a failed ring is not touched", stores == 0 && loads == 0 && !more);
		return;
	}
	CLAIM("the event is requested", stores == 1 && stored_at == &page()->rsp_event &&
	      stored_value == r.consumed + n);
	CLAIM("then responses are looked for", ordered && loads == 1);
	CLAIM("there are n, or there will be an event", more == (loaded - r.consumed >= n));
	REACHED("armed");
}

/* prove: unwind 5 */
void prove_short(void)
{
	uint32_t n;

	any_ring();
	n = ring_short(&r);
	CLAIM("with so many responses the first can proceed",
	      !r.turns.first || (r.turns.first->n > room(&r) ? room(&r) + n == r.turns.first->n : n == 0));
	CLAIM("0 if nobody waits", r.turns.first || n == 0);
	REACHED("short");
}

/* ---- beginning and end */

/*
 * Any sizes of ring, request and response.
 *
 * prove: unwind 11
 */
void prove_init(void)
{
	size_t size = SIZE, request = nondet_size(), response = nondet_size();
	size_t largest = request > response ? request : response;

	ASSUME(request && response && largest <= 1024 && request >= 4);
	begins = true;
	ring_init(&r, memory, size, request, response);
	CLAIM("the invariant holds", invariant() && queue_valid());
	CLAIM("all slots that fit are used",
	      (2 * r.nslots) * r.slot_size > size - sizeof(struct ring_page));
	CLAIM("it is empty", outstanding(&r) == 0 && !r.error && !r.reserved);
	CLAIM("the sizes are kept", r.request_size == request && r.response_size == response &&
	      r.slot_size == largest);
	CLAIM("all indexes are set", stores == 4);
	REACHED("a ring");
}

/* prove: unwind 5 */
void prove_fail(void)
{
	int error = nondet_int(), rc;

	any_ring();
	ASSUME(error < 0);
	rc = ring_fail(&r, error);
	CLAIM("the first error stays", r.error == (before.error ? before.error : error) &&
	      rc == r.error);
	CLAIM("all that wait are woken", !r.turns.first || wakes_first == 1);
	CLAIM("the ring is not touched", !stores && !puts && !gets && !loads);
	REACHED("failed");
}

/* prove: unwind 5 */
void prove_use(void)
{
	struct ring_use use;

	any_ring();
	ring_use(&r, &use);
	CLAIM("the numbers are right", use.slots == r.nslots && use.used <= use.slots &&
	      use.waiting == !!r.turns.first + (r.turns.first && r.turns.first->next));
	ring_report(&r);
	CLAIM("nothing is changed", r.produced == before.produced && r.consumed == before.consumed &&
	      !stores);
	REACHED("use");
}

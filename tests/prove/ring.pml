/* SPDX-License-Identifier: ISC */
/*
 * The notifications of a ring: the frontend of drivers/border/ring.h and the backend of
 * backend/back_ring.h, which run on two processors.  A processor may keep its stores in a buffer
 * until a fence, as x86 does.  All interleavings are tried.
 *
 * The frontend sends COUNT requests and takes their responses.  If a wake-up is lost, both sleep,
 * and that is a deadlock.  Indexes wrap: they are of 3 bits, and begin just below the wrap.
 *
 * Each line `N: FILE, FUNCTION: TEXT` is a step, and STEP(N, ...) is where it is done.  models.py checks
 * that the function has the text, in this order, and that without the step an error is found.
 */
#define LEFT_OUT(n) c_expr { left_out == n }
#define STEP(n, ...) if :: LEFT_OUT(n) -> skip :: else -> __VA_ARGS__ fi

/* The step that is left out, from the environment, so the model is compiled once. */
c_decl {
	\#include <stdlib.h>
	static int left_out;
	static __attribute__((constructor)) void read_left_out(void)
	{
		left_out = atoi(getenv("LEFT_OUT"));
	}
}

#define SLOTS 2
#define COUNT 5
#define MASK 7
#define START 6

/* Shared memory, and the bits of the two event channels. */
byte req_prod = START, rsp_prod = START;
byte req_event = (START + 1) & MASK, rsp_event = (START + 1) & MASK;
bool to_front, to_back;

/* Store buffers, of one entry per index, in order. */
chan front_stores = [2] of { bool, byte };	/* true: req_prod; false: rsp_event */
chan back_stores = [2] of { bool, byte };	/* true: rsp_prod; false: req_event */

/* Requests and responses themselves: how many slots are written, in the same order as indexes. */
byte produced = START, back_consumed = START, back_produced = START, consumed = START;
byte sent = 0, got = 0, asked_front = 0, told_front = 0;

inline flush_front() { atomic { do :: nempty(front_stores) -> drain_front() :: empty(front_stores) -> break od } }
inline flush_back() { atomic { do :: nempty(back_stores) -> drain_back() :: empty(back_stores) -> break od } }

inline drain_front()
{
	if
	:: front_stores?true,front_value -> req_prod = front_value
	:: front_stores?false,front_value -> rsp_event = front_value
	fi;
	front_value = 0
}

inline drain_back()
{
	if
	:: back_stores?true,back_value -> rsp_prod = back_value
	:: back_stores?false,back_value -> req_event = back_value
	fi;
	back_value = 0
}

byte front_value, back_value;

/* The processors empty their buffers at any time. */
active proctype front_buffer()
{
end:	do
	:: atomic { nempty(front_stores) -> drain_front() }
	od
}

active proctype back_buffer()
{
end:	do
	:: atomic { nempty(back_stores) -> drain_back() }
	od
}

/*
 * 1: drivers/border/ring.c, ring_end: shared_store(&r->page->req_prod, r->produced);
 * 2: drivers/border/ring.c, ring_end: shared_fence();
 * 3: drivers/border/ring.c, ring_end: return r->produced - shared_load(&r->page->req_event) < n;
 */
inline ring_end(n)
{
	produced = (produced + n) & MASK;
	sent = sent + n;
	STEP(1, front_stores!true,produced);
	STEP(2, flush_front());
	STEP(3, if
		:: ((produced - req_event) & MASK) < n -> to_back = true
		:: else -> skip
		fi)
}

/*
 * 4: drivers/border/ring.c, ring_take: ready = shared_load(&r->page->rsp_prod) - r->consumed;
 * 5: drivers/border/ring.c, ring_take: r->consumed++;
 */
inline ring_take()
{
	assert(((rsp_prod - consumed) & MASK) <= ((produced - consumed) & MASK));
	STEP(5, consumed = (consumed + 1) & MASK);
	got++;
	assert(got <= sent)		/* one for each request */
}

/*
 * 6: drivers/border/ring.c, ring_rearm: shared_store(&r->page->rsp_event, r->consumed + n);
 * 7: drivers/border/ring.c, ring_rearm: shared_fence();
 * 8: drivers/border/ring.c, ring_rearm: return shared_load(&r->page->rsp_prod) - r->consumed >= n;
 */
inline ring_rearm(n, more)
{
	STEP(6, front_stores!false,((consumed + n) & MASK));
	STEP(7, flush_front());
	more = false;
	STEP(8, more = (((rsp_prod - consumed) & MASK) >= n))
}

active proctype front()
{
	byte n;
	bool more;

	do
	:: sent < COUNT && ((produced - consumed) & MASK) < SLOTS ->
		if			/* a turn of one slot, or of two */
		:: n = 1
		:: sent + 2 <= COUNT && ((produced - consumed) & MASK) == 0 -> n = 2
		fi;
		ring_end(n)
	:: !LEFT_OUT(4) && rsp_prod != consumed ->
		ring_take()
	:: LEFT_OUT(4) && got < sent ->	/* it takes what may not be there */
		ring_take()
	:: else ->
		if
		:: got == COUNT -> break
		:: else -> skip
		fi;
		if			/* it waits for one response, or for all */
		:: n = 1
		:: n = (produced - consumed) & MASK
		fi;
		ring_rearm(n, more);
		if
		:: more -> skip
		:: else -> atomic { to_front -> to_front = false }	/* asleep */
		fi
	od;
	assert(got == COUNT && produced == consumed)
}

/*
 *  9: backend/back_ring.c, back_ring_take: requests = shared_load(&r->page->req_prod);
 * 10: backend/back_ring.c, back_ring_put: shared_store(&r->page->rsp_prod, r->produced);
 * 11: backend/back_ring.c, back_ring_put: shared_fence();
 * 12: backend/back_ring.c, back_ring_put: event = shared_load(&r->page->rsp_event);
 */
inline back_ring_put()
{
	assert(back_produced != back_consumed);
	back_produced = (back_produced + 1) & MASK;
	STEP(10, back_stores!true,back_produced);
	STEP(11, flush_back());
	STEP(12, if
		:: rsp_event == back_produced -> to_front = true
		:: else -> skip
		fi)
}

/*
 * 13: backend/back_ring.c, back_ring_rearm: shared_store(&r->page->req_event, r->consumed + 1);
 * 14: backend/back_ring.c, back_ring_rearm: shared_fence();
 * 15: backend/back_ring.c, back_ring_rearm: return back_ring_any(r);
 */
inline back_ring_rearm(more)
{
	STEP(13, back_stores!false,((back_consumed + 1) & MASK));
	STEP(14, flush_back());
	more = false;
	STEP(15, more = (req_prod != back_consumed))
}

active proctype back()
{
	bool more;

	do
	:: !LEFT_OUT(9) && req_prod != back_consumed ->
		assert(((req_prod - back_produced) & MASK) <= SLOTS);
		back_consumed = (back_consumed + 1) & MASK
	:: LEFT_OUT(9) && back_consumed == back_produced ->
		back_consumed = (back_consumed + 1) & MASK
	:: back_produced != back_consumed ->
		back_ring_put()
	:: else ->
		back_ring_rearm(more);
		if
		:: more -> skip
		:: else ->
end:			atomic { to_back -> to_back = false }
		fi
	od
}

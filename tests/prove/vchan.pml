/* SPDX-License-Identifier: ISC */
/*
 * The notifications of a vchan, in one direction: a writer and a reader, both as in drivers/vchan.c,
 * on two processors with store buffers, as in ring.pml.  All interleavings are tried.
 *
 * COUNT bytes go through a ring of SIZE.  If a wake-up is lost, both sleep, and that is a deadlock.
 * Indexes are of 2 bits, and begin just below the wrap.
 *
 * Lines `N: FILE, FUNCTION: TEXT` and STEP(N, ...) are as in ring.pml.
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

#define SIZE 2
#define COUNT 5
#define MASK 3
#define START 3

byte prod = START, cons = START;
bool reader_asks = true, writer_asks;	/* the bits of the two notify bytes */
bool to_reader, to_writer;
byte asks = 1, told;

/* Store buffers: the last value of the index that is not visible yet. */
bool prod_held, cons_held;
byte prod_new = START, cons_new = START;

inline drain(held, index, value) { d_step { if :: held -> index = value; held = false :: else -> skip fi } }

active proctype buffers()
{
end:	do
	:: d_step { prod_held -> prod = prod_new; prod_held = false }
	:: d_step { cons_held -> cons = cons_new; cons_held = false }
	od
}

/*
 * Both sides move bytes, and then:
 *
 * 1: drivers/border/stream.c, advance: shared_store(s->ours, s->at);
 * 2: drivers/vchan.c, notify_peer: shared_fence();
 * 3: drivers/vchan.c, notify_peer: if (!(shared_byte_load(v->peer_notify) & bit))
 * 4: drivers/vchan.c, notify_peer: shared_byte_and(v->peer_notify, ~bit);
 * 5: drivers/vchan.c, notify_peer: evtchn_notify(&v->port);
 *
 * Before a side sleeps:
 *
 * 6: drivers/vchan.c, ask_notify: shared_byte_or(v->our_notify, bit);
 * 7: drivers/vchan.c, ask_notify: return again(v);
 */
inline notify_peer(held, index, value, peer_asks, event)
{
	STEP(2, drain(held, index, value));
	if
	:: peer_asks || LEFT_OUT(3) ->
		STEP(4, atomic { drain(held, index, value); peer_asks = false });
		STEP(5, d_step { told++; event = true });
		assert(told <= asks)	/* an event is asked for */
	:: else -> skip
	fi
}

active proctype writer()
{
	byte sent = 0;

	do
	:: sent == COUNT -> break
	:: sent < COUNT && ((prod_new - cons) & MASK) < SIZE ->
		sent++;
		prod_new = (prod_new + 1) & MASK;
		STEP(1, prod_held = true);
		notify_peer(prod_held, prod, prod_new, reader_asks, to_reader)
	:: sent < COUNT && ((prod_new - cons) & MASK) >= SIZE ->
		STEP(6, atomic { drain(prod_held, prod, prod_new); asks++; writer_asks = true });
		if
		:: !LEFT_OUT(7) && ((prod_new - cons) & MASK) < SIZE -> skip
		:: else -> atomic { to_writer -> to_writer = false }	/* asleep */
		fi
	od
}

active proctype reader()
{
	byte got = 0;

	do
	:: got == COUNT -> break
	:: got < COUNT && prod != cons_new ->
		assert(((prod - cons_new) & MASK) <= SIZE);
		got++;
		cons_new = (cons_new + 1) & MASK;
		STEP(1, cons_held = true);
		notify_peer(cons_held, cons, cons_new, writer_asks, to_writer)
	:: got < COUNT && prod == cons_new ->
		STEP(6, atomic { drain(cons_held, cons, cons_new); asks++; reader_asks = true });
		if
		:: !LEFT_OUT(7) && prod != cons_new -> skip
		:: else -> atomic { to_reader -> to_reader = false }	/* asleep */
		fi
	od
}

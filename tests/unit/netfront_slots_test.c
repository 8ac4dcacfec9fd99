/* SPDX-License-Identifier: ISC */
/*
 * drivers/netfront_tx.c with few free slots, and errors that other frontends had.  These claims
 * begin with the project and the number of its issue, or with "old bug".
 */
#include "tests/unit/netfront_user.h"

static unsigned tx_free(void)
{
	struct netfront_stats s;

	netfront_stats(device, &s);
	return s.tx_free;
}

/* Frames of any number of slots, one more than every backend takes as data if need be. */
static void send_slots(unsigned n)
{
	const struct offload gso = { .csum_blank = true, .gso_size = 1448, .gso_type = 1 };
	struct piece pieces[18] = { { plain, n == 1 ? 60 : 66 } };
	unsigned count = n < 18 ? n : 18;

	for (unsigned i = 1; i < count; i++)
		pieces[i] = (struct piece){ lent + 2 * i * PAGE_SIZE, 700 };
	assert(send_pieces(pieces, count, n == 19 ? &gso : NULL) == 0);
	netfront_push(device);
}

/* Sends until the ring has exactly this many free slots. */
static void fill_but(unsigned k)
{
	netback.holds = true;
	while (tx_free() > (k > 19 ? k : 19))
		send_slots(1);
	if (k < 19)
		send_slots(19 - k);
	assert(tx_free() == k);
	while (narrived != nsent)
		pause(1000);
}

static void tiny(struct piece *pieces, unsigned count, bool in_place)
{
	for (unsigned i = 0; i < count; i++)
		pieces[i] = (struct piece){ (in_place ? lent : plain) + i * 50, 1 + i % 40 };
	pieces[0].len = 66;
}

static void tiny_writes_and_few_free_slots(void)
{
	struct piece pieces[64];
	unsigned stuck = 0, n;
	uint64_t start;

	any_memory = true;		/* 64 MiB */
	up();
	fill_but(host_below(21));
	for (int i = 0; i < 100; i++) {
		n = 1 + host_below(64);
		tiny(pieces, n, host_chance(2));
		netback.allowance = 0;
		while (send_pieces(pieces, n, NULL) == -EAGAIN) {
			unsigned before = rooms;

			stuck++;
			netfront_push(device);
			assert(tx_free() == 0);
			pause(host_below(3) * 1000);
			assert(rooms == before);	/* not for nothing */
			netback.allowance = 1;
			start = clock_now();
			assert(wait_until_deadline(&news, start + SECOND, rooms != before));
			assert(clock_now() - start < 50 * NSEC_PER_MSEC);
		}
		netfront_push(device);
	}
	assert(stuck);
	netback.holds = false;
	drain();
	down();
}

/* No packet, no timer and no ping is needed for it to go on. */
static void a_ping_unstuck_it(void)
{
	uint64_t start;

	up();
	netback.holds = true;
	while (send_flat(plain, 60) == 0)
		;
	netfront_push(device);
	pause(100000);
	assert(rooms == 0);
	netback.holds = false;
	start = clock_now();
	assert(wait_until_deadline(&news, start + SECOND, rooms));
	assert(clock_now() - start < 50 * NSEC_PER_MSEC);
	assert(send_flat(plain, 60) == 0);
	drain();
	down();
}

/* A frame that must wait is not published in part, but completely when there is space. */
static void half_a_packet_is_published(void)
{
	unsigned before, seen;

	any_memory = true;
	up();
	fill_but(host_below(15));
	seen = netback.slots;
	netback.allowance = 0;
	while (send_flat(lent, 60000) == -EAGAIN) {
		before = rooms;
		netfront_push(device);
		while (rooms == before) {
			assert(netback.slots == seen && tx_free() < 16);
			netback.allowance = 1;
			pause(1000);
		}
	}
	netfront_push(device);
	netback.holds = false;
	drain();
	assert(netback.slots >= seen + 15);
	down();
}

/* The backend's MTU does not count the header; a frame has its own length, whatever
   lay in its page before. */
static void the_mtu_and_the_length_asked_for(void)
{
	struct netfront_info info;

	netback.mtu = "1400";
	up();
	netfront_info(device, &info);
	assert(info.mtu == 1400);
	for (int i = 0; i < 300; i++) {
		size_t len = i % 2 ? 60 : 14 + info.mtu;
		int rc;

		while ((rc = send_flat(plain, len)) == -EAGAIN) {
			netfront_push(device);
			pause(1000);
		}
		assert(rc == 0);
	}
	drain();
	down();
	netback.mtu = NULL;
}

static void write_frames(void *arg)
{
	(void)arg;
	for (int i = 0; i < 20; i++)
		send_any();
}

static void two_senders_interleave(void)
{
	up();
	for (uintptr_t i = 0; i < 4; i++)
		start_thread(write_frames, i);
	wait_for_threads();
	drain();
	assert(netback.frames == 80);
	down();
}

/* Chains of as many pieces in place as would be 19 and more slots. */
static void too_many_slots_after_the_fact(void)
{
	struct piece pieces[400];
	unsigned n;

	up();
	for (int i = 0; i < 30; i++) {
		n = 16 + i % 20;
		for (unsigned k = 0; k < n; k++)
			pieces[k] = (struct piece){ lent + k * PAGE_SIZE + host_below(2000),
						    128 + host_below(1700) };
		pieces[0].len = host_chance(2) ? 66 : 128;
		assert(send_pieces(pieces, n, NULL) == 0);
		drain();
	}
	n = 400;			/* all of it, and tiny */
	for (unsigned k = 0; k < n; k++)
		pieces[k] = (struct piece){ lent + k * 600, 160 };
	assert(send_pieces(pieces, n, NULL) == 0);
	drain();
	assert(netback.most_slots <= 18 && netback.most_slots >= 17);
	down();
}

static void zero_length_slot_at_a_page_boundary(void)
{
	up();
	const struct piece pieces[] = {
		{ plain, 66 }, { lent + PAGE_SIZE - 300, 300 }, { lent + PAGE_SIZE, 0 },
		{ lent + 3 * PAGE_SIZE, PAGE_SIZE }, { lent + 9 * PAGE_SIZE - 128, 128 },
		{ lent + 9 * PAGE_SIZE, 0 }, { plain, 0 }, { lent, 0 },
	};

	assert(send_pieces(pieces, HOST_COUNT(pieces), NULL) == 0);
	assert(send_flat(lent + PAGE_SIZE, 2 * PAGE_SIZE) == 0);
	drain();
	assert(netback.slots == 1 + 3 + 2);
	down();
}

/* After room() was called, and not before, a refused frame can be sent. */
static void wide_after_narrow(void)
{
	up();
	wide_on_room = true;
	for (int i = 0; i < 8; i++) {
		unsigned before = rooms;

		netback.holds = true;
		while (send_flat(plain, 60) == 0)
			if (host_chance(50))
				netfront_push(device);
		assert(send_wide() == -EAGAIN);
		netback.holds = host_chance(2);
		while (rooms == before) {
			netback.allowance += 1 + host_below(20);
			pause(1000);
		}
	}
	netback.holds = wide_on_room = false;
	drain();
	down();
}

/* All indexes pass 2^32. */
static void shift(void)
{
	uint32_t by = -512;
	struct ring *tx = &device->tx.ring, *rx = &device->rx.ring;

	netback_shift(by);
	tx->produced += by;
	tx->consumed += by;
	rx->produced += by;
	rx->consumed += by;
}

static void past_two_to_the_32(void)
{
	up();
	shift();
	netback.next = next_frame;
	stop_at = 600;
	while (device->tx.ring.produced > 1u << 31)
		send_any();
	drain();
	assert(wait_until_deadline(&news, clock_now() + 2 * SECOND, got == stop_at));
	assert(device->rx.ring.consumed < 1u << 31);
	down();
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "mirage-platform#17, #20, #46: tiny writes, and 0 to 20 free slots",
		  tiny_writes_and_few_free_slots, 63 },
		{ "mirage-net-xen#16: sending stopped until the next ping",
		  a_ping_unstuck_it, 10 },
		{ "mirage-net-xen#98: the MTU, and the length asked for",
		  the_mtu_and_the_length_asked_for, 5 },
		{ "old bug: half a packet is published", half_a_packet_is_published, 40 },
		{ "rumprun#72: two senders' slots interleave", two_senders_interleave, 20 },
		{ "old bug: too many slots, noticed after they are built",
		  too_many_slots_after_the_fact, 10 },
		{ "old bug: a slot of no bytes where a buffer ends at a page boundary",
		  zero_length_slot_at_a_page_boundary, 5 },
		{ "old bug: a woken sender finds too little space, again and again",
		  wide_after_narrow, 10 },
		{ "old bug: indexes compared by <, and 2^32", past_two_to_the_32, 20 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}

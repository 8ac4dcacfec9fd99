/* SPDX-License-Identifier: ISC */
/* net/tcp_recovery.c, tcp_timer.c, tcp_cubic.c: how losses are repaired, in virtual time. */
#include "tests/unit/net_path.h"

#include <stdio.h>

static const unsigned rtts[] = { 0, 1, 20, 100 };	/* ms */

static void set_rtt(void)
{
	path.rtt = rtts[host_below(HOST_COUNT(rtts))] * MILLI;
}

static uint32_t holes[8];		/* offsets of segments that are lost once */
static unsigned nholes, times = 1;

static bool in_holes(uint32_t at, unsigned nth)
{
	for (unsigned i = 0; i < nholes; i++)
		if (at <= holes[i] && holes[i] < at + SEGMENT)
			return nth < times;
	return false;
}

#define FLIGHT (10 * SEGMENT)

/* Sends three flights, of which the last one has losses. Returns what they cost. */
static uint64_t cost(const unsigned *lost, unsigned n)
{
	uint64_t start, without;

	path_connect();
	for (unsigned i = 0; i < 3; i++) {
		path_transfer(FLIGHT, 5 * SECOND);
		thread_sleep(clock_now() + SECOND);
	}
	path_transfer(FLIGHT, 5 * SECOND);
	thread_sleep(clock_now() + SECOND);
	without = path.rtt / 2;
	for (nholes = 0; nholes < n; nholes++)
		holes[nholes] = written + lost[nholes] * SEGMENT;
	path.lose = in_holes;
	start = clock_now();
	path_transfer(FLIGHT, 60 * SECOND);
	return path.done_at - start - without;
}

/* Issue 25: two round trips and 50 ms. */
static void two_lost(void)
{
	unsigned first = host_below(8), lost[] = { first, first + 1 + host_below(8 - first) };
	uint64_t time;

	set_rtt();
	time = cost(lost, 2);
	assert(path.copies >= 2);
	assert(time <= 2 * path.rtt + 50 * MILLI);
	path_down();
}

static void the_last_lost(void)
{
	unsigned lost[] = { 9 };
	uint64_t time;

	set_rtt();
	time = cost(lost, 1);
	assert(path.copies >= 1);
	assert(time <= 2 * path.rtt + 50 * MILLI);
	assert(!pcb->nrtx);
	path_down();
}

static void two_and_the_last_lost(void)
{
	unsigned lost[] = { 2, 5, 9 };
	uint64_t time;

	set_rtt();
	time = cost(lost, 3);
	assert(time <= 2 * path.rtt + 50 * MILLI);
	path_down();
}

/* A single segment: its ACK may be delayed. */
static void a_lone_one_lost(void)
{
	uint64_t start;

	set_rtt();
	path_connect();
	path_transfer(FLIGHT, 5 * SECOND);
	thread_sleep(clock_now() + SECOND);
	holes[0] = written;
	nholes = 1;
	path.lose = in_holes;
	start = clock_now();
	path_transfer(1000, 60 * SECOND);
	assert(path.done_at - start <= path.rtt / 2 + 2 * path.rtt + 50 * MILLI);
	assert(path.copies == 1);
	path_down();
}

/* A whole flight is lost: the probe's ACK tells it. */
static void a_flight_lost(void)
{
	unsigned lost[] = { 0, 1, 2, 3, 4, 5, 6, 7 };
	uint64_t time;

	set_rtt();
	time = cost(lost, 8);
	assert(time <= 4 * path.rtt + 100 * MILLI);
	path_down();
}

/* Without SACK there is one segment for each round trip. */
static void two_lost_without_sack(void)
{
	unsigned lost[] = { 2, 4 };
	uint64_t time;

	set_rtt();
	path.no_sack = true;
	path.no_stamp = host_chance(2);
	time = cost(lost, 2);
	assert(time <= 3 * path.rtt + 50 * MILLI);
	path_down();
}

/* The copy is lost as well: RACK finds it by what was sent after it. */
static void a_copy_lost(void)
{
	path.rtt = 20 * MILLI;
	path_connect();
	path_transfer(50 * SEGMENT, 5 * SECOND);
	holes[0] = written + 10 * SEGMENT;
	nholes = 1;
	times = 2;
	path.lose = in_holes;
	path_transfer(200 * SEGMENT, 60 * SECOND);
	assert(path.copies >= 2);
	assert(!pcb->nrtx && !(pcb->flags & TF_RTO));
	path_down();
}

/* RFC 6298: the timeout is that of the path and doubles. */
static uint64_t when[20];
static unsigned nwhen;

static bool in_silence(uint32_t at, unsigned nth)
{
	(void)at, (void)nth;
	if (nwhen < HOST_COUNT(when))
		when[nwhen++] = clock_now();
	return true;
}

static void timeouts_double(void)
{
	uint64_t first;

	set_rtt();
	path_connect();
	path_transfer(FLIGHT, 5 * SECOND);
	thread_sleep(clock_now() + SECOND);
	path.lose = in_silence;
	path_transfer(1000, 30 * SECOND);
	assert(nwhen >= 7);
	/* when[1] is the probe */
	first = when[2] - when[1];
	assert(first >= 200 * MILLI && first <= path.rtt * 3 + 300 * MILLI);
	for (unsigned i = 3; i < 7; i++) {
		uint64_t step = when[i] - when[i - 1], before = when[i - 1] - when[i - 2];

		assert(step >= 2 * before - 20 * MILLI && step <= 2 * before + 20 * MILLI);
	}
	path.lose = NULL;
	wait_until(&path.changed, path_got() == written);
	path_down();
}

/* A path that becomes slow: what was thought lost arrives, and the window is as before. */
static void a_mistake_is_undone(void)
{
	uint32_t cwnd;

	path.rtt = 20 * MILLI;
	path_connect();
	path_transfer(100 * SEGMENT, 5 * SECOND);
	thread_sleep(clock_now() + SECOND);
	cwnd = pcb->cwnd;
	path.rtt = 900 * MILLI;
	path_transfer(FLIGHT, 60 * SECOND);
	thread_sleep(clock_now() + 3 * SECOND);
	assert(path.copies > 0);
	assert(pcb->cwnd >= cwnd);
	assert(!pcb->unacked);
	path_down();
}

static void reordered_is_not_lost(void)
{
	path.rtt = 40 * MILLI;
	path.reorder = 20000;
	path_connect();
	path_transfer(1500 * SEGMENT, 60 * SECOND);
	assert(path.copies < 15);
	path_down();
}

/* PAWS: an ACK from before a wrap of sequence numbers. */
static void an_old_ack_is_ignored(void)
{
	path.rtt = MILLI;
	path_connect();
	path_transfer(FLIGHT, 5 * SECOND);
	thread_sleep(clock_now() + SECOND);
	assert(!pcb->unacked);
	path.stamp_back = 1500;
	path_transfer(1000, 5 * SECOND);
	thread_sleep(clock_now() + SECOND / 10);
	assert(pcb->unacked);
	path.stamp_back = 0;
	send_tcp(ACK);
	thread_sleep(clock_now() + SECOND / 10);
	assert(!pcb->unacked);
	path_down();
}

/* Everything arrives, whatever the path does. */
static void all_arrives(void)
{
	set_rtt();
	path.loss = host_below(80000);
	path.reorder = host_chance(2) ? 0 : host_below(50000);
	path.no_sack = host_chance(4);
	path.no_stamp = host_chance(4);
	path.no_dsack = host_chance(4);
	if (host_chance(2)) {
		path.rate = 100000 + host_below(4000000);
		path.buffer = 5000 + host_below(200000);
	}
	path_connect();
	assert(path_transfer(400 * SEGMENT + host_below(2000), 600 * SECOND) < 600 * SECOND);
	thread_sleep(clock_now() + 2 * path.rtt + 2 * SECOND);
	assert(!pcb->unacked && !pcb->x.out && !pcb->x.sacked && !pcb->x.lost && !pcb->x.twice);
	path_down();
}

/* New segments are sent during a recovery, and are lost again and again. */
static void bursts(void)
{
	set_rtt();
	path.ack_delay = MILLI;
	path_connect();
	path.loss = 100000 + host_below(300000);
	for (unsigned i = 0; i < 100; i++) {
		path_write((1 + host_below(4)) * SEGMENT);
		thread_sleep(clock_now() + host_below(2 * path.rtt + MILLI));
	}
	path.loss = 0;
	assert(path_transfer(SEGMENT, 600 * SECOND) < 600 * SECOND);
	path_down();
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "two lost segments cost at most two round trips and 50 ms", two_lost, 12 },
		{ "the last segment lost costs at most two round trips and 50 ms",
		  the_last_lost, 8 },
		{ "two and the last one, too", two_and_the_last_lost, 8 },
		{ "a lone segment, too", a_lone_one_lost, 8 },
		{ "a lost flight costs a probe and a recovery", a_flight_lost, 8 },
		{ "without SACK two lost segments cost three round trips",
		  two_lost_without_sack, 8 },
		{ "a lost copy is sent again without a timeout", a_copy_lost, 3 },
		{ "the timeout is the path's, and doubles", timeouts_double, 6 },
		{ "a spurious retransmission is undone", a_mistake_is_undone, 3 },
		{ "reordered segments are not lost", reordered_is_not_lost, 3 },
		{ "an ACK with an old timestamp is ignored", an_old_ack_is_ignored, 2 },
		{ "what is counted is what segments say, also during bursts", bursts, 16 },
		{ "everything arrives over any path", all_arrives, 16 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}

/* SPDX-License-Identifier: ISC */
/* net/tcp_ack.c: when data is acknowledged, and how often. */
#include "tests/unit/net_peer.h"

#define MB (1024 * 1024)
#define BIG 65160			/* of 45 segments: what netback makes of a write of 128 KB */

static const struct offload of_many = {
	.csum_blank = true, .csum_valid = true, .gso_type = XEN_NETIF_GSO_TYPE_TCPV4,
	.gso_size = 1448,
};

static size_t kept;			/* received, and not read */
static uint64_t pause_us;		/* of the program, before it reads */
static bool reads;

static err_t keep(void *arg, struct tcp_pcb *p, struct pbuf *q, err_t err)
{
	(void)arg, (void)p, (void)err;
	if (q) {
		kept += q->tot_len;
		read_bytes += q->tot_len;
		pbuf_free(q);
	}
	wake(&guest);
	return ERR_OK;
}

static void program(void *arg)
{
	(void)arg;
	for (;;) {
		size_t n;

		wait_until(&guest, reads && kept && pcb);
		if (pause_us)
			thread_sleep(clock_now() + pause_us * 1000);
		n = kept;
		kept = 0;
		if (pcb)
			tcp_read(pcb, n);
		net_push();
	}
}

static void begin(void)
{
	host.profiled = false;
	set_up();
	connect();
	tcp_established(pcb, TCP_WND);
	tcp_recv(pcb, keep);
	assert(thread_start("program", 0, STACK_KERNEL, program, NULL, NULL));
}

static void send_frame(size_t len)
{
	static uint8_t bytes[BIG];

	wait_until(&peer.changed, peer.seq - (uint32_t)peer.acked + len <=
		   peer.window << peer.scale);
	send_tcp(ACK, bytes, len, len > 1448 ? &of_many : &(struct offload){ .csum_valid = true });
}

static bool all_acknowledged(uint64_t limit)
{
	return wait_until_deadline(&peer.changed, clock_now() + limit,
				   (uint32_t)peer.acked == peer.seq);
}

/* Issue 25. Each frame comes alone, after some time, or all at once. */
static void few_acknowledgements(void)
{
	unsigned apart = host_chance(2) ? 0 : 1 + host_below(800);	/* us */
	unsigned before;

	begin();
	reads = true;
	pause_us = host_chance(2) ? 0 : host_below(100);
	for (unsigned i = 0; i < 8; i++)
		send_frame(BIG);	/* the start is acknowledged more often */
	all_acknowledged(SECOND);
	before = peer.segments;
	for (unsigned i = 0; i < 4 * 8 * 3; i++) {
		send_frame(i % 3 == 2 ? 752 : BIG);
		if (apart)
			thread_sleep(clock_now() + apart * 1000ull);
	}
	assert(all_acknowledged(SECOND));
	assert(peer.segments - before <= 4 * 10);
	down();
}

/* Neither for the peer's timeout nor for lwIP's timer. */
static void unread_data_is_acknowledged(void)
{
	begin();
	send_frame(BIG);
	assert(all_acknowledged(2 * NSEC_PER_MSEC));
	send_frame(3000);
	assert(all_acknowledged(2 * NSEC_PER_MSEC));
	thread_sleep(clock_now() + SECOND);
	send_frame(100);
	assert(!all_acknowledged(30 * NSEC_PER_MSEC));
	assert(all_acknowledged(12 * NSEC_PER_MSEC));
	assert(kept == BIG + 3100);
	reads = true;
	wake(&guest);
	down();
}

/* A peer that sends one frame and waits must not wait for a timer each time. */
static void a_small_window_does_not_wait(void)
{
	uint64_t start;

	begin();
	reads = true;
	start = clock_now();
	for (unsigned i = 0; i < 100; i++) {
		send_frame(BIG);
		assert(all_acknowledged(SECOND));
	}
	assert(clock_now() - start < 40 * NSEC_PER_MSEC);
	down();
}

static void a_gap_is_told_at_once(void)
{
	unsigned before;
	uint32_t start;

	begin();
	reads = host_chance(2);
	for (unsigned i = 0; i < 6; i++)
		send_frame(BIG);
	all_acknowledged(SECOND);
	before = peer.segments;
	start = peer.seq;
	peer.seq += 1448;		/* this one is missing */
	for (unsigned i = 0; i < 5; i++) {
		send_frame(1448);
		thread_sleep(clock_now() + NSEC_PER_MSEC / 10);
		assert(peer.segments - before == i + 1);
		assert((uint32_t)peer.acked == start);
	}
	peer.seq = start;
	send_frame(1448);
	peer.seq = start + 6 * 1448;
	assert(all_acknowledged(NSEC_PER_MSEC / 2));
	reads = true;
	wake(&guest);
	down();
}

/* A read opens the window with one packet, however much it was. */
static void one_update_for_a_read(void)
{
	unsigned before;

	begin();
	while (kept + BIG < TCP_WND - BIG) {
		send_frame(BIG);
		all_acknowledged(10 * NSEC_PER_MSEC);
	}
	before = peer.segments;
	assert((uint32_t)(peer.window << peer.scale) < TCP_WND / 2);
	reads = true;
	wake(&guest);
	thread_sleep(clock_now() + SECOND);
	assert(peer.segments == before + 1);
	assert((uint32_t)(peer.window << peer.scale) > TCP_WND - 2 * BIG);
	down();
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "a fast stream gets at most 10 ACKs for each MB", few_acknowledgements, 10 },
		{ "data that is not read is acknowledged in time",
		  unread_data_is_acknowledged, 3 },
		{ "a peer with a small window does not wait", a_small_window_does_not_wait, 3 },
		{ "a gap, and its end, are acknowledged at once", a_gap_is_told_at_once, 5 },
		{ "a read sends one window update", one_update_for_a_read, 3 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}

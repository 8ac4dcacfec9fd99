/* SPDX-License-Identifier: ISC */
/* net/sendbuf.c: memory of sent data; net/tcp_filter.c: segments that lwIP asserts not to receive. */
#include "tests/unit/net_peer.h"

static void a_reset_gives_back_what_was_to_be_sent(void)
{
	set_up();
	connect();
	peer.ack_each = ~0u;
	write_all(60000, 50000);
	send_tcp(RST | ACK, NULL, 0, &(struct offload){ 0 });
	wait_until(&guest, over);
	assert(over == ERR_RST && !pcb);
	down();
}

/* A part of a segment acknowledged: its memory must not be another's when it is sent again. */
static void a_part_acknowledged_is_kept(void)
{
	static uint8_t bytes[6 * 1460];
	struct net_stats s;
	size_t done;

	set_up();
	connect();
	pcb->cwnd = 3 * 1460;
	peer.ack_each = ~0u;
	fill(bytes, 0, sizeof(bytes));
	assert(sendbuf_write(&buffer, pcb, bytes, sizeof(bytes), 0, &done) == ERR_OK);
	tcp_output(pcb);
	net_push();
	wait_until(&peer.changed, peer.got == 3 * 1460);
	peer.rcv -= 180;		/* the third begins in the first page */
	peer_ack();
	peer.rcv += 180;
	while (vif.in)
		thread_yield();
	net_stats(&s);
	assert(s.lent_used == 3);
	peer.ack_each = 1;
	peer_ack();
	wait_until(&peer.changed, peer.got == sizeof(bytes));
	thread_sleep(clock_now() + SECOND);
	net_stats(&s);
	assert(!s.lent_used);
	down();
}

/* A short read is copied, and the queue may be full just then. */
static void what_is_reserved_stays_when_it_fails(void)
{
	tcpwnd_size_t room;
	size_t n;
	void *to;

	set_up();
	connect();
	to = sendbuf_reserve(&buffer, 4000, &n);
	fill(to, 0, 100);
	room = pcb->snd_buf;
	pcb->snd_buf = 0;
	for (int i = 0; i < 2; i++)
		assert(sendbuf_commit(&buffer, pcb, 100, 0) == ERR_MEM);
	pcb->snd_buf = room;
	assert(sendbuf_commit(&buffer, pcb, 100, 0) == ERR_OK);
	sent_bytes = 100;
	bulk(50000, 20000);
	down();
}

/* Nor while a frame with it is in flight: vif_take() checks this. */
static void what_is_on_its_way_is_kept(void)
{
	static struct sendbuf others[80];
	static uint8_t bytes[4000];
	size_t n;

	set_up();
	connect();
	vif.delay = 100;
	fill(bytes, 0, sizeof(bytes));
	assert(sendbuf_write(&buffer, pcb, bytes, sizeof(bytes), 0, &n) == ERR_OK);
	tcp_output(pcb);
	net_push();
	assert(vif.first && vif.first->count);
	tcp_abort(pcb);
	pcb = NULL;
	sendbuf_free(&buffer);
	for (unsigned i = 0; i < HOST_COUNT(others); i++)
		memset(sendbuf_reserve(&others[i], 65535, &n), 0xee, 16384);
	thread_sleep(clock_now() + SECOND);
	for (unsigned i = 0; i < HOST_COUNT(others); i++)
		sendbuf_free(&others[i]);
	down();
}

/* ---- input that lwIP asserts not to receive */

/* Bytes out of sequence: `early` of them are missing in front. */
static void send_early(uint8_t flags, uint32_t early, size_t len)
{
	static uint8_t bytes[65536];
	uint32_t seq = peer.seq;

	fill(bytes, early, len);
	peer.seq += early;
	send_tcp(flags, bytes, len, &(struct offload){ .csum_blank = true });
	peer.seq = seq;
}

static void write_now(size_t len)
{
	static uint8_t bytes[4096];
	size_t done;

	fill(bytes, sent_bytes, len);
	assert(sendbuf_write(&buffer, pcb, bytes, len, 0, &done) == ERR_OK && done == len);
	sent_bytes += done;
	tcp_output(pcb);
	net_push();
}

/* The probe of a closed window is acknowledged, and there is no more data. */
static void a_probe_may_be_all_there_is(void)
{
	peer.closed = true;
	set_up();
	connect();
	write_now(1);
	wait_until(&peer.changed, peer.got == 1);
	thread_sleep(clock_now() + 20 * SECOND);
	peer.closed = false;
	peer_ack();
	bulk(10000, 3000);
	down();
}

static void segments_keep_their_size(void)
{
	peer.closed = true;
	set_up();
	connect();
	write_now(1000);
	memcpy(peer.options, "\x01\x01\x02\x04\x00\x20\x01\x01", 8);
	peer.nopts = 8;
	peer_ack();
	thread_sleep(clock_now() + SECOND / 100);
	write_now(1000);
	peer.nopts = 0;
	peer.closed = false;
	peer_ack();
	wait_until(&peer.changed, peer.got == 2000);
	down();
}

static void a_window_may_begin_small(void)
{
	peer.offers = 1;
	set_up();
	connect();
	write_now(1000);
	peer.offers = 10;
	peer_ack();
	thread_sleep(clock_now() + SECOND / 100);
	write_now(1000);
	peer.offers = 0;
	peer_ack();
	wait_until(&peer.changed, peer.got == 2000);
	down();
}

/* Out-of-order data beyond the window, when the data before it arrives. */
static void what_is_early_ends_with_the_window(void)
{
	uint32_t window = 3000 + host_below(50000);

	slow_reader = true;
	set_up();
	connect();
	pcb->rcv_wnd = pcb->rcv_ann_wnd = window;
	send_early(ACK | (host_chance(2) ? FIN : 0), window - 1000, 1000 + host_below(2000));
	if (host_chance(2))
		send_early(ACK, window - 2000, 2000);
	send_early(ACK, 0, window - 500);
	send_early(ACK, 0, 65000);
	thread_sleep(clock_now() + SECOND);
	assert(read_bytes >= window - 500 && read_bytes <= window);
	down();
}

static void nothing_is_behind_a_fin(void)
{
	slow_reader = true;
	set_up();
	connect();
	pcb->rcv_wnd = pcb->rcv_ann_wnd = 3000;
	send_early(ACK | FIN, 2000, 999);
	send_early(ACK, 1000 * host_chance(2), 3000 - 1000 * host_chance(2));
	send_early(ACK, 0, 3000);
	thread_sleep(clock_now() + SECOND / 10);
	down();
}

/*
 * SYNs from the port of a connection that has just ended: an old one is dropped, a new
 * one accepted.
 */
static void a_port_may_be_used_again(void)
{
	uint32_t end;

	peer.stamp = host_chance(2) ? 0 : 0xffffff00;
	set_up();
	connect();
	assert(tcp_close(pcb) == ERR_OK);
	pcb = NULL;
	net_push();
	wait_until(&peer.changed, peer.fin);
	send_tcp(FIN | ACK, NULL, 0, &(struct offload){ 0 });
	wait_until(&guest, over);
	assert(tcp_tw_pcbs);
	peer.open = false;
	end = peer.seq;
	peer.seq = end - 1000 * host_below(2);
	peer.stamp -= peer.stamp ? peer.seq == end : 0;
	send_tcp(SYN, NULL, 0, &(struct offload){ 0 });
	thread_sleep(clock_now() + SECOND / 10);
	assert(!peer.open);
	if (peer.reset) {		/* a reset by the guest is also correct */
		peer.reset = false;
		assert(tcp_tw_pcbs);
	}
	peer.seq = end + 1;
	send_tcp(RST, NULL, 0, &(struct offload){ 0 });
	thread_sleep(clock_now() + SECOND / 10);
	assert(tcp_tw_pcbs);
	peer.seq = end + (host_chance(2) ? 1 : 1000000000);
	if (peer.stamp && host_chance(2)) {
		peer.stamp += 2000;	/* a fast one may be behind by its number */
		peer.seq = end - 100000;
	} else if (host_chance(2)) {
		peer.seq = end;
		send_tcp(RST, NULL, 0, &(struct offload){ 0 });
		thread_sleep(clock_now() + SECOND / 10);
		assert(!tcp_tw_pcbs);
		peer.seq = end - 100000;
	}
	peer.stamp += peer.stamp != 0;
	peer.mtu_page = host_chance(2) ? 54 : 0;	/* its options are elsewhere */
	send_tcp(SYN, NULL, 0, &(struct offload){ 0 });
	if (peer.mtu_page) {
		peer.seq--;
		send_tcp(SYN, NULL, 0, &(struct offload){ 0 });
	}
	assert(wait_until_deadline(&guest, clock_now() + SECOND / 10, pcb));
	assert(!tcp_tw_pcbs && peer.open && !peer.reset);
	bulk(10000, 1000);
	down();
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "a reset frees unsent data",
		  a_reset_gives_back_what_was_to_be_sent, 5 },
		{ "a partly acknowledged segment is kept",
		  a_part_acknowledged_is_kept, 3 },
		{ "reserved memory stays reserved after a failed send",
		  what_is_reserved_stays_when_it_fails, 2 },
		{ "data in flight is kept after the connection has ended",
		  what_is_on_its_way_is_kept, 5 },
		{ "a probe of a closed window may be the only data",
		  a_probe_may_be_all_there_is, 2 },
		{ "segments keep their size, whatever their options say",
		  segments_keep_their_size, 2 },
		{ "a window may begin with a single byte", a_window_may_begin_small, 2 },
		{ "out-of-order data beyond the window is dropped",
		  what_is_early_ends_with_the_window, 40 },
		{ "data behind a FIN is dropped", nothing_is_behind_a_fin, 20 },
		{ "a port may be used again at once", a_port_may_be_used_again, 10 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}

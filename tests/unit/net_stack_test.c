/* SPDX-License-Identifier: ISC */
/* net/ and lwIP over a vif: connections, pings, offloads, lack of memory, timers. */
#include "tests/unit/net_peer.h"

static void an_address_of_the_command_line(void)
{
	set_up();
	assert(net_wait_up(4, 0) == 0 && net_wait_up(0, 0) == 0);
	assert(net_wait_up(6, NEVER) == -ENETUNREACH);
	assert(strstr(host_console(), "vif0: 10.0.0.2/24, gateway 10.0.0.1"));
	down();
}

static void ping(size_t len, size_t mtu)
{
	uint8_t p[1600], *whole = vif_alloc(len);

	whole[0] = 8;
	fill(whole + 8, 3, len - 8);
	put(whole + 2, ~plain(whole, len, 0), 2);
	peer.echoed = 0;
	for (size_t at = 0; at < len; at += mtu) {
		size_t n = len - at < mtu ? len - at : mtu;

		ip_header(p, 1, n);
		put(p + 20, at / 8 | (at + n < len ? 0x2000 : 0), 2);
		put(p + 24, 0, 2);
		put(p + 24, ~plain(p + 14, 20, 0), 2);
		memcpy(p + 34, whole + at, n);
		vif_deliver(p, 34 + n, &(struct offload){ 0 }, 4096);
	}
	assert(wait_until_deadline(&peer.changed, clock_now() + SECOND, peer.echoed >= len));
	assert(peer.echoed == len && peer.echo[0] == 0);
	assert(plain(peer.echo, len, 0) == 0xffff && is_filled(peer.echo + 8, 3, len - 8));
	free(whole);
}

static void pings_are_answered(void)
{
	set_up();
	ping(64, 1480);
	ping(1480, 1480);
	ping(65008, 1480);
	ping(65008, 1480);
	down();
}

static bool lent_is_used(void)
{
	for (size_t i = 0; i < vif.lent_size; i++)
		if (vif.lent[i])
			return true;
	return false;
}

/*
 * Data for a backend without lent memory is not stored in memory that other backends can
 * read.
 */
static void lent_memory_of_another_backend(void)
{
	bool ours = host_chance(2);

	set_up();
	connect();
	assert(!lent_is_used());
	vif.info.no_lent = !ours;
	vif.user->changed(vif.arg);
	bulk(200000, 65535);
	assert(lent_is_used() == ours);
	down();
}

static void bulk_goes_out_in_large_frames(void)
{
	struct net_stats s;

	vif.room = 1 + host_below(80);
	vif.delay = host_chance(2) ? 0 : 1 + host_below(300);
	set_up();
	connect();
	/* RFC 5681, 4.2: every second full-sized segment at the latest. A receiver that waits for
	   more, and has no timer, may wait for what the first window of three does not hold. */
	peer.ack_each = 1 + host_below(2 * 1460);
	bulk(1000000, 65535);
	net_stats(&s);
	assert(peer.merged > 10);
	assert(s.tx_joined >= peer.merged && s.tx_segments > s.tx_frames + s.tx_joined);
	assert(!peer.repeated);
	down();
}

static void tiny_writes_never_wait_for_a_timer(void)
{
	uint64_t start;

	vif.room = 1 + host_below(20);
	vif.delay = 20;
	set_up();
	connect();
	tcp_nagle_disable(pcb);
	start = clock_now();
	bulk(20000, 40);
	assert(!peer.repeated);
	assert(clock_now() - start < SECOND);
	down();
}

/* "a stalled connection resumes at once": rumprun#72, mirage-net-xen#16. */
static unsigned told;

static void there_is_room(void)
{
	assert(!net_is_full());
	told++;
}

static void who_was_refused_goes_on_when_there_is_room(void)
{
	ip_addr_t to = IPADDR4_INIT_BYTES(10, 0, 0, 1);
	uint8_t bytes[1000];
	struct udp_pcb *udp;
	struct net_stats s;
	uint64_t start;
	size_t done;

	vif.room = 1 + host_below(20);
	set_up();
	connect();
	udp = udp_new();
	assert(udp);
	for (err_t err = ERR_OK; err == ERR_OK;) {
		struct pbuf *p = pbuf_alloc(PBUF_TRANSPORT, 1000, PBUF_RAM);

		assert(p);
		err = udp_sendto(udp, p, &to, 9);
		pbuf_free(p);
	}
	assert(net_is_full());
	net_has_room = there_is_room;
	start = clock_now();
	fill(bytes, 0, sizeof(bytes));
	assert(sendbuf_write(&buffer, pcb, bytes, sizeof(bytes), 0, &done) == ERR_OK);
	tcp_output(pcb);
	net_push();
	net_stats(&s);
	assert(s.tx_refused == 2);
	assert(net_is_full() && !told);
	wait_until(&net_room, !net_is_full());
	wait_until(&peer.changed, peer.got == 1000);
	assert(clock_now() - start < SECOND / 10);
	assert(told >= 1);
	udp_remove(udp);
	down();
}

static void what_is_lost_is_sent_again(void)
{
	vif.room = 1 + host_below(80);
	set_up();
	connect();
	peer.lose = 10 + host_below(50);
	bulk(200000, 20000);
	peer.lose = 0;
	down();
}

static void memory_may_be_short(void)
{
	set_up();
	connect();
	host.malloc_fails = 5 + host_below(50);
	bulk(200000, 20000);
	ip_header(peer.echo, 1, 1400);
	for (int i = 0; i < 100; i++)
		vif_deliver(peer.echo, 1434, &(struct offload){ 0 }, 4096);
	thread_sleep(clock_now() + SECOND / 10);
	host.malloc_fails = 0;
	down();
}

static void a_backend_without_offloads(void)
{
	set_up();
	vif.info.csum_ipv4 = vif.info.csum_ipv6 = host_chance(2);
	vif.info.gso_tcpv4 = vif.info.gso_tcpv6 = false;
	vif.user->changed(vif.arg);
	connect();
	bulk(200000, 20000);
	assert(!peer.merged && !peer.repeated);
	down();
}

static void large_frames_come_in(void)
{
	static uint8_t bytes[65000];
	uint64_t total = 0;

	set_up();
	connect();
	peer.mtu_page = host_chance(2) ? 4096 : 128 + host_below(3968);
	while (total < 1000000) {
		struct offload o = { .csum_blank = true, .csum_valid = true,
				     .gso_type = XEN_NETIF_GSO_TYPE_TCPV4, .gso_size = 1460 };
		size_t len = 1 + host_below(sizeof(bytes));

		if (host_chance(3)) {
			o = (struct offload){ 0 };
			len = len % 1400 + 1;
		}
		wait_until(&peer.changed, peer.seq - (uint32_t)peer.acked + len <=
			   peer.window << peer.scale);
		fill(bytes, total, len);
		send_tcp(ACK, bytes, len, &o);
		total += len;
	}
	wait_until(&guest, read_bytes == total);
	down();
}

/* RFC 9293, 3.8.6.3: every second segment; a frame may be many. */
static void several_in_a_frame_are_acknowledged_at_once(void)
{
	static uint8_t bytes[10 * 1460];
	struct offload o = { .csum_blank = true, .csum_valid = true,
			     .gso_type = XEN_NETIF_GSO_TYPE_TCPV4, .gso_size = 1460 };
	uint64_t start;

	set_up();
	connect();
	start = clock_now();
	for (unsigned i = 0; i < 10; i++) {
		fill(bytes, (uint64_t)i * sizeof(bytes), sizeof(bytes));
		send_tcp(ACK, bytes, sizeof(bytes), &o);
		wait_until(&peer.changed, (uint32_t)peer.acked == peer.seq);
	}
	assert(clock_now() - start < SECOND / 10);
	down();
}

static void a_wrong_sum_is_not_believed(void)
{
	struct offload valid = { .csum_valid = true }, none = { 0 };
	uint8_t bytes[100];

	set_up();
	connect();
	fill(bytes, 0, 100);
	bytes[50]++;
	/* As the sum is made of what is sent, make it wrong by a blank one. */
	send_tcp(ACK, bytes, 100, &(struct offload){ .csum_blank = true });
	peer.seq -= 100;
	vif.in->o = none;
	thread_sleep(clock_now() + SECOND / 100);
	assert(!read_bytes);
	bytes[50]--;
	send_tcp(ACK, bytes, 100, &(struct offload){ .csum_blank = true });
	vif.in->o = valid;
	wait_until(&guest, read_bytes == 100);
	down();
}

static void a_window_is_never_overrun(void)
{
	static uint8_t bytes[1400];
	uint64_t total = 0;

	slow_reader = true;
	set_up();
	connect();
	for (int i = 0; i < 3000; i++) {
		if (peer.seq - (uint32_t)peer.acked + 1400 > peer.window << peer.scale) {
			uint64_t later = clock_now() + SECOND;

			if (!wait_until_deadline(&peer.changed, later,
						 peer.seq - (uint32_t)peer.acked + 1400 <=
						 peer.window << peer.scale))
				break;
		}
		fill(bytes, total, 1400);
		send_tcp(ACK, bytes, 1400, &(struct offload){ .csum_valid = true });
		total += 1400;
	}
	/* The announced data was accepted, then the window was closed. */
	assert(total > 65535 && peer.window << peer.scale < 1400);
	assert(wait_until_deadline(&guest, clock_now() + SECOND, read_bytes == total));
	down();
}

static void the_carrier_goes_and_comes(void)
{
	set_up();
	connect();
	write_all(50000, 50000);
	vif_carrier(false);
	thread_sleep(clock_now() + SECOND / 2);
	write_all(60000, 10000);
	vif_carrier(true);
	bulk(500000, 50000);
	down();
}

static void loopback_works(void)
{
	struct tcp_pcb *p;
	ip_addr_t to = IPADDR4_INIT_BYTES(127, 0, 0, 1);
	static uint8_t bytes[3000];
	size_t done;

	vif.absent = host_chance(2);
	if (host_chance(2))
		IP_ADDR4(&to, 10, 0, 0, 2);
	if (vif.absent)
		IP_ADDR4(&to, 127, 0, 0, 1);
	set_up();
	listen();
	p = tcp_new();
	assert(tcp_connect(p, &to, PORT, NULL) == ERR_OK);
	net_push();
	assert(pcb);
	fill(bytes, 0, sizeof(bytes));
	assert(sendbuf_write(&buffer, p, bytes, sizeof(bytes), 0, &done) == ERR_OK);
	tcp_output(p);
	net_push();
	assert(read_bytes == sizeof(bytes));
	assert(net_wait_up(4, 0) == (vif.absent ? -ENETUNREACH : 0));
	tcp_close(p);
	net_push();
	down();
}

static void who_waits_for_nothing_does_not_tick(void)
{
	struct net_stats before, after;

	host.profiled = false;		/* 2,301 s of 1,000 ticks each would be too long */
	set_up();
	listen();
	thread_sleep(clock_now() + 100 * SECOND);
	net_stats(&before);
	thread_sleep(clock_now() + 1000 * SECOND);
	net_stats(&after);
	assert(after.ticks == before.ticks);
	/* With an open connection it does, and after its end it does not. */
	peer_connect();
	wait_until(&guest, pcb);
	thread_sleep(clock_now() + SECOND);
	net_stats(&after);
	assert(after.ticks > before.ticks);
	down();
	thread_sleep(clock_now() + 200 * SECOND);
	net_stats(&before);
	thread_sleep(clock_now() + 1000 * SECOND);
	net_stats(&after);
	assert(after.ticks == before.ticks);
}

static void a_flood_of_syns_is_bounded(void)
{
	unsigned long pcbs = 0;

	set_up();
	listen();
	for (int i = 0; i < 3000; i++) {
		uint8_t p[60];

		ip_header(p, 6, 20);
		put(p + 26, 0x0a000003 + i % 200, 4);
		put(p + 24, 0, 2);
		put(p + 24, ~plain(p + 14, 20, 0), 2);
		put(p + 34, 1024 + i, 2);
		put(p + 36, PORT, 2);
		put(p + 38, i * 99, 4);
		put(p + 42, 0, 4);
		put(p + 46, 0x5002, 2);
		put(p + 48, 0xffff, 2);
		put(p + 50, 0, 4);
		put(p + 50, (uint16_t)~l4_sum(p, 6, 20), 2);
		vif_deliver(p, 54, &(struct offload){ 0 }, 4096);
		if (i % 64 == 0)
			thread_yield();
	}
	thread_sleep(clock_now() + SECOND / 10);
	for (struct tcp_pcb *q = tcp_active_pcbs; q; q = q->next)
		pcbs++;
	assert(pcbs <= 255 && pcbs > 100);
	for (struct tcp_pcb *q = tcp_active_pcbs, *next; q; q = next) {
		next = q->next;
		tcp_abort(q);
	}
	down();
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "the address is that of the command line",
		  an_address_of_the_command_line, 3 },
		{ "pings are answered, up to 65,000 bytes", pings_are_answered, 5 },
		{ "lent memory is for its backend only", lent_memory_of_another_backend, 6 },
		{ "bulk data is sent in large frames, through any ring",
		  bulk_goes_out_in_large_frames, 20 },
		{ "tiny writes never wait for a timer", tiny_writes_never_wait_for_a_timer, 10 },
		{ "a refused sender continues when there is space",
		  who_was_refused_goes_on_when_there_is_room, 5 },
		{ "lost segments are sent again", what_is_lost_is_sent_again, 10 },
		{ "connections survive a lack of memory", memory_may_be_short, 20 },
		{ "a backend may have no offloads", a_backend_without_offloads, 6 },
		{ "frames of 64 KB are received, in any pages",
		  large_frames_come_in, 10 },
		{ "several segments in a frame are acknowledged at once",
		  several_in_a_frame_are_acknowledged_at_once, 3 },
		{ "a frame with a wrong checksum is dropped, unless the backend has checked it",
		  a_wrong_sum_is_not_believed, 3 },
		{ "a socket that is not read closes its window",
		  a_window_is_never_overrun, 3 },
		{ "connections survive a loss of the carrier",
		  the_carrier_goes_and_comes, 10 },
		{ "loopback works", loopback_works, 10 },
		{ "an idle network sets no timer", who_waits_for_nothing_does_not_tick, 3 },
		{ "a flood of SYNs is bounded", a_flood_of_syns_is_bounded, 2 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}

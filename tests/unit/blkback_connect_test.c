/* SPDX-License-Identifier: ISC */
/* backend/: connections of frontends, what they write to xenstore, and the end of either side. */
#include "tests/unit/blkback_front.h"

/* Writes to what the backend watches cost no memory, and delay it no longer than they last. */
static void xsa_349_a_storm_of_watch_events(void)
{
	up();
	for (unsigned i = 0; i < 3000; i++) {
		say_to(FRONT, "state", i % 3 ? "4" : "nonsense");
		if (host_chance(50))
			pass(10000);
	}
	say_to(FRONT, "state", "4");
	use(3);
	down();
}

/* XSA-350: a frontend that connects and disconnects at any moment. */
static void xsa_350_states_in_any_order(void)
{
	up();
	for (unsigned i = 0; i < 60; i++) {
		say_number_to(FRONT, "state", host_below(9));
		if (host_chance(2))
			front_kick();
		if (host_chance(2))
			pass(host_below(3000000));
	}
	down();
}

static void an_invalid_index_ends_the_connection(void)
{
	up();
	front.ring.sring->req_prod += RING_SIZE(&front.ring) + 1 + host_below(1 << 20);
	front_kick();
	wait_for_state(XenbusStateClosing);
	assert(host_xen.mapped == 0);
	say_to(FRONT, "state", "6");
	wait_for_state(XenbusStateClosed);
	say_to(FRONT, "state", "1");
	front_connect();
	use(5);
	down();
}

static void a_frontend_may_connect_again(void)
{
	up();
	for (unsigned i = 0; i < 4; i++) {
		use(3);
		front_close();
		wait_for_state(XenbusStateClosed);
		assert(host_xen.mapped == 0);
		front.persistent = host_chance(2);
		say_to(FRONT, "feature-persistent", NULL);
		say_to(FRONT, "state", "1");
		front_connect();
	}
	down();
	assert(store_events[DISK_CLOSED] + store_events[DISK_LOST] == 5);
}

static void fill_ring(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct blkif_request q = {
			.operation = BLKIF_OP_WRITE, .nr_segments = 1, .id = i,
			.sector_number = i * 8, .seg[0] = { front.ref[i], 0, 7 },
		};

		memset(front.page[i], i + 1, 4096);
		front_put(&q);
	}
	front_push();
}

/* The server ends at any moment and another one begins: no request is lost or answered twice. */
static void a_server_may_be_restarted(void)
{
	unsigned n, got = 0;
	struct blkif_response r;
	bool seen[64] = { false };

	up();
	n = RING_SIZE(&front.ring) < 64 ? RING_SIZE(&front.ring) : 64;
	if (n > SIZE / 4096)
		n = SIZE / 4096;
	fill_ring(n);
	pass(host_below(300000));
	server_stop();
	assert(host_xen.mapped == 0);
	assert(state_of(BACK) == XenbusStateConnected);
	server_start();
	for (unsigned i = 0; got < n; i++) {
		if (i == 100000)
			host_fail("%u of %u responses", got, n);
		while (front_take(&r)) {
			assert(r.id < n && !seen[r.id] && r.status == 0);
			seen[r.id] = true;
			got++;
		}
		pass(100000);
	}
	for (unsigned i = 0; i < n; i++)
		assert(disk_data[i * 4096 + 5] == (uint8_t)(i + 1));
	down();
}

static void a_disk_detached_without_a_server(void)
{
	up();
	server_stop();
	toolstack_detach();
	server_start();
	wait_until_removed();
	down();
}

/* The domain is destroyed in the middle: its folder is gone, its port is closed. */
static void a_destroyed_frontend_leaves_nothing(void)
{
	up();
	fill_ring(20);
	pass(host_below(200000));
	host_close(front.port);
	store_rm(FRONT);
	wait_until_removed();
	assert(store_events[DISK_LOST] == 1);
	check_nothing_left();
	down();
}

static void a_detached_disk_is_closed(void)
{
	up();
	use(2);
	toolstack_detach();
	front_close();
	wait_until_removed();
	check_nothing_left();
	assert(store_events[DISK_CLOSED] + store_events[DISK_LOST] == 1);
	store_rm(FRONT);
	toolstack_attach("w");		/* and attached again */
	front_connect();
	use(2);
	down();
}

/* Linux closes a disk that is detached while requests are in the ring, and waits for them. */
static void the_last_requests_are_answered(void)
{
	struct blkif_response r;
	unsigned n;

	up();
	n = RING_SIZE(&front.ring) < 64 ? RING_SIZE(&front.ring) : 64;
	n = n > SIZE / 4096 ? SIZE / 4096 : n;
	fill_ring(n);
	pass(host_below(100000));
	say_to(FRONT, "state", host_chance(2) ? "5" : "6");
	while (host_xen.mapped)
		pass(10000);
	for (unsigned i = 0; i < n; i++)
		assert(front_take(&r) && r.status == 0 && disk_data[r.id * 4096 + 5] == (uint8_t)(r.id + 1));
	down();
}

/* Linux stops its queue before it writes Closed, and an event starts it again. */
static void late_requests_are_answered(void)
{
	struct blkif_request q = {
		.operation = BLKIF_OP_READ, .nr_segments = 1, .id = 77, .seg[0] = { front.ref[0], 0, 0 },
	};
	struct blkif_response r;

	up();
	q.seg[0].gref = front.ref[0];
	use(2);
	toolstack_detach();
	pass(host_below(10000000));
	host_rung(front.port);
	say_to(FRONT, "state", "6");
	while (!host_rung(front.port)) {
		assert(host_xen.mapped);
		pass(NSEC_PER_MSEC);
	}
	pass(host_below(10000000));
	front_put(&q);
	front_push();
	while (!front_take(&r)) {
		assert(host_xen.mapped);
		pass(NSEC_PER_MSEC);
	}
	assert(r.id == 77 && r.status == 0);
	wait_until_removed();
	down();
}

static bool closing;

/* Whenever a request was served, there is another one. */
static void one_more(void)
{
	struct blkif_request q = {
		.operation = BLKIF_OP_READ, .nr_segments = 1, .seg[0] = { front.ref[0], 0, 0 },
	};
	struct blkif_response r;

	if (!closing)
		return;
	front_take(&r);
	front_put(&q);
	front_push();
	kernel_enter();			/* the threads have their turns */
	thread_sleep(clock_now() + 10000);
	kernel_leave();
}

static void a_frontend_that_closes_adds_requests(void)
{
	up();
	on_call = one_more;
	fill_ring(20);
	closing = true;
	say_to(FRONT, "state", "6");
	for (unsigned i = 0; host_xen.mapped; i++) {
		assert(i < 10000);
		pass(100000);
	}
	closing = false;
	on_call = NULL;
	down();
}

/* libxl must see the state Closed, and then that the folder is gone. */
static void the_state_closed_is_seen(void)
{
	up();
	toolstack_detach();
	front_close();
	for (unsigned i = 0; i < 500; i++) {
		wait_for_state(XenbusStateClosed);
		pass(NSEC_PER_MSEC);
	}
	wait_until_removed();
	down();
}

/* A folder that a frontend's domain may have below a folder that this domain may not read. */
static void a_folder_that_may_not_be_read_is_gone(void)
{
	up();
	fill_ring(20);
	pass(host_below(200000));
	host_close(front.port);
	store_deny("/local/domain/7/device/vbd");
	store_rm(FRONT);
	wait_until_removed();
	store_deny(NULL);
	check_nothing_left();
	down();
}

static void detach_now(enum disk_event event)
{
	if (event == DISK_CONNECTED)
		toolstack_detach();
}

/* ... and its state Connected replaces the toolstack's Closing. */
static void a_disk_is_detached_while_it_connects(void)
{
	boot();
	server_start();
	toolstack_attach("w");
	on_event = detach_now;
	wait_for_state(XenbusStateInitWait);
	front_pages();
	SHARED_RING_INIT((struct blkif_sring *)front.ring_page);
	front.port = host_listen(PEER);
	front_publish();
	say_to(FRONT, "state", "3");
	while (!host_xen.mapped)
		pass(NSEC_PER_MSEC);
	on_event = NULL;
	pass(SECOND);
	assert(state_of(BACK) == XenbusStateClosing);
	say_to(FRONT, "state", "6");
	wait_until_removed();
	down();
}

static void a_disk_that_nobody_connected_is_detached(void)
{
	boot();
	server_start();
	toolstack_attach("w");
	wait_for_state(XenbusStateInitWait);
	toolstack_detach();
	wait_until_removed();
	down();
}

/* A frontend that begins again without closing, as after a crash of its kernel. */
static void a_frontend_may_begin_again(void)
{
	up();
	use(2);
	fill_ring(10);
	host_close(front.port);
	say_to(FRONT, "state", "1");
	while (host_xen.mapped)
		pass(NSEC_PER_MSEC);
	front_offer();
	while (!host_xen.mapped)
		pass(NSEC_PER_MSEC);
	memcpy(model, disk_data, SIZE);
	use(2);
	down();
}

#define OTHER "/local/domain/5/backend/vbd/7/51728"

static void attach_other(const char *target)
{
	say_to(OTHER, "frontend", FRONT);
	say_to(OTHER, "online", "1");
	say_to(OTHER, "mode", "w");
	say_to(OTHER, "state", "1");
	say_to(OTHER, "params", target);
}

static void a_store_that_opens_slowly(void)
{
	boot();
	server_start();
	say_to(FRONT, "state", "1");
	attach_other(SLOW);
	pass(SECOND);
	toolstack_attach("w");
	wait_for_state(XenbusStateInitWait);
	assert(clock_now() < 5 * SECOND);
	front_connect();
	use(2);
	down();
}

static void an_unknown_target_is_refused(void)
{
	boot();
	server_start();
	toolstack_attach("w");
	wait_for_state(XenbusStateInitWait);
	attach_other("other");
	pass(SECOND);
	assert(strcmp(store_read(OTHER "/state"), "1") == 0);
	down();
}

/* It is not known whether the disk is wanted: its folder stays, and is looked at again. */
static void without_memory_a_new_disk_stays(void)
{
	boot();
	server_start();
	pass(SECOND);
	host.malloc_fails = 2;
	toolstack_attach("w");
	for (int i = 0; i < 20; i++) {
		say_to(BACK, "params", "vol1");
		pass(10 * NSEC_PER_MSEC);
		assert(store_read(BACK "/online"));
	}
	host.malloc_fails = 0;
	say_to(BACK, "params", "vol1");
	pass(SECOND);
	down();
}

static void invalid_numbers_in_xenstore(void)
{
	static const char *const keys[] = {
		"ring-ref", "ring-ref0", "ring-page-order", "event-channel", "protocol",
		"multi-queue-num-queues", "num-ring-pages",
	};
	static const char *const values[] = {
		"", "-1", "4294967296", "99999999999999999999", "0x10", "5 ", "17", "1e3", "3", "0",
	};
	const char *key = keys[host_below(HOST_COUNT(keys))];

	boot();
	server_start();
	toolstack_attach("w");
	wait_for_state(XenbusStateInitWait);
	front_pages();
	SHARED_RING_INIT((struct blkif_sring *)front.ring_page);
	front.port = host_listen(PEER);
	front_publish();
	say_to(FRONT, key, values[host_below(HOST_COUNT(values))]);
	say_to(FRONT, "state", "3");
	pass(SECOND);			/* it connects or refuses, and does not crash */
	assert(state_of(BACK) == XenbusStateConnected || state_of(BACK) == XenbusStateClosing);
	assert(state_of(BACK) == XenbusStateConnected || host_xen.mapped == 0);
	down();
}

static void a_resized_disk_is_announced(void)
{
	uint8_t data[512];

	test_store.size = SIZE / 2;
	up();
	assert(front_transfer(BLKIF_OP_READ, SIZE / 2, data, 512, false) == BLKIF_RSP_ERROR);
	test_store.size = SIZE;
	disks_changed();
	for (unsigned i = 0; atoi(store_read(BACK "/sectors")) != SIZE / 512; i++) {
		assert(i < 20000);
		pass(NSEC_PER_MSEC);
	}
	assert(front_transfer(BLKIF_OP_READ, SIZE / 2, data, 512, false) == 0);
	down();
	assert(store_events[DISK_RESIZED] == 1);
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "XSA-349: a storm of watch events costs little", xsa_349_a_storm_of_watch_events, 2 },
		{ "XSA-350: states in any order leave nothing behind", xsa_350_states_in_any_order, 60 },
		{ "an invalid index ends the connection", an_invalid_index_ends_the_connection, 10 },
		{ "a frontend may connect again", a_frontend_may_connect_again, 10 },
		{ "a server may be restarted: no request is lost or answered twice",
		  a_server_may_be_restarted, 60 },
		{ "a disk that was detached without a server is removed",
		  a_disk_detached_without_a_server, 4 },
		{ "a destroyed frontend leaves nothing", a_destroyed_frontend_leaves_nothing, 60 },
		{ "a detached disk is closed, and may be attached again", a_detached_disk_is_closed, 10 },
		{ "the last requests of a frontend that closes are answered",
		  the_last_requests_are_answered, 30 },
		{ "requests that Linux sends after it has closed are answered",
		  late_requests_are_answered, 30 },
		{ "a frontend that closes may not add requests for ever",
		  a_frontend_that_closes_adds_requests, 10 },
		{ "the toolstack has time to see the state Closed", the_state_closed_is_seen, 4 },
		{ "a frontend whose folder may not be read is gone",
		  a_folder_that_may_not_be_read_is_gone, 10 },
		{ "a disk is detached while it connects", a_disk_is_detached_while_it_connects, 10 },
		{ "a disk that nobody connected is detached",
		  a_disk_that_nobody_connected_is_detached, 4 },
		{ "a frontend may begin again without closing", a_frontend_may_begin_again, 10 },
		{ "a store that opens slowly does not delay other disks", a_store_that_opens_slowly, 2 },
		{ "a disk with an unknown target is left alone", an_unknown_target_is_refused, 2 },
		{ "without memory the folder of a new disk stays", without_memory_a_new_disk_stays, 20 },
		{ "invalid numbers in xenstore are refused", invalid_numbers_in_xenstore, 60 },
		{ "a disk that was resized is announced", a_resized_disk_is_announced, 4 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}

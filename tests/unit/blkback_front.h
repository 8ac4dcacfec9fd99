/* SPDX-License-Identifier: ISC */
/*
 * A frontend in another domain, written with Xen's ring macros, and a server of backend/ in the guest
 * under test.  The test's thread plays the frontend, whose memory it sees directly.
 *
 * Over 500 lines: one frontend, and the server that it talks to.
 */
#ifndef TESTS_UNIT_BLKBACK_FRONT_H
#define TESTS_UNIT_BLKBACK_FRONT_H

#include "backend/domain.h"
#include "drivers/xenbus/xenstore.h"
#include "kernel/clock.h"
#include "kernel/sched.h"
#include "tests/host/host.h"
#include "tests/host/xenstored.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define xen_mb() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define xen_wmb() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define xen_rmb() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#include <xen/io/blkif.h>
#include <xen/io/xenbus.h>
#include <xenolith/disk.h>

#define PEER 7
#define BACK "/local/domain/5/backend/vbd/7/51712"
#define FRONT "/local/domain/7/device/vbd/51712"
#define SECOND NSEC_PER_SEC
#define SIZE (256 * 1024)		/* of the disk, in bytes */
#define PAGES 300

/* ---- the guest: threads that are outside of the kernel, as an application's */

struct start {
	void (*main)(void *arg);
	void *arg;
};

static unsigned app_threads;

static inline void run_outside(void *arg)
{
	struct start s = *(struct start *)arg;

	kernel_enter();
	free(arg);
	kernel_leave();
	s.main(s.arg);
	kernel_enter();
	app_threads--;
	kernel_leave();
}

int domain_thread(void (*main)(void *arg), void *arg)
{
	struct start *s = malloc(sizeof(*s));

	if (!s)
		return -ENOMEM;
	*s = (struct start){ main, arg };
	if (!thread_start("disk", THREAD_APP, 8 * STACK_KERNEL, run_outside, s, NULL)) {
		free(s);
		return -ENOMEM;
	}
	app_threads++;
	return 0;
}

static inline void pass(uint64_t ns)
{
	thread_sleep(clock_now() + ns);
}

/* ---- the disk: memory of the test, so it can be compared */

static uint8_t disk_data[SIZE], model[SIZE];
static unsigned store_calls, store_opens, store_events[DISK_RESIZED + 1];
static struct disk_store test_store;
static int store_error;			/* of all calls */

static void (*on_call)(void);		/* something that happens in each read or write */

static int test_move(bool write, const struct iovec *v, int count, uint64_t at)
{
	store_calls++;
	if (on_call)
		on_call();
	for (int i = 0; i < count; i++) {
		if (at > SIZE || v[i].iov_len > SIZE - at)
			host_fail("the store is called beyond its end");
		if (write && !store_error)
			memcpy(disk_data + at, v[i].iov_base, v[i].iov_len);
		else if (!store_error)
			memcpy(v[i].iov_base, disk_data + at, v[i].iov_len);
		at += v[i].iov_len;
	}
	if (test_store.threads > 1 && host_chance(2)) {		/* others overtake it */
		kernel_enter();
		thread_sleep(clock_now() + host_below(100000));
		kernel_leave();
	}
	return store_error;
}

static int test_read(struct disk_store *s, const struct iovec *to, int count, uint64_t at)
{
	(void)s;
	return test_move(false, to, count, at);
}

static int test_write(struct disk_store *s, const struct iovec *from, int count, uint64_t at)
{
	(void)s;
	return test_move(true, from, count, at);
}

static int test_flush(struct disk_store *s)
{
	(void)s;
	store_calls++;
	return store_error;
}

static int test_discard(struct disk_store *s, uint64_t at, uint64_t len)
{
	(void)s;
	store_calls++;
	memset(disk_data + at, 0, len);
	return store_error;
}

static void (*on_event)(enum disk_event event);	/* something that happens at this moment */

static void test_tell(struct disk_store *s, enum disk_event event)
{
	(void)s;
	store_events[event]++;
	if (on_event)
		on_event(event);
}

static void test_close(struct disk_store *s)
{
	(void)s;
	store_opens--;
}

static struct disk_store test_store = {
	.read = test_read, .write = test_write, .flush = test_flush, .discard = test_discard,
	.tell = test_tell, .close = test_close, .size = SIZE,
};

/* A disk that takes very long to open, and then does not exist. */
#define SLOW "slow"

static int open_test(const struct disk_request *w, struct disk_store **store, void *arg)
{
	(void)arg;
	if (!strcmp(w->target, SLOW)) {
		kernel_enter();
		thread_sleep(clock_now() + 10 * SECOND);
		kernel_leave();
	}
	if (strcmp(w->target, "vol1") || w->domid != PEER || w->vdev != 51712)
		return -ENOENT;
	*store = &test_store;
	store_opens++;
	return 0;
}

static int served = 1;			/* the result of disks_serve() */

static void serve_disks(void *arg)
{
	(void)arg;
	served = disks_serve(open_test, NULL);
}

static inline void server_start(void)
{
	served = 1;
	assert(domain_thread(serve_disks, NULL) == 0);
}

static inline void server_stop(void)
{
	disks_stop();
	while (app_threads)
		pass(NSEC_PER_MSEC);
	assert(served == 0 && store_opens == 0);
}

/* ---- xenstore */

static inline void say_to(const char *folder, const char *key, const char *value)
{
	char path[120];

	snprintf(path, sizeof(path), "%s/%s", folder, key);
	if (value)
		store_write(path, value);
	else
		store_rm(path);
}

static inline void say_number_to(const char *folder, const char *key, uint64_t n)
{
	char value[24];

	snprintf(value, sizeof(value), "%llu", (unsigned long long)n);
	say_to(folder, key, value);
}

static inline int state_of(const char *folder)
{
	char path[120];
	const char *value;

	snprintf(path, sizeof(path), "%s/state", folder);
	value = store_read(path);
	return value ? atoi(value) : -1;
}

static inline void wait_for_state(int state)
{
	for (unsigned i = 0; state_of(BACK) != state; i++) {
		if (i == 20000)
			host_fail("the backend is in state %d, not %d", state_of(BACK), state);
		pass(NSEC_PER_MSEC);
	}
}

/* As a toolstack does. */
static inline void toolstack_attach(const char *mode)
{
	say_to(BACK, "frontend", FRONT);
	say_number_to(BACK, "frontend-id", PEER);
	say_to(BACK, "params", "vol1");
	say_to(BACK, "mode", mode);
	say_to(BACK, "online", "1");
	say_to(FRONT, "backend", BACK);
	say_to(FRONT, "state", "1");
	say_to(BACK, "state", "1");
}

static inline void toolstack_detach(void)
{
	say_to(BACK, "online", "0");
	say_to(BACK, "state", "5");
}

/* ---- the frontend */

static struct front {
	unsigned order;			/* of the ring */
	bool abi32, persistent, old_name;
	unsigned queues;		/* 0: without the keys of several queues */
	bool scribbled;			/* it has overwritten responses itself */

	struct blkif_front_ring ring;
	uint8_t *ring_page;
	grant_ref_t ring_ref[16];
	evtchn_port_t port;
	uint8_t *page[PAGES];		/* data */
	grant_ref_t ref[PAGES];
} front;

static inline void front_pages(void)
{
	unsigned n = 1u << front.order;

	for (unsigned i = 0; i < n; i++) {
		uint8_t *page = host_page();

		front.ring_page = i ? front.ring_page : page;
		front.ring_ref[i] = host_grant(PEER, page, false);
	}
	for (unsigned i = 0; i < PAGES; i++) {
		front.page[i] = host_page();
		front.ref[i] = host_grant(PEER, front.page[i], false);
	}
}

static inline void front_publish(void)
{
	char key[40], folder[80];

	snprintf(folder, sizeof(folder), front.queues > 1 ? FRONT "/queue-0" : FRONT);
	for (unsigned i = 0; i < 1u << front.order; i++) {
		snprintf(key, sizeof(key), front.old_name ? "ring-ref" : "ring-ref%u", i);
		say_number_to(folder, key, front.ring_ref[i]);
	}
	say_number_to(folder, "event-channel", front.port);
	if (!front.old_name)
		say_number_to(FRONT, "ring-page-order", front.order);
	if (front.queues > 1)
		say_number_to(FRONT, "multi-queue-num-queues", front.queues);
	if (front.persistent)
		say_to(FRONT, "feature-persistent", "1");
	say_to(FRONT, "protocol", front.abi32 ? "x86_32-abi" : host_chance(2) ? "x86_64-abi" : NULL);
	/* The other queues have rings, and are not used. */
	for (unsigned i = 1; i < front.queues; i++) {
		snprintf(folder, sizeof(folder), FRONT "/queue-%u", i);
		for (unsigned k = 0; k < 1u << front.order; k++) {
			snprintf(key, sizeof(key), "ring-ref%u", k);
			say_number_to(folder, key, host_grant(PEER, host_page(), false));
		}
		say_number_to(folder, "event-channel", host_listen(PEER));
	}
}

/* Publishes an empty ring and a new port. */
static inline void front_offer(void)
{
	memset(front.ring_page, 0, 4096 << front.order);
	SHARED_RING_INIT((struct blkif_sring *)front.ring_page);
	FRONT_RING_INIT(&front.ring, (struct blkif_sring *)front.ring_page, 4096 << front.order);
	front.port = host_listen(PEER);
	front_publish();
	say_to(FRONT, "state", "3");
}

static inline void front_connect(void)
{
	wait_for_state(XenbusStateInitWait);
	if (!front.ring_page)
		front_pages();
	front_offer();
	wait_for_state(XenbusStateConnected);
	say_to(FRONT, "state", "4");
}

static inline void front_kick(void)
{
	host_notify(front.port);
}

/* Puts a request into the ring, without an event. */
static inline void front_put(const void *request)
{
	uint8_t *slot = (uint8_t *)RING_GET_REQUEST(&front.ring, front.ring.req_prod_pvt);

	if (front.abi32) {		/* blkif_x86_32_request of Linux: 108 bytes, 4 less before the id */
		slot = front.ring_page + 64 + (front.ring.req_prod_pvt & (RING_SIZE(&front.ring) - 1)) * 108;
		memcpy(slot, request, 4);
		memcpy(slot + 4, (const uint8_t *)request + 8, 104);
	} else {
		memcpy(slot, request, sizeof(struct blkif_request));
	}
	front.ring.req_prod_pvt++;
}

static inline void front_push(void)
{
	int notify;

	RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&front.ring, notify);
	if (notify)
		front_kick();
}

/* Takes a response; false: there is none. */
static inline bool front_take(struct blkif_response *r)
{
	uint32_t i = front.ring.rsp_cons;
	const uint8_t *slot = (uint8_t *)RING_GET_RESPONSE(&front.ring, i);

	if (__atomic_load_n(&front.ring.sring->rsp_prod, __ATOMIC_SEQ_CST) == i)
		return false;
	if (front.abi32)
		slot = front.ring_page + 64 + (i & (RING_SIZE(&front.ring) - 1)) * 108;
	memcpy(&r->id, slot, 8);
	r->operation = slot[8];
	memcpy(&r->status, slot + 10, 2);
	for (unsigned k = 9; k < (front.abi32 ? 12 : 16); k += k == 9 ? 3 : 1)
		if (slot[k] && !front.scribbled)
			host_fail("byte %u of a response is %u", k, slot[k]);
	front.ring.rsp_cons++;
	return true;
}

/* Sends a request of any kind and returns its status. */
#define front_request(request) front_request_of((request), sizeof(*(request)))

static inline int front_request_of(const void *request, size_t size)
{
	static uint64_t id;
	struct blkif_request q = { 0 };
	struct blkif_response r;

	memcpy(&q, request, size);
	q.id = ++id << 20;
	front_put(&q);
	front_push();
	for (unsigned i = 0; !front_take(&r); i++) {
		if (i == 20000)
			host_fail("no response");
		pass(100000);
	}
	assert(r.id == q.id);
	return r.status;
}

/*
 * A read or write of len bytes at `at` of the first pages; direct or indirect by what is allowed.
 * Segments begin anywhere in their pages.
 */
static inline int front_transfer(uint8_t op, uint64_t at, uint8_t *buf, size_t len, bool indirect)
{
	struct blkif_request q = { .operation = op, .sector_number = at / 512 };
	struct blkif_request_indirect in = {
		.operation = BLKIF_OP_INDIRECT, .indirect_op = op, .sector_number = at / 512,
		.indirect_grefs[0] = front.ref[PAGES - 1],
	};
	struct blkif_request_segment seg[256];
	size_t done = 0;
	unsigned n = 0;
	int status;

	for (; done < len && n < (indirect ? 256 : 11); n++) {
		unsigned first = host_below(8), most = 8 - first;

		if (most > (len - done) / 512)
			most = (len - done) / 512;
		seg[n] = (struct blkif_request_segment){
			front.ref[n], first, first + most - 1,
		};
		if (op == BLKIF_OP_WRITE)
			memcpy(front.page[n] + first * 512, buf + done, most * 512);
		done += most * 512;
	}
	assert(done == len);
	q.nr_segments = in.nr_segments = n;
	memcpy(indirect ? (void *)front.page[PAGES - 1] : q.seg, seg, n * sizeof(seg[0]));
	status = indirect ? front_request(&in) : front_request(&q);
	for (unsigned i = 0, at_buf = 0; op == BLKIF_OP_READ && !status && i < n; i++) {
		unsigned bytes = (seg[i].last_sect - seg[i].first_sect + 1) * 512;

		memcpy(buf + at_buf, front.page[i] + seg[i].first_sect * 512, bytes);
		at_buf += bytes;
	}
	return status;
}

/* ---- a whole run */

/* Reads and writes anywhere, and compares with the model. */
static inline void use(unsigned rounds)
{
	static uint8_t buf[256 * 1024];

	for (unsigned i = 0; i < rounds; i++) {
		bool indirect = host_chance(2), write = host_chance(2);
		size_t at = host_below(SIZE / 512) * 512, most = (indirect ? 256 : 11) * 512, len;

		len = 512 * (1 + host_below(host_chance(2) ? 8 : most / 512));
		if (len > SIZE - at)
			len = SIZE - at;
		for (size_t k = 0; k < len; k++)
			buf[k] = write ? host_random() : 0xee;
		if (write)
			memcpy(model + at, buf, len);
		assert(front_transfer(write ? BLKIF_OP_WRITE : BLKIF_OP_READ, at, buf, len, indirect) == 0);
		assert(memcmp(buf, model + at, len) == 0);
	}
	assert(memcmp(disk_data, model, SIZE) == 0);
}

static unsigned threads_at_boot;

static inline void boot(void)
{
	store_start();
	host_boot();
	threads_at_boot = thread_count();
	for (size_t i = 0; i < SIZE; i++)
		model[i] = disk_data[i] = i * 7 + i / 4096;
	test_store.threads = host_chance(2) ? 1 + host_below(4) : 0;
	front.order = host_below(5);
	front.abi32 = host_chance(4);
	front.persistent = host_chance(2);
	front.queues = host_chance(3) ? 1 + host_below(3) : 0;
	front.old_name = front.queues < 2 && host_chance(3);
	if (front.old_name)
		front.order = 0;
}

static inline void up(void)
{
	boot();
	server_start();
	toolstack_attach("w");
	front_connect();
}

static inline void front_close(void)
{
	say_to(FRONT, "state", "5");
	wait_for_state(XenbusStateClosing);
	say_to(FRONT, "state", "6");
}

static inline void wait_until_removed(void)
{
	for (unsigned i = 0; store_read(BACK "/state"); i++) {
		if (i == 20000)
			host_fail("the backend's folder is not removed");
		pass(50 * NSEC_PER_MSEC);
	}
}

/* Nothing of the frontend may be left. */
static inline void check_nothing_left(void)
{
	assert(host_xen.mapped == 0);
	assert(store_opens == 0);
}

static inline void down(void)
{
	if (store_read(BACK "/state")) {
		toolstack_detach();
		pass(NSEC_PER_MSEC);
		say_to(FRONT, "state", "6");
		wait_until_removed();
	}
	server_stop();
	check_nothing_left();
	store_end(STORE_TOO_LONG);
	while (thread_count() != threads_at_boot)
		pass(NSEC_PER_MSEC);
}

#endif

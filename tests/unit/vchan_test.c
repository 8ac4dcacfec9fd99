/* SPDX-License-Identifier: ISC */
/*
 * drivers/vchan.c and vchan_setup.c, both roles, against tests/host/vchanpeer.c.
 *
 * Over 500 lines: all claims share the streams of bytes and their check.
 */
#include "drivers/vchan.h"
#include "drivers/xenbus/xenstore.h"
#include "kernel/clock.h"
#include "kernel/gnttab.h"
#include "kernel/sched.h"
#include "tests/host/host.h"
#include "tests/host/vchanpeer.h"
#include "tests/host/xenstored.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xen/io/libxenvchan.h>

#define HOME "/local/domain/5/"
#define PATH HOME "data/vchan/0/test"
#define THEIRS "/local/domain/0/data/vchan/5/test"
#define SECOND NSEC_PER_SEC

static struct vchan v;
static unsigned running;

static void boot(void)
{
	store_start();
	host.accesses = host_chance(2) ? 1 + host_below(100) : 0;
	host_boot();
	assert(xs_init() == 0);
}

/* The client's thread ends only with the connection, and granted pages are freed then. */
static void down(void)
{
	unsigned threads;
	struct gnttab_stats grants;

	for (gnttab_stats(&grants); grants.quarantined; gnttab_stats(&grants))
		thread_sleep(clock_now() + NSEC_PER_MSEC);
	threads = thread_count();
	store_end(STORE_TOO_LONG);
	while (thread_count() == threads)
		thread_sleep(clock_now() + NSEC_PER_MSEC);
}

static void wait_for_threads(void)
{
	while (running)
		thread_sleep(clock_now() + NSEC_PER_MSEC);
}

/*
 * Any two that the protocol has room for; the larger ones not so often, and not so many
 * pages that the grant table grows, which looks like a leak.
 */
static void any_orders(unsigned *a, unsigned *b)
{
	do {
		*a = 10 + host_below(host_chance(8) ? 11 : 5);
		*b = 10 + host_below(host_chance(8) ? 11 : 5);
	} while ((*a == *b && *a < 12) || (*a == 10 && *b == 20) || (*a == 20 && *b == 10) ||
		 (1 << *a) + (1 << *b) > 480 * 4096);
}

static void serve(void)
{
	unsigned read, write;

	any_orders(&read, &write);
	assert(vchan_serve(&v, 0, host_chance(2) ? PATH : "data/vchan/0/test", read, write) == 0);
	vchanpeer_client(PATH);
}

static void be_client(void)
{
	struct vchanpeer_offer offer = { 0 };

	any_orders(&offer.left_order, &offer.right_order);
	vchanpeer_server(THEIRS, &offer);
	assert(vchan_join(&v, 0, THEIRS) == 0);
}

/* ---- bytes */

static uint64_t got, gave;
static uint64_t until = NEVER;

/* Read n bytes more of this session, or to its end: how it ended. */
static ssize_t take(unsigned session, uint64_t n)
{
	uint8_t buf[3000];
	ssize_t len = 1;

	for (uint64_t end = got + n; got < end && len > 0; got += len > 0 ? len : 0) {
		size_t want = 1 + host_below(sizeof(buf));

		len = vchan_read(&v, buf, want < end - got ? want : end - got, until);
		for (ssize_t i = 0; i < len; i++)
			assert(buf[i] == vchanpeer_byte(session, true, got + i));
	}
	return len;
}

static ssize_t give(unsigned session, uint64_t n)
{
	uint8_t buf[3000];
	ssize_t len = 1;

	for (uint64_t end = gave + n; gave < end && len > 0; gave += len > 0 ? len : 0) {
		size_t want = 1 + host_below(sizeof(buf));

		if (want > end - gave)
			want = end - gave;
		for (size_t i = 0; i < want; i++)
			buf[i] = vchanpeer_byte(session, false, gave + i);
		while ((len = vchan_write(&v, buf, want, until)) == -ENOTCONN &&
		       clock_now() < until)
			thread_sleep(clock_now() + NSEC_PER_MSEC);
	}
	return len;
}

static void giver(void *arg)
{
	assert(give(1, *(uint64_t *)arg) >= 0 && gave == *(uint64_t *)arg);
	running--;
}

/* Two threads, so that neither direction waits for the other. */
static void both_ways(void)
{
	uint64_t out = host_below(60000), in = host_below(60000);

	vchanpeer.to_send = in;
	vchanpeer.to_receive = out;
	vchanpeer.stays = true;
	vchanpeer.wants = true;
	running = 1;
	assert(thread_start("giver", THREAD_KERNEL, STACK_KERNEL, giver, &out, NULL));
	assert(take(1, in) > 0 || in == 0);
	wait_for_threads();
	while (vchanpeer.received < out)
		thread_sleep(clock_now() + NSEC_PER_MSEC);
	assert(vchanpeer.received == out && got == in);
	vchan_close(&v);
	assert(!store_read(PATH));
	thread_sleep(clock_now() + SECOND);
	down();
}

static void server_both_ways(void)
{
	boot();
	serve();
	both_ways();
}

static void client_both_ways(void)
{
	boot();
	be_client();
	both_ways();
}

static bool ready_for(unsigned bits)
{
	evtchn_take(&v.port);
	return vchan_ready(&v) & bits;
}

/* One thread that only ever waits for readiness, and tries. */
static void by_readiness(void)
{
	uint64_t in = host_below(30000), out = host_below(30000);
	uint8_t buf[2000];

	boot();
	if (host_chance(2))
		serve();
	else
		be_client();
	vchanpeer.to_send = in;
	vchanpeer.to_receive = out;
	vchanpeer.stays = true;
	vchanpeer.wants = true;
	while (got < in || gave < out) {
		unsigned bits = (got < in ? VCHAN_READABLE : 0) |
				(gave < out ? VCHAN_WRITABLE : 0);
		size_t want = 1 + host_below(sizeof(buf));
		ssize_t n;

		wait_until(&v.port.waiters, ready_for(bits));
		bits &= vchan_ready(&v);
		if (bits & VCHAN_READABLE) {
			n = vchan_try_read(&v, buf, want);
			assert(n > 0);
			for (ssize_t i = 0; i < n; i++)
				assert(buf[i] == vchanpeer_byte(1, true, got + i));
			got += n;
		}
		if (bits & VCHAN_WRITABLE) {
			if (want > out - gave)
				want = out - gave;
			for (size_t i = 0; i < want; i++)
				buf[i] = vchanpeer_byte(1, false, gave + i);
			n = vchan_try_write(&v, buf, want);
			assert(n > 0);
			gave += n;
		}
	}
	while (vchanpeer.received < out)
		thread_sleep(clock_now() + NSEC_PER_MSEC);
	assert(!(vchan_ready(&v) & (VCHAN_READABLE | VCHAN_GONE)));
	vchan_close(&v);
	thread_sleep(clock_now() + SECOND);
	down();
}

/* Reading and writing while the peer is idle neither requests nor sends an event. */
static void no_needless_event(void)
{
	uint8_t buf[512] = { 0 };
	unsigned sends;

	boot();
	assert(vchan_serve(&v, 0, PATH, 12, 12) == 0);
	vchanpeer.stays = vchanpeer.wants = true;
	vchanpeer_client(PATH);
	assert(vchan_write(&v, "", 0, NEVER) == 0);
	wait_until_deadline(&v.port.waiters, clock_now() + SECOND,
			    ready_for(VCHAN_WRITABLE));
	for (int i = 0; i < 512; i++)
		buf[i] = vchanpeer_byte(1, false, i);
	host.accesses = 0;
	sends = host_xen.sends;
	for (int i = 0; i < 512; i += 64) {
		shared_byte_and(v.peer_notify, i ? 0 : VCHAN_NOTIFY_WRITE);
		assert(vchan_try_write(&v, buf + i, 64) == 64);
	}
	assert(host_xen.sends - sends <= 1);
	shared_byte_or(v.peer_notify, VCHAN_NOTIFY_WRITE);
	evtchn_notify(&v.port);
	while (vchanpeer.received < 512)
		thread_sleep(clock_now() + NSEC_PER_MSEC);
	vchan_close(&v);
	thread_sleep(clock_now() + SECOND);
	down();
}

/* ---- sessions */

/* Data of a client that vanished is read, then its end, then data of the next client. */
static void sessions_do_not_mix(void)
{
	unsigned n = 2 + host_below(6);

	boot();
	serve();
	vchanpeer.vanishes = true;
	for (unsigned session = 1; session <= n; session++) {
		ssize_t rc;

		vchanpeer.to_send = host_below(20000);
		vchanpeer.to_receive = 1000000;
		vchanpeer.wants = true;
		got = gave = 0;
		while (vchanpeer.session < session)
			thread_sleep(clock_now() + NSEC_PER_MSEC);
		/* A client that connected and left without data may be unnoticed. */
		until = clock_now() + 10 * SECOND;
		rc = host_chance(2) ? give(session, host_below(30000)) : 1;
		assert(rc > 0 || rc == -EPIPE || !vchanpeer.sent);
		rc = take(session, UINT32_MAX);
		assert(rc == 0 || (rc == -ETIMEDOUT && !vchanpeer.sent));
		assert(got == vchanpeer.sent);
	}
	assert(!v.error);
	vchan_close(&v);
	down();
}

/*
 * The next client connects before the end of this one was noticed: their data is not
 * mixed.
 */
static void replaced_unseen(void)
{
	uint8_t buf[100];
	ssize_t n;

	boot();
	serve();
	vchanpeer.to_send = 50;
	vchanpeer.stays = true;
	vchanpeer.wants = true;
	assert(take(1, 50) > 0);
	vchanpeer.to_send = 0;
	vchanpeer.stays = false;
	vchanpeer.sent = 0;
	host.accesses = 0;
	while (vchanpeer.connected)
		host_step();
	vchanpeer.to_send = 50;
	vchanpeer.stays = vchanpeer.wants = true;
	while (!vchanpeer.connected || vchanpeer.sent < 50)
		host_step();
	n = vchan_try_read(&v, buf, sizeof(buf));
	assert(n == -ECONNRESET);
	host.accesses = 1 + host_below(50);
	assert(vchan_renew(&v) == 0);		/* it is dismissed, and connects again */
	got = 0;
	while (vchanpeer.session < 3 || vchanpeer.sent < 50)
		thread_sleep(clock_now() + NSEC_PER_MSEC);
	assert(vchanpeer.refused && take(vchanpeer.session, 50) > 0);
	vchan_close(&v);
	thread_sleep(clock_now() + SECOND);
	down();
}

static void writer(void *arg)
{
	static uint8_t much[200000];
	ssize_t n = vchan_write(&v, much, sizeof(much), NEVER);

	(void)arg;
	assert(n == -EPIPE);
	running--;
}

/*
 * Data that a thread writes while another reads the end does not reach the next client.
 */
static void a_write_ends_with_its_session(void)
{
	boot();
	assert(vchan_serve(&v, 0, PATH, 12, 12) == 0);
	vchanpeer_client(PATH);
	vchanpeer.careless = true;
	vchanpeer.to_send = 10;
	vchanpeer.to_receive = 30000;
	vchanpeer.wants = true;
	got = 0;
	assert(take(1, 1) > 0);
	running = 1;
	assert(thread_start("writer", THREAD_KERNEL, STACK_KERNEL, writer, NULL, NULL));
	while (vchanpeer.received == 0)
		thread_sleep(clock_now() + NSEC_PER_MSEC);
	while (take(1, 10) > 0)
		;
	vchanpeer.careless = false;
	vchanpeer.stays = vchanpeer.wants = true;
	wait_for_threads();
	vchan_close(&v);
	thread_sleep(clock_now() + SECOND);
	down();
}

static void client_sees_the_end(void)
{
	uint8_t buf[100];

	boot();
	be_client();
	vchanpeer.to_send = 3000;
	while (vchanpeer.sent < 1000)
		thread_sleep(clock_now() + NSEC_PER_MSEC);
	vchanpeer_server_close();
	vchanpeer.to_send = vchanpeer.sent;
	assert(take(1, UINT32_MAX) == 0 && got == vchanpeer.sent);
	assert(vchan_read(&v, buf, 1, NEVER) == 0);
	assert(vchan_write(&v, buf, 1, NEVER) == -EPIPE);
	assert(vchan_ready(&v) == (VCHAN_READABLE | VCHAN_WRITABLE | VCHAN_GONE));
	vchan_close(&v);
	assert(!vchanpeer_server_has_client());
	down();
}

static void deadlines(void)
{
	uint8_t buf[3000] = { 0 };
	ssize_t n;

	boot();
	assert(vchan_serve(&v, 0, PATH, 10, 11) == 0);
	assert(vchan_read(&v, buf, 10, clock_now() + NSEC_PER_MSEC) == -ETIMEDOUT);
	assert(vchan_write(&v, buf, 10, clock_now() + NSEC_PER_MSEC) == -ENOTCONN);
	assert(vchan_try_read(&v, buf, 10) == -EAGAIN);
	assert(vchan_ready(&v) == 0);
	vchan_close(&v);
	vchanpeer.careless = true;
	be_client();
	host.accesses = 0;
	n = vchan_try_write(&v, buf, sizeof(buf));
	assert(n > 0);
	vchan_close(&v);
	vchan_close(&v);
	down();
}

/* ---- the hostile */

static void lies_cost_the_channel(void)
{
	uint8_t buf[5000] = { 0 };
	bool server = host_chance(2);
	ssize_t n = 0;

	boot();
	vchanpeer.careless = true;
	if (server)
		serve();
	else
		be_client();
	vchanpeer.scribbles = 1 + host_below(20);
	vchanpeer.nosy = host_chance(2);
	vchanpeer.to_send = vchanpeer.to_receive = 1u << 20;
	vchanpeer.wants = true;
	for (int i = 0; i < 200 && !v.error; i++) {
		uint64_t soon = clock_now() + NSEC_PER_MSEC;

		if (host_chance(2))
			n = vchan_read(&v, buf, 1 + host_below(sizeof(buf)), soon);
		else
			n = vchan_write(&v, buf, 1 + host_below(sizeof(buf)), soon);
		assert(n >= 0 || n == -EPROTO || n == -ECONNRESET || n == -EPIPE ||
		       n == -ETIMEDOUT || n == -ENOTCONN);
		vchan_ready(&v);
	}
	if (v.error)
		assert(vchan_try_read(&v, buf, 1) == v.error &&
		       vchan_try_write(&v, buf, 1) == v.error);
	vchanpeer.scribbles = 0;
	vchanpeer.nosy = false;
	vchanpeer.vanishes = true;
	if (server) {			/* and then an honest one is served */
		unsigned session;

		assert(vchan_renew(&v) == 0);
		while (vchanpeer.connected)
			thread_sleep(clock_now() + NSEC_PER_MSEC);
		while ((n = vchan_try_read(&v, buf, sizeof(buf))) != -EAGAIN)
			assert(n >= 0);
		session = vchanpeer.session + 1;
		vchanpeer.vanishes = false;
		vchanpeer.stays = true;
		vchanpeer.to_send = 4000;
		vchanpeer.to_receive = 0;
		vchanpeer.wants = true;
		got = 0;
		assert(take(session, 4000) > 0);
	}
	vchan_close(&v);
	thread_sleep(clock_now() + SECOND);
	down();
}

/* ---- what cannot be */

static void bad_orders(void)
{
	static const uint8_t bad[][2] = {
		{ 10, 10 }, { 11, 11 }, { 9, 12 }, { 12, 9 }, { 21, 12 }, { 12, 21 },
		{ 10, 20 }, { 20, 10 }, { 0, 0 }, { 255, 12 },
	};
	char long_path[VCHAN_PATH_MAX + 1];

	boot();
	for (size_t i = 0; i < HOST_COUNT(bad); i++)
		assert(vchan_serve(&v, 0, PATH, bad[i][0], bad[i][1]) == -EINVAL);
	memset(long_path, 'x', sizeof(long_path) - 1);
	long_path[sizeof(long_path) - 1] = '\0';
	assert(vchan_serve(&v, 0, long_path, 10, 11) == -ENAMETOOLONG);
	assert(vchan_join(&v, 0, long_path) == -ENAMETOOLONG);
	assert(!store_read(PATH));
	down();
}

static void bad_offers(void)
{
	struct vchanpeer_offer offer = { .left_order = 13, .right_order = 14 };
	struct host_xen before;
	int rc;

	boot();
	before = host_xen;
	assert(vchan_join(&v, 0, THEIRS) == -ENOENT);
	store_write(THEIRS "/ring-ref", "x");
	assert(vchan_join(&v, 0, THEIRS) == -EPROTO);
	store_write(THEIRS "/ring-ref", "99999999999");
	assert(vchan_join(&v, 0, THEIRS) == -EPROTO);
	offer.bad_ref = true;
	vchanpeer_server(THEIRS, &offer);
	assert(vchan_join(&v, 0, THEIRS) == -EACCES);
	offer = (struct vchanpeer_offer){ .left_order = 13, .right_order = 14, .wrong_orders = true };
	vchanpeer_server(THEIRS, &offer);
	rc = vchan_join(&v, 0, THEIRS);
	assert(rc == -EPROTO || rc == -EACCES);
	offer = (struct vchanpeer_offer){ .left_order = 13, .right_order = 14, .no_port = true };
	vchanpeer_server(THEIRS, &offer);
	assert(vchan_join(&v, 0, THEIRS) == -EBUSY);
	assert(host_xen.ports == before.ports && host_xen.mapped == before.mapped);
	down();
}

/* Without ports, grants or memory: an error, and nothing kept. */
static void nothing_left(void)
{
	unsigned read = 10 + host_below(11), what = host_below(3);
	int rc;

	boot();
	if (what == 0)
		host.ports = host_xen.ports;
	else if (what == 1)
		host.grant_frames = 1;
	else
		host.malloc_fails = 1 + host_below(4);
	rc = vchan_serve(&v, 0, PATH, read, 19);
	host.malloc_fails = 0;
	host.ports = 4000;
	if (rc == 0)
		vchan_close(&v);
	else
		assert(rc == -ENOSPC || rc == -ENOMEM);
	assert(v.state == VCHAN_NONE && !store_read(PATH));
	down();
}

static void server(void *arg)
{
	*(int *)arg = vchan_serve(&v, 0, PATH, 12, 13);
	running--;
}

static unsigned grants(void)
{
	struct gnttab_stats stats;

	gnttab_stats(&stats);
	return stats.used;
}

/* The request for the number of the domain may be answered in a restored domain. */
static void grants_are_of_this_domain(void)
{
	unsigned before;
	int rc = 1;

	boot();
	assert(gnttab_init() == 0);
	before = grants();
	store.deaf = true;
	running = 1;
	assert(thread_start("server", THREAD_KERNEL, STACK_KERNEL, server, &rc, NULL));
	thread_sleep(clock_now() + SECOND);
	assert(running && grants() == before);
	store.deaf = false;
	xs_mkdir(NULL, HOME "data/event");	/* for xenstored */
	wait_for_threads();
	assert(rc == 0 && grants() == before + 4);
	vchan_close(&v);
	down();
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "a server's bytes arrive in both directions, with all ring sizes",
		  server_both_ways, 300 },
		{ "a client's bytes arrive in both directions, with all ring sizes",
		  client_both_ways, 300 },
		{ "a thread that waits for readiness is always woken", by_readiness, 300 },
		{ "no event is sent without a request", no_needless_event, 20 },
		{ "if clients vanish, each session is complete and ends",
		  sessions_do_not_mix, 300 },
		{ "a client that replaced another one unnoticed is dismissed",
		  replaced_unseen, 50 },
		{ "a write ends with its session", a_write_ends_with_its_session, 100 },
		{ "a client reads the remaining data, then the end",
		  client_sees_the_end, 50 },
		{ "calls respect deadlines and return -EAGAIN", deadlines, 20 },
		{ "a violation of the protocol ends the channel, and the next client is served",
		  lies_cost_the_channel, 500 },
		{ "invalid ring sizes and long paths are refused", bad_orders, 1 },
		{ "invalid offers of a server are refused", bad_offers, 50 },
		{ "nothing is granted before the number of the domain is known",
		  grants_are_of_this_domain, 20 },
		{ "a lack of ports, grants or memory is an error", nothing_left, 60 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}

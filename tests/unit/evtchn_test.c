/* SPDX-License-Identifier: ISC */
/*
 * kernel/evtchn.c: no event is lost and no port starves others, under random schedules.
 *
 * Over 500 lines: all claims share the channels and their peers.
 */
#include "kernel/arch.h"
#include "kernel/clock.h"
#include "kernel/evtchn.h"
#include "kernel/sched.h"
#include "kernel/timer.h"
#include "tests/host/host.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static unsigned running;
static struct waitq ended;

static void end(void)
{
	running--;
	wake(&ended);
}

static void go(const char *name, enum thread_kind kind, void (*main)(void *), void *arg)
{
	struct thread *t = thread_start(name, kind, STACK_KERNEL, main, arg, NULL);

	assert(t);
	running++;
}

static void join_all(void)
{
	wait_until(&ended, running == 0);
	while (thread_count() > 1)
		thread_sleep(clock_now() + NSEC_PER_MSEC);
}

/*
 * ---- messages: a peer writes a number, then sends an event; the last number
 * must be seen
 */

#define LAST 12

static struct channel {
	struct evtchn e;
	evtchn_port_t far;
	uint32_t written, seen;
	uint32_t answered;		/* the value of `seen` at the peer's last event */
} channels[200];

/* Ports without events, so that the others are in several words of bits. */
static struct evtchn quiet[300];
static unsigned nquiet;

static void open_quiet(void)
{
	for (unsigned n = host_chance(2) ? 0 : host_below(80); n && nquiet < 300; n--)
		assert(!evtchn_listen(&quiet[nquiet++], "quiet", 1));
}

static void close_quiet(void)
{
	while (nquiet)
		evtchn_close(&quiet[--nquiet]);
}

static void open_channel(struct channel *c)
{
	domid_t peer = host_below(4);

	open_quiet();
	if (host_chance(2)) {
		assert(!evtchn_listen(&c->e, "listens", peer));
		c->far = host_connect(peer, c->e.port);
	} else {
		c->far = host_listen(peer);
		assert(!evtchn_connect(&c->e, "connects", peer, c->far));
	}
}

static bool write_and_ring(void *arg)
{
	struct channel *c = arg;

	if (c->written == LAST)
		return false;
	__atomic_store_n(&c->written, c->written + 1, __ATOMIC_SEQ_CST);
	host_notify(c->far);
	return true;
}

static void read_all(void *arg)
{
	struct channel *c = arg;

	while (c->seen < LAST) {
		evtchn_wait(&c->e);
		c->seen = __atomic_load_n(&c->written, __ATOMIC_SEQ_CST);
		if (host_chance(4))
			thread_yield();
	}
	evtchn_close(&c->e);
	end();
}

static void spin_a_while(void *arg)
{
	(void)arg;
	for (unsigned n = host_below(200); n; n--) {
		host_preempt();
		if (host_chance(8)) {
			kernel_enter();
			kernel_leave();
		}
	}
	kernel_enter();
	end();
	kernel_leave();
}

static void no_event_is_lost(void)
{
	unsigned n = 1 + host_below(6);

	host_boot();
	for (unsigned i = 0; i < n; i++) {
		open_channel(&channels[i]);
		host_actor("writer", write_and_ring, &channels[i]);
		go("reader", THREAD_KERNEL, read_all, &channels[i]);
	}
	for (unsigned i = host_below(3); i; i--)
		go("spinner", THREAD_APP, spin_a_while, NULL);
	join_all();
	close_quiet();
}

/* One thread checks many ports in turn, so that they are often masked and unmasked. */
static void poll_all(void *arg)
{
	unsigned n = (uintptr_t)arg, done = 0;

	while (done < n) {
		struct channel *c = &channels[host_below(n)];

		if (host_chance(2))
			thread_yield();
		if (host_chance(8))
			thread_sleep(clock_now() + host_below(10000));
		if (c->seen == LAST || !evtchn_take(&c->e))
			continue;
		c->seen = __atomic_load_n(&c->written, __ATOMIC_SEQ_CST);
		done += c->seen == LAST;
	}
	for (unsigned i = 0; i < n; i++)
		evtchn_close(&channels[i].e);
	end();
}

static void masked_ports_lose_nothing(void)
{
	unsigned n = 1 + host_below(5);

	host_boot();
	for (unsigned i = 0; i < n; i++) {
		open_channel(&channels[i]);
		host_actor("writer", write_and_ring, &channels[i]);
	}
	go("poller", THREAD_KERNEL, poll_all, (void *)(uintptr_t)n);
	if (host_chance(2))
		go("spinner", THREAD_APP, spin_a_while, NULL);
	join_all();
	close_quiet();
}

/* ---- storms */

static evtchn_port_t far_storm;
static struct evtchn storm;

static bool ring_always(void *arg)
{
	(void)arg;
	host_notify(far_storm);
	return true;
}

static bool answer_ring(void *arg)
{
	struct channel *c = arg;

	if (!host_rung(c->far))
		return false;
	host_notify(c->far);
	return true;
}

static void ping(void *arg)
{
	struct channel *c = arg;

	for (unsigned n = 0; n < 30; n++) {
		evtchn_notify(&c->e);
		evtchn_wait(&c->e);
	}
	evtchn_close(&c->e);
	end();
}

static void storm_starves_nobody(void)
{
	host_boot();
	assert(!evtchn_listen(&storm, "storm", 2));
	far_storm = host_connect(2, storm.port);
	host_actor("storm", ring_always, NULL);
	for (unsigned i = 0; i < 2; i++) {
		open_channel(&channels[i]);
		host_actor("answers", answer_ring, &channels[i]);
		go("ping", THREAD_KERNEL, ping, &channels[i]);
	}
	join_all();
	/* It was not handled: two upcalls, then it was masked. */
	assert(storm.signalled && storm.masked && storm.count == 2);
	for (unsigned i = 0; i < 10; i++) {
		uint64_t before = storm.count;

		evtchn_wait(&storm);
		assert(storm.count <= before + 2);
	}
	evtchn_close(&storm);
	close_quiet();
}

/* Many ports in many words that all ring all the time: each is heard. */
static void everyone_is_served(void)
{
	enum { N = 150 };

	host_boot();
	for (unsigned i = 0; i < N; i++)
		open_channel(&channels[i]);
	for (unsigned round = 0; round < 4; round++) {
		for (unsigned i = 0; i < N; i++)
			host_notify(channels[i].far);
		evtchn_dispatch();
		for (unsigned i = 0; i < N; i++)
			assert(evtchn_take(&channels[i].e));
	}
	/* Events that arrive during a dispatch are handled by the next one, in order. */
	for (unsigned round = 0; round < 4; round++) {
		unsigned some = host_below(N);

		host_notify(channels[some].far);
		assert(evtchn_dispatch());
		assert(!evtchn_dispatch());
		assert(evtchn_take(&channels[some].e) && !evtchn_take(&channels[some].e));
	}
	for (unsigned i = 0; i < N; i++)
		evtchn_close(&channels[i].e);
	close_quiet();
}

/* ---- closing */

static void wait_for_close(void *arg)
{
	struct evtchn *e = arg;

	if (e->wakes)
		wait_until(e->wakes, evtchn_take(e) || !e->port);
	while (e->port)
		evtchn_wait(e);
	end();
}

static void close_wakes(void)
{
	static struct evtchn e;
	static struct waitq elsewhere;
	unsigned n = 1 + host_below(3);

	host_boot();
	assert(!evtchn_listen(&e, "quiet", 1));
	e.wakes = host_chance(2) ? &elsewhere : NULL;
	while (n--)
		go("waiter", THREAD_KERNEL, wait_for_close, &e);
	thread_sleep(clock_now() + host_below(2) * NSEC_PER_MSEC);
	evtchn_close(&e);
	join_all();
	evtchn_close(&e);		/* does nothing */
	evtchn_notify(&e);		/* nor does this */
}

/* A port number that is used again has no state of its last user. */
static void numbers_are_used_again(void)
{
	struct evtchn e = { 0 };
	evtchn_port_t port = 0;

	host_boot();
	for (unsigned i = 0; i < 20; i++) {
		domid_t peer = host_below(4);
		evtchn_port_t far;

		assert(!evtchn_listen(&e, "again", peer));
		assert(!e.signalled && !e.masked && e.count == 0 && !evtchn_take(&e));
		assert(port == 0 || e.port == port);
		port = e.port;
		far = host_connect(peer, port);
		for (unsigned n = host_below(3); n; n--) {
			host_notify(far);
			if (host_chance(2))
				evtchn_dispatch();
		}
		evtchn_close(&e);
		host_notify(far);
		evtchn_dispatch();
		host_close(far);
	}
}

static void ports_run_out(void)
{
	static struct evtchn many[100];
	unsigned n = 0;

	host.ports = 20 + host_below(50);
	host_boot();
	while (!evtchn_listen(&many[n], "many", 1))
		n++;
	assert(n == host.ports - 3);		/* console, xenstore, timer */
	assert(many[n].port == 0);
	assert(evtchn_listen(&many[n], "one more", 1) == -ENOSPC);
	assert(evtchn_connect(&many[n], "one more", 1, host_listen(1)) == -ENOSPC);
	evtchn_close(&many[n]);
	evtchn_close(&many[3]);
	assert(!evtchn_listen(&many[3], "one more", 1));
	while (n--)
		evtchn_close(&many[n]);
}

static void all_ports(void)
{
	static struct evtchn all[4096];
	unsigned n = 0;

	host.ports = 4095;
	host_boot();
	while (!evtchn_listen(&all[n], "all", 1))
		n++;
	assert(n == 4095 - 3 && all[n - 1].port == 4095);
	host_notify(host_connect(1, 4095));
	evtchn_wait(&all[n - 1]);
	while (n--)
		evtchn_close(&all[n]);
}

static void no_memory_for_a_port(void)
{
	static struct evtchn many[200];
	unsigned n = 0, failed = 0;

	host_boot();
	host.malloc_fails = 2;
	for (unsigned i = 0; i < 200; i++) {
		int rc = evtchn_listen(&many[n], "many", 1);

		assert(rc == 0 || rc == -ENOMEM);
		if (rc == 0)
			n++;
		else
			failed++;
	}
	assert(n > 50 || failed > 50);
	while (n--)
		evtchn_close(&many[n]);
}

static void wrong_ends_are_errors(void)
{
	struct evtchn e = { 0 }, f = { 0 };

	host_boot();
	assert(evtchn_connect(&e, "no such port", 1, 999) == -EINVAL);
	assert(evtchn_connect(&e, "another's", 1, host_listen(2)) == -EINVAL);
	assert(evtchn_connect(&e, "no such domain", 77, 1) == -ESRCH);
	assert(evtchn_virq(&e, "twice", VIRQ_TIMER) == -EEXIST);
	assert(evtchn_virq(&e, "no such virq", 99) == -EINVAL);
	assert(evtchn_adopt(&e, "port 0", 0) == -EINVAL);
	assert(evtchn_adopt(&e, "too high", 4096) == -EINVAL);
	assert(!e.port);
	assert(!evtchn_virq(&e, "debug", VIRQ_DEBUG));
	host_virq(VIRQ_DEBUG);
	evtchn_wait(&e);
	evtchn_close(&e);
	/* Both ends ours. */
	assert(!evtchn_listen(&e, "here", DOMID_SELF));
	assert(!evtchn_connect(&f, "there", DOMID_SELF, e.port));
	evtchn_take(&f);
	evtchn_notify(&f);
	evtchn_wait(&e);
	evtchn_notify(&e);
	evtchn_wait(&f);
	evtchn_close(&e);
	evtchn_notify(&f);
	evtchn_close(&f);
}

static void adopted_ports_stay(void)
{
	struct evtchn e = { 0 };

	host_boot();
	for (int i = 0; i < 3; i++) {
		assert(!evtchn_adopt(&e, "xenstore", boot_info.xenstore_port));
		host_notify(host_xenstore_port);
		evtchn_wait(&e);
		evtchn_notify(&e);
		assert(host_rung(host_xenstore_port));
		evtchn_close(&e);
	}
}

/* An event without a handler is masked, so that it arrives only once. */
static void strays_are_masked(void)
{
	unsigned stray = 100 + host_below(3000);

	host_boot();
	arch_shared_info.evtchn_mask[stray / 64] &= ~(1ul << stray % 64);
	for (int i = 0; i < 3; i++) {
		arch_shared_info.evtchn_pending[stray / 64] |= 1ul << stray % 64;
		arch_shared_info.vcpu_info[0].evtchn_pending_sel |= 1ul << stray / 64;
		arch_shared_info.vcpu_info[0].evtchn_upcall_pending = 1;
		evtchn_dispatch();
		assert(arch_shared_info.evtchn_mask[stray / 64] >> stray % 64 & 1);
	}
}

static evtchn_port_t last_port;
static unsigned listed;

static void visit(const struct evtchn *e, void *arg)
{
	assert(arg == &listed && e->port > last_port);
	last_port = e->port;
	listed++;
}

static void ports_are_listed(void)
{
	host_boot();
	for (unsigned i = 0; i < 100; i++)
		open_channel(&channels[i]);
	evtchn_list(visit, &listed);
	assert(listed == 101 + nquiet);		/* and the timer */
	for (unsigned i = 0; i < 100; i++)
		evtchn_close(&channels[i].e);
	close_quiet();
}

static void close_in_xen(const struct evtchn *e, void *arg)
{
	(void)arg;
	assert(xen_evtchn_close(e->port) == 0);
}

/* Xen has closed all ports; then the kernel has none either, and each can be bound again. */
static void a_resume_forgets_ports(void)
{
	static struct evtchn a, b;

	host_boot();
	assert(evtchn_listen(&a, "a", 1) == 0 && evtchn_listen(&b, "b", 1) == 0);
	evtchn_list(close_in_xen, NULL);
	evtchn_attach();
	assert(a.port == 0 && b.port == 0);
	evtchn_notify(&a);		/* of no effect */
	assert(timer_attach() == 0);
	assert(evtchn_listen(&b, "b", 1) == 0 && b.port);
	evtchn_close(&b);
	thread_sleep(clock_now() + NSEC_PER_MSEC);
	close_quiet();
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "no event is lost", no_event_is_lost, 2500 },
		{ "masking does not lose events", masked_ports_lose_nothing, 1500 },
		{ "a storm on one port costs two upcalls and starves no thread",
		  storm_starves_nobody, 300 },
		{ "all ports that are signalled are handled", everyone_is_served, 20 },
		{ "closing wakes the waiting threads", close_wakes, 200 },
		{ "a port that is used again has no state of its earlier use",
		  numbers_are_used_again, 200 },
		{ "ports can be exhausted, and used again", ports_run_out, 20 },
		{ "all 4095 ports can be used", all_ports, 1 },
		{ "without memory for a port, the port is closed",
		  no_memory_for_a_port, 50 },
		{ "a port that cannot be bound is an error", wrong_ends_are_errors, 20 },
		{ "a port the builder bound stays bound", adopted_ports_stay, 20 },
		{ "an event of an unknown port is masked", strays_are_masked, 20 },
		{ "ports are listed in order", ports_are_listed, 5 },
		{ "after a resume no port is bound", a_resume_forgets_ports, 5 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}

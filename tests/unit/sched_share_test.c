/* SPDX-License-Identifier: ISC */
/* kernel/sched.c: how kernel threads, events and application threads share the CPU. */
#include "tests/unit/sched_threads.h"

/* ---- kernel threads first */

static void kernel_thread_waits(const struct thread *t, void *arg)
{
	*(bool *)arg |= t->kind == THREAD_KERNEL && t->runnable;
}

static void expect_no_kernel_thread(void)
{
	bool any = false;

	thread_list(kernel_thread_waits, &any);
	assert(!any);
}

static void answer(void *arg)
{
	for (unsigned n = (uintptr_t)arg; n; n--) {
		wait_until(&queue, tokens > 0);
		tokens--;
		taken++;
		if (host_chance(4))
			thread_yield();
	}
	end();
}

static void ask(void *arg)
{
	for (unsigned n = (uintptr_t)arg; n; n--) {
		kernel_enter();
		tokens++;
		wake_one(&queue);
		if (host_chance(2)) {	/* only the outermost leave counts */
			kernel_enter();
			kernel_leave();
			assert(current->depth == 1);
		}
		kernel_leave();
		assert(current->depth == 0);
		expect_no_kernel_thread();
		host_preempt();
		expect_no_kernel_thread();
	}
	kernel_enter();
	end();
}

static void kernel_threads_go_first(void)
{
	host_boot();
	go("kernel 1", THREAD_KERNEL, answer, (void *)10);
	go("kernel 2", THREAD_KERNEL, answer, (void *)10);
	go("app 1", THREAD_APP, ask, (void *)10);
	go("app 2", THREAD_APP, ask, (void *)10);
	join_all();
	assert(taken == 20);
}

/* ---- events in application code */

static struct evtchn bell;
static evtchn_port_t far_bell;
static unsigned rings, heard;

static bool ring_sometimes(void *arg)
{
	(void)arg;
	if (rings == 20 || rings > heard)
		return false;
	rings++;
	host_notify(far_bell);
	return true;
}

static void listen(void *arg)
{
	(void)arg;
	while (heard < 20) {
		evtchn_wait(&bell);
		heard = rings;
	}
	evtchn_close(&bell);
	end();
}

static void spin(void *arg)
{
	(void)arg;
	while (__atomic_load_n(&heard, __ATOMIC_RELAXED) < 20) {
		host_advance(10000);
		host_preempt();
	}
	kernel_enter();
	end();
}

static void spinning_hears_events(void)
{
	unsigned spinners = 1 + host_below(3);

	host_boot();
	assert(!evtchn_listen(&bell, "bell", 1));
	far_bell = host_connect(1, bell.port);
	host_actor("ringer", ring_sometimes, NULL);
	go("listener", THREAD_KERNEL, listen, NULL);
	while (spinners--)
		go("spinner", THREAD_APP, spin, NULL);
	join_all();
}

/* Xen makes no upcall for an event that arrived while upcalls were masked. */
static void come_and_go(void *arg)
{
	(void)arg;
	while (__atomic_load_n(&heard, __ATOMIC_RELAXED) < 20) {
		kernel_enter();
		host_step();
		kernel_leave();
		assert(!arch_shared_info.vcpu_info[0].evtchn_upcall_pending);
		assert(!arch_shared_info.vcpu_info[0].evtchn_upcall_mask);
	}
	kernel_enter();
	end();
}

static void leaving_looks_at_events(void)
{
	host_boot();
	assert(!evtchn_listen(&bell, "bell", 1));
	far_bell = host_connect(1, bell.port);
	host_actor("ringer", ring_sometimes, NULL);
	go("listener", THREAD_KERNEL, listen, NULL);
	go("busy", THREAD_APP, come_and_go, NULL);
	join_all();
}

static unsigned turns[3], seen_last = 3;

/* No thread enters the kernel, and none ends before each had ten turns. */
static void spin_for_turns(void *arg)
{
	unsigned me = (uintptr_t)arg;
	volatile unsigned *t = turns, *last = &seen_last;

	while (t[0] < 10 || t[1] < 10 || t[2] < 10) {
		if (*last != me) {
			*last = me;
			t[me]++;
		}
		host_advance(NSEC_PER_MSEC);
		host_preempt();
	}
	kernel_enter();
	end();
}

static void slices_are_shared(void)
{
	uint64_t start;

	host_boot();
	start = clock_now();
	for (uintptr_t i = 0; i < 3; i++)
		go("spinner", THREAD_APP, spin_for_turns, (void *)i);
	join_all();
	/* About 10 ms each: shorter slices would waste time on switches. */
	assert(clock_now() - start > 30 * 8 * NSEC_PER_MSEC);
	assert(sched_stats.preemptions < 2000);
}

static void ring_often(void *arg)
{
	while (__atomic_load_n(&running, __ATOMIC_RELAXED) > 1)
		thread_sleep(clock_now() + 3 * NSEC_PER_MSEC);
	(void)arg;
	end();
}

static void events_do_not_prolong_slices(void)
{
	uint64_t start;

	host_boot();
	start = clock_now();
	host.fifo = true;
	for (uintptr_t i = 0; i < 3; i++)
		go("spinner", THREAD_APP, spin_for_turns, (void *)i);
	go("busy", THREAD_KERNEL, ring_often, NULL);
	join_all();
	assert(clock_now() - start < 30 * 30 * NSEC_PER_MSEC);
}

static void one_spinner_has_no_slice(void)
{
	unsigned upcalls;

	host.profiled = false;
	host_boot();
	kernel_leave();
	upcalls = sched_stats.upcalls;
	for (int i = 0; i < 1000; i++) {
		host_advance(NSEC_PER_MSEC);
		host_preempt();
	}
	assert(sched_stats.upcalls - upcalls < 3);
	kernel_enter();
}

/* ---- storms */

static evtchn_port_t far_storm;
static struct evtchn storm;
static uint64_t work, computed, longest_wait, longest_calm;
static bool calm;

static bool ring_always(void *arg)
{
	(void)arg;
	if (calm)
		return false;
	host_notify(far_storm);
	return true;
}

/* Diligent: each event means some work. */
static void weather(void *arg)
{
	(void)arg;
	while (!calm) {
		uint64_t since = clock_now();

		wait_until(&storm.waiters, evtchn_take(&storm) || calm);
		if (clock_now() - since > longest_calm)
			longest_calm = clock_now() - since;
		host_advance(work);
	}
	end();
}

/* Spins, for so long: how much of the CPU it had. */
static uint64_t had[4];
static unsigned spinners;

static void spin_for(void *arg)
{
	unsigned me = spinners++;
	uint64_t stop = clock_now() + (uintptr_t)arg;

	while (clock_now() < stop) {
		host_advance(2000);
		had[me] += 2000;
		host_preempt();
	}
	kernel_enter();
	calm = true;
	end();
}

static unsigned naps, late_naps;
static uint64_t nap_work;

/* Sleeps 2 ms, works a little, and again: how often it was late. */
static void nap(void *arg)
{
	(void)arg;
	while (!calm) {
		uint64_t due;

		kernel_enter();
		due = clock_now() + 2 * NSEC_PER_MSEC;
		thread_sleep(due);
		naps++;
		late_naps += clock_now() > due + 5 * NSEC_PER_MSEC;
		kernel_leave();
		for (uint64_t done = 0; done < nap_work; done += 2000) {
			host_advance(2000);
			host_preempt();
		}
	}
	kernel_enter();
	end();
}

static void who_wakes_goes_ahead(void)
{
	const uint64_t long_enough = 400 * NSEC_PER_MSEC;
	unsigned n = 1 + host_below(3), nappers = 1 + host_below(3);

	host.fifo = true;
	host.accesses = 0;
	host_boot();
	nap_work = host_below(300000);
	for (unsigned i = 0; i < n; i++)
		go("spin", THREAD_APP, spin_for, (void *)long_enough);
	for (unsigned i = 0; i < nappers; i++)
		go("nap", THREAD_APP, nap, NULL);
	join_all();
	assert(naps > 20 * nappers && late_naps < naps / 3);
	for (unsigned i = 0; i < n; i++)
		assert(had[i] > long_enough / n / 3);
}

/* A thread that is woken all the time and always wants the CPU is not ahead for ever. */
static void nobody_starves_behind_the_woken(void)
{
	const uint64_t long_enough = 400 * NSEC_PER_MSEC;
	unsigned nappers = 1 + host_below(3);

	host.fifo = true;
	host.accesses = 0;
	host_boot();
	nap_work = (1 + host_below(50)) * NSEC_PER_MSEC;
	go("spin", THREAD_APP, spin_for, (void *)long_enough);
	for (unsigned i = 0; i < nappers; i++)
		go("nap", THREAD_APP, nap, NULL);
	join_all();
	assert(had[0] > long_enough / (nappers + 1) / 3);
}

/* An application that would use all of the CPU, for so long. */
static void compute(void *arg)
{
	uint64_t last = clock_now(), stop = last + (uintptr_t)arg, now;
	bool enters = host_chance(2);

	while ((now = clock_now()) < stop) {
		if (now - last > longest_wait)
			longest_wait = now - last;
		host_advance(2000);
		computed += 2000;
		last = clock_now();
		host_preempt();
		if (enters && host_chance(4)) {
			kernel_enter();
			kernel_leave();
		}
	}
	kernel_enter();
	calm = true;
	wake(&storm.waiters);
	end();
}

static void open_storm(void)
{
	host_boot();
	assert(!evtchn_listen(&storm, "storm", 2));
	far_storm = host_connect(2, storm.port);
}

static void storms_leave_a_share(void)
{
	const uint64_t long_enough = 200 * NSEC_PER_MSEC;

	open_storm();
	work = 1000 + host_below(200000);
	host_actor("storm", ring_always, NULL);
	for (unsigned n = 1 + host_below(2); n; n--)
		go("weather", THREAD_KERNEL, weather, NULL);
	go("compute", THREAD_APP, compute, (void *)long_enough);
	join_all();
	evtchn_close(&storm);
	assert(computed > long_enough / 8);
	assert(longest_wait < 10 * NSEC_PER_MSEC);
	assert(longest_calm < 15 * NSEC_PER_MSEC);
}

/* Ten events in a millisecond: the woken threads run at once, as usual. */
static void ring_by_the_clock(void *arg)
{
	(void)arg;
	while (!calm) {
		thread_sleep(clock_now() + NSEC_PER_MSEC / 10);
		host_advance(work);
	}
	end();
}

static void events_go_first(void)
{
	open_storm();
	work = 1000 + host_below(50000);
	go("regular", THREAD_KERNEL, ring_by_the_clock, NULL);
	go("compute", THREAD_APP, compute, (void *)(100 * NSEC_PER_MSEC));
	join_all();
	evtchn_close(&storm);
	assert(sched_stats.turns == 0);
}

/* A load: the application waits until kernel threads have processed its requests. */
static unsigned asked, answered;

static bool answer_all(void *arg)
{
	(void)arg;
	if (answered == __atomic_load_n(&asked, __ATOMIC_SEQ_CST))
		return false;
	answered++;
	host_notify(far_storm);
	return true;
}

static void hand_on(void *arg)
{
	(void)arg;
	while (!calm) {
		wait_until(&storm.waiters, evtchn_take(&storm) || calm);
		host_advance(work);
		tokens = answered;
		wake(&queue);
	}
	end();
}

static void load(void *arg)
{
	for (unsigned n = (uintptr_t)arg; n; n--) {
		kernel_enter();
		__atomic_store_n(&asked, asked + 1 + host_below(16), __ATOMIC_SEQ_CST);
		wait_until(&queue, tokens == asked);
		kernel_leave();
		host_advance(host_below(5000));
		host_preempt();
	}
	kernel_enter();
	calm = true;
	wake(&storm.waiters);
	end();
}

static void who_waits_needs_no_turn(void)
{
	open_storm();
	work = 1000 + host_below(400000);
	host_actor("answers", answer_all, NULL);
	go("hand on", THREAD_KERNEL, hand_on, NULL);
	go("load", THREAD_APP, load, (void *)200);
	join_all();
	evtchn_close(&storm);
	assert(sched_stats.turns == 0);
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "kernel threads run before applications", kernel_threads_go_first, 800 },
		{ "an application that spins is interrupted by events",
		  spinning_hears_events, 500 },
		{ "events that arrive in the kernel are handled when it is left",
		  leaving_looks_at_events, 500 },
		{ "spinning threads share the CPU in slices", slices_are_shared, 50 },
		{ "events do not prolong a slice", events_do_not_prolong_slices, 50 },
		{ "a thread that spins alone has no time slice", one_spinner_has_no_slice, 20 },
		{ "a woken thread runs before spinning threads",
		  who_wakes_goes_ahead, 30 },
		{ "no thread starves behind woken threads",
		  nobody_starves_behind_the_woken, 30 },
		{ "a storm of events leaves applications a share of the CPU",
		  storms_leave_a_share, 60 },
		{ "events at a usual rate are handled first", events_go_first, 60 },
		{ "an application that waits for kernel threads does not delay them",
		  who_waits_needs_no_turn, 60 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}

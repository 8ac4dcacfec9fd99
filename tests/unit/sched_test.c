/* SPDX-License-Identifier: ISC */
/* kernel/sched.c: threads, wait queues, deadlines, under random schedules. */
#include "kernel/arch.h"
#include "kernel/clock.h"
#include "kernel/evtchn.h"
#include "kernel/page.h"
#include "kernel/sched.h"
#include "tests/host/host.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- a test's threads: both kinds run the same code, in the kernel */

static unsigned running;
static struct waitq ended;

static void enter(void)
{
	if (current->kind == THREAD_APP)
		kernel_enter();
}

static void leave(void)
{
	if (current->kind == THREAD_APP)
		kernel_leave();
}

static void end(void)
{
	running--;
	wake(&ended);
	leave();
}

static struct thread *go(const char *name, enum thread_kind kind, void (*main)(void *),
			 void *arg)
{
	struct thread *t = thread_start(name, kind, STACK_KERNEL, main, arg, NULL);

	assert(t);
	running++;
	return t;
}

static void join_all(void)
{
	wait_until(&ended, running == 0);
	while (thread_count() > 1)	/* the last one leaves after its end() */
		thread_sleep(clock_now() + NSEC_PER_MSEC);
}

static enum thread_kind any_kind(void)
{
	return host_chance(2) ? THREAD_KERNEL : THREAD_APP;
}

/* ---- wait and wake */

static struct waitq queue;
static unsigned tokens, taken;

static void produce(void *arg)
{
	enter();
	for (unsigned n = (uintptr_t)arg; n; n--) {
		if (host_chance(3))
			thread_yield();
		if (host_chance(3)) {	/* no effect in a kernel thread */
			leave();
			enter();
		}
		tokens++;
		if (host_chance(2))
			wake(&queue);
		else
			wake_one(&queue);
	}
	end();
}

static void consume(void *arg)
{
	enter();
	for (unsigned n = (uintptr_t)arg; n; n--) {
		bool impatient = host_chance(2);
		uint64_t till;

		do
			till = impatient ? clock_now() + host_below(50000) : NEVER;
		while (!wait_until_deadline(&queue, till, tokens > 0));
		assert(current->runnable && !current->waits);
		tokens--;
		taken++;
		/* An unneeded wake_one() may have been meant for another thread. */
		if (tokens)
			wake_one(&queue);
		if (host_chance(4))
			thread_yield();
	}
	end();
}

static void no_wakeup_is_lost(void)
{
	unsigned consumers = 1 + host_below(4), each = 1 + host_below(8);

	host_boot();
	for (unsigned i = 0; i < consumers; i++)
		go("consumer", any_kind(), consume, (void *)(uintptr_t)each);
	for (unsigned i = 0; i < consumers; i++)
		go("producer", any_kind(), produce, (void *)(uintptr_t)each);
	join_all();
	assert(tokens == 0 && taken == consumers * each);
	assert(!queue.first && !queue.last);
}

static unsigned looks;

static bool wakes_itself(void)
{
	if (looks++ < 3)
		wake(&queue);
	return looks == 5;
}

static void wake_in_third(void *arg)
{
	(void)arg;
	wait_until(&ended, looks >= 4);
	wake(&queue);
	end();
}

static void condition_wakes(void)
{
	host_boot();
	go("third", THREAD_KERNEL, wake_in_third, NULL);
	wait_until(&queue, (looks == 3 ? wake(&ended) : (void)0, wakes_itself()));
	assert(looks == 5);
	looks = 4;
	wake(&ended);
	join_all();
}

static unsigned order[16], asleep, woken;
static unsigned last_woken;
static bool called[16];

static void sleep_in_order(void *arg)
{
	unsigned me = (uintptr_t)arg;

	enter();
	order[asleep++] = me;
	wake(&ended);
	/* Nothing else wakes this thread, so the condition is tested twice. */
	wait_until(&queue, called[me]++);
	last_woken = me;
	woken++;
	wake(&ended);
	end();
}

static void wake_one_is_fair(void)
{
	unsigned n = 2 + host_below(8), one_by_one = host_below(n);

	host_boot();
	for (unsigned i = 0; i < n; i++)
		go("sleeper", any_kind(), sleep_in_order, (void *)(uintptr_t)i);
	wait_until(&ended, asleep == n);
	for (unsigned i = 0; i < one_by_one; i++) {
		wake_one(&queue);
		wait_until(&ended, woken == i + 1);
		assert(last_woken == order[i]);
	}
	/* A thread that is awake but has not run does not use up a second wake_one(). */
	for (unsigned i = one_by_one; i < n; i++)
		wake_one(&queue);
	wait_until(&ended, woken == n);
	join_all();
}

static void wait_here(void *arg)
{
	enter();
	wait_until(&queue, *(bool *)arg);
	end();
}

static const char *expected_place;

static void check_place(const struct thread *t, void *arg)
{
	(void)arg;
	if (t == current || strcmp(t->name, "sleeper"))
		return;
	assert(!t->runnable && !strcmp(t->waits, "wait_here"));
	expected_place = t->waits;
}

static void sleepers_are_named(void)
{
	static bool go_on;

	host_boot();
	go("sleeper", any_kind(), wait_here, &go_on);
	thread_sleep(clock_now() + NSEC_PER_MSEC);
	thread_list(check_place, NULL);
	assert(expected_place);
	go_on = true;
	wake(&queue);
	join_all();
}

/* ---- deadlines */

#define LATE (2 * NSEC_PER_MSEC)	/* more than the host's timer is ever late */

static void sleep_until_then(void *arg)
{
	enter();
	for (unsigned n = (uintptr_t)arg; n; n--) {
		uint64_t deadline = clock_now() + host_below(20000000);

		if (host_chance(4)) {
			thread_sleep(deadline);
		} else {
			bool held = wait_until_deadline(&queue, deadline, tokens == 1000);

			assert(!held);
		}
		assert(clock_now() >= deadline);
		assert(clock_now() < deadline + LATE);
	}
	end();
}

static void disturb(void *arg)
{
	enter();
	for (unsigned n = (uintptr_t)arg; n; n--) {
		thread_sleep(clock_now() + host_below(5000000));
		wake(&queue);
	}
	end();
}

static void deadlines_are_kept(void)
{
	host_boot();
	for (unsigned i = 1 + host_below(6); i; i--)
		go("sleeper", any_kind(), sleep_until_then, (void *)5);
	go("disturber", any_kind(), disturb, (void *)8);
	join_all();
	/* No thread waits: no timer is set, or an old one that is not set again. */
	assert(sched_stats.idles > 0);
}

/* The CPU never idles: only the timer ends a slice. */
static void spin_until_all_slept(void *arg)
{
	(void)arg;
	while (__atomic_load_n(&running, __ATOMIC_RELAXED) > 1) {
		host_advance(host_below(50000));	/* an upcall has a chance of 1 in 2 */
		host_preempt();
	}
	kernel_enter();
	end();
}

static void deadlines_are_kept_while_spinning(void)
{
	host_boot();
	for (unsigned i = 1 + host_below(4); i; i--)
		go("sleeper", THREAD_KERNEL, sleep_until_then, (void *)5);
	go("spinner", THREAD_APP, spin_until_all_slept, NULL);
	join_all();
}

static void a_past_deadline_only_looks(void)
{
	host_boot();
	assert(!wait_until_deadline(&queue, 0, looks++ > 0));
	assert(looks == 1);
	assert(wait_until_deadline(&queue, 0, looks++ > 0));
	assert(looks == 2);
	thread_sleep(0);
	assert(!queue.first && !queue.last);
}

static void make_true(void *arg)
{
	enter();
	thread_sleep(*(uint64_t *)arg + host_below(200000) - 100000);
	tokens = 1;
	wake(&queue);
	end();
}

static void condition_wins_over_deadline(void)
{
	uint64_t deadline;
	bool held;

	host_boot();
	deadline = clock_now() + NSEC_PER_MSEC;
	go("maker", any_kind(), make_true, &deadline);
	held = wait_until_deadline(&queue, deadline, tokens);
	assert(held == (tokens != 0) || clock_now() >= deadline);
	if (tokens && !held)
		host_fail("the condition held at the end, and the answer was no");
	join_all();
}

static void nobody_needs_a_timer(void)
{
	uint64_t idles;

	host.profiled = false;
	host_boot();
	thread_sleep(clock_now() + NSEC_PER_MSEC);
	idles = sched_stats.idles;
	for (int i = 0; i < 10; i++)
		thread_sleep(clock_now() + 3600 * NSEC_PER_SEC);
	/* The host's idle comes back early by chance; a tick would be millions. */
	assert(sched_stats.idles - idles < 200);
}

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

/* Ten events in a millisecond: what they wake runs at once, as ever. */
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

/* A load: the application waits for what kernel threads make of what it asked for. */
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

/* ---- many threads, and their end */

static void be_short(void *arg)
{
	enter();
	if (arg)
		thread_yield();
	end();
}

static void sleep_far(void *arg)
{
	(void)arg;
	enter();
	assert(wait_until_deadline(&queue, NEVER - 1 - host_below(1000), tokens));
	end();
}

/* Weeks ahead, or so far that Xen's time would wrap. */
static void far_deadlines(void)
{
	const uint64_t day = 24 * 3600 * NSEC_PER_SEC;
	struct thread *t;
	uint64_t until, idles;

	host.accesses = 0;
	host.profiled = false;
	host_boot();
	tokens = 0;
	t = go("far", any_kind(), sleep_far, NULL);
	until = clock_now() + (10 + host_below(40)) * day;
	idles = sched_stats.idles;
	thread_sleep(until);
	assert(clock_now() >= until && clock_now() < until + NSEC_PER_SEC);
	assert(sched_stats.idles - idles < 30);
	assert(current->deadline == NEVER);	/* as reports say it */
	assert(t->waits && !t->runnable);
	tokens = 1;
	wake(&queue);
	join_all();
}

static void threads_come_and_go(void)
{
	host_boot();
	for (int round = 0; round < 3; round++) {
		for (unsigned i = 1 + host_below(20); i; i--) {
			go("short", any_kind(), be_short, host_chance(2) ? &round : NULL);
			if (host_chance(3))
				thread_yield();
		}
		if (host_chance(2))
			wait_until(&ended, running == 0);
	}
	join_all();
}

static void go_until_told(void *arg)
{
	(void)arg;
	enter();
	wait_until(&queue, tokens);
	end();
}

static void memory_for_threads_runs_out(void)
{
	unsigned n = 0;

	host_set_memory(6ul << 20);
	host_boot();			/* the first thread must have its memory */
	host.malloc_fails = host_chance(2) ? 0 : 200;
	while (thread_start("one", any_kind(), STACK_KERNEL, go_until_told, NULL, NULL)) {
		running++;
		n++;
	}
	assert(host.malloc_fails || n > 250);
	tokens = 1;
	wake(&queue);
	host.malloc_fails = 0;
	join_all();
	go("one more", any_kind(), go_until_told, NULL);
	join_all();
}

static void a_thousand_threads(void)
{
	host_boot();
	for (int i = 0; i < 1000; i++)
		go("one", any_kind(), go_until_told, NULL);
	thread_sleep(clock_now() + NSEC_PER_SEC);
	tokens = 1;
	wake(&queue);
	join_all();
}

/* ---- a debugger's hold */

static unsigned beats[2];
static bool enough;

/* Asleep, preempted, or in its turn. */
static void beat(void *arg)
{
	unsigned *mine = arg;

	while (!enough) {
		enter();
		++*mine;
		if (host_chance(2))
			thread_sleep(clock_now() + host_below(20000));
		leave();
		if (current->kind == THREAD_APP)
			host_preempt();
	}
	enter();
	end();
}

static void held_threads_do_not_run(void)
{
	struct thread *t[2];
	unsigned before[2];

	host_boot();
	for (unsigned i = 0; i < 2; i++)
		t[i] = go("held", THREAD_APP, beat, &beats[i]);
	for (unsigned n = 0; n < 5; n++) {
		unsigned free = host_below(2);

		thread_sleep(clock_now() + host_below(NSEC_PER_MSEC));
		sched_freeze(t[0], true);
		sched_freeze(t[1], true);
		memcpy(before, beats, sizeof(before));
		thread_sleep(clock_now() + NSEC_PER_MSEC);
		assert(!memcmp(before, beats, sizeof(before)));
		sched_freeze(t[free], false);
		thread_sleep(clock_now() + NSEC_PER_MSEC);
		assert(beats[free] > before[free] && beats[!free] == before[!free]);
		sched_freeze(t[!free], false);
	}
	enough = true;
	join_all();
}

static void overflow_the_stack(void *arg)
{
	struct arch_context *c = current->context;
	size_t size, used;

	(void)arg;
	arch_context_stack(c, &size, &used);
	assert(size == STACK_KERNEL);
	end();
}

static void stacks_have_guards(void)
{
	struct thread *t;

	host_boot();
	t = go("deep", THREAD_KERNEL, overflow_the_stack, NULL);
	/* The host keeps its own record at the stack's top, as x86_64 does. */
	assert(host_touchable((char *)t->context - STACK_KERNEL / 2));
	assert(!host_touchable((char *)t->context - STACK_KERNEL));
	join_all();
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "no wake-up is lost", no_wakeup_is_lost, 2500 },
		{ "a wake-up by the condition itself is not lost", condition_wakes, 100 },
		{ "wake_one() wakes the thread that has slept longest", wake_one_is_fair, 800 },
		{ "sleepers are listed with where they sleep", sleepers_are_named, 20 },
		{ "deadlines are kept, and not early", deadlines_are_kept, 700 },
		{ "deadlines are kept while an application spins",
		  deadlines_are_kept_while_spinning, 300 },
		{ "a deadline in the past only looks", a_past_deadline_only_looks, 20 },
		{ "a condition that holds counts more than the deadline",
		  condition_wins_over_deadline, 500 },
		{ "no timer fires if no thread needs it", nobody_needs_a_timer, 50 },
		{ "kernel threads run before applications", kernel_threads_go_first, 800 },
		{ "an application that spins hears events", spinning_hears_events, 500 },
		{ "what came in before the kernel is left is seen on leaving",
		  leaving_looks_at_events, 500 },
		{ "spinning threads share the CPU in slices", slices_are_shared, 50 },
		{ "events do not prolong a slice", events_do_not_prolong_slices, 50 },
		{ "a thread that spins alone has no time slice", one_spinner_has_no_slice, 20 },
		{ "a woken thread goes ahead of spinning ones", who_wakes_goes_ahead, 30 },
		{ "no thread starves behind woken ones", nobody_starves_behind_the_woken, 30 },
		{ "a storm leaves applications a share", storms_leave_a_share, 60 },
		{ "events of a usual rate go first", events_go_first, 60 },
		{ "a thread that waits for kernel threads needs no turn",
		  who_waits_needs_no_turn, 60 },
		{ "a deadline far away costs nothing on the way", far_deadlines, 20 },
		{ "threads come and go without a trace", threads_come_and_go, 400 },
		{ "no memory for a thread is an error, and not the end",
		  memory_for_threads_runs_out, 3 },
		{ "a thousand threads sleep and end", a_thousand_threads, 2 },
		{ "a stack has a guard page", stacks_have_guards, 10 },
		{ "a held thread does not run until it is released", held_threads_do_not_run, 200 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}

/* SPDX-License-Identifier: ISC */
/* kernel/sched.c, wait.c, timer.c: threads, wait queues, deadlines, under random schedules. */
#include "tests/unit/sched_threads.h"

/* ---- wait and wake */

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
	/*
	 * The host's idle function returns early at random; a tick would cause millions.
	 */
	assert(sched_stats.idles - idles < 200);
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
		{ "a wake-up during the test of the condition is not lost",
		  condition_wakes, 100 },
		{ "wake_one() wakes the thread that has slept longest", wake_one_is_fair, 800 },
		{ "sleeping threads are listed with the function in which they sleep",
		  sleepers_are_named, 20 },
		{ "deadlines expire on time, and not early", deadlines_are_kept, 700 },
		{ "deadlines expire while an application spins",
		  deadlines_are_kept_while_spinning, 300 },
		{ "with a deadline in the past the condition is only tested",
		  a_past_deadline_only_looks, 20 },
		{ "a true condition takes precedence over the deadline",
		  condition_wins_over_deadline, 500 },
		{ "no timer fires if no thread needs it", nobody_needs_a_timer, 50 },
		{ "a distant deadline costs nothing until then", far_deadlines, 20 },
		{ "threads that end leave nothing behind", threads_come_and_go, 400 },
		{ "a lack of memory for a thread is an error for the caller",
		  memory_for_threads_runs_out, 3 },
		{ "a thousand threads sleep and end", a_thousand_threads, 2 },
		{ "a stack has a guard page", stacks_have_guards, 10 },
		{ "a frozen thread does not run until it is released",
		  held_threads_do_not_run, 200 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}

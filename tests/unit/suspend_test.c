/* SPDX-License-Identifier: ISC */
/* kernel/suspend.c: time, sleepers, ports and random numbers of a guest that was suspended. */
#include "kernel/clock.h"
#include "kernel/evtchn.h"
#include "kernel/gnttab.h"
#include "kernel/random.h"
#include "kernel/sched.h"
#include "kernel/suspend.h"
#include "tests/host/host.h"

#include <assert.h>
#include <string.h>

#define SECOND NSEC_PER_SEC
#define LATE (20 * NSEC_PER_MSEC)	/* of the host */

static struct waitq queue;
static uint64_t lasts;			/* the suspend */
static unsigned running;

static bool others_run(void *arg)
{
	(void)arg;
	if (!lasts)
		return false;
	host_advance(lasts);
	lasts = 0;
	return true;
}

static void boot(void)
{
	host.restores = host_chance(2);
	host.profiled = false;
	host_boot();
	host_actor("others", others_run, NULL);
}

static void suspend(uint64_t ns)
{
	lasts = ns;
	assert(kernel_suspend() == !host.restores);
	assert(!lasts);
}

/* ---- deadlines */

static struct sleeper {
	bool by_wall;
	uint64_t began, slept;
} sleepers[4];

static void sleep_long(void *arg)
{
	struct sleeper *s = arg;

	s->began = clock_now();
	current->by_wall = s->by_wall ? clock_by_wall() : 0;
	wait_until_deadline(&queue, s->began + 100 * SECOND, false);
	s->slept = clock_now() - s->began;
	running--;
}

static void sleepers_of_both_clocks(void)
{
	boot();
	for (running = 0; running < 4; running++) {
		sleepers[running].by_wall = host_chance(2);
		assert(thread_start("sleeper", THREAD_KERNEL, STACK_KERNEL, sleep_long,
				    &sleepers[running], NULL));
	}
	thread_sleep(clock_now() + SECOND);
	suspend(30 * SECOND);
	thread_sleep(clock_now() + SECOND);
	suspend(20 * SECOND);
	while (running)
		thread_sleep(clock_now() + SECOND / 10);
	for (unsigned i = 0; i < 4; i++) {
		uint64_t should = sleepers[i].by_wall ? 50 * SECOND : 100 * SECOND;

		assert(sleepers[i].slept + LATE >= should && sleepers[i].slept <= should + SECOND);
	}
}

/* The thread is preempted between the calculation and the wait. */
static void a_deadline_of_before(void)
{
	uint64_t began, deadline;

	boot();
	suspend(5 * SECOND);
	began = clock_now();
	deadline = began + 100 * SECOND;
	current->by_wall = clock_by_wall();
	suspend(60 * SECOND);
	suspend(30 * SECOND);
	wait_until_deadline(&queue, deadline, false);
	assert(clock_now() - began + LATE >= 10 * SECOND && clock_now() - began <= 11 * SECOND);

	began = clock_now();
	thread_sleep(began + 5 * SECOND);
	assert(clock_now() - began >= 5 * SECOND);
}

/* ---- what Xen gives, and random numbers */

static void the_timer_and_ports_are_new(void)
{
	struct evtchn e = { 0 };

	boot();
	assert(evtchn_listen(&e, "old", 0) == 0);
	suspend(SECOND);
	thread_sleep(clock_now() + SECOND);	/* by the new timer */
	if (host.restores)
		assert(e.port == 0);
	else
		evtchn_close(&e);
}

static void a_copy_has_a_new_key(void)
{
	unsigned before = random_copies;

	boot();
	host.rdrand = RDRAND_NONE;
	random_add_seed("a secret of the operator's, from the command line", 48);
	assert(random_seeded());
	suspend(SECOND);
	assert(random_copies == before + host.restores);
	assert(random_seeded() == !host.restores);
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "a suspend counts for sleepers of the wall clock only", sleepers_of_both_clocks, 100 },
		{ "a deadline that was calculated before a suspend is the same time of day",
		  a_deadline_of_before, 100 },
		{ "a restored guest has a timer, and no old ports", the_timer_and_ports_are_new, 50 },
		{ "a restored guest has other random numbers, one that continues in place does not",
		  a_copy_has_a_new_key, 50 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}

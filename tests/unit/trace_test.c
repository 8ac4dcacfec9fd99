/* SPDX-License-Identifier: ISC */
/* kernel/trace.c, control/trace_methods.c, and the scheduler's tracepoints. */
#include "control/command.h"
#include "control/control_internal.h"
#include "kernel/clock.h"
#include "kernel/param.h"
#include "kernel/sched.h"
#include "kernel/trace.h"
#include "tests/host/host.h"
#include "tests/unit/operator.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS 7

static struct waitq work;
static uint64_t seen[TRACE_EVENTS], all, last_time;
static uint32_t runs;			/* by what switches say */
static bool stop;

static size_t read_record(const uint32_t *w, size_t words)
{
	uint64_t time = w[2] | (uint64_t)w[3] << 32;

	assert(words >= WORDS && w[0] == WORDS && w[1] < TRACE_EVENTS && w[4] < 16);
	assert(time >= last_time && time <= clock_now());
	last_time = time;
	if (w[1] == TRACE_SWITCH) {
		if (seen[TRACE_SWITCH] && !slow && w[4] != runs)
			host_fail("thread %u switches where %u ran", w[4], runs);
		runs = w[5];
	} else if (w[1] == TRACE_WAKE) {
		assert(w[5] < 16);
	}
	seen[w[1]]++;
	all++;
	return WORDS;
}

static void follow(unsigned ms, const char *only)
{
	char message[160];

	snprintf(message, sizeof(message), "{\"method\":\"org.xenolith.trace1.Follow\",\"more\":"
		 "true,\"parameters\":{\"ms\":%u,\"only\":\"%s\"}}", ms, only);
	ask(message);
}

/* ---- what happens */

static uint64_t turns;

static void work_in_turns(void *arg)
{
	(void)arg;
	while (!stop) {
		turns++;
		wake(&work);
		wait_until_deadline(&work, clock_now() + host_below(3 * NSEC_PER_MSEC), stop);
	}
}

static void up(unsigned workers)
{
	static char none[1];

	host_boot();
	assert(param_init(none) == 0);
	if (!reply)
		reply = malloc(COMMAND_MAX);
	trace_methods_add();
	while (workers--)
		thread_start("worker", THREAD_KERNEL, STACK_KERNEL, work_in_turns, NULL, NULL);
}

static void down(void)
{
	stop = true;
	wake(&work);
	while (thread_count() > 1)
		thread_sleep(clock_now() + NSEC_PER_MSEC);
	free(reply);
	reply = NULL;
	assert(!trace_put);
}

static void each_switch_is_told(void)
{
	uint64_t before, after;

	up(3);
	before = sched_stats.switches;
	follow(300, "sched.switch");
	after = sched_stats.switches;
	assert(ended && !error && !lost && all == taken);
	assert(all == seen[TRACE_SWITCH] && all > 100);
	/* Behind the last record a reply may have to wait. */
	assert(all <= after - before && all + 8 > after - before);
	down();
}

static void only_what_was_asked_for(void)
{
	up(3);
	follow(300, "sched");
	assert(ended && !error && !lost && all == taken);
	assert(seen[TRACE_SWITCH] && seen[TRACE_WAKE]);
	assert(all == seen[TRACE_SWITCH] + seen[TRACE_WAKE]);
	down();
}

static void what_is_not_taken_is_lost(void)
{
	up(3);
	slow = 200 * NSEC_PER_MSEC;
	follow(1500, "");
	assert(ended && !error && lost && all == taken);
	down();
}

static void it_ends_with_the_operator(void)
{
	up(2);
	stay = 1 + host_below(3);
	follow(3600 * 1000, "");
	assert(replies == stay + 1 && !trace_put);
	down();
}

static void refuses(void)
{
	static const char *const bad[] = {
		"{\"method\":\"org.xenolith.trace1.Follow\"}",
		"{\"method\":\"org.xenolith.trace1.Follow\",\"more\":true,"
		"\"parameters\":{\"only\":\"nothing\"}}",
		"{\"method\":\"org.xenolith.trace1.Follow\",\"more\":true,"
		"\"parameters\":{\"only\":\"sched.switch.and.so.on.and.on.and.on.and.on\"}}",
		"{\"method\":\"org.xenolith.trace1.Follow\",\"more\":true,"
		"\"parameters\":{\"ms\":0}}",
	};

	up(0);
	for (unsigned i = 0; i < HOST_COUNT(bad); i++) {
		ask(bad[i]);
		assert(error && ended && replies == 1 && !trace_put);
	}
	down();
}

static void one_at_a_time(void)
{
	const uint32_t *words;

	up(0);
	assert(trace_begin(1) == 0);
	words = trace_records.words;
	follow(100, "");
	assert(error && ended && replies == 1 && trace_put && trace_records.words == words);
	trace_end();
	follow(100, "");
	assert(ended && !error);
	down();
}

static void no_memory_is_an_error(void)
{
	host_set_memory(256 << 10);
	up(0);
	follow(100, "");
	assert(error && ended && replies == 1);
	down();
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "each switch is recorded with both threads", each_switch_is_told, 20 },
		{ "events that were not requested are not recorded",
		  only_what_was_asked_for, 20 },
		{ "records that are not read are lost and counted",
		  what_is_not_taken_is_lost, 3 },
		{ "the trace ends when the operator disconnects",
		  it_ends_with_the_operator, 20 },
		{ "a second trace is refused while there is one", one_at_a_time, 3 },
		{ "a lack of memory is an error", no_memory_is_an_error, 1 },
		{ "invalid parameters are refused", refuses, 5 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}

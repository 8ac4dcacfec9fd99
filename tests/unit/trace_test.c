/* SPDX-License-Identifier: ISC */
/* kernel/trace.c, control/trace_methods.c, and the scheduler's tracepoints. */
#include "control/command.h"
#include "control/control_internal.h"
#include "kernel/clock.h"
#include "kernel/param.h"
#include "kernel/sched.h"
#include "kernel/trace.h"
#include "tests/host/host.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS 7

static struct waitq chairs, work;
static char *reply;
static unsigned replies, stay = ~0u;	/* so many replies until the operator goes */
static uint64_t slow;			/* ns he takes for one */
static uint64_t seen[TRACE_EVENTS], all, taken, lost, last_time;
static uint32_t runs;			/* by what switches say */
static bool error, ended, stop;

/* ---- an operator */

static void read_event(const uint32_t *w)
{
	uint64_t time = w[2] | (uint64_t)w[3] << 32;

	assert(w[0] == WORDS && w[1] < TRACE_EVENTS && w[4] < 16);
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
}

static int64_t number(struct json_value v, const char *name)
{
	struct json_value m;
	int64_t n;

	assert(json_member(v, name, &m) && !json_get_integer(m, &n));
	return n;
}

static bool take_reply(struct command *c)
{
	static char text[COMMAND_MAX];
	static uint8_t bytes[COMMAND_MAX];
	struct json_value whole = { c->reply->to + c->start, c->reply->len - c->start }, v, s;
	size_t n;

	assert(json_check(whole.at, whole.len, COMMAND_DEPTH) == 0);
	replies++;
	error = json_member(whole, "error", &v);
	ended = !json_member(whole, "continues", &v);
	assert(json_member(whole, "parameters", &v));
	if (error || !json_member(v, "records", &s))
		return true;
	n = host_base64(text, json_get_string(s, text, sizeof(text)), bytes);
	assert(n % (4 * WORDS) == 0);
	for (size_t at = 0; at < n; at += 4 * WORDS)
		read_event((uint32_t *)(bytes + at));
	taken = number(v, "put");
	lost = number(v, "lost");
	if (slow)
		thread_sleep(clock_now() + slow);
	return replies < stay;
}

static bool wait(struct command *c, uint64_t deadline)
{
	(void)c;
	return !wait_until_deadline(&chairs, deadline, replies >= stay);
}

static void ask(const char *message)
{
	struct json to = { .to = reply, .size = COMMAND_MAX };
	struct command c = { .reply = &to, .send = take_reply, .wait = wait };

	replies = 0;
	command_answer(&c, message, strlen(message));
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
		{ "each switch is told, and from whom to whom", each_switch_is_told, 20 },
		{ "of what was not asked for nothing is told", only_what_was_asked_for, 20 },
		{ "what is not taken is lost and counted", what_is_not_taken_is_lost, 3 },
		{ "it ends with the operator", it_ends_with_the_operator, 20 },
		{ "no memory is an error", no_memory_is_an_error, 1 },
		{ "wrong words are refused", refuses, 5 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}

/* SPDX-License-Identifier: ISC */
/* An operator for tests, who calls a method of the control endpoint that sends records. */
#ifndef TESTS_UNIT_OPERATOR_H
#define TESTS_UNIT_OPERATOR_H

#include "control/command.h"
#include "kernel/clock.h"
#include "kernel/sched.h"
#include "tests/host/host.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

static struct waitq chairs;
static char *reply;			/* COMMAND_MAX bytes */
static unsigned replies, stay = ~0u;	/* after this many replies the operator disconnects */
static uint64_t slow;			/* ns that the operator takes for a reply */
static uint64_t taken, lost;		/* as the last reply says */
static bool error, ended;

/* Defined by the test: checks a record of at most this many words, and returns its length. */
static size_t read_record(const uint32_t *record, size_t words);

static inline int64_t number(struct json_value v, const char *name)
{
	struct json_value m;
	int64_t n;

	assert(json_member(v, name, &m) && !json_get_integer(m, &n));
	return n;
}

static inline bool take_reply(struct command *c)
{
	static char text[COMMAND_MAX];
	static uint8_t bytes[COMMAND_MAX];
	struct json_value all = { c->reply->to + c->start, c->reply->len - c->start }, v, s;
	size_t n;

	assert(json_check(all.at, all.len, COMMAND_DEPTH) == 0);
	replies++;
	error = json_member(all, "error", &v);
	ended = !json_member(all, "continues", &v);
	assert(json_member(all, "parameters", &v));
	if (error || !json_member(v, "records", &s))
		return true;
	n = host_base64(text, json_get_string(s, text, sizeof(text)), bytes);
	assert(n % 4 == 0);
	for (size_t at = 0; at < n; )
		at += 4 * read_record((uint32_t *)(bytes + at), (n - at) / 4);
	taken = number(v, "put");
	lost = number(v, "lost");
	if (slow)
		thread_sleep(clock_now() + slow);
	return replies < stay;
}

static inline bool wait_for_end(struct command *c, uint64_t deadline)
{
	(void)c;
	return !wait_until_deadline(&chairs, deadline, replies >= stay);
}

static inline void ask(const char *message)
{
	struct json to = { .to = reply, .size = COMMAND_MAX };
	struct command c = { .reply = &to, .send = take_reply, .wait = wait_for_end };

	replies = 0;
	command_answer(&c, message, strlen(message));
}

#endif

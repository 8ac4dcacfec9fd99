/* SPDX-License-Identifier: ISC */
#include "kernel/clock.h"
#include "kernel/command.h"
#include "kernel/record.h"
#include "kernel/sched.h"
#include "kernel/trace.h"

#include <errno.h>
#include <string.h>

static const struct {
	const char *name, *a, *b;
} events[TRACE_EVENTS] = {
	[TRACE_SWITCH] = { "sched.switch", "thread", NULL },
	[TRACE_WAKE] = { "sched.wake", "thread", NULL },
	[TRACE_RING_BEGIN] = { "ring.begin", "ring", "slots" },
	[TRACE_RING_PUBLISH] = { "ring.publish", "ring", "slots" },
	[TRACE_RING_TAKE] = { "ring.take", "ring", "answer" },
	[TRACE_TCP_ESTABLISHED] = { "tcp.established", "port", "peer" },
	[TRACE_TCP_PEER_ENDED] = { "tcp.peer-ended", "port", "peer" },
	[TRACE_TCP_FAILED] = { "tcp.failed", "error", NULL },
	[TRACE_TCP_LET_GO] = { "tcp.let-go", "port", "peer" },
};

static struct records records;
static uint32_t wanted;			/* a bit for each */

static void put(enum trace_event e, uint32_t a, uint32_t b)
{
	uint64_t now;

	if (!(wanted & 1u << e))
		return;
	now = clock_now();
	records_put(&records, (const uint32_t[]){ 7, e, now, now >> 32, current->id, a, b }, 7);
}

/* Those whose name begins so. */
static uint32_t chosen(const char *prefix)
{
	uint32_t bits = 0;

	for (unsigned e = 0; e < TRACE_EVENTS; e++)
		if (!strncmp(events[e].name, prefix, strlen(prefix)))
			bits |= 1u << e;
	return bits;
}

static int follow(struct command *c)
{
	char prefix[32] = "";
	int64_t ms = 10000;

	if (command_integer(c, "ms", 1, 24 * 3600 * 1000, &ms) < 0 ||
	    command_string(c, "only", prefix, sizeof(prefix)) < 0)
		return -EINVAL;
	wanted = chosen(prefix);
	if (!wanted) {
		strcpy(c->wrong, "only");
		return -EINVAL;
	}
	if (!c->more)
		return -EDOM;
	if (records_begin(&records))
		return -ENOMEM;
	trace_put = put;
	records_stream(&records, c, clock_now() + ms * NSEC_PER_MSEC);
	trace_put = NULL;
	records_end(&records);
	return 0;
}

static int list(struct command *c)
{
	json_open(c->reply, "events", '[');
	for (unsigned e = 0; e < TRACE_EVENTS; e++) {
		json_open(c->reply, NULL, '{');
		json_string(c->reply, "name", events[e].name);
		json_string(c->reply, "a", events[e].a);
		if (events[e].b)
			json_string(c->reply, "b", events[e].b);
		json_close(c->reply, '}');
	}
	json_close(c->reply, ']');
	return 0;
}

static const struct method methods[] = {
	{ "Events", COMMAND_READS, list },
	{ "Follow", COMMAND_READS, follow },
	{ NULL, 0, NULL },
};

static struct interface interface = {
	.name = "org.xenolith.trace1",
	.description =
	"# What happens from now on, for so many ms (10000), with `more`; `only` events whose name\n"
	"# begins so.  Records, and how to read them: docs/profile.md.\n"
	"interface org.xenolith.trace1\n"
	"type Event (name: string, a: string, b: ?string)\n"
	"method Events() -> (events: []Event)\n"
	"method Follow(ms: ?int, only: ?string)\n"
	"  -> (records: string, put: int, lost: int)\n",
	.methods = methods,
};

void trace_init(void)
{
	command_add(&interface);
}

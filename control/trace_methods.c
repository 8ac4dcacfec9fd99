/* SPDX-License-Identifier: ISC */
/* The control methods of tracepoints (kernel/trace.h): org.xenolith.trace1. */
#include "control/control_internal.h"
#include "control/records.h"
#include "kernel/clock.h"
#include "kernel/trace.h"

#include <errno.h>
#include <string.h>

/* The events whose names begin with this text. */
static uint32_t chosen(const char *prefix)
{
	uint32_t bits = 0;

	for (unsigned e = 0; e < TRACE_EVENTS; e++)
		if (!strncmp(trace_names[e].name, prefix, strlen(prefix)))
			bits |= 1u << e;
	return bits;
}

static int follow(struct command *c)
{
	char prefix[32] = "";
	int64_t ms = 10000;
	uint32_t wanted;
	int rc;

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
	rc = trace_begin(wanted);
	if (rc)
		return rc;
	records_stream(&trace_records, c, clock_now() + ms * NSEC_PER_MSEC);
	trace_end();
	return 0;
}

static int list(struct command *c)
{
	json_open(c->reply, "events", '[');
	for (unsigned e = 0; e < TRACE_EVENTS; e++) {
		json_open(c->reply, NULL, '{');
		json_string(c->reply, "name", trace_names[e].name);
		json_string(c->reply, "a", trace_names[e].a);
		if (trace_names[e].b)
			json_string(c->reply, "b", trace_names[e].b);
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
	"# Traces events for so many ms (10000), with `more`; `only` those whose name begins with\n"
	"# this text.  docs/profile.md describes the records.\n"
	"interface org.xenolith.trace1\n"
	"type Event (name: string, a: string, b: ?string)\n"
	"method Events() -> (events: []Event)\n"
	"method Follow(ms: ?int, only: ?string)\n"
	"  -> (records: string, put: int, lost: int)\n",
	.methods = methods,
};

void trace_methods_add(void)
{
	command_add(&interface);
}

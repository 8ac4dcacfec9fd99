/* SPDX-License-Identifier: ISC */
/* The control methods of the profiler (kernel/profile.h): org.xenolith.profile1. */
#include "control/control_internal.h"
#include "control/records.h"
#include "kernel/clock.h"
#include "kernel/profile.h"
#include "kernel/symbols.h"

#include <errno.h>

#define MAX_HZ 10000
#define SYMBOLS_BYTES (COMMAND_MAX - 1024)

static int sample_for(struct command *c)
{
	int64_t hz = 1000, ms = 10000;
	uint64_t until;
	int rc;

	if (command_integer(c, "hz", 1, MAX_HZ, &hz) < 0 ||
	    command_integer(c, "ms", 1, 24 * 3600 * 1000, &ms) < 0)
		return -EINVAL;
	if (!c->more)
		return -EDOM;
	rc = profile_begin(hz, ms * NSEC_PER_MSEC, &until);
	if (rc)
		return rc;
	records_stream(&profile_records, c, until);
	profile_end();
	return 0;
}

static int symbols(struct command *c)
{
	const uint8_t *at = NULL;
	int64_t from = 0;
	uintptr_t start;
	const char *name;

	if (command_integer(c, "from", 0, UINT32_MAX, &from) < 0)
		return -EINVAL;
	json_open(c->reply, "symbols", '[');
	while ((name = symbol_next(&at, &start)) && c->reply->len < SYMBOLS_BYTES)
		if (start >= (uint64_t)from) {
			json_open(c->reply, NULL, '{');
			json_number(c->reply, "address", start);
			json_string(c->reply, "name", name);
			json_close(c->reply, '}');
		}
	json_close(c->reply, ']');
	if (name)
		json_number(c->reply, "next", start);
	return 0;
}

static const struct method methods[] = {
	{ "Sample", COMMAND_READS, sample_for },
	{ "Symbols", COMMAND_READS, symbols },
	{ NULL, 0, NULL },
};

/* Short, since every image has it; docs/profile.md has more. */
static struct interface profile = {
	.name = "org.xenolith.profile1",
	.description =
	"interface org.xenolith.profile1\n"
	"method Sample(hz: ?int, ms: ?int) -> (records: string, put: int, lost: int)\n"
	"method Symbols(from: ?int) -> (symbols: [](address: int, name: string),"
	" next: ?int)\n",
	.methods = methods,
};

void profile_methods_add(void)
{
	command_add(&profile);
}

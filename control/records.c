/* SPDX-License-Identifier: ISC */
#include "control/records.h"
#include "kernel/clock.h"

#define EVERY (200 * NSEC_PER_MSEC)	/* between two replies */

static void put_reply(struct records *r, struct json *j)
{
	json_chars(j, "records", r->text, records_take(r));
	json_number(j, "put", r->put);
	json_number(j, "lost", r->lost);
}

/* Sends all records that there are.  Returns false if the caller has disconnected. */
static bool hand_over(struct records *r, struct command *c)
{
	uint32_t all = r->produced;

	while ((int32_t)(all - r->consumed) > 0) {
		put_reply(r, c->reply);
		if (!command_next(c))
			return false;
	}
	return true;
}

void records_stream(struct records *r, struct command *c, uint64_t until)
{
	uint64_t next;

	do
		next = clock_now() + EVERY;
	while (next < until && command_wait(c, next) && hand_over(r, c));
	if (next >= until && command_wait(c, until)) {
		r->closed = true;
		hand_over(r, c);
	}
	put_reply(r, c->reply);
}

/* SPDX-License-Identifier: ISC */
#include "kernel/clock.h"
#include "kernel/sched.h"
#include "kernel/trace.h"

const struct trace_name trace_names[TRACE_EVENTS] = {
	[TRACE_SWITCH] = { "sched.switch", "thread", NULL },
	[TRACE_WAKE] = { "sched.wake", "thread", NULL },
	[TRACE_RING_BEGIN] = { "ring.begin", "ring", "slots" },
	[TRACE_RING_PUBLISH] = { "ring.publish", "ring", "slots" },
	[TRACE_RING_TAKE] = { "ring.take", "ring", "index" },
	[TRACE_TCP_ESTABLISHED] = { "tcp.established", "port", "peer" },
	[TRACE_TCP_PEER_ENDED] = { "tcp.peer-ended", "port", "peer" },
	[TRACE_TCP_FAILED] = { "tcp.failed", "error", NULL },
	[TRACE_TCP_LET_GO] = { "tcp.let-go", "port", "peer" },
};

struct records trace_records;
static uint32_t wanted;			/* a bit for each */

static void put(enum trace_event e, uint32_t a, uint32_t b)
{
	uint64_t now;

	if (!(wanted & 1u << e))
		return;
	now = clock_now();
	records_put(&trace_records,
		    (const uint32_t[]){ 7, e, now, now >> 32, current->id, a, b }, 7);
}

int trace_begin(uint32_t events)
{
	int rc = records_begin(&trace_records);

	if (rc)
		return rc;
	wanted = events;
	trace_put = put;
	return 0;
}

void trace_end(void)
{
	trace_put = NULL;
	records_end(&trace_records);
}

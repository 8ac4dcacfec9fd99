/* SPDX-License-Identifier: ISC */
/*
 * Tracepoints record kernel events with their times, when an operator starts a trace
 * (control/trace_methods.c, docs/profile.md). Without a trace, each costs a load and a
 * branch.  Kernel code only; none of these sleep.
 */
#ifndef KERNEL_TRACE_H
#define KERNEL_TRACE_H

#include "kernel/record.h"

#include <stddef.h>
#include <stdint.h>

/* trace.c has their names, and the meaning of a and b. */
enum trace_event {
	TRACE_SWITCH, TRACE_WAKE,
	TRACE_RING_BEGIN, TRACE_RING_PUBLISH, TRACE_RING_TAKE,
	TRACE_TCP_ESTABLISHED, TRACE_TCP_PEER_ENDED, TRACE_TCP_FAILED, TRACE_TCP_LET_GO,
	TRACE_EVENTS
};

/* The function that records an event; NULL without a trace. */
extern void (*trace_put)(enum trace_event e, uint32_t a, uint32_t b);

static inline void trace(enum trace_event e, uint32_t a, uint32_t b)
{
	if (__builtin_expect(trace_put != NULL, 0))
		trace_put(e, a, b);
}

/* The names of an event and of its two values; b is NULL if it has one value. */
struct trace_name {
	const char *name, *a, *b;
};
extern const struct trace_name trace_names[TRACE_EVENTS];

/*
 * The ring while a trace runs.  The words of a record: 7, event, time in ns (two),
 * thread, a, b.
 */
extern struct records trace_records;

/* Records these events (a bit for each) from now on.  Returns 0, -EBUSY (somebody does) or -ENOMEM. */
int trace_begin(uint32_t events);
void trace_end(void);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * Tracepoints: what the kernel did when, for an operator who asks
 * (control/trace_methods.c, docs/profile.md).  Else each costs a load and a branch.  Kernel code only.
 */
#ifndef KERNEL_TRACE_H
#define KERNEL_TRACE_H

#include "kernel/record.h"

#include <stddef.h>
#include <stdint.h>

/* Their names and what a and b are: trace.c. */
enum trace_event {
	TRACE_SWITCH, TRACE_WAKE,
	TRACE_RING_BEGIN, TRACE_RING_PUBLISH, TRACE_RING_TAKE,
	TRACE_TCP_ESTABLISHED, TRACE_TCP_PEER_ENDED, TRACE_TCP_FAILED, TRACE_TCP_LET_GO,
	TRACE_EVENTS
};

/* Where they go; NULL: nowhere. */
extern void (*trace_put)(enum trace_event e, uint32_t a, uint32_t b);

static inline void trace(enum trace_event e, uint32_t a, uint32_t b)
{
	if (__builtin_expect(trace_put != NULL, 0))
		trace_put(e, a, b);
}

/* What an event and its two values are called; b: NULL, it has one. */
struct trace_name {
	const char *name, *a, *b;
};
extern const struct trace_name trace_names[TRACE_EVENTS];

/* While it runs: words are 7, event, time in ns (two), thread, a, b. */
extern struct records trace_records;

/* Record these (a bit for each) from now on: 0 or -ENOMEM. */
int trace_begin(uint32_t events);
void trace_end(void);

#endif

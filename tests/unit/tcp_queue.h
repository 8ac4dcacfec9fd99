/* SPDX-License-Identifier: ISC */
/* What net/tcp_segments.c has counted is what the segments of the queue say. */
#ifndef TESTS_UNIT_TCP_QUEUE_H
#define TESTS_UNIT_TCP_QUEUE_H

#include "net/tcp_internal.h"

#include <assert.h>

static inline void tcp_check_queue(const struct tcp_pcb *p)
{
	uint32_t out = 0, sacked = 0, nsacked = 0, lost = 0, twice = 0;
	const struct tcp_seg *last = NULL;

	for (const struct tcp_seg *s = p->unacked; s; last = s, s = s->next) {
		uint8_t state = s->x.state & (SEG_LOST | SEG_RESENT);
		uint32_t len = TCP_TCPLEN(s);

		out += len;
		sacked += s->x.state & SEG_SACKED ? len : 0;
		nsacked += s->x.state & SEG_SACKED;
		lost += state == SEG_LOST ? len : 0;
		twice += state == SEG_RESENT ? len : 0;
		assert(!(s->x.state & SEG_SACKED && state));
	}
	assert(p->x.out == out && p->x.lost == lost && p->x.twice == twice);
	assert(!last || p->x.last == last);
	if (p->flags & TF_SACK)
		assert(p->x.sacked == sacked && p->x.nsacked == nsacked);
	assert(in_flight(p) <= out + twice);
	assert(!last || p->x.timing);
}

#endif

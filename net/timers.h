/* SPDX-License-Identifier: ISC */
/*
 * lwIP's timers, which it would have tick every 100 ms for ever.
 *
 * Each ticks only while it has something to wait for.  Those that only let entries of
 * tables grow old go on for a while after the last packet, which is longer than anything
 * incomplete is kept; then they stand still, and what they missed is made up for when the
 * next packet comes.
 */
#ifndef NET_TIMERS_H
#define NET_TIMERS_H

#include <stdint.h>

/* Before lwIP is called for a packet, or after calls of it: what was missed is made up. */
void timers_catch_up(void);

void timers_run(void);			/* tick what is due */
uint64_t timers_next(void);		/* when something will be, or NEVER */

#endif

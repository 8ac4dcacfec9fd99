/* SPDX-License-Identifier: ISC */
/*
 * lwIP's timers, without its periodic tick of 100 ms.
 *
 * Each timer runs only while something needs it. Timers that only age table entries
 * continue for some time after the last packet, longer than anything incomplete is kept.
 * Then they stop, and the missed ticks are made up for when the next packet arrives.
 */
#ifndef NET_TIMERS_H
#define NET_TIMERS_H

#include <stdint.h>

/*
 * Call this before lwIP is called for a packet, and after other calls of lwIP. Makes up
 * for missed ticks.
 */
void timers_catch_up(void);

void timers_run(void);			/* runs the timers that are due */
uint64_t timers_next(void);		/* returns the time of the next one, or NEVER */

#endif

/* SPDX-License-Identifier: ISC */
/* Time, in ns.  Callable from application code too; none of these sleep. */
#ifndef KERNEL_CLOCK_H
#define KERNEL_CLOCK_H

#include <stdint.h>

#define NSEC_PER_SEC 1000000000ull
#define NSEC_PER_MSEC 1000000ull

void clock_init(void);

/* Since boot: Xen's system time (which may be the host's uptime) less an offset. */
uint64_t clock_now(void);

/* A clock_now() as Xen system time, for timers: what Xen calls it. */
uint64_t clock_to_xen(uint64_t when);

/* Since 1970-01-01 UTC, as Xen tells it, plus what clock_wall_set() said. */
uint64_t clock_wall(void);
void clock_wall_set(uint64_t ns);

#endif

/* SPDX-License-Identifier: ISC */
#include "kernel/clock.h"
#include "kernel/hypercall.h"
#include "kernel/log.h"
#include "kernel/param.h"
#include "kernel/sched.h"
#include "kernel/watchdog.h"

#define PERIOD (30 * NSEC_PER_SEC)

static uint32_t id;			/* Xen's id of it */
static uint32_t seconds;

static void feed(void *arg)
{
	(void)arg;
	for (;;) {
		thread_sleep(clock_now() + seconds * NSEC_PER_SEC / 3);
		xen_sched_watchdog(&id, seconds);
	}
}

void watchdog_attach(bool restored)
{
	if (restored)
		id = 0;			/* Xen's ids are those of a domain */
	if (seconds)
		xen_sched_watchdog(&id, seconds);
}

PARAM(watchdog, "watchdog[=DURATION]");

void watchdog_init(void)
{
	const char *value = param("watchdog");
	uint64_t period;
	int rc;

	if (!value)
		return;
	period = *value ? param_duration("watchdog", PERIOD) : PERIOD;
	if (period == 0)
		return;
	seconds = (period + NSEC_PER_SEC - 1) / NSEC_PER_SEC;
	rc = xen_sched_watchdog(&id, seconds);
	if (rc < 0)		/* Xen before 4.0 has none */
		log_warning("watchdog: refused by Xen (error %d)", rc);
	else if (!thread_start("watchdog", THREAD_KERNEL, STACK_KERNEL, feed, NULL, NULL))
		panic("watchdog: no memory for its thread");
}

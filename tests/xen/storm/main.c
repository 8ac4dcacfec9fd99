/* SPDX-License-Identifier: ISC */
/*
 * A kernel thread works for 2 ms after each event from dom0, while the application
 * computes. The application prints its progress every 500 ms, for argv[1] seconds.
 */
#include "kernel/clock.h"
#include "kernel/evtchn.h"

#include <stdio.h>
#include <stdlib.h>

#define WORK (2 * NSEC_PER_MSEC)

static struct evtchn port;
static volatile unsigned long answered;

static void diligent(void *arg)
{
	(void)arg;
	for (;;) {
		uint64_t till;

		evtchn_wait(&port);
		till = clock_now() + WORK;
		while (clock_now() < till)
			;
		answered++;
	}
}

int main(int argc, char **argv)
{
	uint64_t stop = clock_now() + (argc > 1 ? atoi(argv[1]) : 10) * NSEC_PER_SEC;
	int rc;

	kernel_enter();
	rc = evtchn_listen(&port, "storm", 0);
	if (!rc && !thread_start("diligent", THREAD_KERNEL, STACK_KERNEL, diligent, NULL, NULL))
		rc = -1;
	kernel_leave();
	if (rc)
		return 1;
	printf("port: %u.\n", port.port);
	while (clock_now() < stop) {
		uint64_t start = clock_now(), took = 0;
		unsigned long before = answered, rounds = 0;

		while (took < 500 * NSEC_PER_MSEC) {
			for (volatile int i = 0; i < 1000; i++)
				;
			rounds++;
			took = clock_now() - start;
		}
		printf("in %llu ms %lu rounds, %lu events, %llu turns so far\n",
		       took / NSEC_PER_MSEC, rounds, answered - before,
		       (unsigned long long)sched_stats.turns);
	}
}

/* SPDX-License-Identifier: ISC */
/*
 * No sleep is too long, however close to its begin the timer fires: even between the last
 * check for events and idling, where a missed event would let the guest sleep for ever.
 *
 * `wake interrupt`: with events by interrupt, as in an HVM guest without an event vector.
 */
#include "arch/x86_64/hvm/hvm.h"
#include "kernel/clock.h"
#include "kernel/sched.h"
#include "tests/xen/test.h"

#include <string.h>
#include <time.h>

#define SLEEPS 10000
#define LONGEST 400000			/* ns; more than the way to idling takes */

int main(int argc, char **argv)
{
	uint64_t start, worst = 0, random = 1;

	if (argc > 1 && !strcmp(argv[1], "interrupt")) {
		kernel_enter();
		hvm_enable_upcalls(false);
		kernel_leave();
		puts("by the platform device");
	}
	for (int i = 0; i < SLEEPS; i++) {
		struct timespec ts = { .tv_nsec = random % LONGEST };

		random = random * 48271 % 2147483647;
		start = clock_now();
		expect_equal(nanosleep(&ts, NULL), 0);
		if (clock_now() - start > worst)
			worst = clock_now() - start;
	}
	printf("%d sleeps of at most %d us: the longest took %d us\n", SLEEPS, LONGEST / 1000,
	       (int)(worst / 1000));
	test_success();
}

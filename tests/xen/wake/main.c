/* SPDX-License-Identifier: ISC */
/*
 * No sleep is too long, however near to it the timer rings: also while the guest is on its way
 * to idling, where an event that is only noted would be slept on for ever.
 */
#include "kernel/clock.h"
#include "tests/xen/test.h"

#include <time.h>

#define SLEEPS 10000
#define LONGEST 400000			/* ns; more than the way to idling takes */

int main(void)
{
	uint64_t start, worst = 0, random = 1;

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

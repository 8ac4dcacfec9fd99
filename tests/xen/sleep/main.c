/* SPDX-License-Identifier: ISC */
/*
 * A sleep takes as long as requested: never less, seldom much more; the thread with the
 * nearer deadline wakes first.  Clocks agree and never go back.
 */
#include "tests/xen/test.h"

#include <errno.h>
#include <pthread.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>

#define MS 1000000ll
#define S (1000 * MS)
#define LATE (50 * MS)
#define VERY_LATE S			/* an emulated machine may be busy elsewhere */

static long long now(clockid_t clock)
{
	struct timespec ts;

	expect_equal(clock_gettime(clock, &ts), 0);
	expect(ts.tv_nsec >= 0 && ts.tv_nsec < S);
	return ts.tv_sec * S + ts.tv_nsec;
}

static struct timespec spec(long long ns)
{
	return (struct timespec){ .tv_sec = ns / S, .tv_nsec = ns % S };
}

static void sleeps_are_long_enough(void)
{
	static const long long lengths[] = {
		0, 1, 1000, 50000, MS, 10 * MS, 123 * MS, S + 1,
	};

	for (unsigned i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		struct timespec ts = spec(lengths[i]);
		long long best = S;

		for (int n = 0; n < 5 && best >= LATE / 10; n++) {
			long long late = -now(CLOCK_MONOTONIC);

			expect_equal(nanosleep(&ts, NULL), 0);
			late += now(CLOCK_MONOTONIC) - lengths[i];
			expect(late >= 0);
			if (late < best)
				best = late;
		}
		printf("%lld ns: %lld ns late\n", lengths[i], best);
		expect(best < LATE);
	}
}

static void deadlines_of_either_clock(void)
{
	static const clockid_t clocks[] = { CLOCK_REALTIME, CLOCK_MONOTONIC };

	for (int i = 0; i < 2; i++) {
		long long when = now(clocks[i]) + 20 * MS;
		struct timespec ts = spec(when);

		expect_equal(clock_nanosleep(clocks[i], TIMER_ABSTIME, &ts, NULL), 0);
		expect(now(clocks[i]) >= when && now(clocks[i]) < when + VERY_LATE);
		expect_equal(clock_nanosleep(clocks[i], TIMER_ABSTIME, &ts, NULL), 0);
	}
}

static void nonsense_is_refused(void)
{
	struct timespec negative = { .tv_sec = -1 }, too_long = { .tv_nsec = S }, ts;
	struct timespec zero = { 0 };

	expect_equal(nanosleep(&negative, NULL), -1);
	expect_equal(errno, EINVAL);
	expect_equal(nanosleep(&too_long, NULL), -1);
	expect_equal(clock_nanosleep(77, 0, &zero, NULL), EINVAL);
	expect_equal(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &zero, NULL), ENOTSUP);
	expect_equal(clock_gettime(77, &ts), -1);
	expect_equal(clock_settime(CLOCK_MONOTONIC, &zero), -1);
	expect_equal(clock_settime(CLOCK_REALTIME, &too_long), -1);
	expect_equal(clock_getres(CLOCK_MONOTONIC, &ts), 0);
	expect(ts.tv_sec == 0 && ts.tv_nsec > 0);
}

static int woken[3], count;

static void *sleeper(void *arg)
{
	usleep((long)arg * 20000 + 20000);
	woken[count++] = (long)arg;
	return NULL;
}

static void the_nearest_deadline_is_first(void)
{
	static const long order[] = { 2, 0, 1 };
	pthread_t t[3];

	for (int i = 0; i < 3; i++)
		pthread_create(&t[i], NULL, sleeper, (void *)order[i]);
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	for (int i = 0; i < 3; i++)
		expect_equal(woken[i], i);
}

static void clocks_agree(void)
{
	long long mono = now(CLOCK_MONOTONIC), wall = now(CLOCK_REALTIME), last = mono;
	struct timeval tv;

	expect(wall > 1577836800 * S);		/* 2020 */
	expect_equal(gettimeofday(&tv, NULL), 0);
	expect(tv.tv_sec * S + tv.tv_usec * 1000 - wall < S);
	expect(time(NULL) - wall / S <= 1);
	for (int i = 0; i < 200000; i++) {
		long long next = now(CLOCK_MONOTONIC);

		expect(next >= last);
		last = next;
	}
	mono = now(CLOCK_MONOTONIC) - mono;
	wall = now(CLOCK_REALTIME) - wall;
	expect(wall - mono < S && mono - wall < S);
}

static void the_wall_clock_can_be_set(void)
{
	struct timespec then = { .tv_sec = 2000000000 };
	struct timespec before = spec(now(CLOCK_REALTIME));
	long long mono = now(CLOCK_MONOTONIC);

	expect_equal(clock_settime(CLOCK_REALTIME, &then), 0);
	expect(now(CLOCK_REALTIME) - then.tv_sec * S < VERY_LATE);
	expect(now(CLOCK_MONOTONIC) - mono < VERY_LATE);
	expect_equal(clock_settime(CLOCK_REALTIME, &before), 0);
}

static void cpu_time_is_not_spent_asleep(void)
{
	struct tms before, after;
	clock_t start = clock();
	long long thread = now(CLOCK_THREAD_CPUTIME_ID), busy;

	times(&before);
	sleep(2);
	expect(now(CLOCK_THREAD_CPUTIME_ID) - thread < S);
	expect(clock() - start < CLOCKS_PER_SEC);
	busy = now(CLOCK_MONOTONIC) + 100 * MS;
	while (now(CLOCK_MONOTONIC) < busy)
		;
	expect(now(CLOCK_THREAD_CPUTIME_ID) - thread > 50 * MS);
	expect(now(CLOCK_PROCESS_CPUTIME_ID) >= now(CLOCK_THREAD_CPUTIME_ID));
	times(&after);
	expect(after.tms_utime > before.tms_utime);
}

int main(void)
{
	sleeps_are_long_enough();
	deadlines_of_either_clock();
	nonsense_is_refused();
	the_nearest_deadline_is_first();
	clocks_agree();
	the_wall_clock_can_be_set();
	cpu_time_is_not_spent_asleep();
	test_success();
}

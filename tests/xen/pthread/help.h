/* SPDX-License-Identifier: ISC */
/* For the tests of threads: times, and starting and joining. */
#ifndef TESTS_XEN_PTHREAD_HELP_H
#define TESTS_XEN_PTHREAD_HELP_H

#include "tests/xen/test.h"

#include <pthread.h>
#include <time.h>

#define THREADS 8
#define MS 1000000ll

static inline long long now(clockid_t clock)
{
	struct timespec ts;

	expect_equal(clock_gettime(clock, &ts), 0);
	return ts.tv_sec * 1000 * MS + ts.tv_nsec;
}

static inline struct timespec in(clockid_t clock, long long ns)
{
	long long at = now(clock) + ns;

	return (struct timespec){
		.tv_sec = at / (1000 * MS), .tv_nsec = at % (1000 * MS),
	};
}

static const struct timespec past = { .tv_sec = 1 };
static const struct timespec invalid = { .tv_sec = 1, .tv_nsec = 1000 * MS };

static inline pthread_t start(void *(*main)(void *), void *arg)
{
	pthread_t t;

	expect_equal(pthread_create(&t, NULL, main, arg), 0);
	return t;
}

static inline void *join(pthread_t t)
{
	void *result;

	expect_equal(pthread_join(t, &result), 0);
	return result;
}

/* The same function in several threads, each told its number. */
static inline void together(void *(*main)(void *))
{
	pthread_t t[THREADS];

	for (long i = 0; i < THREADS; i++)
		t[i] = start(main, (void *)i);
	for (long i = 0; i < THREADS; i++)
		expect_equal((long)join(t[i]), i);
}

/* The tests of each file; a failed one ends the program. */
void test_threads(void);
void test_mutexes_and_conditions(void);
void test_other_locks(void);

#endif

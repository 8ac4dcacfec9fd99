/* SPDX-License-Identifier: ISC */
/* Mutexes and condition variables. */
#include "tests/xen/pthread/help.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static volatile int inside, total;

static void *add(void *arg)
{
	for (int i = 0; i < 2000; i++) {
		expect_equal(pthread_mutex_lock(&mutex), 0);
		expect_equal(inside++, 0);
		total++;
		if (i % 16 == (long)arg)
			sched_yield();
		if (i % 500 == 1)
			usleep(100);
		inside--;
		expect_equal(pthread_mutex_unlock(&mutex), 0);
	}
	return arg;
}

static void a_mutex_excludes(void)
{
	total = 0;
	together(add);
	expect_equal(total, THREADS * 2000);
	expect_equal(pthread_mutex_destroy(&mutex), 0);
}

static pthread_mutex_t of_type(int type)
{
	pthread_mutexattr_t attr;
	pthread_mutex_t m;

	expect_equal(pthread_mutexattr_init(&attr), 0);
	expect_equal(pthread_mutexattr_settype(&attr, type), 0);
	expect_equal(pthread_mutexattr_settype(&attr, 77), EINVAL);
	expect_equal(pthread_mutex_init(&m, &attr), 0);
	expect_equal(pthread_mutexattr_destroy(&attr), 0);
	return m;
}

static void *try_all(void *arg)
{
	pthread_mutex_t *m = arg;
	struct timespec soon = in(CLOCK_REALTIME, 20 * MS);
	long long before = now(CLOCK_MONOTONIC);

	expect_equal(pthread_mutex_trylock(m), EBUSY);
	expect_equal(pthread_mutex_unlock(m), EPERM);
	expect_equal(pthread_mutex_timedlock(m, &past), ETIMEDOUT);
	expect_equal(pthread_mutex_timedlock(m, &invalid), EINVAL);
	expect_equal(pthread_mutex_timedlock(m, &soon), ETIMEDOUT);
	expect(now(CLOCK_MONOTONIC) - before >= 19 * MS);
	expect_equal(pthread_mutex_destroy(m), EBUSY);
	return NULL;
}

static void mutex_types_differ(void)
{
	pthread_mutex_t r = of_type(PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_t e = of_type(PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutex_t n = of_type(PTHREAD_MUTEX_NORMAL);

	for (int i = 0; i < 3; i++)
		expect_equal(i ? pthread_mutex_trylock(&r) : pthread_mutex_lock(&r), 0);
	join(start(try_all, &r));
	for (int i = 0; i < 3; i++)
		expect_equal(pthread_mutex_unlock(&r), 0);
	expect_equal(pthread_mutex_unlock(&r), EPERM);
	expect_equal(pthread_mutex_lock(&e), 0);
	expect_equal(pthread_mutex_lock(&e), EDEADLK);
	expect_equal(pthread_mutex_timedlock(&e, &past), EDEADLK);
	expect_equal(pthread_mutex_trylock(&e), EBUSY);
	join(start(try_all, &e));
	expect_equal(pthread_mutex_unlock(&e), 0);
	expect_equal(pthread_mutex_timedlock(&n, &invalid), 0);
	expect_equal(pthread_mutex_timedlock(&n, &past), ETIMEDOUT);
	join(start(try_all, &n));
	expect_equal(pthread_mutex_unlock(&n), 0);
}

static volatile bool enough;
static volatile int passed_by;

/* Has the mutex nearly always, so its time slice ends while it has it. */
static void *hog(void *arg)
{
	while (!enough) {
		long long until;

		pthread_mutex_lock(arg);
		passed_by++;
		until = now(CLOCK_MONOTONIC) + MS;
		while (now(CLOCK_MONOTONIC) < until)
			;
		pthread_mutex_unlock(arg);
	}
	return NULL;
}

static void a_mutex_starves_nobody(void)
{
	pthread_t a, b;

	enough = false;
	a = start(hog, &mutex);
	b = start(hog, &mutex);
	for (int i = 0; i < 20; i++) {
		passed_by = 0;
		expect_equal(pthread_mutex_lock(&mutex), 0);
		expect(passed_by < 60);	/* a time slice each, and some */
		expect_equal(pthread_mutex_unlock(&mutex), 0);
		sched_yield();
	}
	enough = true;
	join(a);
	join(b);
}

/* Condition variables */

static pthread_cond_t cond = PTHREAD_COND_INITIALIZER, room = PTHREAD_COND_INITIALIZER;
static int queue[4], queued;
static volatile long taken;

static void *produce(void *arg)
{
	for (int i = 1; i <= 500; i++) {
		pthread_mutex_lock(&mutex);
		while (queued == 4)
			expect_equal(pthread_cond_wait(&room, &mutex), 0);
		queue[queued++] = i;
		pthread_cond_signal(&cond);
		pthread_mutex_unlock(&mutex);
	}
	return arg;
}

static void *consume(void *arg)
{
	for (int i = 1; i <= 500; i++) {
		pthread_mutex_lock(&mutex);
		while (!queued)
			expect_equal(pthread_cond_wait(&cond, &mutex), 0);
		taken += queue[--queued];
		pthread_mutex_unlock(&mutex);
		pthread_cond_signal(&room);
	}
	return arg;
}

static void *produce_or_consume(void *arg)
{
	return (long)arg % 2 ? produce(arg) : consume(arg);
}

static void signals_are_not_lost(void)
{
	taken = 0;
	together(produce_or_consume);
	expect_equal(taken, THREADS / 2 * 500 * 501 / 2);
}

static int waiting, woken;

static void *wait_once(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&mutex);
	waiting++;
	expect_equal(pthread_cond_wait(&cond, &mutex), 0);
	woken++;
	pthread_mutex_unlock(&mutex);
	return NULL;
}

static void signal_wakes_one_broadcast_all(void)
{
	pthread_t t[THREADS];

	waiting = woken = 0;
	for (int i = 0; i < THREADS; i++)
		t[i] = start(wait_once, NULL);
	while (waiting < THREADS)
		usleep(1000);
	expect_equal(pthread_cond_destroy(&cond), EBUSY);
	for (int i = 1; i <= 3; i++) {
		expect_equal(pthread_cond_signal(&cond), 0);
		usleep(5000);
		expect_equal(woken, i);
	}
	expect_equal(pthread_cond_broadcast(&cond), 0);
	expect_equal(pthread_cond_destroy(&cond), 0);	/* it has no waiters any more */
	memset(&cond, 0xff, sizeof(cond));
	for (int i = 0; i < THREADS; i++)
		join(t[i]);
	expect_equal(woken, THREADS);
	expect_equal(pthread_cond_init(&cond, NULL), 0);
}

static void timed_wait(clockid_t clock)
{
	pthread_condattr_t attr;
	pthread_cond_t c;
	struct timespec soon;
	long long before;

	expect_equal(pthread_condattr_init(&attr), 0);
	expect_equal(pthread_condattr_setclock(&attr, clock), 0);
	expect_equal(pthread_condattr_setclock(&attr, CLOCK_PROCESS_CPUTIME_ID), EINVAL);
	expect_equal(pthread_cond_init(&c, &attr), 0);
	expect_equal(pthread_cond_timedwait(&c, &mutex, &past), EPERM);
	pthread_mutex_lock(&mutex);
	soon = in(clock, 30 * MS);
	before = now(CLOCK_MONOTONIC);
	expect_equal(pthread_cond_timedwait(&c, &mutex, &soon), ETIMEDOUT);
	expect(now(CLOCK_MONOTONIC) - before >= 29 * MS);
	expect(now(CLOCK_MONOTONIC) - before < 1000 * MS);
	expect_equal(pthread_cond_timedwait(&c, &mutex, &past), ETIMEDOUT);
	expect_equal(pthread_cond_timedwait(&c, &mutex, &invalid), EINVAL);
	expect_equal(pthread_mutex_unlock(&mutex), 0);	/* each wait has locked it again */
	expect_equal(pthread_cond_destroy(&c), 0);
}

static void timed_waits_end_by_either_clock(void)
{
	timed_wait(CLOCK_REALTIME);
	timed_wait(CLOCK_MONOTONIC);
}

/* Read-write locks */

void test_mutexes_and_conditions(void)
{
	a_mutex_excludes();
	mutex_types_differ();
	a_mutex_starves_nobody();
	signals_are_not_lost();
	signal_wakes_one_broadcast_all();
	timed_waits_end_by_either_clock();
}

/* SPDX-License-Identifier: ISC */
/* Thread-local variables: each thread has its own, as initialised, as aligned. */
#include "tests/xen/test.h"

#include <pthread.h>
#include <stdint.h>
#include <unistd.h>

#define THREADS 10

struct line {
	char c[64];
};

_Thread_local int number = 4711;
_Thread_local char text[100] = "initialised";
_Thread_local long zero[300];
_Thread_local _Alignas(64) struct line aligned = { "cache line" };
_Thread_local char odd = 'o';

static void as_initialised(void)
{
	expect_equal(number, 4711);
	expect_equal(text[10], 'd');
	expect_equal(text[99], 0);
	for (int i = 0; i < 300; i++)
		expect_equal(zero[i], 0);
	expect_equal((uintptr_t)&aligned % 64, 0);
	expect_equal(aligned.c[9], 'e');
	expect_equal(odd, 'o');
}

static void *thread(void *arg)
{
	long me = (long)arg;

	as_initialised();
	number = me;
	odd = me;
	for (int i = 0; i < 300; i++)
		zero[i] = me * i;
	for (int round = 0; round < 20; round++) {
		usleep(me * 100);
		expect_equal(number++, me + round);
		expect_equal(odd, me);
		for (int i = 0; i < 300; i++)
			expect_equal(zero[i], me * i);
	}
	return &number;
}

int main(void)
{
	pthread_t t[THREADS];
	void *where[THREADS];

	as_initialised();
	for (int again = 0; again < 3; again++) {	/* memory used before, too */
		for (long i = 0; i < THREADS; i++)
			if (pthread_create(&t[i], NULL, thread, (void *)(i + 1)))
				test_error("no thread");
		for (int i = 0; i < THREADS; i++)
			expect_equal(pthread_join(t[i], &where[i]), 0);
		for (int i = 0; i < THREADS; i++)
			expect(where[i] != &number);
	}
	as_initialised();
	test_success();
}

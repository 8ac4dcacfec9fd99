/* SPDX-License-Identifier: ISC */
/* errno, strtok() and rand() are each thread's own. */
#include "tests/xen/test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#define THREADS 10

static void *thread(void *arg)
{
	long me = (long)arg;
	char text[] = "a b c d e f g h", *word, *rest = text;

	expect_equal(errno, 0);
	errno = me;
	word = strtok(text, " ");
	for (int i = 0; word; i++, word = strtok(NULL, " ")) {
		expect_equal(*word, 'a' + i);
		usleep(me * 100);
		expect_equal(errno, me);
	}
	expect_equal(*rest, 'a');
	for (int i = 0; i < 20; i++) {
		expect_equal(me % 2 ? close(77) : usleep(100), me % 2 ? -1 : 0);
		expect_equal(errno, me % 2 ? EBADF : me);
		sched_yield();
	}
	return NULL;
}

int main(void)
{
	void *volatile p;		/* or clang does without malloc() */
	pthread_t t[THREADS];

	errno = 99;
	for (long i = 0; i < THREADS; i++)
		expect_equal(pthread_create(&t[i], NULL, thread, (void *)(i + 100)), 0);
	for (int i = 0; i < THREADS; i++)
		expect_equal(pthread_join(t[i], NULL), 0);
	expect_equal(errno, 99);
	p = malloc(1ul << 60);
	expect(!p);
	expect_equal(errno, ENOMEM);
	test_success();
}

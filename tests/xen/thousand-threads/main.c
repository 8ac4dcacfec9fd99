/* SPDX-License-Identifier: ISC */
/*
 * A thousand threads at once; then as many as memory allows: the next one fails with
 * EAGAIN, and the others continue.
 */
#include "tests/xen/test.h"

#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>
#include <string.h>
#include <unistd.h>

#define THOUSAND 1000
#define MOST 20000

static pthread_t threads[MOST];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t go = PTHREAD_COND_INITIALIZER;
static sem_t waiting;
static int may_go;
static long sum;

static void *thread(void *arg)
{
	pthread_mutex_lock(&mutex);
	sem_post(&waiting);
	while (!may_go)
		pthread_cond_wait(&go, &mutex);
	sum += (long)arg;
	pthread_mutex_unlock(&mutex);
	return arg;
}

/* As many as wanted or possible with such a stack: how many. */
static long create(long want, size_t stack)
{
	pthread_attr_t attr;
	long n = 0;

	may_go = 0;
	sum = 0;
	pthread_attr_init(&attr);
	expect_equal(pthread_attr_setstacksize(&attr, stack), 0);
	for (; n < want; n++) {
		int error = pthread_create(&threads[n], &attr, thread, (void *)n);

		if (!error)
			continue;
		expect_equal(error, EAGAIN);
		break;
	}
	for (long i = 0; i < n; i++)
		sem_wait(&waiting);
	return n;
}

static void finish(long n)
{
	void *result;

	pthread_mutex_lock(&mutex);
	may_go = 1;
	pthread_cond_broadcast(&go);
	pthread_mutex_unlock(&mutex);
	for (long i = 0; i < n; i++) {
		expect_equal(pthread_join(threads[i], &result), 0);
		expect_equal((long)result, i);
	}
	expect_equal(sum, n * (n - 1) / 2);
}

/*
 * Returns the bytes that malloc() has allocated.  newlib writes ints, unlike its header.
 */
static int in_use(void)
{
	struct mallinfo info = mallinfo();
	int ints[10];

	memcpy(ints, &info, sizeof(ints));
	return ints[7];
}

int main(void)
{
	int used = 0;
	long n;

	printf("%d threads\n", THOUSAND);
	sleep(1);			/* the kernel's own first allocations are over */
	sem_init(&waiting, 0, 0);
	for (int again = 0; again < 3; again++) {
		n = create(THOUSAND, PTHREAD_STACK_MIN);
		expect_equal(n, THOUSAND);
		finish(n);
		if (again)
			expect_equal(in_use(), used);
		used = in_use();
	}
	for (int again = 0; again < 3; again++) {	/* ended threads have freed everything */
		long before = n;

		n = create(MOST, 256 * 1024);
		if (n == MOST)
			test_skip("there is memory for more than %d threads", MOST);
		printf("%ld threads of 256 KiB\n", n);
		expect(n > 10);
		if (again)
			expect(n >= before - 1);
		finish(n);
	}
	test_success();
}

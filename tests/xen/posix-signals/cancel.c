/* SPDX-License-Identifier: ISC */
/* pthread_cancel(), and what a thread that ends leaves: robust mutexes. */
#define _GNU_SOURCE
#include "help.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static sem_t there;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int cleaned, ends[2];

static void clean(void *arg)
{
	cleaned += (long)arg;
}

static void *in_read(void *arg)
{
	char c;

	pthread_cleanup_push(clean, (void *)1L);
	sem_post(&there);
	read(ends[0], &c, 1);
	pthread_cleanup_pop(0);
	return arg;
}

static void unlock(void *arg)
{
	cleaned += pthread_mutex_unlock(arg) ? 1000 : 10;	/* it must hold the mutex */
}

static void *in_cond_wait(void *arg)
{
	pthread_mutex_lock(&mutex);
	pthread_cleanup_push(unlock, &mutex);
	sem_post(&there);
	for (;;)
		pthread_cond_wait(&cond, &mutex);
	pthread_cleanup_pop(0);
	return arg;
}

/* It reads from a stream, whose lock must not stay locked. */
static void *in_getc(void *arg)
{
	sem_post(&there);
	getc(arg);
	return NULL;
}

static void *asynchronous(void *arg)
{
	int old;

	pthread_cleanup_push(clean, (void *)100L);
	expect(!pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old));
	expect(old == PTHREAD_CANCEL_DEFERRED);
	sem_post(&there);
	for (;;)
		__asm__ volatile("" : : : "memory");
	pthread_cleanup_pop(0);
	return arg;
}

static volatile int may_end;

static void *disabled(void *arg)
{
	expect(!pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL));
	sem_post(&there);
	while (!may_end)
		usleep(1000);		/* a cancellation point */
	expect(!pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL));
	may_end = 2;
	pthread_testcancel();
	may_end = 3;
	return arg;
}

static void *result_of(pthread_t t)
{
	void *result;

	expect(!pthread_join(t, &result));
	return result;
}

static pthread_t cancelled(void *(*what)(void *), void *arg)
{
	pthread_t t;

	expect(!pthread_create(&t, NULL, what, arg));
	sem_wait(&there);
	usleep(10000);
	expect(!pthread_cancel(t));
	return t;
}

static void threads_are_cancelled(void)
{
	FILE *file;
	pthread_t t;

	expect(!pipe(ends) && !sem_init(&there, 0, 0));
	expect(result_of(cancelled(in_read, NULL)) == PTHREAD_CANCELED && cleaned == 1);
	expect(result_of(cancelled(in_cond_wait, NULL)) == PTHREAD_CANCELED && cleaned == 11);
	expect(!pthread_mutex_trylock(&mutex) && !pthread_mutex_unlock(&mutex));
	expect(result_of(cancelled(asynchronous, NULL)) == PTHREAD_CANCELED && cleaned == 111);
	/* Another thread has the mutex. */
	expect(!pthread_create(&t, NULL, in_cond_wait, NULL) && !sem_wait(&there));
	expect(!pthread_mutex_lock(&mutex) && !pthread_cancel(t));
	usleep(20000);
	expect(cleaned == 111 && !pthread_mutex_unlock(&mutex));
	expect(result_of(t) == PTHREAD_CANCELED && cleaned == 121);
	t = cancelled(disabled, NULL);
	usleep(5000);
	expect(!pthread_kill(t, 0));
	may_end = 1;
	expect(result_of(t) == PTHREAD_CANCELED && may_end == 2);
	file = fdopen(ends[0], "r");
	expect(result_of(cancelled(in_getc, file)) == PTHREAD_CANCELED);
	expect(write(ends[1], "x", 1) == 1 && getc(file) == 'x');
	fclose(file);
	close(ends[1]);
}

static void *join_for_ever(void *arg)
{
	sem_post(&there);
	pthread_join(*(pthread_t *)arg, NULL);
	return NULL;
}

static void *wait_for_sem(void *arg)
{
	sem_wait(arg);
	return arg;
}

/* A thread whose pthread_join() is cancelled leaves the other one joinable. */
static void a_join_is_cancelled(void)
{
	pthread_t t;
	sem_t end;

	sem_init(&end, 0, 0);
	expect(!pthread_create(&t, NULL, wait_for_sem, &end));
	expect(result_of(cancelled(join_for_ever, &t)) == PTHREAD_CANCELED);
	sem_post(&end);
	expect(result_of(t) == &end);
}

static pthread_t helper;
static void *helped;

static void join_helper(void *arg)
{
	(void)arg;
	sem_post(&there);
	pthread_join(helper, &helped);
}

static void *cleans_by_waiting(void *arg)
{
	pthread_cleanup_push(join_helper, NULL);
	sem_post(&there);
	pause();
	pthread_cleanup_pop(0);
	return arg;
}

/* A signal whose handler runs does not end what a cleanup handler waits for. */
static void a_cleanup_handler_waits(void)
{
	pthread_t t;
	sem_t end;

	handle(SIGUSR1, 0);
	sem_init(&end, 0, 0);
	expect(!pthread_create(&helper, NULL, wait_for_sem, &end));
	t = cancelled(cleans_by_waiting, NULL);
	sem_wait(&there);
	usleep(5000);
	expect(!pthread_kill(t, SIGUSR1));
	usleep(5000);
	sem_post(&end);
	expect(result_of(t) == PTHREAD_CANCELED && helped == &end);
}

static void *lock_and_end(void *arg)
{
	expect(!pthread_mutex_lock(arg));
	return arg;
}

static void robust_mutexes(void)
{
	pthread_mutexattr_t attr;
	pthread_mutex_t m;
	pthread_t t;

	expect(!pthread_mutexattr_init(&attr));
	expect(!pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST));
	expect(!pthread_mutex_init(&m, &attr));
	for (int i = 0; i < 2; i++) {
		expect(!pthread_create(&t, NULL, lock_and_end, &m) && result_of(t) == &m);
		expect(pthread_mutex_lock(&m) == EOWNERDEAD);
		expect(pthread_mutex_trylock(&m) == EBUSY);
		if (i == 0)
			expect(!pthread_mutex_consistent(&m));
		expect(!pthread_mutex_unlock(&m));
	}
	expect(pthread_mutex_lock(&m) == ENOTRECOVERABLE);
	expect(!pthread_mutex_destroy(&m));
}

void test_cancel(void)
{
	threads_are_cancelled();
	a_join_is_cancelled();
	a_cleanup_handler_waits();
	robust_mutexes();
}

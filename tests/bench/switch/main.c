/* SPDX-License-Identifier: ISC */
/*
 * Two threads alternate by a mutex and a condition variable; prints the ns of a switch.  The
 * same source is compiled for Linux (tests/bench/run).
 */
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#define ROUNDS 20000

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turned = PTHREAD_COND_INITIALIZER;
static int turn;

static void play(int me)
{
	for (int i = 0; i < ROUNDS; i++) {
		pthread_mutex_lock(&lock);
		while (turn != me)
			pthread_cond_wait(&turned, &lock);
		turn = !me;
		pthread_cond_signal(&turned);
		pthread_mutex_unlock(&lock);
	}
}

static void *other(void *arg)
{
	(void)arg;
	play(1);
	return NULL;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

int main(void)
{
	pthread_t thread;
	double start;

	if (pthread_create(&thread, NULL, other, NULL))
		return 1;
	start = now();
	play(0);
	pthread_join(thread, NULL);
	printf("switch: %.0f ns each\n", (now() - start) / (2 * ROUNDS));
	return 0;
}

/* SPDX-License-Identifier: ISC */
/*
 * Lines of threads that print at the same time are not mixed (test.py checks this).  A
 * thread that waits in getchar(), with stdin's lock, does not prevent exit() from
 * flushing stdout.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define THREADS 8
#define LINES 50

static void *print(void *arg)
{
	char filler[100] = "";
	int me = (int)(long)arg;

	for (int i = 0; i < LINES; i++) {
		memset(filler, 'a' + me, i + 10);
		printf("line %d %d %s.\n", me, i, filler);
		if (i % 8 == me)
			usleep(1000);
	}
	return NULL;
}

static void *read_for_ever(void *arg)
{
	while (getchar() != EOF)
		;
	return arg;
}

int main(void)
{
	pthread_t t[THREADS], reader;

	for (long i = 0; i < THREADS; i++)
		if (pthread_create(&t[i], NULL, print, (void *)i))
			abort();
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	if (pthread_create(&reader, NULL, read_for_ever, NULL))
		abort();
	usleep(10000);
	printf("no newline, no flush");
	return 5;
}

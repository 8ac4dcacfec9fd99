/* SPDX-License-Identifier: ISC */
/* Eleven threads, all asleep. */
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static void *rest(void *arg)
{
	for (;;)
		sleep(3600);
	return arg;
}

int main(void)
{
	pthread_t t;

	for (int i = 0; i < 10; i++)
		if (pthread_create(&t, NULL, rest, NULL))
			return 1;
	printf("idle\n");
	rest(NULL);
}

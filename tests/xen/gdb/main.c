/* SPDX-License-Identifier: ISC */
/* The program that test.py debugs; argv[1] selects a case. */
#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile unsigned long turns, other_turns;

static __attribute__((noinline)) int sum_of(int a, int b)
{
	int sum = a + b;

	usleep(1000);
	sum++;
	return sum;
}

static __attribute__((noinline)) void spin_here(void)
{
	for (;;) {
		turns++;
		other_turns++;
	}
}

static void *sleep_here(void *arg)
{
	for (;;)
		sleep(1000);
	return arg;
}

static int longer(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	int status = sum_of(1, 2), numbers[] = { 3, 1, 2 };
	static jmp_buf back;
	pthread_t t;

	printf("up %d\n", status);
	if (!strcmp(what, "jump") && !setjmp(back))
		longjmp(back, 1);
	qsort(numbers, 3, sizeof(int), longer);
	pthread_create(&t, NULL, sleep_here, NULL);
	if (!strcmp(what, "spin"))
		spin_here();
	if (!strcmp(what, "count"))
		for (;; turns++)
			usleep(1000);
	if (!strcmp(what, "null"))
		*(volatile int *)(long)(status - 4) = 1;
	printf("status %d\n", status);
	return status;
}

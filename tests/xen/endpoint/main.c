/* SPDX-License-Identifier: ISC */
/*
 * An application that spins, or sleeps, until somebody ends the guest; test.py asks its
 * control endpoint meanwhile.
 *
 *	spin | sleep [THREADS]
 *	proc			or prints /proc/xenolith, and ends
 */
#include "tests/xen/test.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

static void *sleeper(void *arg)
{
	for (;;)
		sleep(1000);
	return arg;
}

static void print_proc(void)
{
	static char text[65536];
	FILE *f = fopen("/proc/xenolith", "r");
	size_t n;

	expect(f != NULL);
	n = fread(text, 1, sizeof(text) - 1, f);
	expect(n > 100 && feof(f) && fclose(f) == 0);
	expect(fopen("/proc/xenolith", "w") == NULL && fopen("/proc/none", "r") == NULL);
	printf("proc: %s", text);
	test_success();
}

int main(int argc, char **argv)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 16384);
	for (int i = argc > 2 ? atoi(argv[2]) : 0; i > 0; i--)
		expect_equal(pthread_create(&thread, &attr, sleeper, NULL), 0);
	if (argc > 1 && !strcmp(argv[1], "crash"))
		abort();
	if (argc > 1 && !strcmp(argv[1], "proc"))
		print_proc();
	printf("up\n");
	if (argc > 1 && !strcmp(argv[1], "spin"))
		for (volatile unsigned i = 0;; i++)
			;
	sleeper(NULL);
}

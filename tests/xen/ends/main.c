/* SPDX-License-Identifier: ISC */
/* Ends the guest in the way that argv[1] selects, or does not end it. */
#include "kernel/sched.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t terminated;

static void on_signal(int sig)
{
	if (sig == SIGTERM)
		terminated = true;
	else
		printf("SIGUSR1\n");
}

static void *exits(void *arg)
{
	exit(*(int *)arg);
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	int status = argc > 2 ? atoi(argv[2]) : 0;

	if (strcmp(how, "term") == 0 || strcmp(how, "stubborn") == 0) {
		signal(SIGTERM, on_signal);
		signal(SIGUSR1, on_signal);
	}
	puts("begun");
	while (strcmp(how, "term") == 0 && !terminated)
		usleep(100000);
	if (strcmp(how, "exit") == 0)
		exit(status);
	if (strcmp(how, "thread") == 0) {
		pthread_t t;

		pthread_create(&t, NULL, exits, &status);
		pthread_join(t, NULL);
	}
	if (strcmp(how, "abort") == 0)
		abort();
	if (strcmp(how, "fault") == 0)
		*(volatile int *)(uintptr_t)argc = 0;	/* page 0 */
	if (strcmp(how, "memory") == 0)
		for (;;)
			if (!calloc(1, 65536))
				abort();
	if (strcmp(how, "refused") == 0) {		/* that is not the end of memory */
		printf("%d\n", malloc((size_t)1 << 30) == NULL);
		return status;
	}
	if (strcmp(how, "careless") == 0) {		/* ... and stdout's error is not reported */
		for (volatile unsigned long n = 0; ; n++)
			if (!malloc(4096))
				usleep(1000);
	}
	if (strcmp(how, "hang") == 0) {
		kernel_enter();				/* no event is heard any more */
		for (;;)
			;
	}
	if (strcmp(how, "disk") == 0) {
		char block[512];
		int fd = open("/dev/xvda", O_RDONLY);

		printf("has %zd\n", read(fd, block, sizeof(block)));
		while (pread(fd, block, sizeof(block), 0) > 0)
			usleep(50000);
		perror("/dev/xvda");
		for (;;)
			sleep(1000);
	}
	if (strcmp(how, "spin") == 0)
		for (volatile long i = 0;; i++)
			;
	if (strcmp(how, "sleep") == 0 || strcmp(how, "stubborn") == 0)
		for (;;)
			sleep(1000);
	if (strcmp(how, "work-then-sleep") == 0) {
		for (int i = 0; i < 40; i++) {		/* 2 s, of which some is work */
			for (int64_t end = now_ns() + 5000000; now_ns() < end;)
				;
			usleep(50000);
		}
		puts("worked");
		for (;;)
			sleep(1000);
	}
	return status;
}

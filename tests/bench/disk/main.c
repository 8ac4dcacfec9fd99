/* SPDX-License-Identifier: ISC */
/*
 * Measures reads of a disk without caches: random 4 KiB by 1 and by 32 threads, 1 MiB in
 * sequence by 1 and by 4 threads.  The same source is compiled for Linux (tests/bench/run).
 *
 *	disk PATH SECONDS
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/fs.h>
#endif

static int fd;
static uint64_t size;
static size_t piece;
static int threads;
static double seconds;
static volatile int enough;

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec * 1e-9;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void *work(void *arg)
{
	uint64_t me = (uintptr_t)arg, random = me * 77 + 1, at = 0;
	uint64_t pieces = size / piece, each = pieces / threads;
	long n = 0;
	void *buf;

	buf = aligned_alloc(4096, piece);
	if (!buf)
		die("memory");
	for (; !enough; n++) {
		if (piece == 4096) {
			random = random * 6364136223846793005ull + 1442695040888963407ull;
			at = (random >> 33) % pieces;
		} else {
			at = each * me + n % each;
		}
		if (pread(fd, buf, piece, at * piece) != (ssize_t)piece)
			die("pread");
	}
	free(buf);
	return (void *)n;
}

/* Pieces per second. */
static double measure(size_t bytes, int many)
{
	pthread_t t[32];
	double start, end;
	void *n;
	long all = 0;

	piece = bytes;
	threads = many;
	enough = 0;
	start = now();
	for (int i = 0; i < many; i++)
		if (pthread_create(&t[i], NULL, work, (void *)(intptr_t)i))
			die("pthread_create");
	while ((end = now()) < start + seconds)
		usleep(10000);
	enough = 1;
	for (int i = 0; i < many; i++) {
		pthread_join(t[i], &n);
		all += (long)n;
	}
	return all / (now() - start);
}

int main(int argc, char **argv)
{
	(void)argc;
	fd = open(argv[1], O_RDONLY | O_DIRECT);
	if (fd < 0 || ioctl(fd, BLKGETSIZE64, &size))
		die(argv[1]);
	seconds = atof(argv[2]);
	measure(4096, 1);		/* the backend maps the pages */
	printf("random-1: %.0f\n", measure(4096, 1));
	printf("random-32: %.0f\n", measure(4096, 32));
	printf("sequential-1: %.0f\n", measure(1 << 20, 1));
	printf("sequential-4: %.0f\n", measure(1 << 20, 4));
	puts("done.");
	return 0;
}

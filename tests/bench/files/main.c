/* SPDX-License-Identifier: ISC */
/*
 * Measures files in a folder of a mounted disk.  The same source is compiled for Linux
 * (tests/bench/files.py).
 *
 *	files FOLDER
 *
 * For each measurement it prints "NAME: begin", is idle for a moment, works, prints
 * "NAME: OPERATIONS SECONDS", and is idle again, so that somebody else can take the CPU time
 * of the guest before and after the work.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MIB (1 << 20)
#define LARGE (256ll * MIB)		/* written and read in sequence */
#define SMALL (32ll * MIB)		/* for random access; fits the cache */
#define CHUNK (64 * 1024)
#define BLOCK 4096
#define NAMES 10000

static char chunk[CHUNK];

static void check(int ok, const char *what)
{
	if (!ok) {
		printf("files failed: %s: %s\n", what, strerror(errno));
		exit(1);
	}
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec * 1e-9;
}

static void measure(const char *name, long (*work)(void))
{
	double start;
	long n;

	printf("%s: begin\n", name);
	usleep(700000);
	start = now();
	n = work();
	printf("%s: %ld %.6f\n", name, n, now() - start);
	usleep(700000);
}

static int file(const char *name, int flags)
{
	int fd = open(name, flags, 0644);

	check(fd >= 0, name);
	return fd;
}

static void drop(int fd)
{
	check(fsync(fd) == 0, "fsync");
	check(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0, "posix_fadvise");
}

static long fill(const char *name, long long size)
{
	int fd = file(name, O_RDWR | O_CREAT | O_TRUNC);

	for (long long at = 0; at < size; at += CHUNK) {
		memset(chunk, at / CHUNK, 64);
		check(write(fd, chunk, CHUNK) == CHUNK, "write");
	}
	check(fsync(fd) == 0, "fsync");
	close(fd);
	return size / MIB;
}

static long write_large(void)
{
	return fill("large", LARGE);
}

static long read_large(void)
{
	int fd = file("large", O_RDONLY);
	long long n = 0;
	ssize_t got;

	while ((got = read(fd, chunk, CHUNK)) > 0)
		n += got;
	check(got == 0 && n == LARGE, "read");
	close(fd);
	return LARGE / MIB;
}

static uint64_t random_block(uint64_t *state)
{
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return (*state >> 33) % (SMALL / BLOCK);
}

static long random_reads(int count)
{
	int fd = file("small", O_RDONLY);
	uint64_t state = 7;

	for (int i = 0; i < count; i++)
		check(pread(fd, chunk, BLOCK, random_block(&state) * BLOCK) == BLOCK, "pread");
	close(fd);
	return count;
}

static long read_cold(void)
{
	return random_reads(2000);
}

static long read_cached(void)
{
	return random_reads(20000);
}

static long overwrite(void)
{
	int fd = file("small", O_WRONLY);
	uint64_t state = 11;

	for (int i = 0; i < 4000; i++)
		check(pwrite(fd, chunk, BLOCK, random_block(&state) * BLOCK) == BLOCK, "pwrite");
	check(fsync(fd) == 0, "fsync");
	close(fd);
	return 4000;
}

static int syncs;

static void *write_and_sync(void *arg)
{
	char name[16];
	int fd;

	snprintf(name, sizeof(name), "sync-%d", (int)(intptr_t)arg);
	fd = file(name, O_WRONLY | O_CREAT | O_TRUNC);
	for (int i = 0; i < syncs; i++) {
		check(write(fd, chunk, BLOCK) == BLOCK, "write");
		check(fsync(fd) == 0, "fsync");
	}
	close(fd);
	return NULL;
}

static long sync_by(int threads, int each)
{
	pthread_t t[16];

	syncs = each;
	for (int i = 0; i < threads; i++)
		check(!pthread_create(&t[i], NULL, write_and_sync, (void *)(intptr_t)i), "thread");
	for (int i = 0; i < threads; i++)
		pthread_join(t[i], NULL);
	return threads * each;
}

static long sync_1(void)
{
	return sync_by(1, 200);
}

static long sync_16(void)
{
	return sync_by(16, 40);
}

static const char *name_of(int i)
{
	static char name[32];

	snprintf(name, sizeof(name), "many/name-%05d", i);
	return name;
}

static void sync_all(void)
{
	int fd = file(".", O_RDONLY | O_DIRECTORY);

	check(fsync(fd) == 0, "fsync");
	close(fd);
}

static long create_all(void)
{
	check(mkdir("many", 0755) == 0, "mkdir");
	for (int i = 0; i < NAMES; i++)
		close(file(name_of(i), O_WRONLY | O_CREAT | O_EXCL));
	sync_all();
	return NAMES;
}

static long stat_all(void)
{
	struct stat st;

	for (int i = 0; i < NAMES; i++)
		check(stat(name_of(i * 7919 % NAMES), &st) == 0, "stat");
	return NAMES;
}

static long unlink_all(void)
{
	for (int i = 0; i < NAMES; i++)
		check(unlink(name_of(i)) == 0, "unlink");
	sync_all();
	return NAMES;
}

int main(int argc, char **argv)
{
	int fd;

	setvbuf(stdout, NULL, _IOLBF, 0);
	check(argc == 2 && chdir(argv[1]) == 0, "chdir");
	measure("sequential-write", write_large);
	fd = file("large", O_RDONLY);
	drop(fd);
	close(fd);
	measure("sequential-read", read_large);
	check(unlink("large") == 0, "unlink");
	fill("small", SMALL);
	fd = file("small", O_RDWR);
	drop(fd);
	measure("random-read-cold", read_cold);
	for (int i = 0; i < SMALL / CHUNK; i++)
		check(pread(fd, chunk, CHUNK, (off_t)i * CHUNK) == CHUNK, "pread");
	measure("random-read-cached", read_cached);
	measure("overwrite-cached", overwrite);
	drop(fd);
	measure("overwrite-cold", overwrite);
	close(fd);
	measure("write-fsync-1", sync_1);
	measure("write-fsync-16", sync_16);
	measure("create", create_all);
	measure("stat", stat_all);
	measure("unlink", unlink_all);
	puts("done.");
	return 0;
}

/* SPDX-License-Identifier: ISC */
/*
 * A guest that is saved and restored while it works: clocks and timers, two threads with floating
 * point, a thread that takes and gives back memory, and with a disk (xvda) three writers that sync
 * and read back.  test.py suspends it.  SIGTERM ends it with the result.  Arguments: serve (port 7
 * returns what it gets), no-disk (does not use it).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <xenolith/resume.h>

#define NS 1000000000ll
#define BLOCK 4096
#define WRITERS 3
#define BLOCKS 16			/* of each writer */
#define MEGABYTE (1024 * 1024)

static volatile bool over;
static volatile long ticks, sums, rounds, writes[WRITERS], told[2];
static const char *volatile failure;
static int disk = -1;

static void fail(const char *why)
{
	if (!failure)
		printf("save: %s\n", why);
	failure = why;
	over = true;
}

static int64_t now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * NS + t.tv_nsec;
}

static void on_term(int signal)
{
	(void)signal;
	over = true;
}

/* ---- what runs meanwhile */

/* Sleeps take their time; no clock goes back, nor the time in which the guest was suspended. */
static void *tick(void *arg)
{
	int64_t mono = now(CLOCK_MONOTONIC), wall = now(CLOCK_REALTIME), least = 0;

	(void)arg;
	while (!over) {
		int64_t before, boot, after, w;

		if (nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL))
			continue;	/* SIGTERM */
		before = now(CLOCK_MONOTONIC);
		boot = now(CLOCK_BOOTTIME);
		after = now(CLOCK_MONOTONIC);
		w = now(CLOCK_REALTIME);
		if (before - mono < 20000000)
			fail("a sleep was too short, or CLOCK_MONOTONIC went back");
		if (boot - before < least)
			fail("CLOCK_BOOTTIME passed more slowly than CLOCK_MONOTONIC");
		if (w < wall)
			fail("CLOCK_REALTIME went back");
		least = boot - after;
		mono = after;
		wall = w;
		ticks++;
	}
	return NULL;
}

/* Sleeps until a time of a clock that goes on while the guest is suspended. */
static void *sleep_until_time(void *arg)
{
	clockid_t clock = *(int *)arg ? CLOCK_REALTIME : CLOCK_BOOTTIME;

	while (!over) {
		struct timespec t;
		int64_t end = now(clock) + NS;

		t = (struct timespec){ .tv_sec = end / NS, .tv_nsec = end % NS };
		if (clock_nanosleep(clock, TIMER_ABSTIME, &t, NULL))
			continue;
		if (now(clock) < end)
			fail("a sleep until a time ended before it");
	}
	return NULL;
}

static void on_resume(int restored, void *arg)
{
	(void)arg;
	told[!restored]++;
}

static double harmonic(int n)
{
	double sum = 0;

	for (int i = 1; i <= n; i++)
		sum += 1.0 / i;
	return sum;
}

/* Preempted all the time, by the other one. */
static void *add(void *arg)
{
	int n = *(int *)arg;
	double first = harmonic(n);

	while (!over) {
		if (harmonic(n) != first)
			fail("another sum than before");
		sums++;
	}
	return NULL;
}

static bool is_filled(const unsigned char *p, size_t size, unsigned char with)
{
	for (size_t i = 0; i < size; i++)
		if (p[i] != with)
			return false;
	return true;
}

static void *take_memory(void *arg)
{
	(void)arg;
	for (unsigned char round = 1; !over; round++) {
		size_t size = (1 + round % 4) * MEGABYTE;
		unsigned char *p = malloc(size);

		if (!p) {
			fail("no memory");
			break;
		}
		memset(p, round, size);
		nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
		if (!is_filled(p, size, round))
			fail("memory has changed");
		free(p);
		rounds++;
	}
	return NULL;
}

static void *write_blocks(void *arg)
{
	int me = *(int *)arg;
	uint64_t *block = malloc(BLOCK), *back = malloc(BLOCK);

	for (uint64_t n = 1; !over; n++) {
		off_t at = (off_t)(me * BLOCKS + n % BLOCKS) * BLOCK;

		for (size_t i = 0; i < BLOCK / 8; i++)
			block[i] = n * WRITERS + me;
		if (pwrite(disk, block, BLOCK, at) != BLOCK || fsync(disk)) {
			fail("a write failed");
			break;
		}
		if (pread(disk, back, BLOCK, at) != BLOCK || memcmp(block, back, BLOCK)) {
			fail("a block has another contents");
			break;
		}
		writes[me] = n;
	}
	return NULL;
}

/* ---- a server */

static void *echo(void *arg)
{
	int s = (int)(intptr_t)arg;
	char data[256];
	ssize_t n;

	while ((n = read(s, data, sizeof(data))) > 0 && write(s, data, n) == n)
		;
	close(s);
	return NULL;
}

static void *serve(void *arg)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(7) };
	int s = socket(AF_INET, SOCK_STREAM, 0), client;
	pthread_t thread;

	if (bind(s, (struct sockaddr *)&any, sizeof(any)) || listen(s, 5))
		fail("cannot listen");
	while ((client = accept(s, NULL, NULL)) >= 0)
		pthread_create(&thread, NULL, echo, (void *)(intptr_t)client);
	return arg;
}

/* ---- */

static void report(void)
{
	printf("save: restored %ld, cancelled %ld; %ld ticks, %ld sums, %ld rounds", told[0], told[1],
	       ticks, sums, rounds);
	for (int i = 0; disk >= 0 && i < WRITERS; i++)
		printf(", %ld", writes[i]);
	printf("\n");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "";

	static int numbers[] = { 0, 1, 2 }, lengths[] = { 20000, 30001 };
	pthread_t threads[10];
	int n = 0;

	signal(SIGTERM, on_term);
	signal(SIGUSR1, (void (*)(int))report);
	disk = open("/dev/xvda", O_RDWR);
	if (disk >= 0 && !strcmp(word, "no-disk")) {
		close(disk);		/* it is connected */
		disk = -1;
	}
	if (!strcmp(word, "serve"))
		pthread_create(&threads[n], NULL, serve, NULL);
	xenolith_on_resume(on_resume, NULL);
	pthread_create(&threads[n++], NULL, tick, NULL);
	pthread_create(&threads[n++], NULL, sleep_until_time, &numbers[0]);
	pthread_create(&threads[n++], NULL, sleep_until_time, &numbers[1]);
	pthread_create(&threads[n++], NULL, add, &lengths[0]);
	pthread_create(&threads[n++], NULL, add, &lengths[1]);
	pthread_create(&threads[n++], NULL, take_memory, NULL);
	for (int i = 0; disk >= 0 && i < WRITERS; i++)
		pthread_create(&threads[n++], NULL, write_blocks, &numbers[i]);
	printf("save: working\n");
	fflush(stdout);
	while (!over)
		nanosleep(&(struct timespec){ .tv_nsec = 100000000 }, NULL);
	while (n--)
		pthread_join(threads[n], NULL);
	report();
	printf("Test result: %s %s\n", failure ? "FAILURE" : "SUCCESS", failure ? failure : "");
	return failure ? 1 : 0;
}

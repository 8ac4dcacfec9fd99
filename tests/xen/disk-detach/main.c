/* SPDX-License-Identifier: ISC */
/*
 * When a disk is detached under load, requests in flight fail, and it works after it is
 * attached again.
 *
 *	disk-detach ROUNDS	the number of times that it is detached and attached
 *
 * Eight threads write and read back; after an error, a thread opens the disk again until
 * this succeeds.
 */
#include "tests/xen/test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define THREADS 8
#define PIECE (96 * 1024)

static volatile int losses[THREADS], transfers[THREADS];
static volatile bool enough;

static int open_it(void)
{
	int fd;

	while ((fd = open("/dev/xvdb", O_RDWR)) < 0 && !enough) {
		expect(errno == ENOENT || errno == EIO || errno == ETIMEDOUT);
		usleep(20000);
	}
	return fd;
}

/* False: there was an error, which must be the one for this. */
static bool transfer(int fd, long me, unsigned char *buf, unsigned char value)
{
	off_t at = me * PIECE;
	ssize_t n;

	memset(buf, value, PIECE);
	n = pwrite(fd, buf, PIECE, at);
	if (n < 0)
		return false;
	expect_equal(n, PIECE);
	memset(buf, 0, PIECE);
	n = pread(fd, buf, PIECE, at);
	if (n < 0)
		return false;
	expect_equal(n, PIECE);
	for (int i = 0; i < PIECE; i++)
		expect_equal(buf[i], value);
	return true;
}

static void *work(void *arg)
{
	long me = (long)arg;
	unsigned char *buf = malloc(PIECE);
	int fd = open_it();

	expect(buf);
	for (unsigned i = 1; !enough; i++) {
		if (transfer(fd, me, buf, i)) {
			transfers[me]++;
			continue;
		}
		expect_equal(errno, EIO);
		expect(pread(fd, buf, 1, 0) < 0 && errno == EIO);	/* for good */
		close(fd);
		losses[me]++;
		fd = open_it();
	}
	return arg;
}

static int least(volatile int *n)
{
	int min = n[0];

	for (int i = 1; i < THREADS; i++)
		if (n[i] < min)
			min = n[i];
	return min;
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 1;
	pthread_t t[THREADS];

	for (long i = 0; i < THREADS; i++)
		expect_equal(pthread_create(&t[i], NULL, work, (void *)i), 0);
	for (int round = 0; round <= rounds; round++) {
		while (least(losses) < round)
			usleep(20000);
		for (int i = 0; i < THREADS; i++)
			transfers[i] = 0;
		while (least(transfers) < 3)
			usleep(20000);
		printf("round %d: under load\n", round);
	}
	enough = true;
	for (int i = 0; i < THREADS; i++)
		expect_equal(pthread_join(t[i], NULL), 0);
	test_success();
}

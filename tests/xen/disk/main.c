/* SPDX-License-Identifier: ISC */
/*
 * Eight threads write to a disk in pieces of random sizes that end anywhere, and read it
 * back.
 *
 *	disk sum PATH...	print the checksum of each disk
 *	disk fill PATH SEED	fill it, read it back, print its checksum
 *	disk refuse PATH	it is read-only
 */
#include "tests/xen/test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define THREADS 8
#define LARGEST (600 * 1024)
#ifndef ON_LINUX
#define ON_LINUX 0			/* 1: tests/xen/storage/linux.py */
#endif

static int fd;
static uint64_t size, seed;

static uint64_t mix(uint64_t z)		/* splitmix64 */
{
	z += 0x9e3779b97f4a7c15ull;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

/* Fills the pattern of the range [at, at + len). */
static void pattern(unsigned char *to, uint64_t at, size_t len)
{
	for (uint64_t end = at + len; at < end;) {
		uint64_t word = mix(seed ^ at / 8), n = 8 - at % 8;

		if (n > end - at)
			n = end - at;
		memcpy(to, (char *)&word + at % 8, n);
		to += n;
		at += n;
	}
}

/* The disk, cut into pieces that are handed out one by one; every other round backwards. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static uint64_t next, cuts;

static size_t some_size(void)
{
	uint64_t r = mix(seed + cuts++);

	switch (r % 8) {
	case 0:
		return 1 + (r >> 8) % 700;		/* less than a sector, or a bit more */
	case 1:
		return 1 + (r >> 8) % 20000;
	case 2 ... 4:
		return 4096 * (1 + (r >> 8) % 16);
	default:
		return 1 + (r >> 8) % LARGEST;
	}
}

static size_t take(uint64_t *at)
{
	size_t len;

	pthread_mutex_lock(&mutex);
	len = some_size();
	if (len > size - next)
		len = size - next;
	*at = next;
	next += len;
	pthread_mutex_unlock(&mutex);
	return len;
}

static void *write_pieces(void *arg)
{
	unsigned char *buf = malloc(LARGEST);
	uint64_t at;
	size_t len;

	expect(buf);
	while ((len = take(&at))) {
		pattern(buf, at, len);
		expect_equal(pwrite(fd, buf, len, at), len);
	}
	free(buf);
	return arg;
}

static void *read_pieces(void *arg)
{
	unsigned char *buf = malloc(2 * LARGEST), *want = buf + LARGEST;
	uint64_t at;
	size_t len;

	expect(buf);
	while ((len = take(&at))) {
		expect_equal(pread(fd, buf, len, at), len);
		pattern(want, at, len);
		for (size_t i = 0; i < len; i++)
			if (buf[i] != want[i])
				test_failure("byte %llu is %02x, not %02x",
					     (unsigned long long)(at + i), buf[i], want[i]);
	}
	free(buf);
	return arg;
}

static void together(void *(*work)(void *))
{
	pthread_t t[THREADS];

	next = 0;
	for (int i = 0; i < THREADS; i++)
		expect_equal(pthread_create(&t[i], NULL, work, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		expect_equal(pthread_join(t[i], NULL), 0);
}

static uint32_t table[256];

static void make_table(void)
{
	for (unsigned i = 0; i < 256; i++) {
		uint32_t c = i;

		for (int k = 0; k < 8; k++)
			c = c & 1 ? c >> 1 ^ 0xedb88320 : c >> 1;
		table[i] = c;
	}
}

/* As crc32 has it. */
static uint32_t checksum(void)
{
	static unsigned char buf[256 * 1024];
	uint32_t crc = ~0u;
	uint64_t len = 0;
	ssize_t n;

	make_table();
	expect_equal(lseek(fd, 0, SEEK_SET), 0);
	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		for (ssize_t i = 0; i < n; i++)
			crc = crc >> 8 ^ table[(crc ^ buf[i]) & 0xff];
		len += n;
	}
	expect_equal(n, 0);
	expect_equal(len, size);
	return ~crc;
}

static void the_end_is_the_end(void)
{
	char buf[1000] = { 0 };

	expect_equal(pread(fd, buf, sizeof(buf), size - 10), 10);
	expect_equal(pread(fd, buf, sizeof(buf), size), 0);
	expect_equal(pread(fd, buf, sizeof(buf), INT64_MAX - 4096), 0);
	expect_equal(pwrite(fd, buf, 1, size), -1);
	expect_equal(errno, ENOSPC);
	expect_equal(pread(fd, buf, 1, -1), -1);
	expect_equal(errno, EINVAL);
}

static void open_it(const char *path, int flags)
{
	struct stat st;
	int sector;

	fd = open(path, flags);
	if (fd < 0)
		test_failure("open %s: %s", path, strerror(errno));
	expect_equal(ioctl(fd, BLKGETSIZE64, &size), 0);
	expect_equal(ioctl(fd, BLKSSZGET, &sector), 0);
	expect_equal(fstat(fd, &st), 0);
	expect(S_ISBLK(st.st_mode) && (uint64_t)st.st_size == (ON_LINUX ? 0 : size));
	expect_equal(lseek(fd, 0, SEEK_END), size);
	printf("%s: %llu bytes, sectors of %d\n", path, (unsigned long long)size, sector);
}

static void refuse(const char *path)
{
	int read_only;

	expect_equal(open(path, O_RDWR), -1);
	expect_equal(errno, EROFS);
	open_it(path, O_RDONLY);
	expect_equal(ioctl(fd, BLKROGET, &read_only), 0);
	expect_equal(read_only, 1);
	expect_equal(pwrite(fd, "x", 1, 0), -1);
	expect_equal(errno, EBADF);
}

int main(int argc, char **argv)
{
	expect(argc >= 3);
	if (!strcmp(argv[1], "refuse")) {
		refuse(argv[2]);
	} else if (!strcmp(argv[1], "sum")) {
		for (int i = 2; i < argc; i++) {
			open_it(argv[i], O_RDONLY);
			printf("checksum %08x\n", checksum());
		}
	} else {
		expect(argc == 4);
		seed = strtoull(argv[3], NULL, 0);
		open_it(argv[2], O_RDWR);
		together(write_pieces);
		expect_equal(fsync(fd), 0);
		cuts = 1000000;
		together(read_pieces);
		the_end_is_the_end();
		printf("checksum %08x\n", checksum());
	}
	expect_equal(close(fd), 0);
	test_success();
}

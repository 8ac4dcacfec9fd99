/* SPDX-License-Identifier: ISC */
/*
 * A small guest writes to a disk many times what its memory holds, and reads it again:
 *
 *	small MEGABYTES
 *
 * Meanwhile malloc() and mmap() get memory that the cache had.
 */
#include "tests/xen/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CHUNK 65536
#define MIB (1 << 20)
#define LARGE (5 * MIB)			/* with the image and its stacks, nearly everything */

static uint64_t chunk[CHUNK / 8], got[CHUNK / 8];

static void fill(uint64_t at)
{
	for (unsigned i = 0; i < CHUNK / 8; i++)
		chunk[i] = (at + i) * 0x9e3779b97f4a7c15;
}

static void take_memory(void)
{
	char *p = malloc(LARGE), *q;

	if (!p)
		test_failure("malloc() does not get what the cache has");
	memset(p, 1, LARGE);
	free(p);
	q = mmap(NULL, LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (q == MAP_FAILED)
		test_failure("mmap() does not get what the cache has");
	memset(q, 1, LARGE);
	expect_equal(munmap(q, LARGE), 0);
}

/* A full disk is an error of the write, and of nothing else. */
static void fill_disk(void)
{
	int fd = open("/data/rest", O_RDWR | O_CREAT | O_EXCL, 0644);
	uint64_t size = 0;
	ssize_t n;

	expect(fd >= 0);
	while ((n = write(fd, chunk, CHUNK)) > 0)
		size += n;
	expect(n < 0 && errno == ENOSPC);
	expect_equal(fsync(fd), 0);
	expect_equal(lseek(fd, 0, SEEK_END), size);
	expect_equal(close(fd), 0);
	expect_equal(unlink("/data/rest"), 0);
}

int main(int argc, char **argv)
{
	uint64_t size = argc == 2 ? strtoull(argv[1], NULL, 10) * MIB : 0;
	int fd = open("/data/file", O_RDWR | O_CREAT | O_EXCL, 0644);

	expect(size && fd >= 0);
	for (uint64_t at = 0; at < size; at += CHUNK) {
		fill(at);
		if (write(fd, chunk, CHUNK) != CHUNK)
			test_failure("write at %llu: %s", (unsigned long long)at, strerror(errno));
		if (at % (size / 8) == 0)
			take_memory();
	}
	expect_equal(fsync(fd), 0);
	fill_disk();
	for (uint64_t at = 0; at < size; at += CHUNK) {
		fill(at);
		expect_equal(pread(fd, got, CHUNK, at), CHUNK);
		if (memcmp(got, chunk, CHUNK))
			test_failure("other bytes at %llu", (unsigned long long)at);
		if (at % (size / 8) == 0)
			take_memory();
	}
	printf("%llu MiB were written and read\n", (unsigned long long)size / MIB);
	test_success();
}

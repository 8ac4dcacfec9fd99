/* SPDX-License-Identifier: ISC */
/*
 * What a program sees when a disk fails: test.py has the rules of each disk, and docs/storage.md the
 * table, of which each line is an operation and a fault.
 *
 *	storage raw DISK	each operation with each fault
 *	storage hang DISK	no operation returns
 *	storage file DISK	it has an ext4 with a file f
 *	storage flush DISK	the same; a flush fails some time
 *	storage busy DISK	writes and syncs for ever
 */
#include "tests/xen/test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define AT 100				/* first sector of a fault, and from one to the next */
#define PIECE 4096

/* After EOPNOTSUPP there are no more flushes. */
static const char *const faults[] = { "EIO", "ENOSPC", "torn", "lost", "latency", "EOPNOTSUPP" };
enum { FAULTS = sizeof(faults) / sizeof(faults[0]) };
static int fd;
static char data[PIECE];

static const char *name_of(int error)
{
	switch (error) {
	case 0:
		return "ok";
	case EIO:
		return "EIO";
	case EOPNOTSUPP:
		return "EOPNOTSUPP";
	case ENOSPC:
		return "ENOSPC";
	case EROFS:
		return "EROFS";
	}
	return "another error";
}

static void say(const char *where, const char *what, const char *fault, long n)
{
	printf("%s %s %s: %s\n", where, what, fault, name_of(n < 0 ? errno : 0));
}

static long discard(unsigned sector)
{
	uint64_t range[2] = { sector * 512, PIECE };

	return ioctl(fd, BLKDISCARD, range);
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ull + t.tv_nsec / 1000000;
}

/* What says that a fault is there although the call succeeds. */
static bool is_seen(const char *what, unsigned fault, unsigned sector, uint64_t ms)
{
	char now[PIECE];

	if (!strcmp(faults[fault], "latency"))
		return ms >= 300;
	if (strcmp(faults[fault], "lost") || (*what != 'w' && *what != 'd'))
		return true;
	/* A write of 7 was lost, or the discard of a 5. */
	return pread(fd, now, PIECE, sector * 512) == PIECE && now[0] == (*what == 'w' ? 0 : 5);
}

/* Each operation with each fault, on a disk. */
static void raw(const char *path)
{
	static const char *const ops[] = { "read", "write", "discard", "flush" };

	fd = open(path, O_RDWR);
	expect(fd >= 0);
	for (unsigned op = 0; op < 4; op++)
		for (unsigned f = 0; f < FAULTS; f++) {
			unsigned sector = op * 1000 + (f + 1) * AT;
			uint64_t begin;
			long n;

			memset(data, 5, PIECE);
			if (op == 2)
				expect(pwrite(fd, data, PIECE, sector * 512) == PIECE);
			memset(data, 7, PIECE);
			begin = now_ms();
			n = op == 0 ? pread(fd, data, PIECE, sector * 512) :
			    op == 1 ? pwrite(fd, data, PIECE, sector * 512) :
			    op == 2 ? discard(sector) : fsync(fd);
			expect(n < 0 || is_seen(ops[op], f, sector, now_ms() - begin));
			say("disk", ops[op], faults[f], n);
			if (op < 3)		/* beside it, all is well */
				expect(pread(fd, data, PIECE, (sector + 8) * 512) == PIECE);
		}
	close(fd);
}

static volatile int returned;

static void *held(void *arg)
{
	static char own[4][PIECE];

	switch ((intptr_t)arg) {
	case 0:
		returned += pread(fd, own[0], PIECE, 0) < 2 * PIECE;
		break;
	case 1:
		returned += pwrite(fd, own[1], PIECE, PIECE) < 2 * PIECE;
		break;
	case 2:
		returned += discard(16) < 1;
		break;
	case 3:
		returned += fsync(fd) < 1;
	}
	return NULL;
}

static void hang(const char *path)
{
	pthread_t t;

	fd = open(path, O_RDWR);
	expect(fd >= 0);
	for (intptr_t i = 0; i < 4; i++)
		expect(pthread_create(&t, NULL, held, (void *)i) == 0);
	sleep(2);
	for (int i = 0; i < 4 && !returned; i++)
		printf("disk %s hang: waits\n", (const char *[]){ "read", "write", "discard", "flush" }[i]);
}

/* A file of an ext4: its blocks of 4 KiB have the faults of reads, then those of writes. */
static void use(const char *disk, const char *file)
{
	expect(mkdir("/tmp/d", 0700) == 0);
	expect(mount(disk, "/tmp/d", "ext4", 0, NULL) == 0);
	fd = open(file, O_RDWR);
	expect(fd >= 0);
}

static void file(const char *disk)
{
	use(disk, "/tmp/d/f");
	for (unsigned f = FAULTS; f-- > 0;)		/* backwards: nothing is read ahead */
		say("file", "read", faults[f], pread(fd, data, PIECE, f * PIECE));
	for (unsigned f = 0; f < FAULTS; f++) {
		memset(data, 7, PIECE);
		expect(pwrite(fd, data, PIECE, (FAULTS + f) * PIECE) == PIECE);
		say("file", "write", faults[f], fsync(fd));
	}
}

/* A flush fails, some time after it was mounted. */
static void flush(const char *disk)
{
	int rc = 0;

	use(disk, "/tmp/d/f");
	for (int i = 0; rc == 0 && i < 40; i++) {
		data[0]++;
		expect(pwrite(fd, data, PIECE, 0) == PIECE);
		rc = fsync(fd);
	}
	say("file", "flush", "fails", rc);
}

static void busy(const char *path)
{
	int rc = 0;

	fd = open(path, O_RDWR);
	for (int i = 0; rc >= 0; i++) {
		rc = pwrite(fd, data, PIECE, 0) < 0 ? -1 : fsync(fd);
		if (i == 3)
			puts("busy");
	}
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(const char *disk);
	} all[] = {
		{ "raw", raw }, { "hang", hang }, { "file", file }, { "flush", flush }, { "busy", busy },
	};

	expect(argc == 3);
	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (!strcmp(argv[1], all[i].name))
			all[i].run(argv[2]);
	test_success();
}

/* SPDX-License-Identifier: ISC */
/*
 * The results of calls when a disk fails: test.py has the faults of each disk, and the table.
 *
 *	storage raw PATH	operations on a disk
 *	storage file PATH	operations on a file of a mounted file system
 *	storage sync PATH	writes and syncs until this fails
 *	storage busy PATH	writes and syncs for ever
 */
#include "tests/xen/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int fd;
static char data[8 * 512];

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

static void say(const char *what, long n)
{
	printf("%s: %s\n", what, name_of(n < 0 ? errno : 0));
}

static int discard(unsigned sector)
{
	uint64_t range[2] = { sector * 512, sizeof(data) };

	return ioctl(fd, BLKDISCARD, range);
}

static void raw(void)
{
	say("read", pread(fd, data, sizeof(data), 100 * 512));
	say("read beside it", pread(fd, data, sizeof(data), 108 * 512));
	memset(data, 7, sizeof(data));
	say("write", pwrite(fd, data, sizeof(data), 200 * 512));
	say("write ENOSPC", pwrite(fd, data, sizeof(data), 600 * 512));
	say("write torn", pwrite(fd, data, sizeof(data), 500 * 512));
	say("write lost", pwrite(fd, data, sizeof(data), 700 * 512));
	say("flush", fsync(fd));
	say("flush again", fsync(fd));
	say("discard", discard(304));
	say("discard EOPNOTSUPP", discard(400));
	say("write beside it", pwrite(fd, data, sizeof(data), 208 * 512));
	say("read lost", pread(fd, data, sizeof(data), 700 * 512));
	printf("lost data: %d\n", data[0]);
}

static void file(void)
{
	say("open", fd);
	say("file read", pread(fd, data, sizeof(data), 0));
	memset(data, 7, sizeof(data));
	say("file write", pwrite(fd, data, sizeof(data), 4096));
	say("fsync", fsync(fd));
	say("close", close(fd));
}

static int sync_once(void)
{
	data[0]++;
	return pwrite(fd, data, sizeof(data), 0) < 0 ? -1 : fsync(fd);
}

int main(int argc, char **argv)
{
	const char *what = argc == 3 ? argv[1] : "";

	expect(argc == 3);
	fd = open(argv[2], O_RDWR);
	if (!strcmp(what, "raw")) {
		raw();
	} else if (!strcmp(what, "file")) {
		file();
	} else if (!strcmp(what, "sync")) {
		int rc = 0;

		for (int i = 0; rc == 0 && i < 1200; i++, usleep(100000))
			rc = sync_once();
		say("fsync", rc);
		say("write after it", pwrite(fd, data, sizeof(data), 0));
	} else {
		while (sync_once() == 0)
			if (data[0] == 3)
				puts("busy");
		say("busy", -1);
	}
	test_success();
}

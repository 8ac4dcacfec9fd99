/* SPDX-License-Identifier: ISC */
/*
 * Disks that are mounted by mount= or mount().
 *
 *	mount write FILE TEXT	writes the text, durably, then waits to be destroyed
 *	mount put FILE TEXT	writes the text and ends, without fsync()
 *	mount read FILE...	prints the files
 *	mount lines FOLDER	appends lines to several files until it is destroyed
 *	mount calls DISK	mount(), umount2() and their errors
 *	mount memory FOLDER SIZE	writes SIZE bytes, then allocates half of the memory
 */
#include "tests/xen/test.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef EUCLEAN
#define EUCLEAN 117
#endif

static int make(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0)
		test_failure("open %s: %s", path, strerror(errno));
	expect_equal(write(fd, text, strlen(text)), strlen(text));
	return fd;
}

static void forever(void)
{
	for (;;)
		sleep(1000);
}

static void print_file(const char *path)
{
	char text[400];
	int fd = open(path, O_RDONLY);
	ssize_t n;

	if (fd < 0) {
		printf("%s: %s\n", path, strerror(errno));
		return;
	}
	printf("%s: ", path);
	while ((n = read(fd, text, sizeof(text))) > 0)
		fwrite(text, 1, n, stdout);
	expect_equal(n, 0);
	close(fd);
	printf("\n");
}

/* Each line is durable when its number is printed. */
static void append_lines(const char *folder)
{
	char path[100], line[20];
	int fd[4];

	for (unsigned i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/lines%u", folder, i);
		fd[i] = open(path, O_WRONLY | O_CREAT | O_APPEND, 0644);
		expect(fd[i] >= 0);
	}
	for (unsigned n = 0;; n++) {
		int len = snprintf(line, sizeof(line), "%u\n", n);

		expect_equal(write(fd[n % 4], line, len), len);
		expect_equal(fsync(fd[n % 4]), 0);
		snprintf(path, sizeof(path), "%s/f%u", folder, n % 50);
		close(make(path, line));
		if (n % 3 == 0)
			unlink(path);
		if (n % 10 == 0)
			printf("durable: %u\n", n);
	}
}

#define FAILS(call, error) expect((call) == -1 && errno == (error))

static void calls(const char *disk)
{
	struct stat st;
	char path[40];

	expect_equal(mkdir("/tmp/at", 0755), 0);
	FAILS(mount("/dev/xvdz", "/tmp/at", "ext4", 0, NULL), ENXIO);
	FAILS(mount("nonsense", "/tmp/at", "ext4", 0, NULL), ENXIO);
	FAILS(mount(disk, "/tmp/at", "xfs", 0, NULL), ENODEV);
	FAILS(mount(disk, "/tmp/at", "ext4", 1 << 12, NULL), EINVAL);
	FAILS(mount(disk, "/tmp/at", "ext4", 0, "color=red"), EINVAL);
	FAILS(mount(disk, "/tmp/none/at", "ext4", 0, NULL), ENOENT);
	FAILS(mount(disk, "/tmp/at", NULL, 0, NULL), EFAULT);
	FAILS(umount2("/tmp/at", 0), EINVAL);

	expect_equal(mount(disk, "/tmp/at", "ext4", MS_NOATIME, NULL), 0);
	FAILS(mount(disk, "/tmp", "ext4", 0, NULL), EBUSY);	/* mounted already */
	close(make("/tmp/at/file", "text"));
	int fd = open("/tmp/at/file", O_RDONLY);

	FAILS(umount2("/tmp/at", MNT_DETACH), EINVAL);
	FAILS(umount("/tmp/at"), EBUSY);
	close(fd);
	expect_equal(mount(NULL, "/tmp/at", NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	FAILS(open("/tmp/at/other", O_WRONLY | O_CREAT, 0644), EROFS);
	expect_equal(mount(NULL, "/tmp/at", NULL, MS_REMOUNT, NULL), 0);
	FAILS(mount(NULL, "/tmp/at/file", NULL, MS_REMOUNT, NULL), EINVAL);
	close(make("/tmp/at/other", "text"));
	expect_equal(umount("/tmp/at"), 0);
	FAILS(stat("/tmp/at/file", &st), ENOENT);

	expect_equal(chdir("/tmp"), 0);
	for (int i = 0; i < 20; i++) {
		expect_equal(mount(disk, "at", "ext4", i % 2 ? MS_RDONLY : 0, NULL), 0);
		expect_equal(stat("/tmp/at/other", &st), 0);
		expect_equal(umount2("at", 0), 0);
	}
	expect_equal(mount("tmpfs", "/tmp/at", "tmpfs", 0, "size=1M"), 0);
	for (int i = 0; i < 2000; i++) {
		snprintf(path, sizeof(path), "/tmp/at/%d", i);
		if ((fd = open(path, O_WRONLY | O_CREAT, 0644)) < 0 ||
		    write(fd, path, sizeof(path)) < 0)
			break;
		close(fd);
	}
	expect_equal(errno, ENOSPC);
	close(fd);
	expect_equal(umount("/tmp/at"), 0);
	test_success();
}

/* The cache has what was written, and gives it to malloc(). */
static void memory(const char *folder, size_t size)
{
	static char block[65536];
	size_t all = 0, n = 64 * 1024;
	char path[100];
	int fd;

	snprintf(path, sizeof(path), "%s/large", folder);
	fd = open(path, O_RDWR | O_CREAT, 0644);
	expect(fd >= 0);
	for (size_t at = 0; at < size; at += sizeof(block)) {
		memset(block, at / sizeof(block), sizeof(block));
		expect_equal(write(fd, block, sizeof(block)), sizeof(block));
	}
	while (malloc(n))
		all += n;
	printf("allocated %zu KiB\n", all / 1024);
	for (size_t at = 0; at < size; at += sizeof(block)) {
		expect_equal(pread(fd, block, sizeof(block), at), sizeof(block));
		expect_equal(block[77], (char)(at / sizeof(block)));
	}
	expect_equal(unlink(path), 0);
	test_success();
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";

	if (strcmp(what, "write") == 0 && argc == 4) {
		expect_equal(fsync(make(argv[2], argv[3])), 0);
		printf("written\n");
		forever();
	} else if (strcmp(what, "put") == 0 && argc == 4) {
		make(argv[2], argv[3]);
		test_success();
	} else if (strcmp(what, "read") == 0) {
		for (int i = 2; i < argc; i++)
			print_file(argv[i]);
		test_success();
	} else if (strcmp(what, "lines") == 0) {
		append_lines(argv[2]);
	} else if (strcmp(what, "calls") == 0) {
		calls(argv[2]);
	} else if (strcmp(what, "memory") == 0 && argc == 4) {
		memory(argv[2], strtoul(argv[3], NULL, 0));
	}
	test_error("usage: see main.c");
}

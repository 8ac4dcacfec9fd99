/* SPDX-License-Identifier: ISC */
/* The image has the files of the application's files/, and mount points. */
#include "tests/xen/test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char buf[80000];

static void expect_error(const char *path, int flags, int error)
{
	errno = 0;
	expect_equal(open(path, flags, 0644), -1);
	expect_equal(errno, error);
}

static void a_file_is_read(void)
{
	static const char text[] = "Hello from a file.\n";
	struct stat st;
	int fd = open("/hello.txt", O_RDONLY);
	FILE *f;

	expect(fd > 2);
	expect_equal(read(fd, buf, 5), 5);
	expect_equal(read(fd, buf + 5, sizeof(buf)), sizeof(text) - 1 - 5);
	expect_equal(read(fd, buf, 1), 0);
	expect(!memcmp(buf, text, sizeof(text) - 1));
	expect_equal(lseek(fd, -5, SEEK_END), sizeof(text) - 6);
	expect_equal(read(fd, buf, 4), 4);
	expect(!memcmp(buf, "ile.", 4));
	expect_equal(lseek(fd, -1, SEEK_SET), -1);
	expect_equal(pread(fd, buf, 4, 1000), 0);
	expect_equal(write(fd, "x", 1), -1);
	expect_equal(fstat(fd, &st), 0);
	expect(S_ISREG(st.st_mode) && st.st_size == sizeof(text) - 1);
	expect_equal(close(fd), 0);
	f = fopen("etc/../etc//./big", "r");
	expect(f);
	expect_equal(fread(buf, 1, sizeof(buf), f), 70000);
	expect_equal(fclose(f), 0);
	for (int i = 0; i < 70000; i++)
		expect_equal(buf[i], 'x');
	expect_equal(stat("/etc/empty", &st), 0);
	expect_equal(st.st_size, 0);
}

static int device(const char *name, int flags)
{
	int fd = open(name, flags);
	struct stat st, by_name;

	expect(fd > 2);
	expect_equal(fstat(fd, &st), 0);
	expect_equal(stat(name, &by_name), 0);
	expect(S_ISCHR(st.st_mode) && st.st_rdev == by_name.st_rdev);
	expect_equal(access(name, R_OK | W_OK), 0);
	return fd;
}

static bool all(int value, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (buf[i] != value)
			return false;
	return true;
}

static void devices_are_as_anywhere(void)
{
	int fd = device("/dev/null", O_RDWR | O_CREAT | O_TRUNC);
	static char before[10000];
	FILE *f;

	expect_equal(read(fd, buf, 10), 0);
	expect_equal(write(fd, buf, sizeof(buf)), sizeof(buf));
	expect_equal(pwrite(fd, buf, 5, 1ll << 40), 5);
	expect_equal(lseek(fd, 0, SEEK_END), 0);
	expect(!isatty(fd) && errno == ENOTTY && isatty(1));
	expect_equal(dup2(fd, 2), 2);		/* as a daemon does */
	fprintf(stderr, "nobody reads this\n");
	expect_equal(dup2(1, 2), 2);
	expect_equal(close(fd), 0);
	expect_error("/dev/null", O_RDONLY | O_CREAT | O_EXCL, EEXIST);
	expect_error("/dev/null/x", O_RDONLY, ENOTDIR);

	fd = device("/dev/zero", O_RDWR);
	memset(buf, 1, sizeof(buf));
	expect_equal(read(fd, buf, 1000), 1000);
	expect(all(0, 1000) && buf[1000] == 1);
	expect_equal(write(fd, buf, 7), 7);
	expect_equal(close(fd), 0);

	fd = device("/dev/full", O_RDWR);
	expect_equal(write(fd, buf, 1), -1);
	expect_equal(errno, ENOSPC);
	expect_equal(pread(fd, buf, 2000, 5), 2000);
	expect(all(0, 2000));
	expect_equal(close(fd), 0);

	fd = device("/dev/random", O_RDONLY);
	expect_equal(write(fd, buf, 1), -1);
	expect_equal(read(fd, before, sizeof(before)), sizeof(before));
	expect_equal(close(fd), 0);
	f = fopen("/dev/urandom", "r");
	expect_equal(fread(buf, 1, sizeof(before), f), sizeof(before));
	expect_equal(fclose(f), 0);
	expect(memcmp(buf, before, sizeof(before)));
	for (int i = 0; i + 8 <= (int)sizeof(before); i += 8)	/* each of its words is new */
		expect(memcmp(before + i, before + (i + 8) % sizeof(before), 8) &&
		       memcmp(before + i, buf + i, 8));

	f = fopen("/dev/stdout", "w");
	expect_equal(fprintf(f, "said to /dev/stdout\n"), 20);
	expect_equal(fclose(f), 0);
	expect(isatty(1));
	fd = device("/dev/stderr", O_WRONLY);
	expect_equal(close(2), 0);
	expect_error("/dev/stderr", O_WRONLY, ENOENT);
	expect_equal(dup2(fd, 2), 2);
	expect_equal(close(fd), 0);
}

static void what_cannot_be_says_so(void)
{
	expect_error("/none", O_RDONLY, ENOENT);
	expect_error("", O_RDONLY, ENOENT);
	expect_error("/hello.txt/x", O_RDONLY, ENOTDIR);
	expect_error("/none", O_WRONLY | O_CREAT, EROFS);
	expect_error("/hello.txt", O_RDWR, EROFS);
	expect_error("/hello.txt", O_RDONLY | O_TRUNC, EROFS);
	expect_error("/etc", O_RDWR, EISDIR);
	expect_error("/etc", O_RDONLY | O_CREAT, EISDIR);
	expect_error("/dev/xvda", O_RDONLY, ENOENT);
	expect_error("/dev/nonsense", O_RDONLY, ENOENT);
	expect_equal(access("/hello.txt", R_OK), 0);
	expect_equal(access("/hello.txt", W_OK), -1);
}

#define refused(call, error)						\
	do {								\
		errno = 0;						\
		expect_equal(call, -1);					\
		expect_equal(errno, error);				\
	} while (0)

/* A longer name with this prefix is that of a folder. */
static void names_through_files_are_none(void)
{
	struct stat st;

	expect_error("/hello.txt/", O_RDONLY, ENOTDIR);
	expect_error("/hello.txt/.", O_RDONLY, ENOTDIR);
	expect_error("/hello.txt/../hello.txt", O_RDONLY, ENOTDIR);
	expect_error("/none/../hello.txt", O_RDONLY, ENOENT);
	expect_error("none/./", O_RDONLY, ENOENT);
	refused(stat("/hello.txt/", &st), ENOTDIR);
	refused(stat("/dev/null/", &st), ENOTDIR);
	refused(stat("/dev/null/../null", &st), ENOTDIR);
	refused(access("/hello.txt/", F_OK), ENOTDIR);
	refused(unlink("/hello.txt/"), ENOTDIR);
	refused(rename("/hello.txt/", "/x"), ENOTDIR);
	refused(chdir("/hello.txt/.."), ENOTDIR);
	refused(mkdir("/etc/", 0777), EEXIST);
	refused(mkdir("/new/", 0777), EROFS);
	expect_equal(stat("/etc/", &st), 0);
	expect_equal(stat("/etc/./", &st), 0);
	expect_equal(stat("/../etc/../dev/null", &st), 0);
	expect_equal(stat("//", &st), 0);
	expect_equal(stat(".", &st), 0);
	expect_equal(chdir("etc"), 0);
	expect_equal(stat("../hello.txt", &st), 0);
	expect_equal(chdir(".."), 0);
}

static void what_may_be_done_is_told(void)
{
	struct stat st;

	refused(access("/hello.txt", X_OK), EACCES);
	refused(access("/dev/null", X_OK), EACCES);
	refused(access("/hello.txt", 0x40), EINVAL);
	refused(access("/none", -1), EINVAL);
	expect_equal(access("/etc", X_OK), 0);
	refused(faccessat(AT_FDCWD, "/hello.txt", R_OK, 0x4000), EINVAL);
	expect_equal(faccessat(AT_FDCWD, "/hello.txt", R_OK, AT_EACCESS), 0);
	refused(fstatat(AT_FDCWD, "/hello.txt", &st, 0x4000000), EINVAL);
	expect_equal(fstatat(AT_FDCWD, "/hello.txt", &st, AT_SYMLINK_NOFOLLOW), 0);
	refused(unlinkat(AT_FDCWD, "/hello.txt", 0x1000), EINVAL);
}

static void expect_names(const char *path, const char *names)
{
	char found[200] = "";
	struct dirent *e;
	DIR *dir = opendir(path);

	expect(dir);
	for (int twice = 0; twice < 2; twice++) {
		found[0] = '\0';
		while ((e = readdir(dir))) {
			strcat(found, e->d_name);
			strcat(found, e->d_type == DT_DIR ? "/ " : " ");
		}
		expect(!strcmp(found, names));
		rewinddir(dir);
	}
	expect_equal(closedir(dir), 0);
}

int main(void)
{
	a_file_is_read();
	devices_are_as_anywhere();
	what_cannot_be_says_so();
	names_through_files_are_none();
	what_may_be_done_is_told();
	expect_names("/", "etc/ hello.txt var/ run/ dev/ tmp/ proc/ ");
	expect_names("/etc/", "big empty ");
	expect_names("/dev", "null zero full random urandom stdin stdout stderr console tty shm/ ");
	expect(!opendir("/hello.txt"));
	expect_equal(errno, ENOTDIR);
	test_success();
}

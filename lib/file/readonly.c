/* SPDX-License-Identifier: ISC */
/*
 * Functions that change the tree of files (POSIX.1-2017: unlink, mkdir, rename, chmod
 * ...). The tree is read-only: they return EROFS if there is no other error.
 */
#include "lib/file/mount.h"
#include "lib/result.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>
#include <utime.h>

/* The result for a file that must exist. */
static int change(const char *name)
{
	struct stat st;

	return stat(name, &st) ? -1 : result(-EROFS);
}

static int change_open(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? -1 : result(-EROFS);
}

/* The result for a file that must not exist, in a directory that must. */
static int create(const char *name)
{
	char folder[MOUNT_PATH_MAX];
	size_t len = strlen(name);
	struct stat st;

	if (stat(name, &st) == 0)
		return result(-EEXIST);
	if (errno != ENOENT || !*name)
		return -1;
	while (len && name[len - 1] == '/')
		len--;
	while (len && name[len - 1] != '/')
		len--;
	if (len >= sizeof(folder))
		return result(-ENAMETOOLONG);
	memcpy(folder, name, len);
	strcpy(folder + len, ".");
	if (stat(folder, &st))
		return -1;
	return result(S_ISDIR(st.st_mode) ? -EROFS : -ENOTDIR);
}

int unlink(const char *name)
{
	return change(name);
}

int rmdir(const char *name)
{
	struct stat st;

	if (stat(name, &st))
		return -1;
	return result(S_ISDIR(st.st_mode) ? -EROFS : -ENOTDIR);
}

int rename(const char *from, const char *to)
{
	(void)to;
	return change(from);
}

int link(const char *from, const char *to)
{
	struct stat st;

	return stat(from, &st) ? -1 : create(to);
}

int symlink(const char *what, const char *name)
{
	(void)what;
	return create(name);
}

int mkdir(const char *name, mode_t mode)
{
	(void)mode;
	return create(name);
}

int mkfifo(const char *name, mode_t mode)
{
	(void)mode;
	return create(name);
}

int mknod(const char *name, mode_t mode, dev_t device)
{
	(void)mode, (void)device;
	return create(name);
}

int chmod(const char *name, mode_t mode)
{
	(void)mode;
	return change(name);
}

int fchmod(int fd, mode_t mode)
{
	(void)mode;
	return change_open(fd);
}

int chown(const char *name, uid_t owner, gid_t group)
{
	(void)owner, (void)group;
	return change(name);
}

int lchown(const char *name, uid_t owner, gid_t group)
{
	return chown(name, owner, group);
}

int fchown(int fd, uid_t owner, gid_t group)
{
	(void)owner, (void)group;
	return change_open(fd);
}

int truncate(const char *name, off_t size)
{
	return size < 0 ? result(-EINVAL) : change(name);
}

/* A disk has a fixed size; other files cannot be written. */
int ftruncate(int fd, off_t size)
{
	struct stat st;

	(void)size;
	return fstat(fd, &st) ? -1 : result(-EINVAL);
}

int utime(const char *name, const struct utimbuf *times)
{
	(void)times;
	return change(name);
}

int utimes(const char *name, const struct timeval times[2])
{
	(void)times;
	return change(name);
}

int futimens(int fd, const struct timespec times[2])
{
	(void)times;
	return change_open(fd);
}

/* There are no symbolic links. */
ssize_t readlink(const char *restrict name, char *restrict to, size_t size)
{
	struct stat st;

	(void)to, (void)size;
	return stat(name, &st) ? -1 : result(-EINVAL);
}

int lstat(const char *restrict name, struct stat *restrict st)
{
	return stat(name, st);
}

/* The mode of a file is determined by its mount. */
mode_t umask(mode_t mask)
{
	static mode_t current = 022;

	return __atomic_exchange_n(&current, mask & 0777, __ATOMIC_RELAXED);
}

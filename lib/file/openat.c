/* SPDX-License-Identifier: ISC */
/*
 * openat() and the other *at() functions (POSIX.1-2017), for absolute names and AT_FDCWD.
 * There are no descriptors of directories.
 */
#include "lib/result.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static int begin(int fd, const char *name)
{
	return fd == AT_FDCWD || *name == '/' ? 0 : result(-EBADF);
}

/*
 * Flags for symbolic links and user ids have no effect, since there are neither. Unknown
 * flags are refused.
 */
static int begin_with(int fd, const char *name, int flags, int known)
{
	return flags & ~known ? result(-EINVAL) : begin(fd, name);
}

int openat(int fd, const char *name, int flags, ...)
{
	mode_t mode = 0;
	va_list args;

	va_start(args, flags);
	if (flags & O_CREAT)
		mode = va_arg(args, int);
	va_end(args);
	return begin(fd, name) ? -1 : open(name, flags, mode);
}

int fstatat(int fd, const char *restrict name, struct stat *restrict st, int flags)
{
	return begin_with(fd, name, flags, AT_SYMLINK_NOFOLLOW) ? -1 : stat(name, st);
}

int faccessat(int fd, const char *name, int how, int flags)
{
	int known = AT_EACCESS | AT_SYMLINK_NOFOLLOW;

	return begin_with(fd, name, flags, known) ? -1 : access(name, how);
}

int mkdirat(int fd, const char *name, mode_t mode)
{
	return begin(fd, name) ? -1 : mkdir(name, mode);
}

int unlinkat(int fd, const char *name, int flags)
{
	if (begin_with(fd, name, flags, AT_REMOVEDIR))
		return -1;
	return flags & AT_REMOVEDIR ? rmdir(name) : unlink(name);
}

int renameat(int fd, const char *from, int to_fd, const char *to)
{
	return begin(fd, from) || begin(to_fd, to) ? -1 : rename(from, to);
}

ssize_t readlinkat(int fd, const char *restrict name, char *restrict to, size_t size)
{
	return begin(fd, name) ? -1 : readlink(name, to, size);
}

/* SPDX-License-Identifier: ISC */
/*
 * Shared memory objects (POSIX.1-2017: shm_open, shm_unlink), which are files in /dev/shm, and
 * memfd_create() of Linux, a file there without a name.
 */
#define _GNU_SOURCE
#include "lib/result.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define FOLDER "/dev/shm"

/* "/name", in which slashes in front are left out. */
static int path_of(const char *name, char path[NAME_MAX + sizeof(FOLDER "/")])
{
	name += strspn(name, "/");
	if (!*name || strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, ".."))
		return -EINVAL;
	if (strlen(name) > NAME_MAX)
		return -ENAMETOOLONG;
	strcpy(path, FOLDER "/");
	strcat(path, name);
	return 0;
}

int shm_open(const char *name, int flags, mode_t mode)
{
	char path[NAME_MAX + sizeof(FOLDER "/")];
	int rc = path_of(name, path);

	return rc ? result(rc) : open(path, flags | O_CLOEXEC | O_NOFOLLOW, mode);
}

int shm_unlink(const char *name)
{
	char path[NAME_MAX + sizeof(FOLDER "/")];
	int rc = path_of(name, path);

	return rc ? result(rc) : unlink(path);
}

int memfd_create(const char *name, unsigned flags)
{
	(void)name;
	if (flags & ~MFD_CLOEXEC)
		return result(-EINVAL);
	return open(FOLDER, O_RDWR | O_TMPFILE | (flags & MFD_CLOEXEC ? O_CLOEXEC : 0), 0600);
}

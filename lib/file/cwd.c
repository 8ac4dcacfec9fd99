/* SPDX-License-Identifier: ISC */
/*
 * The current directory, and conversion to absolute names (POSIX.1-2017: chdir, getcwd,
 * realpath).
 */
#include "kernel/sched.h"
#include "lib/file/mount.h"
#include "lib/result.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int chdir(const char *name)
{
	char path[MOUNT_PATH_MAX];
	struct stat st;
	int rc;

	if (stat(name, &st))
		return -1;
	if (!S_ISDIR(st.st_mode))
		return result(-ENOTDIR);
	kernel_enter();
	rc = mount_absolute(name, path, sizeof(path));
	if (!rc)
		strcpy(mount_cwd, path);
	kernel_leave();
	return result(rc);
}

/* Copies a path for the application, with the slash of the root. */
static char *copy_path(const char *path, char *to, size_t size)
{
	path = *path ? path : "/";
	if (!to) {
		size = size > strlen(path) ? size : strlen(path) + 1;
		to = malloc(size);
		if (!to)
			return NULL;
	}
	if (strlen(path) >= size) {
		errno = ERANGE;
		return NULL;
	}
	return strcpy(to, path);
}

char *getcwd(char *to, size_t size)
{
	char path[MOUNT_PATH_MAX];

	if (to && !size) {
		errno = EINVAL;
		return NULL;
	}
	kernel_enter();
	strcpy(path, mount_cwd);
	kernel_leave();
	return copy_path(path, to, size);
}

char *realpath(const char *restrict name, char *restrict to)
{
	char path[MOUNT_PATH_MAX];
	struct stat st;
	int rc;

	if (!name) {
		errno = EINVAL;
		return NULL;
	}
	if (stat(name, &st))
		return NULL;
	kernel_enter();
	rc = mount_absolute(name, path, sizeof(path));
	kernel_leave();
	return result(rc) ? NULL : copy_path(path, to, to ? sizeof(path) : 0);
}

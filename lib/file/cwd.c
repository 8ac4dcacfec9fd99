/* SPDX-License-Identifier: ISC */
/* The current directory, and absolute names (POSIX.1-2017: chdir, fchdir, getcwd, realpath). */
#include "kernel/sched.h"
#include "lib/file/path.h"
#include "lib/result.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Takes the place. */
static int move_to(struct place *at)
{
	struct place before = path_cwd;

	if (!place_is_directory(at)) {
		place_put(at);
		return -ENOTDIR;
	}
	path_cwd = *at;
	place_put(&before);
	return 0;
}

int chdir(const char *name)
{
	struct place at;
	int rc;

	kernel_enter();
	rc = place_resolve(&at, AT_FDCWD, name, 0);
	if (!rc)
		rc = move_to(&at);
	kernel_leave();
	return result(rc);
}

int fchdir(int fd)
{
	const struct place *p;
	struct place at;
	struct file *f;
	int rc = -EBADF;

	kernel_enter();
	f = file_get(fd);
	if (f) {
		p = file_place(f);
		rc = p ? place_copy(&at, p) : -ENOTDIR;
		if (!rc)
			rc = move_to(&at);
		file_put(f);
	}
	kernel_leave();
	return result(rc);
}

static int name_of_cwd(char *to)
{
	struct place at;
	int rc;

	if (!place_is(&path_cwd)) {
		strcpy(to, "/");
		return 0;
	}
	rc = place_copy(&at, &path_cwd);	/* chdir() may change it meanwhile */
	if (rc)
		return rc;
	rc = place_name(&at, to);
	place_put(&at);
	return rc;
}

/* Copies a path for the application. */
static char *copy_path(const char *path, char *to, size_t size)
{
	size_t needed = strlen(path) + 1;

	if (!to) {
		size = size > needed ? size : needed;
		to = malloc(size);
		if (!to)
			return NULL;
	}
	if (needed > size) {
		errno = ERANGE;
		return NULL;
	}
	return memcpy(to, path, needed);
}

char *getcwd(char *to, size_t size)
{
	char *path, *copy;
	int rc;

	if (to && !size) {
		errno = EINVAL;
		return NULL;
	}
	path = malloc(PATH_BYTES);
	if (!path)
		return NULL;
	kernel_enter();
	rc = name_of_cwd(path);
	kernel_leave();
	copy = result(rc) ? NULL : copy_path(path, to, size);
	free(path);
	return copy;
}

/* The directory of the object, and its name in there. */
static int absolute(const char *name, char *to)
{
	struct path p;
	int rc = path_resolve(&p, AT_FDCWD, name, 0);
	size_t len;

	if (rc)
		return rc;
	if (place_is_directory(&p.at)) {
		rc = place_name(&p.at, to);
	} else {
		rc = place_name(&p.dir, to);
		len = rc ? 0 : strlen(to);
		if (!rc && len + 1 + p.len >= PATH_BYTES)
			rc = -ENAMETOOLONG;
		if (!rc) {
			if (len > 1)
				to[len++] = '/';
			memcpy(to + len, p.name, p.len);
			to[len + p.len] = '\0';
		}
	}
	path_put(&p);
	return rc;
}

char *realpath(const char *restrict name, char *restrict to)
{
	char *path, *copy;
	int rc;

	if (!name) {
		errno = EINVAL;
		return NULL;
	}
	path = malloc(PATH_BYTES);
	if (!path)
		return NULL;
	kernel_enter();
	rc = absolute(name, path);
	kernel_leave();
	copy = result(rc) ? NULL : copy_path(path, to, to ? PATH_BYTES : 0);
	free(path);
	return copy;
}

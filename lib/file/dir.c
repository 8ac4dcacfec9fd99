/* SPDX-License-Identifier: ISC */
/*
 * Directory streams: the names that a mount lists, then the mount points in the
 * directory.
 */
#include "kernel/sched.h"
#include "lib/file/mount.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct __dir {
	struct mount *mount;
	long at;
	struct dirent entry;
	char path[];
};

static int open_dir(const char *name, DIR **dir)
{
	char path[MOUNT_PATH_MAX];
	struct stat st = { 0 };
	struct mount *m;
	int rc = mount_of(name, &m, path, sizeof(path));

	if (!rc)
		rc = m->stat ? m->stat(path, &st) : -ENOENT;
	if (rc)
		return rc;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	*dir = malloc(sizeof(**dir) + strlen(path) + 1);
	if (!*dir)
		return -ENOMEM;
	(*dir)->mount = m;
	(*dir)->at = 0;
	strcpy((*dir)->path, path);
	return 0;
}

DIR *opendir(const char *name)
{
	DIR *dir = NULL;
	int rc;

	kernel_enter();
	rc = open_dir(name, &dir);
	kernel_leave();
	if (rc)
		errno = -rc;
	return dir;
}

/* Returns the index of the next mount point after the directory's own names. */
static int next(DIR *dir)
{
	struct mount *m = dir->mount;
	long n = dir->at;
	int rc = m->list ? m->list(dir->path, n, &dir->entry) : 0;

	if (rc == 0) {
		while (n > 0 && !(m->list && m->list(dir->path, n - 1, &dir->entry)))
			n--;
		rc = mount_point(m, dir->path, dir->at - n, &dir->entry);
	}
	dir->at += rc > 0;
	return rc;
}

struct dirent *readdir(DIR *dir)
{
	int rc;

	kernel_enter();
	rc = next(dir);
	kernel_leave();
	if (rc < 0)
		errno = -rc;
	return rc > 0 ? &dir->entry : NULL;
}

int readdir_r(DIR *dir, struct dirent *entry, struct dirent **result)
{
	int saved = errno, error;

	errno = 0;
	*result = readdir(dir);
	error = errno;
	errno = saved;
	if (*result) {
		*entry = **result;
		*result = entry;
	}
	return error;
}

void rewinddir(DIR *dir)
{
	dir->at = 0;
}

long telldir(DIR *dir)
{
	return dir->at;
}

void seekdir(DIR *dir, long at)
{
	dir->at = at;
}

int closedir(DIR *dir)
{
	free(dir);
	return 0;
}

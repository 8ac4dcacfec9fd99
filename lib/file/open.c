/* SPDX-License-Identifier: ISC */
/* open() and stat(), and the table of mounts. */
#define _GNU_SOURCE
#include "kernel/sched.h"
#include "lib/file/mount.h"
#include "lib/result.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

static struct mount *mounts = &dev_mount;

void mount_add(struct mount *m)
{
	m->next = mounts;
	mounts = m;
}

char mount_cwd[MOUNT_PATH_MAX];

static bool below(const char *path, const char *at)
{
	size_t n = strlen(at);

	return strncmp(path, at, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* Returns the mount of an absolute path, and in *rest the path within it. */
static struct mount *owner(const char *path, const char **rest)
{
	struct mount *found = NULL;

	for (struct mount *m = mounts; m; m = m->next)
		if (below(path, m->at) && (!found || strlen(m->at) > strlen(found->at)))
			found = m;
	*rest = path + strlen(found->at);
	*rest += **rest == '/';
	return found;
}

static int refused_as_folder(const char *path)
{
	struct stat st = { 0 };
	const char *rest;
	struct mount *m = owner(path, &rest);
	int rc = m->stat ? m->stat(rest, &st) : -ENOENT;

	return rc ? rc : S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int mount_absolute(const char *name, char *to, size_t size)
{
	size_t len = *name == '/' ? 0 : strlen(mount_cwd), n;
	bool named = false;		/* the last part of `to` need not be a directory */

	if (!*name)
		return -ENOENT;
	if (len >= size)
		return -ENAMETOOLONG;
	memcpy(to, mount_cwd, len);
	for (; *name; name += n) {
		bool dot, up;

		name += strspn(name, "/");
		n = strcspn(name, "/");
		dot = n == 0 || (n == 1 && name[0] == '.');
		up = n == 2 && name[0] == '.' && name[1] == '.';
		if ((dot || up) && named) {
			int rc;

			to[len] = '\0';
			rc = refused_as_folder(to);
			if (rc)
				return rc;
		}
		named = !dot && !up;
		if (up)
			while (len && to[--len] != '/')
				;
		if (!named)
			continue;
		if (len + 1 + n + 1 > size)
			return -ENAMETOOLONG;
		to[len++] = '/';
		memcpy(to + len, name, n);
		len += n;
	}
	to[len] = '\0';
	return 0;
}

int mount_of(const char *name, struct mount **found, char *to, size_t size)
{
	int rc = mount_absolute(name, to, size);
	const char *rest;

	if (rc)
		return rc;
	*found = owner(to, &rest);
	memmove(to, rest, strlen(rest) + 1);
	return 0;
}

int mount_point(const struct mount *m, const char *path, unsigned i, struct dirent *entry)
{
	for (struct mount *other = mounts; other; other = other->next) {
		const char *p = other->at;
		size_t n = strlen(m->at), len = strlen(path);

		if (other == m || !below(p, m->at))
			continue;
		p += n + (p[n] == '/');
		if (strncmp(p, path, len) || (len && p[len] != '/'))
			continue;
		p += len + (len != 0);
		if (!*p || strchr(p, '/') || i--)
			continue;
		*entry = (struct dirent){ .d_type = DT_DIR };
		strcpy(entry->d_name, p);
		return 1;
	}
	return 0;
}

/*
 * Refuses flags that would be ignored. Returns 0, or -errno as Linux does for a file that
 * does not support the flag.
 */
static int refused(const struct mount *m, const char *path, int flags)
{
	struct stat st = { 0 };

	if ((flags & O_ACCMODE) == O_ACCMODE || flags & (O_DIRECT | O_EXEC))
		return -EINVAL;
	if (flags & O_DIRECTORY && m->stat && !m->stat(path, &st) && !S_ISDIR(st.st_mode))
		return -ENOTDIR;
	return 0;
}

static int install(const char *name, int flags, mode_t mode)
{
	char path[MOUNT_PATH_MAX];
	struct file *f = NULL;
	struct mount *m;
	int rc = mount_of(name, &m, path, sizeof(path));

	if (!rc)
		rc = refused(m, path, flags);
	if (!rc)
		rc = m->open ? m->open(path, flags, mode, &f) : -EROFS;
	if (rc)
		return rc;
	if (!f->refs)
		f->flags = flags;
	f->refs++;		/* until it has a descriptor, or could not get one */
	rc = file_set_cloexec(file_install(f), flags & O_CLOEXEC);
	file_put(f);
	return rc;
}

int open(const char *name, int flags, ...)
{
	mode_t mode = 0;
	va_list args;
	int rc;

	va_start(args, flags);
	if (flags & O_CREAT)
		mode = va_arg(args, int);
	va_end(args);
	kernel_enter();
	rc = install(name, flags, mode);
	kernel_leave();
	return result(rc);
}

int stat(const char *restrict name, struct stat *restrict st)
{
	char path[MOUNT_PATH_MAX];
	struct mount *m;
	int rc;

	memset(st, 0, sizeof(*st));
	kernel_enter();
	rc = mount_of(name, &m, path, sizeof(path));
	if (!rc)
		rc = m->stat ? m->stat(path, st) : -ENOENT;
	kernel_leave();
	return result(rc);
}

int access(const char *name, int how)
{
	struct stat st;

	if (how & ~(R_OK | W_OK | X_OK))
		return result(-EINVAL);
	if (stat(name, &st))
		return -1;
	if (how & W_OK && !(st.st_mode & S_IWUSR))
		return result(-EROFS);
	return how & X_OK && !(st.st_mode & 0111) ? result(-EACCES) : 0;
}

/* SPDX-License-Identifier: ISC */
#include "apps/httpd/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define LINKS_MAX 8			/* symbolic links in one path */

static bool is_hidden(const char *name)
{
	return *name == '.' && strcmp(name, ".well-known");
}

void beneath_close(struct beneath *b)
{
	if (b->dir >= 0)
		close(b->dir);
	b->dir = -1;
}

/* Appends components to b->path, of which *out bytes are used.  Returns 0 or -errno. */
static int append(struct beneath *b, size_t *out, const char *path)
{
	for (size_t n; *path; path += n) {
		path += *path == '/';
		n = strcspn(path, "/");
		if (n == 2 && path[0] == '.' && path[1] == '.') {
			if (!*out)
				return -ENOENT;
			while (*out && b->path[--*out] != '/')
				;
		} else if (n && !(n == 1 && *path == '.')) {
			if (*out + n + 2 > sizeof(b->path))
				return -ENAMETOOLONG;
			if (*out)
				b->path[(*out)++] = '/';
			memcpy(b->path + *out, path, n);
			*out += n;
		}
	}
	b->path[*out] = '\0';
	return 0;
}

/* The part of an absolute path that is below root, or NULL. */
static const char *below(const char *root, const char *path)
{
	size_t n = strlen(root);

	while (n && root[n - 1] == '/')
		n--;
	return strncmp(path, root, n) || (path[n] && path[n] != '/') ? NULL : path + n;
}

/*
 * Replaces the component at b->name by the target of the link that it is; `rest` is what
 * follows.  Returns 0, and the path is walked again; -ENOTDIR: it is not a link.
 */
static int follow(struct beneath *b, const char *rest)
{
	char target[BENEATH_PATH], behind[BENEATH_PATH];
	const char *path = target;
	size_t out = b->name > b->path ? b->name - b->path - 1 : 0;
	ssize_t n = readlinkat(b->dir, b->name, target, sizeof(target));
	int rc;

	if (n < 0)
		return errno == EINVAL ? -ENOTDIR : -errno;
	if (n == sizeof(target))
		return -ENAMETOOLONG;
	if (++b->links > LINKS_MAX)
		return -ELOOP;
	target[n] = '\0';
	if (*target == '/') {
		path = below(b->root, target);
		out = 0;
	}
	if (!path)
		return -ENOENT;
	strcpy(behind, rest);		/* a part of b->path */
	rc = append(b, &out, path);
	return rc ? rc : append(b, &out, behind);
}

/* Goes from b->dir to a folder in it. */
static int enter(struct beneath *b)
{
	int fd;

	if (is_hidden(b->name))
		return -ENOENT;
	fd = openat(b->dir, b->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	close(b->dir);
	b->dir = fd;
	return 0;
}

/* One pass along the path.  Returns 0; 1: a link was replaced; -errno. */
static int pass(struct beneath *b)
{
	char *slash;

	b->name = b->path;
	b->dir = open(b->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (b->dir < 0)
		return -errno;
	while ((slash = strchr(b->name, '/'))) {
		int rc;

		*slash = '\0';
		rc = enter(b);
		/* Linux says ENOTDIR of a link if O_DIRECTORY is set. */
		if (rc == -ELOOP || rc == -ENOTDIR)
			return follow(b, slash + 1) ?: 1;
		if (rc)
			return rc;
		*slash = '/';
		b->name = slash + 1;
	}
	return is_hidden(b->name) ? -ENOENT : 0;
}

static int walk(struct beneath *b)
{
	int rc;

	while ((rc = pass(b)) > 0)
		beneath_close(b);
	if (rc)
		beneath_close(b);
	return rc;
}

int beneath_folder(struct beneath *b, const char *root, const char *path, size_t len)
{
	b->root = root;
	b->dir = -1;
	b->links = 0;
	if (len >= sizeof(b->path))
		return -ENAMETOOLONG;
	memcpy(b->path, path, len);
	b->path[len] = '\0';
	return walk(b);
}

int beneath_open(struct beneath *b, const char *root, const char *path, size_t len)
{
	int rc = beneath_folder(b, root, path, len), fd;

	while (!rc) {
		/* Opening a FIFO must not wait. */
		fd = openat(b->dir, *b->name ? b->name : ".",
			    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (fd >= 0)
			return fd;
		rc = errno == ELOOP ? follow(b, "") : -errno;
		beneath_close(b);
		if (!rc)
			rc = walk(b);
	}
	return rc;
}

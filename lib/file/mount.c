/* SPDX-License-Identifier: ISC */
#include "lib/file/mount.h"
#include "lib/file/path.h"
#include "lib/file/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

struct mount *mounts = &dev_mount;

static unsigned last_number = 3;	/* dev.c, proc.c and romfs.c have 1 to 3 */

struct mount *mount_of_root(void)
{
	struct mount *m = mounts;

	while (*m->at || m->covered)
		m = m->next;
	return m;
}

struct mount *mount_on(const struct place *dir)
{
	char text[TEXT_BYTES];

	if (dir->path && text_of(dir->mount, dir->path, text, sizeof(text)))
		return NULL;
	for (struct mount *m = mounts; m; m = m->next) {
		/* The root of a mount is covered only by a later one. */
		if (dir->path && !*dir->path && m == dir->mount)
			return NULL;
		if (dir->path ? *m->at && !m->covered && !strcmp(m->at, text) :
		    m->parent == dir->mount && m->covered == dir->inode)
			return m;
	}
	return NULL;
}

/* ---- Attaching. */

/*
 * Finds the longest part of an absolute name that exists, and what follows it: "" if all of it
 * exists.  Shortens `name`.
 */
static int longest(char *name, struct place *at, char *rest, size_t size)
{
	char *end = name + strlen(name);
	int rc;

	*rest = '\0';
	while ((rc = place_resolve(at, AT_FDCWD, *name ? name : "/", 0)) == -ENOENT) {
		size_t len, old = strlen(rest);

		while (end > name && *--end != '/')
			;
		len = strlen(end);
		if (!strcmp(end, "/.") || !strcmp(end, "/..") || len + old >= size)
			return -ENOENT;
		memmove(rest + len, rest, old + 1);
		memcpy(rest, end, len);
		*end = '\0';
	}
	return rc;
}

static int directory(const struct place *p)
{
	struct stat st = { 0 };
	int rc = place_stat(p, &st);

	return rc ? rc : S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

/* Makes the text of a mount point, and finds what it covers.  The name is absolute. */
static int find_point(const char *name, struct place *at, char *text)
{
	char rest[TEXT_BYTES], *copy = strdup(name);
	size_t len = copy ? strlen(copy) : 0;
	int rc;

	if (!copy)
		return -ENOMEM;
	while (len && copy[len - 1] == '/')
		copy[--len] = '\0';
	rc = longest(copy, at, rest, sizeof(rest));
	free(copy);
	if (rc)
		return rc;
	rc = directory(at);
	if (!rc && *rest && !at->path)
		rc = -ENOENT;
	if (!rc)
		rc = place_name(at, text);
	if (!rc && !strcmp(text, "/"))
		*text = '\0';
	if (!rc && strlen(text) + strlen(rest) >= TEXT_BYTES)
		rc = -ENAMETOOLONG;
	if (rc)
		place_put(at);
	else
		strcat(text, rest);
	return rc;
}

static struct mount *new_mount(struct fs *fs, const char *source, const char *at)
{
	size_t n = strlen(at) + 1;
	struct mount *m = calloc(1, sizeof(*m) + n + strlen(source) + 1);

	if (!m)
		return NULL;
	m->fs = fs;
	m->at = strcpy((char *)(m + 1), at);
	m->source = strcpy((char *)(m + 1) + n, source);
	m->number = ++last_number;
	return m;
}

static int add(struct fs *fs, const char *source, const char *text, const struct place *at)
{
	struct mount *m = new_mount(fs, source, text);

	if (!m)
		return -ENOMEM;
	if (!*text) {
		m->lower = &romfs_mount;
	} else if (!at->path) {
		m->parent = at->mount;
		m->parent->users++;
		m->covered = inode_get(at->inode);
	}
	m->next = mounts;
	mounts = m;
	return 0;
}

int mount_attach(struct fs *fs, const char *source, const char *name)
{
	struct place at;
	char *text;
	int rc;

	if (*name != '/')
		return -EINVAL;
	text = malloc(PATH_BYTES);
	if (!text)
		return -ENOMEM;
	rc = find_point(name, &at, text);
	if (!rc) {
		rc = add(fs, source, text, &at);
		place_put(&at);
	}
	free(text);
	return rc;
}

/* ---- Detaching. */

static void unlist(struct mount *m)
{
	struct mount **p = &mounts;

	while (*p != m)
		p = &(*p)->next;
	*p = m->next;
}

int mount_detach(const char *name)
{
	struct place at;
	struct mount *m;
	int rc = place_resolve(&at, AT_FDCWD, name, 0);

	if (rc)
		return rc;
	m = at.mount;
	rc = !m->fs || at.inode != m->fs->root ? -EINVAL : m->users > 1 ? -EBUSY : 0;
	place_put(&at);
	if (rc)
		return rc;
	unlist(m);		/* nobody finds it while unmount() sleeps */
	rc = m->fs->ops->unmount(m->fs);
	if (rc == -EBUSY) {
		m->next = mounts;
		mounts = m;
		return rc;
	}
	if (m->covered) {
		inode_put(m->covered);
		m->parent->users--;
	}
	free(m);
	return rc;
}

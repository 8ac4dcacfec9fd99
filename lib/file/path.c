/* SPDX-License-Identifier: ISC */
#include "lib/file/path.h"
#include "lib/file/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct place path_cwd, path_root;

/* ---- Places. */

static bool has_text(const struct mount *m)
{
	return !m->fs || m->lower;
}

int place_copy(struct place *to, const struct place *from)
{
	char *path = from->path ? strdup(from->path) : NULL;

	if (from->path && !path)
		return -ENOMEM;
	*to = (struct place){ from->mount, from->inode ? inode_get(from->inode) : NULL, path };
	to->mount->users++;
	return 0;
}

void place_put(struct place *p)
{
	struct place was = *p;

	*p = (struct place){ 0 };
	free(was.path);
	if (was.inode)
		inode_put(was.inode);
	if (was.mount)
		was.mount->users--;
}

static int place_mode(const struct place *p, uint32_t *mode)
{
	struct stat st = { 0 };
	int rc = 0;

	if (p->inode)
		*mode = p->inode->mode;
	else if (!(rc = text_stat(p->mount, p->path, &st)))
		*mode = st.st_mode;
	return rc;
}

static int refused_as_directory(const struct place *p)
{
	uint32_t mode;
	int rc = place_mode(p, &mode);

	return rc ? rc : S_ISDIR(mode) ? 0 : -ENOTDIR;
}

bool place_is_directory(const struct place *p)
{
	return refused_as_directory(p) == 0;
}

static bool is_link(const struct place *p)
{
	return p->inode && (p->inode->mode & FS_IFMT) == FS_IFLNK;
}

/* The root of a mount.  Takes `path`, which is its text if the mount has one. */
static void at_root_of(struct mount *m, char *path, struct place *p)
{
	*p = (struct place){ m, m->fs ? inode_get(m->fs->root) : NULL, path };
	m->users++;
}

static int mount_root(struct mount *m, struct place *p)
{
	char *path = has_text(m) ? strdup("") : NULL;

	if (has_text(m) && !path)
		return -ENOMEM;
	at_root_of(m, path, p);
	return 0;
}

/* ---- Steps: to a child, and to the directory above. */

/* Replaces a directory that a mount covers by the root of this mount. */
static int enter_mounts(struct place *p)
{
	struct mount *m;
	struct place root;
	int rc;

	while ((m = mount_on(p))) {
		rc = mount_root(m, &root);
		if (rc)
			return rc;
		place_put(p);
		*p = root;
	}
	return 0;
}

static int child_text(const struct place *dir, const char *name, size_t len, char **text)
{
	size_t before = strlen(dir->path);

	if (before + 1 + len >= TEXT_BYTES)
		return -ENAMETOOLONG;
	*text = malloc(before + 1 + len + 1);
	if (!*text)
		return -ENOMEM;
	memcpy(*text, dir->path, before);
	if (before)
		(*text)[before++] = '/';
	memcpy(*text + before, name, len);
	(*text)[before + len] = '\0';
	return 0;
}

/*
 * Keeps the text of a directory only if the lower layer has it, too: then it cannot be renamed
 * or removed.  The text of others would be wrong after a rename.
 */
static void drop_text(const struct mount *m, const struct inode *i, char **text)
{
	struct stat st = { 0 };

	if ((i->mode & FS_IFMT) == FS_IFDIR && !text_stat(m, *text, &st) && S_ISDIR(st.st_mode))
		return;
	free(*text);
	*text = NULL;
}

static int child(const struct place *dir, const char *name, size_t len, struct place *to)
{
	struct inode *inode = NULL;
	struct stat st = { 0 };
	char *text = NULL;
	int rc = -ENOENT;

	if (dir->inode)
		rc = place_ops(dir)->lookup(dir->inode, name, len, &inode);
	if (rc && (rc != -ENOENT || !dir->path))
		return rc;
	if (dir->path)
		rc = child_text(dir, name, len, &text);
	if (!rc && !inode)
		rc = text_stat(dir->mount, text, &st);
	if (!rc && inode && text)
		drop_text(dir->mount, inode, &text);
	if (rc) {
		free(text);
		if (inode)
			inode_put(inode);
		return rc;
	}
	*to = (struct place){ dir->mount, inode, text };
	to->mount->users++;
	rc = enter_mounts(to);
	if (rc)
		place_put(to);
	return rc;
}

/* Follows a path without symbolic links, . and .. from the root. */
static int from_root(const char *text, struct place *to)
{
	struct place next;
	int rc = mount_root(mount_of_root(), to);

	for (size_t n; !rc && *text; text += n) {
		text += *text == '/';
		n = strcspn(text, "/");
		if (!n)
			break;
		rc = child(to, text, n, &next);
		place_put(to);
		if (!rc)
			*to = next;
	}
	return rc;
}

/* The text of `name`, a directory in the lower layer, if it is this inode in the upper one. */
static int text_if(const struct place *dir, const char *name, const struct inode *i, char **text)
{
	struct inode *found;
	int rc = place_ops(dir)->lookup(dir->inode, name, strlen(name), &found);

	if (rc)
		return rc == -ENOENT ? 0 : rc;
	if (found == i)
		rc = child_text(dir, name, strlen(name), text);
	inode_put(found);
	return rc;
}

/* The text of a directory in `dir`; NULL: the lower layer does not have it. */
static int text_in(const struct place *dir, const struct inode *i, char **text)
{
	struct dirent e;
	int rc = 0;

	*text = NULL;
	for (unsigned k = 0; !rc && !*text && text_list(dir->mount, dir->path, k, &e) > 0; k++)
		if (e.d_type == DT_DIR)
			rc = text_if(dir, e.d_name, i, text);
	for (unsigned k = 0; !rc && !*text && text_list_mounts(dir->mount, dir->path, k, &e) > 0; k++)
		rc = text_if(dir, e.d_name, i, text);
	return rc;
}

#define DEEPEST (TEXT_BYTES / 2)	/* directories in a text */

/*
 * Finds the text of a directory that was reached from below, if the lower layer has it: from its
 * inode up to the root, and down again along the lower layer.
 */
static int find_text(struct place *p)
{
	const struct fs_ops *ops = place_ops(p);
	struct inode **way = malloc(DEEPEST * sizeof(struct inode *));
	struct place at = { p->mount, NULL, NULL };
	unsigned n = 0;
	int rc = way ? 0 : -ENOMEM;

	if (!rc)
		way[n++] = inode_get(p->inode);
	while (!rc && n < DEEPEST && way[n - 1] != p->mount->fs->root)
		if (!(rc = ops->lookup(way[n - 1], "..", 2, &way[n])))
			n++;
	if (!rc && way[n - 1] == p->mount->fs->root && !(at.path = strdup("")))
		rc = -ENOMEM;
	for (unsigned k = n; !rc && at.path && --k;) {
		char *text;

		at.inode = way[k];
		rc = text_in(&at, way[k - 1], &text);
		free(at.path);
		at.path = rc ? NULL : text;
	}
	p->path = at.path;
	while (n)
		inode_put(way[--n]);
	free(way);
	return rc;
}

int place_above(const struct place *dir, struct place *to)
{
	struct mount *m = dir->mount;
	char text[TEXT_BYTES], *end;
	struct inode *inode;
	int rc;

	if (!dir->path && dir->inode != m->fs->root) {
		rc = place_ops(dir)->lookup(dir->inode, "..", 2, &inode);
		if (rc)
			return rc;
		*to = (struct place){ m, inode, NULL };
		m->users++;
		rc = m->lower ? find_text(to) : 0;
		if (rc)
			place_put(to);
		return rc;
	}
	if (!dir->path && m->covered) {
		struct place covered = { m->parent, m->covered, NULL };

		return place_above(&covered, to);
	}
	rc = text_of(m, dir->path ? dir->path : "", text, sizeof(text));
	if (rc)
		return rc;
	end = strrchr(text, '/');
	if (end)
		*end = '\0';
	return from_root(text, to);
}

/* ---- Resolution. */

static enum last kind_of(const char *name, size_t len)
{
	return len == 1 && name[0] == '.' ? LAST_DOT :
	       len == 2 && name[0] == '.' && name[1] == '.' ? LAST_DOTDOT : LAST_NAME;
}

bool place_is_root(const struct place *p)
{
	if (p->mount != path_root.mount || !p->mount)
		return false;
	if (p->inode && path_root.inode)
		return p->inode == path_root.inode;
	return p->path && path_root.path && !strcmp(p->path, path_root.path);
}

static int step(const struct place *dir, const char *name, size_t len, struct place *to)
{
	enum last kind = kind_of(name, len);
	int rc = refused_as_directory(dir);

	if (rc)
		return rc;
	return kind == LAST_DOT || (kind == LAST_DOTDOT && place_is_root(dir)) ? place_copy(to, dir) :
	       kind == LAST_DOTDOT ? place_above(dir, to) : child(dir, name, len, to);
}

int place_raise(struct place *p)
{
	const char *text = p->path;
	struct inode *at, *next;
	int rc = 0;

	if (p->inode || !p->mount->fs)
		return 0;
	at = inode_get(p->mount->fs->root);
	for (size_t n; !rc && *text; text += n) {
		text += *text == '/';
		n = strcspn(text, "/");
		rc = place_ops(p)->lookup(at, text, n, &next);
		inode_put(at);
		at = rc ? NULL : next;
	}
	p->inode = at;
	return rc == -ENOENT || rc == -ENOTDIR ? 0 : rc;
}

/* The directory in which a name begins: the root, the current directory or that of fd. */
static int start(struct place *dir, int fd, const char *name)
{
	const struct place *at = NULL;
	struct file *f;
	int rc;

	if (*name == '/' || (fd == AT_FDCWD && !place_is(&path_cwd)))
		return place_is(&path_root) ? place_copy(dir, &path_root) :
		       mount_root(mount_of_root(), dir);
	f = fd == AT_FDCWD ? NULL : file_get(fd);
	if (fd != AT_FDCWD && !f)
		return -EBADF;
	at = f ? file_place(f) : &path_cwd;
	rc = at ? place_copy(dir, at) : -ENOTDIR;
	if (f)
		file_put(f);
	if (!rc)
		rc = place_raise(dir);
	if (rc && at)
		place_put(dir);
	return rc;
}

/* The text becomes the target of a symbolic link, and what follows it in the text. */
static int splice(struct path *p, const struct place *link, const char *after)
{
	size_t rest = strlen(after);
	char *text = malloc(PATH_BYTES + 1 + rest + 1);
	ssize_t n;

	if (!text)
		return -ENOMEM;
	n = place_ops(link)->readlink(link->inode, text, PATH_BYTES);
	if (n == 0 || (n > 0 && memchr(text, '\0', n)))
		n = n ? -EUCLEAN : -ENOENT;
	if (n > 0 && (size_t)n + rest >= PATH_BYTES)
		n = -ENAMETOOLONG;
	if (n < 0) {
		free(text);
		return n;
	}
	memcpy(text + n, after, rest + 1);
	free(p->text);
	p->text = text;
	if (*text != '/')
		return 0;
	place_put(&p->dir);
	return start(&p->dir, AT_FDCWD, text);
}

static int walk(struct path *p, unsigned how)
{
	unsigned links = 0;
	char *at = p->text;

	for (;;) {
		struct place next = { 0 };
		size_t len;
		char *rest;
		int rc;

		at += strspn(at, "/");
		if (!*at) {
			p->last = LAST_ROOT;
			return place_copy(&p->at, &p->dir);
		}
		len = strcspn(at, "/");
		rest = at + len;
		p->slash = *rest == '/';
		rest += strspn(rest, "/");
		p->last = kind_of(at, len);
		p->name = at;
		p->len = len;
		if (len > NAME_MAX)
			return -ENAMETOOLONG;
		rc = step(&p->dir, at, len, &next);
		if ((!rc || rc == -ENOENT) && !*rest && p->slash && p->last == LAST_NAME &&
		    how & PATH_CREATE) {
			place_put(&next);
			return -EISDIR;
		}
		if (rc == -ENOENT && !*rest && how & PATH_MAKE && p->last == LAST_NAME)
			return 0;
		if (rc)
			return rc;
		if (is_link(&next) && (*rest || !(how & (PATH_NOFOLLOW | PATH_PARENT)) ||
				       (p->slash && !(how & PATH_PARENT)))) {
			rc = ++links > PATH_LINKS ? -ELOOP : splice(p, &next, at + len);
			place_put(&next);
			if (rc)
				return rc;
			at = p->text;
			continue;
		}
		if (!*rest) {
			p->at = next;
			return p->slash && !(how & PATH_PARENT) ? refused_as_directory(&p->at) : 0;
		}
		place_put(&p->dir);
		p->dir = next;
		at = rest;
	}
}

int path_resolve(struct path *p, int fd, const char *name, unsigned how)
{
	size_t len = strnlen(name, PATH_BYTES);
	int rc;

	*p = (struct path){ 0 };
	if (len == PATH_BYTES)
		return -ENAMETOOLONG;
	if (!len && !(how & PATH_EMPTY))
		return -ENOENT;
	p->text = malloc(len + 1);
	if (!p->text)
		return -ENOMEM;
	memcpy(p->text, name, len);
	p->text[len] = '\0';
	rc = start(&p->dir, fd, p->text);
	if (!rc)
		rc = walk(p, how);
	if (rc)
		path_put(p);
	return rc;
}

void path_put(struct path *p)
{
	place_put(&p->dir);
	place_put(&p->at);
	free(p->text);
	p->text = NULL;
}

int place_resolve(struct place *at, int fd, const char *name, unsigned how)
{
	struct path p;
	int rc = path_resolve(&p, fd, name, how & ~PATH_MAKE);

	if (rc)
		return rc;
	*at = p.at;
	p.at = (struct place){ 0 };
	path_put(&p);
	return 0;
}

/* SPDX-License-Identifier: ISC */
/* From a directory to its name: by .. up to the root, or to a directory that has a text. */
#include "lib/file/path.h"
#include "lib/file/text.h"

#include <errno.h>
#include <string.h>

struct search {
	uint64_t ino;
	char *end;			/* of free bytes: the name is put before it */
	size_t room;
	int rc;
};

static bool is_dots(const struct fs_dirent *e)
{
	return e->name[0] == '.' && (e->len == 1 || (e->len == 2 && e->name[1] == '.'));
}

static bool found(void *arg, const struct fs_dirent *e)
{
	struct search *s = arg;

	if (e->ino != s->ino || is_dots(e))
		return true;
	s->rc = (size_t)e->len + 1 > s->room ? -ENAMETOOLONG : 0;
	if (s->rc)
		return false;
	s->end -= e->len;
	memcpy(s->end, e->name, e->len);
	*--s->end = '/';
	s->room -= e->len + 1;
	return false;
}

/* Puts "/name" of the directory before the end, and goes to the directory above. */
static int name_before(struct place *dir, struct search *s)
{
	struct place up;
	int rc = place_above(dir, &up);

	if (rc)
		return rc;
	s->ino = dir->inode->ino;
	s->rc = -ENOENT;
	rc = place_ops(&up)->readdir(up.inode, 0, found, s);
	place_put(dir);
	*dir = up;
	return rc ? rc : s->rc;
}

static int put_before(struct search *s, const char *text)
{
	size_t n = strlen(text);

	if (n > s->room)
		return -ENAMETOOLONG;
	s->end -= n;
	s->room -= n;
	memcpy(s->end, text, n);
	return 0;
}

/* A text from the root of chroot(), if there is one and it has a text. */
static int text_below_root(const struct place *at, char *text)
{
	char root[TEXT_BYTES];
	size_t n;
	int rc = text_of(at->mount, at->path, text, TEXT_BYTES);

	if (rc || !path_root.path)
		return rc;
	rc = text_of(path_root.mount, path_root.path, root, sizeof(root));
	n = strlen(root);
	if (!rc && !strncmp(text, root, n) && (text[n] == '/' || !text[n]))
		memmove(text, text + n, strlen(text + n) + 1);
	return rc;
}

int place_name(const struct place *dir, char *to)
{
	struct search s = { .end = to + PATH_BYTES - 1, .room = PATH_BYTES - 1 };
	char text[TEXT_BYTES];
	struct place at = { 0 };
	int rc = place_copy(&at, dir);

	*s.end = '\0';
	while (!rc && !at.path && !place_is_root(&at)) {
		struct mount *m = at.mount;

		if (at.inode != m->fs->root) {
			rc = name_before(&at, &s);
		} else if (m->covered) {
			inode_put(at.inode);
			at.inode = inode_get(m->covered);
			at.mount = m->parent;
			at.mount->users++;
			m->users--;
		} else {
			rc = put_before(&s, m->at);
			break;
		}
	}
	if (!rc && at.path && !place_is_root(&at))
		rc = text_below_root(&at, text);
	if (!rc && at.path && !place_is_root(&at))
		rc = put_before(&s, text);
	if (place_is(&at))
		place_put(&at);
	if (!rc && !*s.end)
		*--s.end = '/';
	if (!rc)
		memmove(to, s.end, strlen(s.end) + 1);
	return rc;
}

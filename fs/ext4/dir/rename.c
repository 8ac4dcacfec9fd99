/* SPDX-License-Identifier: ISC */
/* Renaming and exchanging names. */
#include "fs/ext4/ext4.h"

struct side {
	struct ext4_inode *dir, *i;	/* i: what has the name; NULL: nothing */
	const char *name;
	size_t len;
	struct dir_slot slot;
};

static bool dots(const struct side *s)
{
	return s->name[0] == '.' && (s->len == 1 || (s->len == 2 && s->name[1] == '.'));
}

static int find(struct side *s)
{
	struct ext4 *e = fs_of(s->dir);
	uint32_t ino;
	int rc;

	if (!s->dir->i.nlink)
		return -ENOENT;
	rc = dir_find(s->dir, s->name, s->len, &s->slot, &ino);
	if (rc)
		return rc;
	return ino < e->first_ino ? -EUCLEAN : ext4_iget(e, ino, false, &s->i);
}

static void leave(struct side *s)
{
	buf_put(s->slot.b);
	s->slot.b = NULL;
	if (s->i)
		inode_put(&s->i->i);
	s->i = NULL;
}

/* Whether dir is i or lies below it: 1, 0, -errno. */
static int is_below(struct ext4_inode *dir, const struct ext4_inode *i)
{
	struct ext4 *e = fs_of(dir);
	uint32_t ino = dir->i.ino;

	for (unsigned depth = 0; depth < 100000; depth++) {
		struct ext4_inode *up;
		struct dir_slot s;
		int rc;

		if (ino == i->i.ino)
			return 1;
		if (ino == EXT4_ROOT)
			return 0;
		rc = ext4_iget(e, ino, false, &up);
		if (rc)
			return rc;
		rc = is_dir(up) ? dir_find(up, "..", 2, &s, &ino) : -EUCLEAN;
		inode_put(&up->i);
		if (rc)
			return rc == -ENOENT ? -EUCLEAN : rc;
		buf_put(s.b);
		if (depth % 64 == 63)
			os_pause();
	}
	return ext4_damaged(e, "directories form a cycle");
}

/* A directory has moved: its ".." follows, and the counts of both parents. */
static int set_parent(struct ext4_inode *i, struct handle *h, struct ext4_inode *parent)
{
	struct dir_slot s;
	uint32_t ino;
	int rc = dir_find(i, "..", 2, &s, &ino);

	if (rc)
		return rc == -ENOENT ? -EUCLEAN : rc;
	rc = dir_set(i, h, &s, parent->i.ino, FS_IFDIR);
	buf_put(s.b);
	return rc;
}

static void count(struct ext4_inode *dir, int by)
{
	if (dir->i.nlink == 1)		/* too many to count */
		return;
	if (by < 0 && dir->i.nlink > 2)
		dir->i.nlink--;
	if (by > 0)
		dir->i.nlink = dir->i.nlink >= EXT4_LINK_MAX ? 1 : dir->i.nlink + 1;
}

static int exchange(struct side *from, struct side *to, struct handle *h)
{
	int rc = dir_set(from->dir, h, &from->slot, to->i->i.ino, to->i->i.mode);

	if (!rc)
		rc = dir_set(to->dir, h, &to->slot, from->i->i.ino, from->i->i.mode);
	if (!rc && from->dir != to->dir && is_dir(from->i))
		rc = set_parent(from->i, h, to->dir);
	if (!rc && from->dir != to->dir && is_dir(to->i))
		rc = set_parent(to->i, h, from->dir);
	count(from->dir, is_dir(to->i) - is_dir(from->i));
	count(to->dir, is_dir(from->i) - is_dir(to->i));
	ext4_touch(to->i, false);
	return rc ? rc : ext4_ilog(to->i, h);
}

static int move(struct side *from, struct side *to, struct handle *h)
{
	uint32_t ino;
	int rc;

	if (to->i)
		rc = dir_set(to->dir, h, &to->slot, from->i->i.ino, from->i->i.mode);
	else
		rc = dir_add(to->dir, h, to->name, to->len, from->i->i.ino, from->i->i.mode);
	/* Adding may have moved the old entry to another block. */
	buf_put(from->slot.b);
	from->slot.b = NULL;
	if (!rc)
		rc = dir_find(from->dir, from->name, from->len, &from->slot, &ino);
	if (!rc)
		rc = dir_remove(from->dir, h, &from->slot);
	if (!rc && is_dir(from->i)) {
		if (from->dir != to->dir)
			rc = set_parent(from->i, h, to->dir);
		count(from->dir, -1);
		if (!to->i)
			count(to->dir, 1);
	}
	if (!rc && to->i)
		rc = ext4_drop_link(to->i, h);
	return rc;
}

static int check(struct side *from, struct side *to, unsigned flags)
{
	int rc;

	if (!to->i && flags & FS_RENAME_EXCHANGE)
		return -ENOENT;
	if (to->i && flags & FS_RENAME_NOREPLACE)
		return -EEXIST;
	if (to->i == from->i)
		return 0;
	rc = ext4_changeable(from->dir, false);
	if (!rc)
		rc = ext4_changeable(from->i, false);
	if (!rc)
		rc = ext4_changeable(to->dir, !to->i);
	if (!rc && to->i)
		rc = ext4_changeable(to->i, false);
	if (rc)
		return rc;
	if (is_dir(from->i)) {
		rc = is_below(to->dir, from->i);
		if (rc)
			return rc < 0 ? rc : -EINVAL;
	}
	if (to->i && is_dir(to->i)) {
		rc = is_below(from->dir, to->i);
		if (rc)
			return rc < 0 ? rc : flags & FS_RENAME_EXCHANGE ? -EINVAL : -ENOTEMPTY;
	}
	if (flags & FS_RENAME_EXCHANGE && from->dir != to->dir && is_dir(from->i) != is_dir(to->i)) {
		if (ext4_links_full(is_dir(from->i) ? to->dir : from->dir))
			return -EMLINK;
	}
	if (flags & FS_RENAME_EXCHANGE)
		return 0;
	if (to->i && is_dir(from->i) != is_dir(to->i))
		return is_dir(to->i) ? -EISDIR : -ENOTDIR;
	if (to->i && is_dir(to->i)) {
		rc = dir_empty(to->i);
		if (rc != 1)
			return rc ? rc : -ENOTEMPTY;
	}
	if (is_dir(from->i) && !to->i && from->dir != to->dir && ext4_links_full(to->dir))
		return -EMLINK;
	return 0;
}

static int change(struct side *from, struct side *to, unsigned flags)
{
	struct ext4 *e = fs_of(from->dir);
	struct handle h;
	int rc = ext4_begin(e, &h, 2 * NAME_CREDITS, NAME_SPACE);

	if (rc)
		return rc;
	rc = flags & FS_RENAME_EXCHANGE ? exchange(from, to, &h) : move(from, to, &h);
	ext4_touch(from->i, false);
	ext4_touch(from->dir, true);
	ext4_touch(to->dir, true);
	if (!rc)
		rc = ext4_ilog(from->i, &h);
	if (!rc)
		rc = ext4_ilog(from->dir, &h);
	if (!rc && to->dir != from->dir)
		rc = ext4_ilog(to->dir, &h);
	return ext4_end(e, &h, rc);
}

int ext4_rename(struct inode *from_dir, const char *from_name, size_t from_len,
		struct inode *to_dir, const char *to_name, size_t to_len, unsigned flags)
{
	struct side from = { .dir = ext4_inode_of(from_dir), .name = from_name, .len = from_len };
	struct side to = { .dir = ext4_inode_of(to_dir), .name = to_name, .len = to_len };
	struct ext4 *e = fs_of(from.dir);
	bool again;
	int rc;

	if (from_dir->fs != to_dir->fs)
		return -EXDEV;
	if (flags & ~(FS_RENAME_NOREPLACE | FS_RENAME_EXCHANGE) ||
	    flags == (FS_RENAME_NOREPLACE | FS_RENAME_EXCHANGE))
		return -EINVAL;
	if (!is_dir(from.dir) || !is_dir(to.dir))
		return -ENOTDIR;
	if (!from_len || !to_len)
		return -ENOENT;
	if (from_len > FS_NAME_MAX || to_len > FS_NAME_MAX)
		return -ENAMETOOLONG;
	if (dots(&from) || dots(&to))
		return flags & FS_RENAME_NOREPLACE && dots(&to) ? -EEXIST : -EBUSY;
	rc = ext4_writable(e);
	if (rc)
		return rc;
	for (bool written = false;; written = true) {
		ext4_lock_names(e);
		rc = find(&from);
		if (!rc) {
			rc = find(&to);
			if (rc == -ENOENT && to.dir->i.nlink)
				rc = 0;
		}
		if (!rc)
			rc = check(&from, &to, flags);
		/* The data of a file that replaces another one is written first, for programs that
		   omit fsync(). */
		again = !rc && !written && to.i && from.i != to.i && is_file(from.i) &&
			from.i->delayed;
		/* Not two names of one file. */
		if (!rc && !again && from.i != to.i)
			rc = change(&from, &to, flags);
		unlock_write(&e->names);
		if (again)
			ext4_writeback(from.i, 0, UINT64_MAX);
		/* The file that was replaced may be deleted here, which takes long. */
		leave(&from);
		leave(&to);
		if (!again)
			return rc;
	}
}

/* SPDX-License-Identifier: ISC */
/*
 * Names in directories of tmpfs.
 *
 * A directory has a hash table of its entries, and a list of them in order of creation.  Nothing
 * here sleeps after tmpfs_may_change().
 */
#include "fs/tmpfs/tmpfs.h"

#include <string.h>

#define TABLE_MIN 8
#define LINK_MAX 65000			/* ext4's */
#define TARGET_MAX 4095

static uint32_t hash_of(const char *name, size_t len)
{
	uint32_t h = 2166136261;	/* FNV-1a */

	while (len--)
		h = (h ^ (uint8_t)*name++) * 16777619;
	return h;
}

static bool is_dot(const char *name, size_t len)
{
	return len == 1 && name[0] == '.';
}

static bool is_dot_dot(const char *name, size_t len)
{
	return len == 2 && name[0] == '.' && name[1] == '.';
}

static struct tmpfs_entry *find(const struct tmpfs_inode *dir, const char *name, size_t len)
{
	uint32_t hash = hash_of(name, len);
	struct tmpfs_entry *e = NULL;

	if (dir->table)
		e = dir->table[hash & (dir->table_size - 1)];
	while (e && (e->hash != hash || e->len != len || memcmp(e->name, name, len)))
		e = e->chain;
	return e;
}

/* Whether names can be looked for in dir: 0 or -errno. */
static int check_dir(struct inode *dir, size_t len)
{
	if ((dir->mode & FS_IFMT) != FS_IFDIR)
		return -ENOTDIR;
	return len > FS_NAME_MAX ? -ENAMETOOLONG : 0;
}

int tmpfs_lookup(struct inode *dir, const char *name, size_t len, struct inode **i)
{
	struct tmpfs_inode *d = tmpfs_inode(dir);
	struct tmpfs_entry *e;
	int rc = check_dir(dir, len);

	if (rc)
		return rc;
	if (!d->parent)
		return is_dot(name, len) ? (*i = inode_get(dir), 0) : -ENOENT;
	if (is_dot(name, len) || is_dot_dot(name, len)) {
		*i = inode_get(len == 1 ? dir : &d->parent->i);
		return 0;
	}
	e = find(d, name, len);
	if (!e)
		return -ENOENT;
	*i = inode_get(&e->inode->i);
	return 0;
}

/* ---- entries */

static int grow_table(struct tmpfs_inode *dir)
{
	unsigned size = dir->table_size ? dir->table_size * 2 : TABLE_MIN;
	struct tmpfs *fs = tmpfs_of(&dir->i);
	int error;
	struct tmpfs_entry **table = tmpfs_alloc(fs, size * sizeof(*table), &error);

	if (!table)
		return error;
	for (struct tmpfs_entry *e = dir->first; e; e = e->next) {
		struct tmpfs_entry **p = &table[e->hash & (size - 1)];

		e->chain = *p;
		*p = e;
	}
	tmpfs_free(fs, dir->table, dir->table_size * sizeof(*table));
	dir->table = table;
	dir->table_size = size;
	return 0;
}

static int add(struct tmpfs_inode *dir, const char *name, size_t len, struct tmpfs_inode *t)
{
	struct tmpfs_entry *e, **p;
	int error = 0;

	if (dir->entries >= dir->table_size)
		error = grow_table(dir);
	if (error && !dir->table)
		return error;		/* a table that is too small is only slow */
	e = tmpfs_alloc(tmpfs_of(&dir->i), sizeof(*e) + len, &error);
	if (!e)
		return error;
	e->inode = t;
	e->hash = hash_of(name, len);
	e->len = len;
	memcpy(e->name, name, len);
	e->cookie = dir->next_cookie++;
	p = &dir->table[e->hash & (dir->table_size - 1)];
	e->chain = *p;
	*p = e;
	e->prev = dir->last;
	*(dir->last ? &dir->last->next : &dir->first) = e;
	dir->last = e;
	dir->entries++;
	dir->i.size = dir->entries * 32;
	tmpfs_changed(dir);
	return 0;
}

static void remove_entry(struct tmpfs_inode *dir, struct tmpfs_entry *e)
{
	struct tmpfs_entry **p = &dir->table[e->hash & (dir->table_size - 1)];

	while (*p != e)
		p = &(*p)->chain;
	*p = e->chain;
	*(e->prev ? &e->prev->next : &dir->first) = e->next;
	*(e->next ? &e->next->prev : &dir->last) = e->prev;
	dir->entries--;
	dir->i.size = dir->entries * 32;
	tmpfs_free(tmpfs_of(&dir->i), e, sizeof(*e) + e->len);
	tmpfs_changed(dir);
}

/* One name less; a directory has none after that. */
static void lose_name(struct tmpfs_inode *t)
{
	t->ctime = os_time();
	if (tmpfs_is(t, FS_IFDIR)) {
		t->parent->i.nlink--;
		t->parent = NULL;
		t->i.nlink = 0;
	} else {
		t->i.nlink--;
	}
	if (!t->i.nlink && !t->i.refs)
		tmpfs_inode_free(t);
}

/* ---- new objects */

/* Whether a name can be added: 0 or -errno.  May sleep. */
static int check_new(struct inode *dir, const char *name, size_t len)
{
	int rc = check_dir(dir, len);

	if (!rc)
		rc = tmpfs_may_change(tmpfs_of(dir));
	if (rc)
		return rc;
	if (is_dot(name, len) || is_dot_dot(name, len))
		return -EEXIST;
	if (!tmpfs_inode(dir)->parent)
		return -ENOENT;
	return find(tmpfs_inode(dir), name, len) ? -EEXIST : 0;
}

static int make(struct inode *dir, const char *name, size_t len, uint32_t mode, uint32_t uid,
		uint32_t gid, struct tmpfs_inode **to)
{
	struct tmpfs_inode *d = tmpfs_inode(dir);
	int rc = check_new(dir, name, len);

	if (!rc && (mode & FS_IFMT) == FS_IFDIR && dir->nlink >= LINK_MAX)
		rc = -EMLINK;
	if (rc)
		return rc;
	if (dir->mode & 02000) {
		gid = d->gid;
		if ((mode & FS_IFMT) == FS_IFDIR)
			mode |= 02000;
	}
	rc = tmpfs_inode_new(tmpfs_of(dir), mode, uid, gid, to);
	if (rc)
		return rc;
	rc = add(d, name, len, *to);
	if (rc)
		tmpfs_inode_free(*to);
	else
		(*to)->i.nlink = 1;
	return rc;
}

int tmpfs_create(struct inode *dir, const char *name, size_t len, uint32_t mode, uint32_t uid,
		 uint32_t gid, uint64_t rdev, struct inode **i)
{
	struct tmpfs_inode *t;
	uint32_t type = mode & FS_IFMT;
	int rc = type == FS_IFDIR || type == FS_IFLNK || !type ? -EINVAL : 0;

	if (!rc)
		rc = make(dir, name, len, mode, uid, gid, &t);
	if (rc)
		return rc;
	t->rdev = rdev;
	*i = inode_get(&t->i);
	return 0;
}

int tmpfs_mkdir(struct inode *dir, const char *name, size_t len, uint32_t mode, uint32_t uid,
		uint32_t gid, struct inode **i)
{
	struct tmpfs_inode *t;
	int rc = make(dir, name, len, FS_IFDIR | (mode & 07777), uid, gid, &t);

	if (rc)
		return rc;
	t->parent = tmpfs_inode(dir);
	t->i.nlink = 2;
	dir->nlink++;
	*i = inode_get(&t->i);
	return 0;
}

int tmpfs_symlink(struct inode *dir, const char *name, size_t len, const char *target,
		  size_t target_len, uint32_t uid, uint32_t gid, struct inode **i)
{
	struct tmpfs *fs = tmpfs_of(dir);
	struct tmpfs_inode *t;
	char *copy;
	int rc = target_len > TARGET_MAX ? -ENAMETOOLONG : !target_len ? -ENOENT : 0;

	if (!rc)
		rc = check_new(dir, name, len);
	if (rc)
		return rc;
	copy = tmpfs_alloc(fs, target_len + 1, &rc);
	if (!copy)
		return rc;
	memcpy(copy, target, target_len);
	rc = make(dir, name, len, FS_IFLNK | 0777, uid, gid, &t);
	if (rc) {
		tmpfs_free(fs, copy, target_len + 1);
		return rc;
	}
	t->target = copy;
	t->i.size = target_len;
	*i = inode_get(&t->i);
	return 0;
}

int tmpfs_tmpfile(struct inode *dir, uint32_t mode, uint32_t uid, uint32_t gid,
		  struct inode **i)
{
	struct tmpfs_inode *t;
	int rc = check_dir(dir, 0);

	if (!rc)
		rc = tmpfs_may_change(tmpfs_of(dir));
	if (!rc && !tmpfs_inode(dir)->parent)
		rc = -ENOENT;
	if (rc)
		return rc;
	if (dir->mode & 02000)
		gid = tmpfs_inode(dir)->gid;
	rc = tmpfs_inode_new(tmpfs_of(dir), FS_IFREG | (mode & 07777), uid, gid, &t);
	if (rc)
		return rc;
	t->nameless = true;
	*i = inode_get(&t->i);
	return 0;
}

int tmpfs_link(struct inode *dir, const char *name, size_t len, struct inode *i)
{
	struct tmpfs_inode *t = tmpfs_inode(i);
	int rc;

	if (i->fs != dir->fs)
		return -EXDEV;
	rc = check_new(dir, name, len);
	if (rc)
		return rc;
	if (tmpfs_is(t, FS_IFDIR))
		return -EPERM;
	if (!i->nlink && !t->nameless)
		return -ENOENT;
	if (i->nlink >= LINK_MAX)
		return -EMLINK;
	rc = add(tmpfs_inode(dir), name, len, t);
	if (rc)
		return rc;
	t->nameless = false;
	i->nlink++;
	t->ctime = os_time();
	return 0;
}

/* ---- removal */

static int find_old(struct inode *dir, const char *name, size_t len, struct tmpfs_entry **e)
{
	int rc = check_dir(dir, len);

	if (!rc)
		rc = tmpfs_may_change(tmpfs_of(dir));
	if (rc)
		return rc;
	*e = find(tmpfs_inode(dir), name, len);
	return *e ? 0 : -ENOENT;
}

int tmpfs_unlink(struct inode *dir, const char *name, size_t len)
{
	struct tmpfs_inode *t;
	struct tmpfs_entry *e;
	int rc;

	if (is_dot(name, len) || is_dot_dot(name, len))
		return -EISDIR;
	rc = find_old(dir, name, len, &e);
	if (rc)
		return rc;
	t = e->inode;
	if (tmpfs_is(t, FS_IFDIR))
		return -EISDIR;
	remove_entry(tmpfs_inode(dir), e);
	lose_name(t);
	return 0;
}

int tmpfs_rmdir(struct inode *dir, const char *name, size_t len)
{
	struct tmpfs_inode *t;
	struct tmpfs_entry *e;
	int rc;

	if (is_dot(name, len))
		return -EINVAL;
	if (is_dot_dot(name, len))
		return -ENOTEMPTY;
	rc = find_old(dir, name, len, &e);
	if (rc)
		return rc;
	t = e->inode;
	if (!tmpfs_is(t, FS_IFDIR))
		return -ENOTDIR;
	if (t->entries)
		return -ENOTEMPTY;
	remove_entry(tmpfs_inode(dir), e);
	lose_name(t);
	return 0;
}

/* ---- rename */

/* Whether t is dir, or a directory on the way from the root to it. */
static bool is_above(const struct tmpfs_inode *t, const struct tmpfs_inode *dir)
{
	while (dir && dir != t && dir->parent != dir)
		dir = dir->parent;
	return dir == t;
}

static int check_replace(const struct tmpfs_inode *from, const struct tmpfs_inode *to,
			 const struct tmpfs_inode *from_dir)
{
	if (is_above(to, from_dir))
		return -ENOTEMPTY;
	if (tmpfs_is(to, FS_IFDIR) && !tmpfs_is(from, FS_IFDIR))
		return -EISDIR;
	if (!tmpfs_is(to, FS_IFDIR) && tmpfs_is(from, FS_IFDIR))
		return -ENOTDIR;
	return tmpfs_is(to, FS_IFDIR) && to->entries ? -ENOTEMPTY : 0;
}

/* t, if it is a directory, has another parent now. */
static void move(struct tmpfs_inode *t, struct tmpfs_inode *dir)
{
	t->ctime = os_time();
	if (!tmpfs_is(t, FS_IFDIR) || t->parent == dir)
		return;
	t->parent->i.nlink--;
	dir->i.nlink++;
	t->parent = dir;
}

static int exchange(struct tmpfs_inode *from_dir, struct tmpfs_entry *from,
		    struct tmpfs_inode *to_dir, struct tmpfs_entry *to)
{
	struct tmpfs_inode *t = from->inode;

	if (tmpfs_is(to->inode, FS_IFDIR) && is_above(to->inode, from_dir))
		return -EINVAL;
	from->inode = to->inode;
	to->inode = t;
	move(from->inode, from_dir);
	move(to->inode, to_dir);
	tmpfs_changed(from_dir);
	tmpfs_changed(to_dir);
	return 0;
}

int tmpfs_rename(struct inode *from_dir, const char *from, size_t from_len,
		 struct inode *to_dir, const char *to, size_t to_len, unsigned flags)
{
	struct tmpfs_inode *source = tmpfs_inode(from_dir), *target = tmpfs_inode(to_dir);
	struct tmpfs_inode *t, *replaced = NULL;
	struct tmpfs_entry *old, *e;
	int rc;

	if (from_dir->fs != to_dir->fs)
		return -EXDEV;
	if (flags & ~(FS_RENAME_NOREPLACE | FS_RENAME_EXCHANGE) ||
	    flags == (FS_RENAME_NOREPLACE | FS_RENAME_EXCHANGE))
		return -EINVAL;
	if (is_dot(from, from_len) || is_dot_dot(from, from_len) || is_dot(to, to_len) ||
	    is_dot_dot(to, to_len))
		return -EBUSY;
	rc = check_dir(to_dir, to_len);
	if (!rc)
		rc = find_old(from_dir, from, from_len, &old);
	if (rc)
		return rc;
	if (!target->parent)
		return -ENOENT;
	t = old->inode;
	e = find(target, to, to_len);
	if (e && flags & FS_RENAME_NOREPLACE)
		return -EEXIST;
	if (!e && flags & FS_RENAME_EXCHANGE)
		return -ENOENT;
	if (tmpfs_is(t, FS_IFDIR) && is_above(t, target))
		return -EINVAL;
	if (e && e->inode == t)
		return 0;
	if (flags & FS_RENAME_EXCHANGE)
		return exchange(source, old, target, e);
	if (e) {
		rc = check_replace(t, e->inode, source);
		if (rc)
			return rc;
		/* The entry stays, so that a name that is replaced never fails for memory. */
		replaced = e->inode;
		e->inode = t;
		tmpfs_changed(target);
	} else {
		if (tmpfs_is(t, FS_IFDIR) && source != target && to_dir->nlink >= LINK_MAX)
			return -EMLINK;
		rc = add(target, to, to_len, t);
		if (rc)
			return rc;
	}
	remove_entry(source, old);
	move(t, target);
	if (replaced)
		lose_name(replaced);
	return 0;
}

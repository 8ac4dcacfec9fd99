/* SPDX-License-Identifier: ISC */
/* Names, and the errors of POSIX. */
#include "tests/fs/model_inside.h"

#include <stdlib.h>
#include <string.h>

bool model_allows(const struct model *m, int64_t expected, int64_t got)
{
	if (expected >= 0 || got >= 0)
		return expected == got;
	for (unsigned i = 0; i < m->error_count; i++)
		if (got == -m->errors[i])
			return true;
	return expected == got;
}

static bool dots(const char *name, size_t len)
{
	return (len == 1 && name[0] == '.') || (len == 2 && name[0] == '.' && name[1] == '.');
}

/* ---- Directories. */

static struct model_entry *find(struct model *m, uint32_t dir, const char *name, size_t len)
{
	struct model_inode *d = model_at(m, dir);

	for (unsigned i = 0; i < d->entry_count; i++)
		if (d->entries[i].len == len && !memcmp(d->entries[i].name, name, len))
			return &d->entries[i];
	return NULL;
}

static void entry_add(struct model *m, uint32_t dir, const char *name, size_t len, uint32_t id)
{
	struct model_inode *d = model_at(m, dir);

	if (d->entry_count == d->entry_room) {
		d->entry_room = d->entry_room ? 2 * d->entry_room : 4;
		d->entries = realloc(d->entries, d->entry_room * sizeof(*d->entries));
	}
	d->entries[d->entry_count] = (struct model_entry){ malloc(len + 1), len, id };
	memcpy(d->entries[d->entry_count].name, name, len);
	d->entries[d->entry_count++].name[len] = '\0';
	model_changed(m, dir, MODEL_MTIME);
}

static void entry_remove(struct model *m, uint32_t dir, struct model_entry *e)
{
	struct model_inode *d = model_at(m, dir);

	free(e->name);
	*e = d->entries[--d->entry_count];
	model_changed(m, dir, MODEL_MTIME);
}

/* The first check of each function with a name. */
static bool name_is_bad(struct model *m, uint32_t dir, const char *name, size_t len)
{
	(void)name;
	if (!model_is(m, dir, FS_IFDIR))
		model_error(m, ENOTDIR);
	else if (model_at(m, dir)->parent == NOBODY)
		model_error(m, ENOENT);
	if (len > FS_NAME_MAX)
		model_error(m, ENAMETOOLONG);
	return m->error_count;
}

static bool is_inside(struct model *m, uint32_t dir, uint32_t ancestor)
{
	for (;; dir = model_at(m, dir)->parent) {
		if (dir == ancestor)
			return true;
		if (dir == 0 || dir == NOBODY)
			return false;
	}
}

/* ---- Inodes. */

static uint32_t inode_new(struct model *m, uint32_t dir, uint32_t mode, uint32_t uid,
			  uint32_t gid)
{
	struct model_inode *i;
	uint32_t id = m->count;

	if (m->count == m->room) {
		m->room = m->room ? 2 * m->room : 16;
		m->inodes = realloc(m->inodes, m->room * sizeof(*m->inodes));
	}
	m->count++;
	i = model_at(m, id);
	*i = (struct model_inode){
		.exists = true, .mode = mode, .uid = uid, .gid = gid, .nlink = 1,
		.parent = NOBODY, .atime = m->now, .mtime = m->now, .ctime = m->now,
		.btime = m->now, .meta = m->number, .core = m->number,
	};
	if (id && model_at(m, dir)->mode & 02000) {
		i->gid = model_at(m, dir)->gid;
		if ((mode & FS_IFMT) == FS_IFDIR)
			i->mode |= 02000;
	}
	return id;
}

static void inode_free(struct model *m, uint32_t id)
{
	struct model_inode *i = model_at(m, id);

	for (unsigned n = 0; n < i->chunk_count; n++)
		if (--i->chunks[n].page->refs == 0)
			free(i->chunks[n].page);
	free(i->chunks);
	for (unsigned n = 0; n < i->entry_count; n++)
		free(i->entries[n].name);
	free(i->entries);
	for (unsigned n = 0; n < i->xattr_count; n++) {
		free(i->xattrs[n].name);
		free(i->xattrs[n].value);
	}
	free(i->xattrs);
	free(i->target);
	*i = (struct model_inode){ .parent = NOBODY };
}

static void maybe_gone(struct model *m, uint32_t id)
{
	struct model_inode *i = model_at(m, id);

	if (i->nlink == 0 && !i->held)
		inode_free(m, id);
}

static void lose_name(struct model *m, uint32_t id)
{
	struct model_inode *i = model_at(m, id);

	model_changed(m, id, 0);
	if (model_is(m, id, FS_IFDIR)) {
		model_at(m, i->parent)->nlink--;
		i->nlink = 0;
		i->parent = NOBODY;
	} else {
		i->nlink--;
	}
	maybe_gone(m, id);
}

void model_hold(struct model *m, uint32_t id)
{
	model_at(m, id)->held++;
}

void model_drop(struct model *m, uint32_t id)
{
	model_at(m, id)->held--;
	maybe_gone(m, id);
}

void model_begin(struct model *m, uint32_t root_mode)
{
	*m = (struct model){ .size_max = INT64_MAX, .target_max = 4095 };
	inode_new(m, 0, FS_IFDIR | root_mode, 0, 0);
	m->inodes[0].parent = 0;
	m->inodes[0].nlink = 2;
	m->inodes[0].vague = MODEL_ATIME | MODEL_MTIME | MODEL_CTIME;
}

void model_end(struct model *m)
{
	for (uint32_t id = 0; id < m->count; id++)
		inode_free(m, id);
	free(m->inodes);
	*m = (struct model){ 0 };
}

void model_copy(struct model *to, const struct model *from)
{
	*to = *from;
	to->room = from->count;
	to->inodes = malloc(from->count * sizeof(*to->inodes));
	for (uint32_t id = 0; id < from->count; id++) {
		const struct model_inode *old = &from->inodes[id];
		struct model_inode *i = &to->inodes[id];

		*i = *old;
		if (!old->exists)
			continue;
		i->chunks = model_duplicate(old->chunks, old->chunk_count * sizeof(*i->chunks));
		i->chunk_room = i->chunk_count;
		for (unsigned n = 0; n < i->chunk_count; n++)
			i->chunks[n].page->refs++;
		i->entries = model_duplicate(old->entries, old->entry_count * sizeof(*i->entries));
		i->entry_room = i->entry_count;
		for (unsigned n = 0; n < i->entry_count; n++)
			i->entries[n].name = model_duplicate(old->entries[n].name, old->entries[n].len);
		i->xattrs = model_duplicate(old->xattrs, old->xattr_count * sizeof(*i->xattrs));
		for (unsigned n = 0; n < i->xattr_count; n++) {
			i->xattrs[n].name = strdup(old->xattrs[n].name);
			i->xattrs[n].value = model_duplicate(old->xattrs[n].value, old->xattrs[n].size);
		}
		if (old->target)
			i->target = model_duplicate(old->target, old->target_len);
	}
}

/* ---- Calls with names. */

int model_lookup(struct model *m, uint32_t dir, const char *name, size_t len, uint32_t *id)
{
	struct model_entry *e;

	model_check(m);
	if (name_is_bad(m, dir, name, len))
		return model_result(m);
	if (dots(name, len)) {
		*id = len == 1 ? dir : model_at(m, dir)->parent;
		return 0;
	}
	e = find(m, dir, name, len);
	if (!e)
		model_error(m, ENOENT);
	else
		*id = e->id;
	return model_result(m);
}

/* Errors of each function that makes a name. */
static bool cannot_add(struct model *m, uint32_t dir, const char *name, size_t len)
{
	if (name_is_bad(m, dir, name, len))
		return true;
	if (dots(name, len) || find(m, dir, name, len))
		model_error(m, EEXIST);
	return m->error_count;
}

int model_create(struct model *m, uint32_t dir, const char *name, size_t len, uint32_t mode,
		 uint32_t uid, uint32_t gid, uint64_t rdev, uint32_t *id)
{
	uint32_t type = mode & FS_IFMT;

	model_check(m);
	cannot_add(m, dir, name, len);
	if (type == FS_IFDIR || type == FS_IFLNK)
		model_error(m, EINVAL);
	if (m->error_count)
		return model_result(m);
	*id = inode_new(m, dir, mode, uid, gid);
	if (type == FS_IFBLK || type == FS_IFCHR)
		model_at(m, *id)->rdev = rdev;
	entry_add(m, dir, name, len, *id);
	return 0;
}

int model_mkdir(struct model *m, uint32_t dir, const char *name, size_t len, uint32_t mode,
		uint32_t uid, uint32_t gid, uint32_t *id)
{
	model_check(m);
	if (cannot_add(m, dir, name, len))
		return model_result(m);
	*id = inode_new(m, dir, FS_IFDIR | (mode & 07777), uid, gid);
	model_at(m, *id)->nlink = 2;
	model_at(m, *id)->parent = dir;
	model_at(m, dir)->nlink++;
	entry_add(m, dir, name, len, *id);
	return 0;
}

int model_symlink(struct model *m, uint32_t dir, const char *name, size_t len,
		  const char *target, size_t target_len, uint32_t uid, uint32_t gid,
		  uint32_t *id)
{
	struct model_inode *i;

	model_check(m);
	cannot_add(m, dir, name, len);
	if (!target_len)
		model_error(m, ENOENT);
	if (target_len > m->target_max)
		model_error(m, ENAMETOOLONG);
	if (m->error_count)
		return model_result(m);
	*id = inode_new(m, dir, FS_IFLNK | 0777, uid, gid);
	i = model_at(m, *id);
	i->target = model_duplicate(target, target_len);
	i->target_len = i->size = target_len;
	entry_add(m, dir, name, len, *id);
	return 0;
}

int model_tmpfile(struct model *m, uint32_t dir, uint32_t mode, uint32_t uid, uint32_t gid,
		  uint32_t *id)
{
	model_check(m);
	if (name_is_bad(m, dir, "", 0))
		return model_result(m);
	*id = inode_new(m, dir, FS_IFREG | (mode & 07777), uid, gid);
	model_at(m, *id)->nlink = 0;
	model_at(m, *id)->tmp = true;
	return 0;
}

int model_link(struct model *m, uint32_t dir, const char *name, size_t len, uint32_t id)
{
	struct model_inode *i = model_at(m, id);

	model_check(m);
	cannot_add(m, dir, name, len);
	if (model_is(m, id, FS_IFDIR))
		model_error(m, EPERM);
	else if (i->nlink == 0 && !i->tmp)
		model_error(m, ENOENT);
	if (m->error_count)
		return model_result(m);
	i->nlink++;
	i->tmp = false;
	model_changed(m, id, 0);
	i->core = m->number;
	entry_add(m, dir, name, len, id);
	return 0;
}

int model_unlink(struct model *m, uint32_t dir, const char *name, size_t len)
{
	struct model_entry *e;
	uint32_t id;

	model_check(m);
	name_is_bad(m, dir, name, len);
	if (dots(name, len)) {
		model_error(m, EISDIR);
		model_error(m, EINVAL);
		model_error(m, EBUSY);
		model_error(m, EPERM);
	}
	if (m->error_count)
		return model_result(m);
	e = find(m, dir, name, len);
	if (!e) {
		model_error(m, ENOENT);
		return model_result(m);
	}
	id = e->id;
	if (model_is(m, id, FS_IFDIR)) {
		model_error(m, EISDIR);
		return model_result(m);
	}
	entry_remove(m, dir, e);
	lose_name(m, id);
	return 0;
}

int model_rmdir(struct model *m, uint32_t dir, const char *name, size_t len)
{
	struct model_entry *e;
	uint32_t id;

	model_check(m);
	name_is_bad(m, dir, name, len);
	if (dots(name, len)) {
		model_error(m, len == 1 ? EINVAL : ENOTEMPTY);
		model_error(m, len == 1 ? EINVAL : EBUSY);
	}
	if (m->error_count)
		return model_result(m);
	e = find(m, dir, name, len);
	if (!e)
		model_error(m, ENOENT);
	else if (!model_is(m, e->id, FS_IFDIR))
		model_error(m, ENOTDIR);
	else if (model_at(m, e->id)->entry_count)
		model_error(m, ENOTEMPTY);
	if (m->error_count)
		return model_result(m);
	id = e->id;
	entry_remove(m, dir, e);
	lose_name(m, id);
	return 0;
}

static void rename_errors(struct model *m, uint32_t from_dir, const char *from, size_t from_len,
			  uint32_t to_dir, const char *to, size_t to_len, unsigned flags)
{
	struct model_entry *e, *over;
	bool exchange = flags & FS_RENAME_EXCHANGE;

	if (exchange && flags & FS_RENAME_NOREPLACE)
		model_error(m, EINVAL);
	name_is_bad(m, from_dir, from, from_len);
	name_is_bad(m, to_dir, to, to_len);
	if (dots(from, from_len) || dots(to, to_len)) {
		model_error(m, EINVAL);
		model_error(m, EBUSY);
		if (dots(to, to_len)) {
			model_error(m, EEXIST);
			model_error(m, ENOTEMPTY);
		}
		return;
	}
	if (m->error_count)
		return;
	e = find(m, from_dir, from, from_len);
	over = find(m, to_dir, to, to_len);
	if (!e || (exchange && !over))
		model_error(m, ENOENT);
	if (over && flags & FS_RENAME_NOREPLACE)
		model_error(m, EEXIST);
	if (!e)
		return;
	if (model_is(m, e->id, FS_IFDIR) && is_inside(m, to_dir, e->id))
		model_error(m, EINVAL);
	if (exchange && over && model_is(m, over->id, FS_IFDIR) && is_inside(m, from_dir, over->id))
		model_error(m, EINVAL);
	if (!over || exchange || over->id == e->id)
		return;
	if (model_is(m, e->id, FS_IFDIR) && !model_is(m, over->id, FS_IFDIR))
		model_error(m, ENOTDIR);
	if (!model_is(m, e->id, FS_IFDIR) && model_is(m, over->id, FS_IFDIR))
		model_error(m, EISDIR);
	if (model_is(m, over->id, FS_IFDIR) && model_at(m, over->id)->entry_count)
		model_error(m, ENOTEMPTY);
}

static void move_dir(struct model *m, uint32_t id, uint32_t to_dir)
{
	if (!model_is(m, id, FS_IFDIR))
		return;
	model_at(m, model_at(m, id)->parent)->nlink--;
	model_at(m, to_dir)->nlink++;
	model_at(m, id)->parent = to_dir;
}

int model_rename(struct model *m, uint32_t from_dir, const char *from, size_t from_len,
		 uint32_t to_dir, const char *to, size_t to_len, unsigned flags)
{
	struct model_entry *e, *over;
	uint32_t id, other;

	model_check(m);
	rename_errors(m, from_dir, from, from_len, to_dir, to, to_len, flags);
	if (m->error_count)
		return model_result(m);
	e = find(m, from_dir, from, from_len);
	over = find(m, to_dir, to, to_len);
	id = e->id;
	if (over && over->id == id)
		return 0;
	if (flags & FS_RENAME_EXCHANGE) {
		other = over->id;
		e->id = other;
		over->id = id;
		move_dir(m, other, from_dir);
		model_changed(m, other, 0);
		model_changed(m, from_dir, MODEL_MTIME);
		model_changed(m, to_dir, MODEL_MTIME);
	} else {
		if (over) {
			other = over->id;
			entry_remove(m, to_dir, over);
			lose_name(m, other);
		}
		entry_remove(m, from_dir, find(m, from_dir, from, from_len));
		entry_add(m, to_dir, to, to_len, id);
	}
	move_dir(m, id, to_dir);
	model_changed(m, id, 0);
	return 0;
}

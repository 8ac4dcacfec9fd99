/* SPDX-License-Identifier: ISC */
/*
 * A file system in memory: the interface of fs/fs.h without a device.
 *
 * An inode lives while it has a name or a reference.  Everything that is allocated counts
 * against the limit of the mount, so that a program which fills /tmp gets -ENOSPC while there
 * is memory left for the others.
 */
#include "fs/tmpfs/tmpfs.h"

#include <string.h>

#define OBJECT 32			/* bytes that the allocator adds, roughly */

void *tmpfs_alloc(struct tmpfs *t, size_t size, int *error)
{
	void *p = NULL;

	*error = -ENOSPC;
	if (size + OBJECT <= t->limit - t->used) {
		*error = -ENOMEM;
		p = os_alloc(size);
	}
	if (p)
		t->used += size + OBJECT;
	return p;
}

void tmpfs_free(struct tmpfs *t, void *p, size_t size)
{
	if (!p)
		return;
	t->used -= size + OBJECT;
	os_free(p);
}

int tmpfs_may_change(struct tmpfs *t)
{
	while (t->fs.frozen)
		os_wait(&t->thawed);
	return t->fs.read_only ? -EROFS : 0;
}

/* ---- inodes */

int tmpfs_inode_new(struct tmpfs *fs, uint32_t mode, uint32_t uid, uint32_t gid,
		    struct tmpfs_inode **to)
{
	int error;
	struct tmpfs_inode *t = tmpfs_alloc(fs, sizeof(*t), &error);

	if (!t)
		return error;
	t->i = (struct inode){ .fs = &fs->fs, .ino = fs->next_ino++, .mode = mode };
	t->uid = uid;
	t->gid = gid;
	t->generation = os_random();
	t->atime = t->mtime = t->ctime = t->btime = os_time();
	t->next_cookie = 3;		/* those of . and .. are before it */
	t->next = fs->all;
	if (t->next)
		t->next->prev = t;
	fs->all = t;
	fs->inodes++;
	*to = t;
	return 0;
}

void tmpfs_inode_free(struct tmpfs_inode *t)
{
	struct tmpfs *fs = tmpfs_of(&t->i);

	/* This sleeps, and the file system shall not be unmounted meanwhile. */
	t->dying = true;
	tmpfs_drop_pages(t, 0, true);
	tmpfs_xattr_free(t);
	for (struct tmpfs_entry *e = t->first, *next; e; e = next) {
		next = e->next;
		tmpfs_free(fs, e, sizeof(*e) + e->len);
	}
	tmpfs_free(fs, t->table, t->table_size * sizeof(*t->table));
	if (t->target)
		tmpfs_free(fs, t->target, t->i.size + 1);
	if (t->prev)
		t->prev->next = t->next;
	else
		fs->all = t->next;
	if (t->next)
		t->next->prev = t->prev;
	fs->inodes--;
	tmpfs_free(fs, t, sizeof(*t));
}

static void tmpfs_release(struct inode *i)
{
	if (!i->nlink)
		tmpfs_inode_free(tmpfs_inode(i));
}

static int tmpfs_stat(struct inode *i, struct fs_stat *s)
{
	struct tmpfs_inode *t = tmpfs_inode(i);

	*s = (struct fs_stat){
		.ino = i->ino, .mode = i->mode, .nlink = i->nlink, .uid = t->uid, .gid = t->gid,
		.rdev_major = t->rdev >> 32, .rdev_minor = t->rdev, .size = i->size,
		.blocks = t->pages.count * (FS_PAGE / 512), .block_size = FS_PAGE,
		.atime = t->atime, .mtime = t->mtime, .ctime = t->ctime, .btime = t->btime,
		.generation = t->generation,
	};
	return 0;
}

static int tmpfs_setattr(struct inode *i, const struct fs_attr *a)
{
	struct tmpfs_inode *t = tmpfs_inode(i);
	int rc = tmpfs_may_change(tmpfs_of(i));

	if (rc)
		return rc;
	if (a->set & FS_SET_MODE)
		i->mode = (i->mode & FS_IFMT) | (a->mode & 07777);
	if (a->set & FS_SET_UID)
		t->uid = a->uid;
	if (a->set & FS_SET_GID)
		t->gid = a->gid;
	if (a->set & FS_SET_ATIME)
		t->atime = a->atime;
	if (a->set & FS_SET_MTIME)
		t->mtime = a->mtime;
	t->ctime = os_time();
	return 0;
}

static ssize_t tmpfs_readlink(struct inode *i, char *to, size_t size)
{
	if (!tmpfs_is(tmpfs_inode(i), FS_IFLNK))
		return -EINVAL;
	if (size > i->size)
		size = i->size;
	memcpy(to, tmpfs_inode(i)->target, size);
	return size;
}

/* ---- the file system */

/*
 * Directories hold no references, so all that is left can be freed in any order once
 * no other reference exists.
 */
static int tmpfs_unmount(struct fs *fs)
{
	struct tmpfs *t = (struct tmpfs *)fs;

	for (struct tmpfs_inode *i = t->all; i; i = i->next)
		if (i->i.refs != (&i->i == fs->root) || i->dying)
			return -EBUSY;
	while (t->all)
		tmpfs_inode_free(t->all);
	os_free(t);
	return 0;
}

static int tmpfs_syncfs(struct fs *fs)
{
	(void)fs;
	return 0;
}

static int tmpfs_statfs(struct fs *fs, struct fs_statfs *s)
{
	struct tmpfs *t = (struct tmpfs *)fs;
	uint64_t left = t->limit - t->used, memory = os_memory_free();

	if (left > memory)
		left = memory;
	*s = (struct fs_statfs){
		.block_size = FS_PAGE, .blocks = t->limit / FS_PAGE, .free = left / FS_PAGE,
		.available = left / FS_PAGE,
		.inodes = t->inodes + left / sizeof(struct tmpfs_inode),
		.inodes_free = left / sizeof(struct tmpfs_inode),
		.id = (uintptr_t)t, .read_only = fs->read_only, .type = "tmpfs",
	};
	return 0;
}

static void tmpfs_stats(struct fs *fs, struct fs_stats *s)
{
	struct tmpfs *t = (struct tmpfs *)fs;

	*s = (struct fs_stats){
		.cache_bytes = t->used, .inodes_cached = t->inodes, .read_only = fs->read_only,
	};
}

static int tmpfs_freeze(struct fs *fs)
{
	struct tmpfs *t = (struct tmpfs *)fs;

	if (t->fs.frozen)
		return -EBUSY;
	t->fs.frozen = true;
	return 0;
}

static int tmpfs_thaw(struct fs *fs)
{
	struct tmpfs *t = (struct tmpfs *)fs;

	if (!t->fs.frozen)
		return -EINVAL;
	t->fs.frozen = false;
	os_wake(&t->thawed);
	return 0;
}

static int tmpfs_remount(struct fs *fs, struct fs_options *options)
{
	struct tmpfs *t = (struct tmpfs *)fs;

	if (options->size_limit && options->size_limit < t->used) {
		os_format(options->reason, sizeof(options->reason),
			  "the size is less than what is used");
		return -EINVAL;
	}
	if (options->size_limit)
		t->limit = options->size_limit;
	fs->options = *options;
	fs->read_only = options->read_only;
	return 0;
}

static int tmpfs_by_number(struct fs *fs, uint64_t ino, struct inode **to)
{
	struct tmpfs *t = (struct tmpfs *)fs;

	for (struct tmpfs_inode *i = t->all; i; i = i->next)
		if (i->i.ino == ino && !i->dying) {
			*to = inode_get(&i->i);
			return 0;
		}
	return -ESTALE;
}

/* ---- what there is nothing to do for */

static int tmpfs_sync(struct fs_open *o, bool data_only)
{
	(void)o, (void)data_only;
	return 0;
}

static int tmpfs_range(struct fs_open *o, uint64_t at, uint64_t len)
{
	(void)o, (void)at, (void)len;
	return 0;
}

static void tmpfs_dont_need(struct fs_open *o, uint64_t at, uint64_t len)
{
	(void)o, (void)at, (void)len;
}

static const struct fs_ops tmpfs_ops = {
	.unmount = tmpfs_unmount, .syncfs = tmpfs_syncfs, .statfs = tmpfs_statfs,
	.stats = tmpfs_stats, .freeze = tmpfs_freeze, .thaw = tmpfs_thaw,
	.remount = tmpfs_remount, .inode = tmpfs_by_number,
	.release = tmpfs_release, .stat = tmpfs_stat, .setattr = tmpfs_setattr,
	.lookup = tmpfs_lookup, .create = tmpfs_create, .mkdir = tmpfs_mkdir,
	.symlink = tmpfs_symlink, .tmpfile = tmpfs_tmpfile, .link = tmpfs_link,
	.unlink = tmpfs_unlink, .rmdir = tmpfs_rmdir, .rename = tmpfs_rename,
	.readlink = tmpfs_readlink, .readdir = tmpfs_readdir,
	.read = tmpfs_read, .write = tmpfs_write, .truncate = tmpfs_truncate,
	.fallocate = tmpfs_fallocate, .seek = tmpfs_seek, .sync = tmpfs_sync,
	.write_range = tmpfs_range, .will_need = tmpfs_range, .dont_need = tmpfs_dont_need,
	.page = tmpfs_page, .page_put = tmpfs_page_put, .page_dirty = tmpfs_page_dirty,
	.xattr_get = tmpfs_xattr_get, .xattr_set = tmpfs_xattr_set,
	.xattr_list = tmpfs_xattr_list,
};

int tmpfs_mount(struct fs_options *options, struct fs **fs)
{
	struct tmpfs *t = os_alloc(sizeof(*t));
	struct tmpfs_inode *root;
	int rc;

	if (!t)
		return -ENOMEM;
	t->fs.ops = &tmpfs_ops;
	t->fs.options = *options;
	t->fs.read_only = options->read_only;
	t->limit = options->size_limit ? options->size_limit : os_memory_free() / 2;
	t->next_ino = 1;
	rc = tmpfs_inode_new(t, FS_IFDIR | (options->root_mode ? options->root_mode & 07777 : 01777),
			     0, 0, &root);
	if (rc) {
		os_format(options->reason, sizeof(options->reason), "the size is too small");
		os_free(t);
		return rc;
	}
	root->i.nlink = 2;
	root->parent = root;
	t->fs.root = inode_get(&root->i);
	*fs = &t->fs;
	return 0;
}

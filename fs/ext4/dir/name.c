/* SPDX-License-Identifier: ISC */
/* Names: lookup, create, mkdir, symlink, tmpfile, readlink. */
#include "fs/ext4/ext4.h"

void ext4_touch(struct ext4_inode *i, bool mtime)
{
	i->ctime = ext4_now();
	if (mtime)
		i->mtime = i->ctime;
}

/* 0, or why names of this directory cannot be used. */
static int check_dir(const struct ext4_inode *dir, size_t len)
{
	if (!is_dir(dir))
		return -ENOTDIR;
	if (!len)
		return -ENOENT;
	return len > FS_NAME_MAX ? -ENAMETOOLONG : 0;
}

int ext4_lookup(struct inode *inode, const char *name, size_t len, struct inode **to)
{
	struct ext4_inode *dir = ext4_inode_of(inode), *i;
	struct ext4 *e = fs_of(dir);
	struct dir_slot s;
	uint32_t ino = 0;
	int rc = check_dir(dir, len);

	if (rc)
		return rc;
	lock_read(&e->names);
	rc = dir->i.nlink ? dir_find(dir, name, len, &s, &ino) : -ENOENT;
	if (!rc) {
		buf_put(s.b);
		rc = ino < e->first_ino && ino != EXT4_ROOT ? -EUCLEAN
							     : ext4_iget(e, ino, false, &i);
		if (rc == -ESTALE)
			rc = ext4_damaged(e, "a directory entry refers to the unused inode %u",
					  (unsigned)ino);
	}
	if (!rc)
		*to = &i->i;
	unlock_read(&e->names);
	return rc;
}

/* With the lock: the name is free. */
static int check_free(struct ext4_inode *dir, const char *name, size_t len)
{
	struct dir_slot s;
	uint32_t ino;
	int rc = dir->i.nlink ? dir_find(dir, name, len, &s, &ino) : 0;

	if (!dir->i.nlink)
		return -ENOENT;
	if (!rc)
		buf_put(s.b);
	return rc == -ENOENT ? 0 : rc ? rc : -EEXIST;
}

static int begin_create(struct ext4_inode *dir, const char *name, size_t len, struct handle *h)
{
	struct ext4 *e = fs_of(dir);
	int rc = check_dir(dir, len);

	if (rc)
		return rc;
	if (e->delayed)
		ext4_gather_space(e, NAME_SPACE);
	ext4_lock_names(e);
	rc = check_free(dir, name, len);
	if (!rc)
		rc = ext4_changeable(dir, true);
	if (!rc && !e->free_inodes)
		rc = -ENOSPC;
	if (!rc)
		rc = ext4_begin(e, h, NAME_CREDITS, NAME_SPACE);
	if (rc)
		unlock_write(&e->names);
	return rc;
}

/* The end of creating: i is new, and goes if there was an error. */
static int end_create(struct ext4_inode *dir, struct handle *h, struct ext4_inode *i, int rc,
		      struct inode **to)
{
	struct ext4 *e = fs_of(dir);
	bool undo = rc == -ENOSPC && i;

	if (undo) {
		/* The directory is full: the inode is deleted like one without names. */
		i->i.nlink = 0;
		rc = orphan_add(i, h);
	}
	if (!rc)
		rc = ext4_ilog(i, h);
	rc = ext4_end(e, h, rc);
	unlock_write(&e->names);
	if (!rc && !undo)
		*to = &i->i;
	else if (i)
		inode_put(&i->i);
	return rc || !undo ? rc : -ENOSPC;
}

static int add_name(struct ext4_inode *dir, struct handle *h, const char *name, size_t len,
		    struct ext4_inode *i)
{
	int rc = dir_add(dir, h, name, len, i->i.ino, i->i.mode);

	if (rc)
		return rc;
	ext4_touch(dir, true);
	return ext4_ilog(dir, h);
}

static void set_device(struct ext4_inode *i, uint64_t rdev)
{
	uint32_t major = rdev >> 32, minor = rdev;

	i->flags &= ~INODE_EXTENTS;
	memset(&i->block, 0, sizeof(i->block));
	if ((i->i.mode & FS_IFMT) != FS_IFCHR && (i->i.mode & FS_IFMT) != FS_IFBLK)
		return;
	if (major < 256 && minor < 256)
		i->block.words[0] = le32(major << 8 | minor);
	else
		i->block.words[1] = le32((minor & 0xff) | major << 8 | (minor & ~0xffu) << 12);
}

int ext4_create(struct inode *inode, const char *name, size_t len, uint32_t mode, uint32_t uid,
		uint32_t gid, uint64_t rdev, struct inode **to)
{
	struct ext4_inode *dir = ext4_inode_of(inode), *i = NULL;
	uint32_t type = mode & FS_IFMT;
	struct handle h;
	int rc;

	if (type == FS_IFDIR || type == FS_IFLNK || !type)
		return -EINVAL;
	rc = begin_create(dir, name, len, &h);
	if (rc)
		return rc;
	rc = ext4_inew(dir, &h, mode, uid, gid, &i);
	if (!rc && type != FS_IFREG)
		set_device(i, rdev);
	if (!rc)
		rc = add_name(dir, &h, name, len, i);
	return end_create(dir, &h, i, rc, to);
}

int ext4_mkdir(struct inode *inode, const char *name, size_t len, uint32_t mode, uint32_t uid,
	       uint32_t gid, struct inode **to)
{
	struct ext4_inode *dir = ext4_inode_of(inode), *i = NULL;
	struct handle h;
	int rc;

	rc = begin_create(dir, name, len, &h);
	if (rc)
		return rc;
	if (ext4_links_full(dir))
		return end_create(dir, &h, NULL, -EMLINK, to);
	rc = ext4_inew(dir, &h, FS_IFDIR | (mode & 07777), uid, gid, &i);
	if (!rc) {
		i->i.nlink = 2;
		rc = dir_init(i, &h, dir->i.ino);
	}
	if (!rc)
		rc = add_name(dir, &h, name, len, i);
	if (!rc) {
		/* 1 means: too many to count (dir_nlink). */
		if (dir->i.nlink != 1)
			dir->i.nlink = dir->i.nlink >= EXT4_LINK_MAX ? 1 : dir->i.nlink + 1;
		rc = ext4_ilog(dir, &h);
	}
	return end_create(dir, &h, i, rc, to);
}

bool ext4_fast_link(const struct ext4_inode *i)
{
	uint64_t acl = i->file_acl ? fs_of(i)->block_size / 512 : 0;

	return (i->i.mode & FS_IFMT) == FS_IFLNK && i->i.size < sizeof(i->block) &&
	       !(i->flags & INODE_EXTENTS) && i->blocks == acl;
}

static int put_target(struct ext4_inode *i, struct handle *h, const char *target, size_t len)
{
	struct extent x = { .len = 1 };
	struct buf *b;
	int rc;

	i->i.size = i->disk_size = len;
	if (len < sizeof(i->block)) {
		memcpy(i->block.bytes, target, len);
		return 0;
	}
	if (fs_of(i)->has_extents)
		extent_init(i);
	rc = alloc_block(i, h, alloc_goal(i, 0), &b);
	if (rc)
		return rc;
	memcpy(b->data, target, len);
	b->kind = BUF_LINK;
	x.pblk = b->nr;
	buf_put(b);
	return map_insert(i, h, &x);
}

int ext4_symlink(struct inode *inode, const char *name, size_t len, const char *target,
		 size_t target_len, uint32_t uid, uint32_t gid, struct inode **to)
{
	struct ext4_inode *dir = ext4_inode_of(inode), *i = NULL;
	struct handle h;
	int rc;

	if (!target_len)
		return -ENOENT;
	if (target_len >= fs_of(dir)->block_size || target_len > 4095)
		return -ENAMETOOLONG;
	rc = begin_create(dir, name, len, &h);
	if (rc)
		return rc;
	rc = ext4_inew(dir, &h, FS_IFLNK | 0777, uid, gid, &i);
	if (!rc)
		rc = put_target(i, &h, target, target_len);
	if (!rc)
		rc = add_name(dir, &h, name, len, i);
	return end_create(dir, &h, i, rc, to);
}

int ext4_tmpfile(struct inode *inode, uint32_t mode, uint32_t uid, uint32_t gid,
		 struct inode **to)
{
	struct ext4_inode *dir = ext4_inode_of(inode), *i = NULL;
	struct ext4 *e = fs_of(dir);
	struct handle h;
	int rc;

	if (!is_dir(dir))
		return -ENOTDIR;
	rc = ext4_writable(e);
	if (rc)
		return rc;
	if (!e->free_inodes)
		return -ENOSPC;
	ext4_lock_names(e);
	rc = dir->i.nlink ? ext4_begin(e, &h, NAME_CREDITS, NAME_SPACE) : -ENOENT;
	if (rc) {
		unlock_write(&e->names);
		return rc;
	}
	rc = ext4_inew(dir, &h, FS_IFREG | (mode & 07777), uid, gid, &i);
	if (!rc) {
		i->i.nlink = 0;
		i->linkable = true;
		rc = orphan_add(i, &h);
	}
	return end_create(dir, &h, i, rc, to);
}

ssize_t ext4_readlink(struct inode *inode, char *to, size_t size)
{
	struct ext4_inode *i = ext4_inode_of(inode);
	struct extent x;
	struct buf *b;
	size_t n = i->i.size < size ? i->i.size : size;
	int rc;

	if ((i->i.mode & FS_IFMT) != FS_IFLNK)
		return -EINVAL;
	if (ext4_fast_link(i)) {
		memcpy(to, i->block.bytes, n);
		return n;
	}
	if (i->i.size > fs_of(i)->block_size)
		return ext4_damaged(fs_of(i), "symbolic link %u is invalid", (unsigned)i->i.ino);
	rc = map_find(i, 0, 1, &x);
	if (!rc && !x.pblk)
		rc = ext4_damaged(fs_of(i), "symbolic link %u is invalid", (unsigned)i->i.ino);
	if (!rc)
		rc = buf_get(&fs_of(i)->store, x.pblk, &b);
	if (!rc)
		rc = buf_claim(b, BUF_LINK);
	if (rc)
		return rc;
	memcpy(to, b->data, n);
	buf_put(b);
	return n;
}

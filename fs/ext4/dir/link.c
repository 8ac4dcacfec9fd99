/* SPDX-License-Identifier: ISC */
/* Links to files, and removing names. */
#include "fs/ext4/ext4.h"

int ext4_link(struct inode *inode, const char *name, size_t len, struct inode *target)
{
	struct ext4_inode *dir = ext4_inode_of(inode), *i = ext4_inode_of(target);
	struct ext4 *e = fs_of(dir);
	struct dir_slot s;
	struct handle h;
	uint32_t ino;
	int rc;

	if (inode->fs != target->fs)
		return -EXDEV;
	if (!is_dir(dir))
		return -ENOTDIR;
	if (is_dir(i))
		return -EPERM;
	if (!len || len > FS_NAME_MAX)
		return len ? -ENAMETOOLONG : -ENOENT;
	ext4_lock_names(e);
	rc = dir->i.nlink ? dir_find(dir, name, len, &s, &ino) : -ENOENT;
	if (!rc)
		buf_put(s.b);
	rc = !dir->i.nlink ? -ENOENT : rc == -ENOENT ? 0 : rc ? rc : -EEXIST;
	if (!rc && i->i.nlink >= EXT4_LINK_MAX)
		rc = -EMLINK;
	/* An inode that has lost its last name does not get another one. */
	if (!rc && !i->i.nlink && !i->linkable)
		rc = -ENOENT;
	if (!rc)
		rc = ext4_changeable(dir, true);
	if (!rc)
		rc = ext4_changeable(i, false);
	if (!rc)
		rc = ext4_begin(e, &h, NAME_CREDITS, NAME_SPACE);
	if (!rc) {
		/* First, as the directory may be full. */
		rc = dir_add(dir, &h, name, len, i->i.ino, i->i.mode);
		/* A truncation does it at its end. */
		if (!rc && !i->i.nlink && !i->cutting)
			rc = orphan_remove(i, &h);
		if (!rc) {
			i->linkable = false;
			i->i.nlink++;
			ext4_touch(i, false);
			ext4_touch(dir, true);
			rc = ext4_ilog(i, &h);
			/* The new name is what it may be found by: fdatasync() waits for it. */
			i->data_tid = i->tid;
		}
		if (!rc)
			rc = ext4_ilog(dir, &h);
		rc = ext4_end(e, &h, rc);
	}
	unlock_write(&e->names);
	return rc;
}

/* One name less; after the last one, the file is deleted when it is not used any more. */
int ext4_drop_link(struct ext4_inode *i, struct handle *h)
{
	int rc = 0;

	if (is_dir(i) || !i->i.nlink)
		i->i.nlink = 0;
	else
		i->i.nlink--;
	ext4_touch(i, false);
	if (!i->i.nlink)
		rc = orphan_add(i, h);
	return rc ? rc : ext4_ilog(i, h);
}

static int remove_name(struct inode *inode, const char *name, size_t len, bool rmdir)
{
	struct ext4_inode *dir = ext4_inode_of(inode), *i = NULL;
	struct ext4 *e = fs_of(dir);
	struct dir_slot s = { .b = NULL };
	struct handle h;
	uint32_t ino = 0;
	int rc;

	if (!is_dir(dir))
		return -ENOTDIR;
	if (!len || len > FS_NAME_MAX)
		return len ? -ENAMETOOLONG : -ENOENT;
	if (name[0] == '.' && len == 1)
		return rmdir ? -EINVAL : -EISDIR;
	if (name[0] == '.' && name[1] == '.' && len == 2)
		return rmdir ? -ENOTEMPTY : -EISDIR;
	ext4_lock_names(e);
	rc = dir->i.nlink ? dir_find(dir, name, len, &s, &ino) : -ENOENT;
	if (!rc)
		rc = ino < e->first_ino ? -EUCLEAN : ext4_iget(e, ino, false, &i);
	if (!rc && is_dir(i) != rmdir)
		rc = rmdir ? -ENOTDIR : -EISDIR;
	if (!rc && rmdir) {
		rc = dir_empty(i);
		rc = rc == 1 ? 0 : rc ? rc : -ENOTEMPTY;
	}
	if (!rc)
		rc = ext4_changeable(dir, false);
	if (!rc)
		rc = ext4_changeable(i, false);
	if (!rc)
		rc = ext4_begin(e, &h, NAME_CREDITS, 0);
	if (!rc) {
		rc = dir_remove(dir, &h, &s);
		ext4_touch(dir, true);
		if (rmdir && dir->i.nlink > 2)
			dir->i.nlink--;
		if (!rc)
			rc = ext4_ilog(dir, &h);
		if (!rc)
			rc = ext4_drop_link(i, &h);
		rc = ext4_end(e, &h, rc);
	}
	buf_put(s.b);
	unlock_write(&e->names);
	if (i)
		inode_put(&i->i);
	return rc;
}

int ext4_unlink(struct inode *dir, const char *name, size_t len)
{
	return remove_name(dir, name, len, false);
}

int ext4_rmdir(struct inode *dir, const char *name, size_t len)
{
	return remove_name(dir, name, len, true);
}

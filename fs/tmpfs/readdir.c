/* SPDX-License-Identifier: ISC */
/* Each entry of a directory has a number of its own, from which readdir() continues, so that
   entries may come and go between two calls. */
#include "fs/tmpfs/tmpfs.h"

static bool tell(fs_emit *emit, void *arg, const struct tmpfs_inode *t, const char *name,
		 size_t len, uint64_t cookie)
{
	struct fs_dirent entry = {
		.ino = t->i.ino, .cookie = cookie, .type = t->i.mode & FS_IFMT, .len = len,
		.name = name,
	};

	return emit(arg, &entry);
}

int tmpfs_readdir(struct inode *dir, uint64_t cookie, fs_emit *emit, void *arg)
{
	struct tmpfs_inode *d = tmpfs_inode(dir);
	struct tmpfs_entry *e;

	if ((dir->mode & FS_IFMT) != FS_IFDIR)
		return -ENOTDIR;
	if (!d->parent)
		return 0;
	if (cookie < 1 && !tell(emit, arg, d, ".", 1, 1))
		return 0;
	if (cookie < 2 && !tell(emit, arg, d->parent, "..", 2, 2))
		return 0;
	for (e = d->first; e && e->cookie <= cookie; e = e->next)
		;
	for (; e; e = e->next)
		if (!tell(emit, arg, e->inode, e->name, e->len, e->cookie))
			break;
	return 0;
}

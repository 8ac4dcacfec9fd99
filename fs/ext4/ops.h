/* SPDX-License-Identifier: ISC */
/* Operations that only the table in mount.c uses. */
#ifndef FS_EXT4_OPS_H
#define FS_EXT4_OPS_H

#include "fs/fs.h"

int ext4_stat(struct inode *i, struct fs_stat *s);
int ext4_setattr(struct inode *i, const struct fs_attr *a);
int ext4_statfs(struct fs *fs, struct fs_statfs *s);
void ext4_stats(struct fs *fs, struct fs_stats *s);

#endif

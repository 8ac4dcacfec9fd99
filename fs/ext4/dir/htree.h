/* SPDX-License-Identifier: ISC */
/* Between htree.c and htree_add.c. */
#ifndef FS_EXT4_DIR_HTREE_H
#define FS_EXT4_DIR_HTREE_H

#include "fs/ext4/ext4.h"

#define LEVELS 2			/* the root, and one below */
#define ROOT_AT 32			/* offset of the root's entries */
#define NODE_AT 8

struct frame {
	struct buf *b;
	struct ext4_dx_entry *entries;
	unsigned at;
};

struct way {
	struct frame frames[LEVELS];
	unsigned levels;		/* frames that are used */
	uint32_t hash;
};

static inline struct ext4_dx_limit *limits(struct ext4_dx_entry *entries)
{
	return (struct ext4_dx_limit *)entries;
}

static inline unsigned count(const struct frame *f)
{
	return le16(limits(f->entries)->count);
}

static inline unsigned capacity(const struct ext4 *e, unsigned at)
{
	return (e->block_size - at - (e->metadata_csum ? 8 : 0)) / 8;
}

static inline struct ext4_dx_info *info(const struct buf *root)
{
	return (struct ext4_dx_info *)(root->data + 24);
}

/* From the root down to the node above the leaf, which are held until htree_leave().  name NULL:
   w->hash is given. */
int htree_probe(struct ext4_inode *dir, const char *name, size_t len, struct way *w);
void htree_leave(struct way *w);
uint32_t htree_leaf_of(const struct way *w);
unsigned htree_version_of(const struct ext4 *e, const struct buf *root);
int htree_damaged(struct ext4_inode *dir);

#endif

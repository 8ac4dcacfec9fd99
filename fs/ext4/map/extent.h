/* SPDX-License-Identifier: ISC */
/* Between extent.c and extent_change.c. */
#ifndef FS_EXT4_MAP_EXTENT_H
#define FS_EXT4_MAP_EXTENT_H

#include "fs/ext4/ext4.h"

#define DEPTH_MAX 5

/* An entry of a node: a struct ext4_extent in a leaf, else a struct ext4_index. */
union entry {
	struct ext4_extent x;
	struct ext4_index i;
	le32_t block;			/* of both */
};
_Static_assert(sizeof(union entry) == 12, "extent");

struct step {
	struct buf *b;			/* NULL: the root */
	struct ext4_extent_header *h;
	union entry *entries;
	int at;				/* the last entry with block <= what was searched; -1: none */
};

struct path {
	struct step steps[DEPTH_MAX + 1];
	unsigned depth;
};

static inline uint64_t leaf_block(const struct ext4_index *x)
{
	return le32(x->leaf) | (uint64_t)le16(x->leaf_hi) << 32;
}

static inline uint64_t start_of(const struct ext4_extent *x)
{
	return le32(x->start) | (uint64_t)le16(x->start_hi) << 32;
}

static inline bool unwritten(const struct ext4_extent *x)
{
	return le16(x->len) > EXTENT_MAX;
}

static inline uint32_t len_of(const struct ext4_extent *x)
{
	uint32_t len = le16(x->len);

	return len > EXTENT_MAX ? len - EXTENT_MAX : len;
}

static inline uint64_t end_of(const struct ext4_extent *x)
{
	return (uint64_t)le32(x->block) + len_of(x);
}

static inline unsigned entries(const struct step *s)
{
	return le16(s->h->entries);
}

static inline unsigned capacity(const struct ext4 *e)
{
	return (e->block_size - sizeof(struct ext4_extent_header)) / sizeof(union entry);
}

static inline void enter(struct step *s, struct buf *b, void *node)
{
	s->b = b;
	s->h = node;
	s->entries = (union entry *)(s->h + 1);
}

/* From the root to the leaf that has lblk, or would have it; the nodes are held until
   extent_leave(). */
int extent_walk(struct ext4_inode *i, uint32_t lblk, struct path *p);
void extent_leave(struct path *p);
/* The first block behind the entry that the path is at: where the next entry begins. */
uint64_t extent_next_block(const struct path *p);
/* The block is a node of the inode's tree. */
void extent_own(const struct ext4_inode *i, struct buf *b);
int extent_damaged(struct ext4_inode *i);

#endif

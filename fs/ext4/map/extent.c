/* SPDX-License-Identifier: ISC */
/*
 * A file's blocks as a tree of extents.
 *
 * The root is in the inode, the other nodes are blocks.  The key of an index entry is the
 * first block of the node below it.
 */
#include "fs/crc.h"
#include "fs/ext4/ext4.h"
#include "fs/ext4/map/extent.h"

/* Whether a node of that depth is well formed: its entries are in order and exist.  `most` fit
   into it; e2fsck too allows two fewer, and splitting relies on there being several. */
static bool node_valid(const struct ext4 *e, const struct step *s, unsigned depth,
		       unsigned most)
{
	unsigned max = le16(s->h->max);
	uint64_t end = 0;

	if (le16(s->h->magic) != EXTENT_MAGIC || le16(s->h->depth) != depth ||
	    max > most || max + 2 < most || entries(s) > max || (depth && !entries(s)))
		return false;
	for (unsigned k = 0; k < entries(s); k++) {
		const union entry *x = &s->entries[k];

		if (le32(x->block) < end)
			return false;
		if (depth) {
			if (!ext4_block_valid(e, leaf_block(&x->i), 1))
				return false;
			end = (uint64_t)le32(x->block) + 1;
		} else {
			if (!len_of(&x->x) || end_of(&x->x) > UINT32_MAX ||
			    !ext4_block_valid(e, start_of(&x->x), len_of(&x->x)))
				return false;
			end = end_of(&x->x);
		}
	}
	return true;
}

static bool sum_valid(const struct ext4_inode *i, const struct buf *b)
{
	const struct ext4_extent_header *h = (const void *)b->data;
	size_t at = sizeof(*h) + le16(h->max) * sizeof(union entry);
	le32_t stored;

	if (!fs_of(i)->metadata_csum)
		return true;
	if (at + 4 > b->store->block_size)
		return false;
	memcpy(&stored, b->data + at, 4);
	return le32(stored) == crc32c(ext4_isum(i), b->data, at);
}

void extent_own(const struct ext4_inode *i, struct buf *b)
{
	b->kind = BUF_EXTENT;
	b->owner = i->i.ino;
	b->seed = ext4_isum(i);
}

int extent_damaged(struct ext4_inode *i)
{
	return ext4_damaged(fs_of(i), "the extents of inode %u are invalid", (unsigned)i->i.ino);
}

/* The last entry with block <= lblk; -1: none. */
static int search(const struct step *s, uint32_t lblk)
{
	int low = 0, high = entries(s);

	while (low < high) {
		int middle = (low + high) / 2;

		if (le32(s->entries[middle].block) <= lblk)
			low = middle + 1;
		else
			high = middle;
	}
	return low - 1;
}

void extent_leave(struct path *p)
{
	for (unsigned k = 1; k <= p->depth; k++)
		buf_put(p->steps[k].b);
}

int extent_walk(struct ext4_inode *i, uint32_t lblk, struct path *p)
{
	struct ext4 *e = fs_of(i);
	unsigned depth;

	p->depth = 0;
	enter(&p->steps[0], NULL, i->block.bytes);
	depth = le16(p->steps[0].h->depth);
	if (depth > DEPTH_MAX || !node_valid(e, &p->steps[0], depth, 4))
		return extent_damaged(i);
	for (;;) {
		struct step *s = &p->steps[p->depth];
		struct buf *b;
		int rc;

		s->at = search(s, lblk);
		if (p->depth == depth)
			return 0;
		if (s->at < 0)
			s->at = 0;
		rc = buf_get(&e->store, leaf_block(&s->entries[s->at].i), &b);
		if (rc) {
			extent_leave(p);
			return rc;
		}
		p->depth++;
		enter(&p->steps[p->depth], b, b->data);
		if (b->kind != BUF_EXTENT || b->owner != i->i.ino) {
			/* A buffer that is used as another type, or by another tree, is not
			   changed. */
			if (b->kind != BUF_UNKNOWN ||
			    !node_valid(e, &p->steps[p->depth], depth - p->depth, capacity(e)) ||
			    b->running || b->committing || !sum_valid(i, b)) {
				extent_leave(p);
				return extent_damaged(i);
			}
			extent_own(i, b);
		} else if (le16(p->steps[p->depth].h->depth) != depth - p->depth) {
			extent_leave(p);
			return extent_damaged(i);
		}
	}
}

uint64_t extent_next_block(const struct path *p)
{
	for (unsigned k = p->depth + 1; k--;)
		if (p->steps[k].at + 1 < (int)entries(&p->steps[k]))
			return le32(p->steps[k].entries[p->steps[k].at + 1].block);
	return UINT32_MAX;
}

int extent_find(struct ext4_inode *i, uint32_t lblk, struct extent *x)
{
	struct path p;
	const struct step *s;
	int rc = extent_walk(i, lblk, &p);

	if (rc)
		return rc;
	s = &p.steps[p.depth];
	*x = (struct extent){ .lblk = lblk };
	if (s->at >= 0 && lblk < end_of(&s->entries[s->at].x)) {
		const struct ext4_extent *found = &s->entries[s->at].x;

		x->pblk = start_of(found) + (lblk - le32(found->block));
		x->len = end_of(found) - lblk;
		x->unwritten = unwritten(found);
	} else {
		uint64_t next = extent_next_block(&p);

		x->len = next > lblk ? next - lblk : 1;
	}
	extent_leave(&p);
	return 0;
}

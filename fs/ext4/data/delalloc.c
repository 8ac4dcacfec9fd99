/* SPDX-License-Identifier: ISC */
/*
 * Delayed allocation.
 *
 * When a page becomes dirty, space is reserved for its blocks and for the metadata that the file
 * may need for them.  The blocks themselves are selected when the page is written back.  So write()
 * reports a full disk.  The space for metadata is an upper bound: when space is short, dirty data
 * is written back, which releases what was not needed.
 */
#include "fs/ext4/ext4.h"

/* Blocks that stay free for operations without which no file can be truncated or removed, */
#define KEPT 12
/* and for nodes of extents for which nothing was reserved: blocks that fallocate() placed become
   written one by one.  A part of the disk, and at most so many. */
#define KEPT_PART 512
#define KEPT_NODES 4096

/* Nodes that the tree of extents may need, if each of n blocks becomes an extent. */
static uint32_t nodes_needed(const struct ext4_inode *i, uint32_t n)
{
	const struct ext4_extent_header *h = (const void *)i->block.bytes;
	uint32_t per_node = (fs_of(i)->block_size - sizeof(*h)) / sizeof(struct ext4_extent);
	uint64_t full = h->depth ? le16(h->entries) : 0;

	if (!n || (!h->depth && le16(h->entries) + n <= le16(h->max)))
		return 0;
	/* Each leaf that there is may be full: a file that was appended to has no others. */
	for (unsigned level = 1; level < le16(h->depth) && full < n; level++)
		full *= per_node;
	/* A node that is split is half full. */
	return 4 + le16(h->depth) + n / (per_node / 3) + (full < n ? full : n);
}

/* Metadata that i may need if n more blocks from lblk on are delayed; -n: if n are not any more. */
static uint32_t metadata_needed(const struct ext4_inode *i, uint32_t lblk, int n)
{
	uint32_t needed = i->delayed_metadata;

	if (i->flags & INODE_EXTENTS)
		return nodes_needed(i, i->delayed + n);
	for (; n > 0; n--)
		needed += indirect_levels(i, lblk++);
	for (; n < 0; n++)
		needed -= indirect_levels(i, lblk++);
	return needed;
}

static void count(struct ext4_inode *i, int n, uint32_t metadata)
{
	struct ext4 *e = fs_of(i);

	e->delayed += n;
	e->delayed += metadata;
	e->delayed -= i->delayed_metadata;
	i->delayed += n;
	i->delayed_metadata = metadata;
}

void ext4_da_release(struct ext4_inode *i, uint32_t lblk, uint32_t n)
{
	if (n)
		count(i, -(int)n, metadata_needed(i, lblk, -(int)n));
}

void ext4_da_again(struct ext4_inode *i, uint32_t lblk)
{
	count(i, 1, metadata_needed(i, lblk, 1));
}

void ext4_da_release_page(struct ext4_inode *i, struct page *p, unsigned mask)
{
	unsigned per = OS_PAGE >> fs_of(i)->shift;

	for (unsigned k = 0; k < per; k++)
		if (p->delayed & mask & 1 << k)
			ext4_da_release(i, p->index * per + k, 1);
	p->delayed &= ~mask;
}

bool ext4_has_space(struct ext4 *e, uint64_t blocks)
{
	uint64_t nodes = e->blocks_count / KEPT_PART;

	return alloc_available(e) >= blocks + KEPT + (nodes < KEPT_NODES ? nodes : KEPT_NODES);
}

static struct ext4_inode *next_delayed(const struct ext4 *e)
{
	struct ext4_inode *i = e->dirty;

	while (i && (!i->delayed || i->deleting))
		i = i->dirty_next;
	return i;
}

bool ext4_gather_space(struct ext4 *e, uint64_t blocks)
{
	struct ext4_inode *i, *before = NULL;

	/* Freed blocks can be used after the commit. */
	if (!ext4_has_space(e, blocks) && e->busy_blocks)
		journal_commit_running(&e->journal);
	while (!ext4_has_space(e, blocks) && (i = next_delayed(e)) && i != before) {
		inode_get(&i->i);
		cache_busy(&i->cached);
		ext4_writeback(i, 0, UINT64_MAX);
		before = i;
		inode_put(&i->i);
	}
	if (!ext4_has_space(e, blocks) && e->busy_blocks)
		journal_commit_running(&e->journal);
	return ext4_has_space(e, blocks);
}

int ext4_da_reserve(struct ext4_inode *i, uint32_t lblk)
{
	struct ext4 *e = fs_of(i);
	uint32_t metadata = metadata_needed(i, lblk, 1);
	uint32_t more = metadata > i->delayed_metadata ? metadata - i->delayed_metadata : 0;

	if (!ext4_has_space(e, 1 + more)) {
		if (!ext4_gather_space(e, 1 + more))
			return -ENOSPC;
		/* Its own data may have been written. */
		metadata = metadata_needed(i, lblk, 1);
	}
	count(i, 1, metadata);
	return 0;
}

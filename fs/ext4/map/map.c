/* SPDX-License-Identifier: ISC */
/* Blocks of a file, whichever way the inode has them. */
#include "fs/ext4/ext4.h"

uint64_t map_max_blocks(const struct ext4_inode *i)
{
	uint64_t n = fs_of(i)->block_size / 4;

	return i->flags & INODE_EXTENTS ? UINT32_MAX - 1 : 12 + n + n * n + n * n * n;
}

uint64_t ext4_size_max(const struct ext4_inode *i)
{
	const struct ext4 *e = fs_of(i);
	uint64_t blocks = map_max_blocks(i), most;

	if (blocks > UINT32_MAX - 1)
		blocks = UINT32_MAX - 1;
	/* Without huge_file, the inode counts 2^32 sectors at most. */
	most = (1ull << 32) * 512;
	return !has_ro(e, RO_HUGE_FILE) && blocks << e->shift > most ? most - (64ull << 20)
								      : blocks << e->shift;
}

static int find(struct ext4_inode *i, uint32_t lblk, uint32_t max, struct extent *x)
{
	struct extent *last = &i->last;
	int rc = 0;

	if (!last->len || lblk < last->lblk || lblk - last->lblk >= last->len) {
		rc = i->flags & INODE_EXTENTS ? extent_find(i, lblk, x) : indirect_find(i, lblk, x);
		if (rc)
			return rc;
		*last = *x;
	} else {
		uint32_t skip = lblk - last->lblk;

		*x = (struct extent){ lblk, last->len - skip, last->pblk ? last->pblk + skip : 0,
				      last->unwritten };
	}
	if (x->len > max)
		x->len = max;
	return 0;
}

int map_find(struct ext4_inode *i, uint32_t lblk, uint32_t max, struct extent *x)
{
	int rc;

	lock_read(&i->map);
	rc = find(i, lblk, max, x);
	unlock_read(&i->map);
	return rc;
}

static int insert(struct ext4_inode *i, struct handle *h, const struct extent *x)
{
	return i->flags & INODE_EXTENTS ? extent_insert(i, h, x) : indirect_insert(i, h, x);
}

int map_insert(struct ext4_inode *i, struct handle *h, const struct extent *x)
{
	int rc;

	lock_write(&i->map);
	rc = insert(i, h, x);
	unlock_write(&i->map);
	return rc;
}

int map_remove(struct ext4_inode *i, struct handle *h, uint32_t from, uint32_t to)
{
	int rc;

	lock_write(&i->map);
	if (i->flags & INODE_EXTENTS)
		rc = extent_remove(i, h, from, to, false);
	else
		rc = indirect_remove(i, h, from, to);
	unlock_write(&i->map);
	return rc;
}

static int written(struct ext4_inode *i, struct handle *h, uint32_t lblk, uint32_t len)
{
	while (len) {
		struct extent x;
		int rc = find(i, lblk, len, &x);

		if (rc)
			return rc;
		if (x.pblk && x.unwritten) {
			rc = extent_remove(i, h, lblk, lblk + x.len, true);
			x.unwritten = false;
			if (!rc)
				rc = insert(i, h, &x);
			if (rc)
				return rc;
		}
		lblk += x.len;
		len -= x.len;
	}
	return 0;
}

int map_written(struct ext4_inode *i, struct handle *h, uint32_t lblk, uint32_t len)
{
	int rc;

	lock_write(&i->map);
	rc = written(i, h, lblk, len);
	unlock_write(&i->map);
	return rc;
}

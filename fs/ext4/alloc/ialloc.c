/* SPDX-License-Identifier: ISC */
/* Allocation of inodes: files near their directory, directories of the root far apart. */
#include "fs/ext4/ext4.h"

static uint32_t zero_bit(const uint8_t *map, uint32_t bits, uint32_t from)
{
	for (uint32_t i = from; i < bits; i++) {
		if (i % 8 == 0 && map[i / 8] == 0xff)
			i += 7;
		else if (!(map[i / 8] >> i % 8 & 1))
			return i;
	}
	return bits;
}

/* Whether inode `bit` is the only one in its block of the table. */
static bool alone(const struct ext4 *e, const uint8_t *map, uint32_t bit)
{
	uint32_t per = e->block_size / e->inode_size, first = bit / per * per;

	for (uint32_t i = first; i < first + per && i < e->inodes_per_group; i++)
		if (i != bit && map[i / 8] >> i % 8 & 1)
			return false;
	return true;
}

/* 0; 1: none is free in this group. */
static int take(struct ext4 *e, struct handle *h, uint32_t g, bool dir, uint32_t *ino,
		bool *fresh)
{
	struct group *p = &e->groups[g];
	uint32_t first = g ? 0 : e->first_ino - 1, bit;
	struct buf *b;
	int rc = group_inode_bitmap(e, g, &b);

	if (rc)
		return rc == -EUCLEAN ? 1 : rc;
	bit = zero_bit(b->data, e->inodes_per_group,
		       p->next_inode > first ? p->next_inode : first);
	if (bit == e->inodes_per_group)
		bit = zero_bit(b->data, e->inodes_per_group, first);
	if (bit == e->inodes_per_group) {
		buf_put(b);
		return 1;
	}
	rc = journal_access(h, b);
	if (!rc)
		rc = group_changed(e, h, g);
	if (!rc) {
		*fresh = alone(e, b->data, bit);
		b->data[bit / 8] |= 1 << bit % 8;
		p->inode_sum = true;
		p->next_inode = bit + 1;
		p->free_inodes--;
		e->free_inodes--;
		if (dir)
			p->used_dirs++;
		p->flags &= ~BG_INODE_UNINIT;
		if (e->gdt_csum && bit >= e->inodes_per_group - p->itable_unused)
			p->itable_unused = e->inodes_per_group - bit - 1;
		*ino = g * e->inodes_per_group + bit + 1;
	}
	buf_put(b);
	return rc;
}

/* The group with most free blocks of those that have inodes. */
static uint32_t emptiest(const struct ext4 *e)
{
	uint32_t best = 0;

	for (uint32_t g = 0; g < e->groups_count; g++)
		if (e->groups[g].free_inodes >= e->inodes_per_group / 4 &&
		    e->groups[g].free_blocks > e->groups[best].free_blocks)
			best = g;
	return best;
}

int ialloc(struct ext4_inode *dir, struct handle *h, uint32_t mode, uint32_t *ino, bool *fresh)
{
	struct ext4 *e = fs_of(dir);
	bool is_dir = (mode & FS_IFMT) == FS_IFDIR;
	uint32_t first = (dir->i.ino - 1) / e->inodes_per_group;

	if (is_dir && dir->i.ino == EXT4_ROOT)
		first = emptiest(e);
	for (uint32_t n = 0; n < e->groups_count; n++) {
		uint32_t g = (first + n) % e->groups_count;
		int rc;

		if (e->groups[g].broken || !e->groups[g].free_inodes)
			continue;
		rc = take(e, h, g, is_dir, ino, fresh);
		if (rc <= 0)
			return rc;
	}
	return e->damaged ? -EUCLEAN : -ENOSPC;
}

int ialloc_free(struct ext4_inode *i, struct handle *h)
{
	struct ext4 *e = fs_of(i);
	uint32_t g = (i->i.ino - 1) / e->inodes_per_group, bit = (i->i.ino - 1) % e->inodes_per_group;
	struct group *p = &e->groups[g];
	struct buf *b;
	int rc = group_inode_bitmap(e, g, &b);

	if (rc)
		return rc;
	rc = journal_access(h, b);
	if (!rc)
		rc = group_changed(e, h, g);
	if (!rc && !(b->data[bit / 8] >> bit % 8 & 1))
		rc = ext4_damaged(e, "inode %u is freed twice", (unsigned)i->i.ino);
	if (!rc) {
		b->data[bit / 8] &= ~(1 << bit % 8);
		p->inode_sum = true;
		if (bit < p->next_inode)
			p->next_inode = bit;
		p->free_inodes++;
		e->free_inodes++;
		if (is_dir(i) && p->used_dirs)
			p->used_dirs--;
	}
	buf_put(b);
	return rc;
}

/* SPDX-License-Identifier: ISC */
/*
 * Block groups: descriptors and bitmaps.
 *
 * Descriptors are read at the mount and kept in struct group.  Those that changed are written
 * into their blocks when the transaction ends (groups_seal()), with the checksums of bitmaps.
 */
#include "fs/crc.h"
#include "fs/ext4/ext4.h"

#include <stddef.h>

uint64_t group_first(const struct ext4 *e, uint32_t g)
{
	return e->first_data + (uint64_t)g * e->blocks_per_group;
}

uint32_t group_blocks(const struct ext4 *e, uint32_t g)
{
	uint64_t left = e->blocks_count - group_first(e, g);

	return left < e->blocks_per_group ? left : e->blocks_per_group;
}

static bool power_of(uint32_t n, uint32_t base)
{
	while (n > 1 && n % base == 0)
		n /= base;
	return n == 1;
}

bool group_has_super(const struct ext4 *e, uint32_t g)
{
	if (!g)
		return true;
	if (has_compat(e, COMPAT_SPARSE_SUPER2))
		return g == le32(e->super->backup_bgs[0]) || g == le32(e->super->backup_bgs[1]);
	if (!has_ro(e, RO_SPARSE_SUPER) || g == 1)
		return true;
	return g & 1 && (power_of(g, 3) || power_of(g, 5) || power_of(g, 7));
}

static uint32_t descs_per_block(const struct ext4 *e)
{
	return e->block_size / e->desc_size;
}

/* The block with the descriptor of a group. */
static uint64_t desc_block(const struct ext4 *e, uint32_t g)
{
	uint32_t i = g / descs_per_block(e);
	uint32_t first = i * descs_per_block(e);

	if (!has_in(e, IN_META_BG) || i < le32(e->super->first_meta_bg))
		return e->first_data + 1 + i;
	return group_first(e, first) + group_has_super(e, first);
}

uint32_t group_supers(const struct ext4 *e, uint32_t g)
{
	uint32_t per = descs_per_block(e), blocks = (e->groups_count + per - 1) / per;
	uint32_t meta = le32(e->super->first_meta_bg), super = group_has_super(e, g), in = g % per;

	if (!has_in(e, IN_META_BG) || g / per < meta) {
		if (!super)
			return 0;
		if (has_in(e, IN_META_BG) && meta < blocks)
			blocks = meta;
		return 1 + blocks;
	}
	return super + (in == 0 || in == 1 || in == per - 1);
}

/* The same with the blocks that are reserved for more descriptors. */
static uint32_t base_blocks(const struct ext4 *e, uint32_t g)
{
	uint32_t n = group_supers(e, g);
	bool single = has_in(e, IN_META_BG) &&
		      g / descs_per_block(e) >= le32(e->super->first_meta_bg);

	return n && !single ? n + le16(e->super->reserved_gdt_blocks) : n;
}

static uint16_t desc_sum(const struct ext4 *e, uint32_t g, const struct ext4_desc *d)
{
	const uint8_t *p = (const uint8_t *)d;
	size_t at = offsetof(struct ext4_desc, checksum), size = e->desc_size;
	le32_t number = le32(g);
	static const uint8_t zero[2];

	if (e->metadata_csum) {
		uint32_t crc = crc32c(crc32c(e->seed, &number, 4), p, at);

		crc = crc32c(crc, zero, 2);
		return crc32c(crc, p + at + 2, size - at - 2);
	} else {
		uint16_t crc = crc16(0xffff, e->super->uuid, 16);

		crc = crc16(crc16(crc, &number, 4), p, at);
		return size > at + 2 ? crc16(crc, p + at + 2, size - at - 2) : crc;
	}
}

static uint64_t join(uint32_t low, uint32_t high)
{
	return low | (uint64_t)high << 32;
}

static uint32_t join16(le16_t low, le16_t high, bool has_high)
{
	return le16(low) | (has_high ? (uint32_t)le16(high) << 16 : 0);
}

static bool blocks_fit(const struct ext4 *e, uint64_t nr, uint64_t count)
{
	return nr >= e->first_data && nr < e->blocks_count && count <= e->blocks_count - nr;
}

bool ext4_block_valid(const struct ext4 *e, uint64_t nr, uint64_t count)
{
	return nr > e->first_data && blocks_fit(e, nr, count) && !zones_have(e, nr, count);
}

static bool take_desc(struct ext4 *e, uint32_t g, const struct ext4_desc *d)
{
	struct group *p = &e->groups[g];
	bool hi = e->desc_size >= 64;

	*p = (struct group){
		.block_bitmap = join(le32(d->block_bitmap), hi ? le32(d->block_bitmap_hi) : 0),
		.inode_bitmap = join(le32(d->inode_bitmap), hi ? le32(d->inode_bitmap_hi) : 0),
		.inode_table = join(le32(d->inode_table), hi ? le32(d->inode_table_hi) : 0),
		.free_blocks = join16(d->free_blocks, d->free_blocks_hi, hi),
		.free_inodes = join16(d->free_inodes, d->free_inodes_hi, hi),
		.used_dirs = join16(d->used_dirs, d->used_dirs_hi, hi),
		.itable_unused = join16(d->itable_unused, d->itable_unused_hi, hi),
		.flags = le16(d->flags),
	};
	if (!e->gdt_csum) {
		p->flags = 0;
		p->itable_unused = 0;
	}
	return blocks_fit(e, p->block_bitmap, 1) && blocks_fit(e, p->inode_bitmap, 1) &&
	       blocks_fit(e, p->inode_table,
			  ((uint64_t)e->inodes_per_group * e->inode_size + e->block_size - 1) >>
				  e->shift) &&
	       p->free_blocks <= group_blocks(e, g) && p->free_inodes <= e->inodes_per_group &&
	       p->used_dirs <= e->inodes_per_group && p->itable_unused <= e->inodes_per_group;
}

int groups_read(struct ext4 *e, char *reason, size_t size)
{
	uint32_t per = descs_per_block(e);
	struct buf *b = NULL;
	int rc = 0;

	e->free_blocks = e->free_inodes = 0;
	e->dirty_groups = NO_GROUP;
	for (uint32_t g = 0; g < e->groups_count; g++) {
		const struct ext4_desc *d;

		if (g % per == 0) {
			buf_put(b);
			b = NULL;
			rc = buf_get(&e->store, desc_block(e, g), &b);
			if (!rc)
				rc = buf_claim(b, BUF_TABLE);
			if (rc)
				return rc;
			os_pause();
		}
		d = (const struct ext4_desc *)(b->data + g % per * e->desc_size);
		if (!take_desc(e, g, d) ||
		    (e->gdt_csum && le16(d->checksum) != desc_sum(e, g, d))) {
			os_format(reason, size, "the descriptor of group %u is damaged; run e2fsck",
				  (unsigned)g);
			rc = -EUCLEAN;
			break;
		}
		e->free_blocks += e->groups[g].free_blocks;
		e->free_inodes += e->groups[g].free_inodes;
	}
	buf_put(b);
	if (rc)
		return rc;
	rc = zones_make(e);
	if (rc == -EUCLEAN)
		os_format(reason, size, "bitmaps or inode tables of groups overlap; run e2fsck");
	return rc;
}

void groups_free(struct ext4 *e)
{
	zones_free(e);
	if (!e->groups)
		return;
	for (uint32_t g = 0; g < e->groups_count; g++)
		cache_free(e->groups[g].busy_map, e->block_size);
	os_free(e->groups);
	e->groups = NULL;
}

int group_changed(struct ext4 *e, struct handle *h, uint32_t g)
{
	struct buf *b;
	int rc = buf_get(&e->store, desc_block(e, g), &b);

	if (!rc)
		rc = buf_claim(b, BUF_TABLE);
	if (rc)
		return rc;
	rc = journal_access(h, b);
	buf_put(b);
	if (rc || e->groups[g].dirty)
		return rc;
	e->groups[g].dirty = true;
	e->groups[g].next_dirty = e->dirty_groups;
	e->dirty_groups = g;
	return journal_access(h, e->super_buf);
}

static void set16(le16_t *low, le16_t *high, bool hi, uint32_t x)
{
	*low = le16(x);
	if (hi)
		*high = le16(x >> 16);
}

static uint32_t bitmap_sum(const struct ext4 *e, const struct buf *b, uint32_t bits)
{
	return crc32c(e->seed, b->data, bits / 8);
}

static void seal_sum(struct ext4 *e, uint64_t nr, uint32_t bits, le16_t *low, le16_t *high)
{
	struct buf *b = buf_find(&e->store, nr);

	if (!b)
		return;
	set16(low, high, e->desc_size >= 64, bitmap_sum(e, b, bits));
	buf_put(b);
}

void groups_seal(struct ext4 *e, struct handle *h)
{
	uint32_t g;

	while ((g = e->dirty_groups) != NO_GROUP) {
		struct group *p = &e->groups[g];
		struct buf *b;
		struct ext4_desc *d;
		bool hi = e->desc_size >= 64;

		e->dirty_groups = p->next_dirty;
		p->dirty = false;
		/* It is part of the transaction, so it is in memory. */
		if (buf_get(&e->store, desc_block(e, g), &b))
			continue;
		if (journal_access(h, b)) {
			buf_put(b);
			continue;
		}
		d = (struct ext4_desc *)(b->data + g % descs_per_block(e) * e->desc_size);
		set16(&d->free_blocks, &d->free_blocks_hi, hi, p->free_blocks);
		set16(&d->free_inodes, &d->free_inodes_hi, hi, p->free_inodes);
		set16(&d->used_dirs, &d->used_dirs_hi, hi, p->used_dirs);
		if (e->gdt_csum) {
			set16(&d->itable_unused, &d->itable_unused_hi, hi, p->itable_unused);
			d->flags = le16(p->flags);
		}
		if (e->metadata_csum && p->block_sum)
			seal_sum(e, p->block_bitmap, e->blocks_per_group, &d->block_csum,
				 &d->block_csum_hi);
		if (e->metadata_csum && p->inode_sum)
			seal_sum(e, p->inode_bitmap, e->inodes_per_group, &d->inode_csum,
				 &d->inode_csum_hi);
		p->block_sum = p->inode_sum = false;
		if (e->gdt_csum)
			d->checksum = le16(desc_sum(e, g, d));
		buf_put(b);
	}
}

static void set_bits(uint8_t *map, uint32_t from, uint32_t count)
{
	for (uint32_t i = from; i < from + count; i++)
		map[i / 8] |= 1 << i % 8;
}

/* Mark what of [nr, nr + count) lies in the group. */
static void mark(const struct ext4 *e, uint8_t *map, uint32_t g, uint64_t nr, uint64_t count)
{
	uint64_t first = group_first(e, g), end = first + group_blocks(e, g);

	if (nr + count <= first || nr >= end)
		return;
	if (nr < first) {
		count -= first - nr;
		nr = first;
	}
	set_bits(map, nr - first, nr + count > end ? end - nr : count);
}

/* The bitmap of a group that was never used: only metadata. */
static void make_block_bitmap(struct ext4 *e, uint32_t g, struct buf *b)
{
	uint32_t blocks = group_blocks(e, g), table;
	/* With flex_bg, those of other groups may lie here; only of the same flex group. */
	uint32_t from = has_in(e, IN_FLEX_BG) ? g / e->flex * e->flex : g;
	uint32_t to = has_in(e, IN_FLEX_BG) ? from + e->flex : g + 1;

	memset(b->data, 0, e->block_size);
	table = ((uint64_t)e->inodes_per_group * e->inode_size + e->block_size - 1) >> e->shift;
	mark(e, b->data, g, group_first(e, g), base_blocks(e, g));
	for (uint32_t k = from; k < to && k < e->groups_count; k++) {
		mark(e, b->data, g, e->groups[k].block_bitmap, 1);
		mark(e, b->data, g, e->groups[k].inode_bitmap, 1);
		mark(e, b->data, g, e->groups[k].inode_table, table);
	}
	set_bits(b->data, blocks, e->block_size * 8 - blocks);
}

/* desc: the block with the group's descriptor. */
static bool sum_valid(const struct ext4 *e, uint32_t g, const struct buf *desc,
		      const struct buf *b, uint32_t bits, bool inodes)
{
	const struct ext4_desc *d;
	uint32_t sum = bitmap_sum(e, b, bits), stored;

	if (!e->metadata_csum)
		return true;
	d = (const struct ext4_desc *)(desc->data + g % descs_per_block(e) * e->desc_size);
	stored = le16(inodes ? d->inode_csum : d->block_csum);
	if (e->desc_size >= 64)
		stored |= (uint32_t)le16(inodes ? d->inode_csum_hi : d->block_csum_hi) << 16;
	else
		sum &= 0xffff;
	return sum == stored;
}

static uint32_t zero_bits(const uint8_t *map, uint32_t bits)
{
	uint32_t n = 0, i;

	for (i = 0; i + 64 <= bits; i += 64) {
		uint64_t x;

		memcpy(&x, map + i / 8, 8);
		n += __builtin_popcountll(~x);
	}
	for (; i < bits; i++)
		n += !(map[i / 8] >> i % 8 & 1);
	return n;
}

/* The group is not used for allocation; the file system is damaged. */
static int broken(struct ext4 *e, uint32_t g, struct buf *b, const char *what)
{
	e->groups[g].broken = true;
	buf_put(b);
	return ext4_damaged(e, "the bitmap of %s of group %u is invalid", what, (unsigned)g);
}

static bool is_bitmap(const struct buf *b, uint32_t g)
{
	return b->kind == BUF_PLAIN && b->owner == g + 1;
}

/* The bitmap, if it is in memory and was checked. */
static struct buf *checked(struct ext4 *e, uint32_t g, uint64_t nr)
{
	struct buf *b = buf_find(&e->store, nr);

	if (b && is_bitmap(b, g))
		return b;
	buf_put(b);
	return NULL;
}

static int check_bitmap(struct ext4 *e, uint32_t g, bool inodes, const struct buf *desc,
			struct buf **to)
{
	struct group *p = &e->groups[g];
	uint64_t nr = inodes ? p->inode_bitmap : p->block_bitmap;
	uint32_t bits = inodes ? e->inodes_per_group : e->blocks_per_group;
	uint32_t used = inodes ? bits : group_blocks(e, g);
	bool uninit = p->flags & (inodes ? BG_INODE_UNINIT : BG_BLOCK_UNINIT);
	struct buf *b;
	int rc = uninit ? buf_new(&e->store, nr, &b) : buf_get(&e->store, nr, &b);

	if (rc)
		return rc;
	*to = b;
	/* Another thread may have read it, too. */
	if (is_bitmap(b, g))
		return 0;
	if (uninit && inodes)
		set_bits(b->data, bits, e->block_size * 8 - bits);
	else if (uninit)
		make_block_bitmap(e, g, b);
	/* A block that is used as something else stays what it is. */
	if (b->kind != BUF_UNKNOWN ||
	    (!uninit && !sum_valid(e, g, desc, b, bits, inodes)) ||
	    zero_bits(b->data, used) != (inodes ? p->free_inodes : p->free_blocks))
		return broken(e, g, b, inodes ? "inodes" : "blocks");
	b->kind = BUF_PLAIN;
	b->owner = g + 1;
	return 0;
}

static int bitmap(struct ext4 *e, uint32_t g, bool inodes, struct buf **to)
{
	uint64_t nr = inodes ? e->groups[g].inode_bitmap : e->groups[g].block_bitmap;
	struct buf *desc;
	int rc;

	if (e->groups[g].broken)
		return -EUCLEAN;
	*to = checked(e, g, nr);
	if (*to)
		return 0;
	/* First what it is compared with, so that it does not change between read and check. */
	rc = buf_get(&e->store, desc_block(e, g), &desc);
	if (rc)
		return rc;
	*to = checked(e, g, nr);
	if (!*to)
		rc = check_bitmap(e, g, inodes, desc, to);
	buf_put(desc);
	return rc;
}

int group_block_bitmap(struct ext4 *e, uint32_t g, struct buf **b)
{
	return bitmap(e, g, false, b);
}

int group_inode_bitmap(struct ext4 *e, uint32_t g, struct buf **b)
{
	return bitmap(e, g, true, b);
}

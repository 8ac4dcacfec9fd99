/* SPDX-License-Identifier: ISC */
/*
 * Allocation of blocks.
 *
 * A block that is free in the bitmap may still be busy: it was freed by a transaction that is
 * not complete, or it was reserved for data that is being written to it.  Busy blocks are in
 * a second bitmap of the group, in memory only.
 */
#include "fs/ext4/ext4.h"

#define SEARCH_GROUPS 16		/* bitmaps that are searched for a better place */

static uint64_t word(const uint8_t *map, uint32_t bit)
{
	le64_t x;

	memcpy(&x, map + bit / 64 * 8, 8);
	return le64(x);
}

/* The first bit from `from` on that is free in both maps, or is not; `bits`: there is none. */
static uint32_t next_bit(const uint8_t *map, const uint8_t *busy, uint32_t bits, uint32_t from,
			 bool is_free)
{
	while (from < bits) {
		uint64_t x = word(map, from) | (busy ? word(busy, from) : 0);

		if (is_free)
			x = ~x;
		x &= ~0ull << from % 64;
		if (x) {
			from = from / 64 * 64 + __builtin_ctzll(x);
			return from < bits ? from : bits;
		}
		from = (from / 64 + 1) * 64;
	}
	return bits;
}

struct run {
	uint32_t start, len;
};

/* The first run of at least `want` blocks from `from` on, or else the longest. */
static struct run find_run(const uint8_t *map, const uint8_t *busy, uint32_t bits,
			   uint32_t from, uint32_t want)
{
	struct run best = { 0, 0 };

	for (uint32_t at = next_bit(map, busy, bits, from, true); at < bits;) {
		uint32_t end = next_bit(map, busy, bits, at, false);

		if (end - at > best.len)
			best = (struct run){ at, end - at };
		if (best.len >= want)
			break;
		at = next_bit(map, busy, bits, end, true);
	}
	if (best.len > want)
		best.len = want;
	return best;
}

static int busy_set(struct ext4 *e, struct group *p, uint32_t bit, uint32_t len)
{
	if (!p->busy_map)
		p->busy_map = cache_alloc_sure(e->block_size);
	if (!p->busy_map)
		return -ENOMEM;
	for (uint32_t i = bit; i < bit + len; i++)
		p->busy_map[i / 8] |= 1 << i % 8;
	p->busy += len;
	e->busy_blocks += len;
	return 0;
}

static void busy_clear(struct ext4 *e, struct group *p, uint32_t bit, uint32_t len)
{
	for (uint32_t i = bit; i < bit + len; i++)
		p->busy_map[i / 8] &= ~(1 << i % 8);
	p->busy -= len;
	e->busy_blocks -= len;
	if (p->busy)
		return;
	cache_free(p->busy_map, e->block_size);
	p->busy_map = NULL;
}

uint64_t alloc_available(const struct ext4 *e)
{
	uint64_t taken = e->busy_blocks + e->delayed + e->space;

	return e->free_blocks > taken ? e->free_blocks - taken : 0;
}

static uint32_t group_of(const struct ext4 *e, uint64_t nr)
{
	return (nr - e->first_data) / e->blocks_per_group;
}

uint64_t alloc_goal(const struct ext4_inode *i, uint32_t lblk)
{
	const struct ext4 *e = fs_of(i);
	const struct extent *x = &i->last;
	uint32_t g = (i->i.ino - 1) / e->inodes_per_group;

	if (i->goal && i->goal_lblk == lblk)
		return i->goal;
	if (x->len && x->pblk && lblk >= x->lblk && lblk - x->lblk < e->blocks_per_group)
		return x->pblk + (lblk - x->lblk);
	return group_first(e, g) + e->groups[g].next_block;
}

/* Take a run in a group: how long it is, at *start; 0: there is none. */
static int take(struct ext4 *e, uint32_t g, uint32_t from, uint32_t want, uint32_t least,
		uint32_t *best, uint64_t *start)
{
	struct group *p = &e->groups[g];
	uint32_t bits = group_blocks(e, g);
	struct buf *b;
	struct run r;
	int rc = group_block_bitmap(e, g, &b);

	if (rc)
		return rc == -EUCLEAN ? 0 : rc;
	r = find_run(b->data, p->busy_map, bits, from, want);
	/* The run at the goal itself is best, if it is not tiny. */
	if (r.start != from && r.len < want && from) {
		struct run before = find_run(b->data, p->busy_map, bits, 0, want);

		if (before.len > r.len)
			r = before;
	}
	buf_put(b);
	if (r.len > *best)
		*best = r.len;
	if (!r.len || r.len < least)
		return 0;
	if (!ext4_block_valid(e, group_first(e, g) + r.start, r.len)) {
		p->broken = true;
		return ext4_damaged(e, "blocks of metadata of group %u are free", (unsigned)g);
	}
	rc = busy_set(e, p, r.start, r.len);
	if (rc)
		return rc;
	p->next_block = r.start + r.len < bits ? r.start + r.len : 0;
	*start = group_first(e, g) + r.start;
	return r.len;
}

/* Groups of which a file may have blocks: numbers of indirect ones have 32 bits. */
static uint32_t groups_for(const struct ext4_inode *i)
{
	const struct ext4 *e = fs_of(i);
	uint64_t n = (UINT32_MAX - e->first_data) / e->blocks_per_group;

	return i->flags & INODE_EXTENTS || n > e->groups_count ? e->groups_count : n;
}

int alloc_reserve(struct ext4_inode *i, uint64_t goal, uint32_t want, uint64_t *start,
		  uint32_t *len)
{
	struct ext4 *e = fs_of(i);
	uint32_t groups = groups_for(i);
	uint32_t first, from, best = 0, searched = 0, best_group = 0, before = 0;
	int rc;

	if (goal < e->first_data || goal >= e->blocks_count)
		goal = e->first_data;
	if (group_of(e, goal) >= groups)
		goal = e->first_data;
	first = group_of(e, goal);
	from = goal - group_first(e, first);
	if (want > e->blocks_per_group / 2)
		want = e->blocks_per_group / 2;
	/* First the blocks at the goal, even a few; then a long run; then the longest. */
	for (uint32_t n = 0; n < groups; n++) {
		uint32_t g = first + n < groups ? first + n : first + n - groups;
		const struct group *p = &e->groups[g];

		if (p->broken || p->free_blocks <= p->busy)
			continue;
		rc = take(e, g, n ? p->next_block : from, want, n ? want : want < 16 ? 1 : 16,
			  &best, start);
		if (rc) {
			*len = rc > 0 ? rc : 0;
			return rc > 0 ? 0 : rc;
		}
		if (best > before) {
			before = best;
			best_group = g;
		}
		if (++searched >= SEARCH_GROUPS && best)
			break;
	}
	/* Groups with an invalid bitmap are not searched. */
	if (!best)
		return e->damaged ? -EUCLEAN : -ENOSPC;
	best = 0;
	rc = take(e, best_group, 0, want, 1, &best, start);
	if (rc == 0)
		return -ENOSPC;
	*len = rc > 0 ? rc : 0;
	return rc > 0 ? 0 : rc;
}

void alloc_release(struct ext4 *e, uint64_t start, uint32_t len)
{
	uint32_t g = group_of(e, start);

	busy_clear(e, &e->groups[g], start - group_first(e, g), len);
}

/* Whether all these bits are so. */
static bool all(const uint8_t *map, uint32_t bit, uint32_t len, bool set)
{
	return next_bit(map, NULL, bit + len, bit, set) == bit + len;
}

/*
 * Begins to change the bits of these blocks, which must all be `set` or all not.  If it returns 0,
 * the caller must buf_put(*b).
 */
static int bits_access(struct ext4 *e, struct handle *h, uint64_t start, uint32_t len, bool set,
		       struct buf **b)
{
	uint32_t g = group_of(e, start);
	int rc = group_block_bitmap(e, g, b);

	if (rc)
		return rc;
	rc = journal_access(h, *b);
	if (!rc)
		rc = group_changed(e, h, g);
	if (!rc && !all((*b)->data, start - group_first(e, g), len, set))
		rc = ext4_damaged(e, "a block of group %u is %s twice", (unsigned)g,
				  set ? "freed" : "allocated");
	if (rc)
		buf_put(*b);
	return rc;
}

int alloc_commit(struct ext4 *e, struct handle *h, uint64_t start, uint32_t len)
{
	uint32_t g = group_of(e, start), bit = start - group_first(e, g);
	struct group *p = &e->groups[g];
	struct buf *b;
	int rc = bits_access(e, h, start, len, false, &b);

	if (rc)
		return rc;
	for (uint32_t i = bit; i < bit + len; i++)
		b->data[i / 8] |= 1 << i % 8;
	p->free_blocks -= len;
	e->free_blocks -= len;
	p->flags &= ~BG_BLOCK_UNINIT;
	p->block_sum = true;
	busy_clear(e, p, bit, len);
	buf_put(b);
	return 0;
}

int alloc_block(struct ext4_inode *i, struct handle *h, uint64_t goal, struct buf **b)
{
	struct ext4 *e = fs_of(i);
	uint64_t start;
	uint32_t len;
	int rc = alloc_reserve(i, goal, 1, &start, &len);

	if (rc)
		return rc;
	rc = alloc_commit(e, h, start, 1);
	if (rc) {
		alloc_release(e, start, 1);
		return rc;
	}
	if (h->space) {
		h->space--;
		e->space--;
	}
	i->blocks += e->block_size / 512;
	rc = buf_new(&e->store, start, b);
	if (rc == -EUCLEAN)
		return ext4_damaged(e, "a block of metadata is also free");
	if (!rc && (rc = journal_access(h, *b)))
		buf_put(*b);
	return rc;
}

static int free_in_group(struct ext4 *e, struct handle *h, uint64_t start, uint32_t len)
{
	uint32_t g = group_of(e, start), bit = start - group_first(e, g);
	struct group *p = &e->groups[g];
	struct buf *b;
	int rc = bits_access(e, h, start, len, true, &b);

	if (rc)
		return rc;
	rc = journal_defer_free(h, start, len);
	if (!rc)
		rc = busy_set(e, p, bit, len);
	if (!rc) {
		for (uint32_t i = bit; i < bit + len; i++)
			b->data[i / 8] &= ~(1 << i % 8);
		p->free_blocks += len;
		e->free_blocks += len;
		p->block_sum = true;
	}
	buf_put(b);
	return rc;
}

int alloc_free(struct ext4 *e, struct handle *h, uint64_t start, uint32_t len, bool metadata)
{
	int rc = 0;

	if (!ext4_block_valid(e, start, len))
		return ext4_damaged(e, "a file has blocks that do not exist");
	if (metadata)
		for (uint32_t k = 0; k < len && !rc; k++) {
			struct buf *b = buf_find(&e->store, start + k);

			rc = b ? journal_forget(h, b) : journal_revoke(h, start + k);
			buf_put(b);
		}
	while (len && !rc) {
		uint32_t g = group_of(e, start);
		uint32_t n = group_first(e, g) + group_blocks(e, g) - start;

		if (n > len)
			n = len;
		rc = free_in_group(e, h, start, n);
		start += n;
		len -= n;
	}
	return rc;
}

void alloc_released(void *owner, struct freed *f)
{
	struct ext4 *e = owner;

	while (f->count) {
		uint32_t g = group_of(e, f->start);
		uint32_t n = group_first(e, g) + group_blocks(e, g) - f->start;

		if (n > f->count)
			n = f->count;
		busy_clear(e, &e->groups[g], f->start - group_first(e, g), n);
		f->start += n;
		f->count -= n;
	}
}

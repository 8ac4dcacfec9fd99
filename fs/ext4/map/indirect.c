/* SPDX-License-Identifier: ISC */
/*
 * A file's blocks by indirect blocks, as in ext2: 12 in the inode, then blocks of numbers of
 * blocks, up to three levels deep.  The caller writes the inode in the same operation.
 */
#include "fs/ext4/ext4.h"

#define DIRECT 12
#define LEVELS 3
#define REMOVE_CREDITS 20

struct place {
	unsigned depth;			/* levels of indirect blocks; 0: in the inode */
	unsigned at[LEVELS + 1];	/* the slot in the inode, then in each indirect block */
	struct buf *b[LEVELS + 1];	/* the indirect blocks, held; [0]: NULL, the inode */
	unsigned have;			/* so many of them are there */
};

static uint32_t slots(const struct ext4_inode *i)
{
	return fs_of(i)->block_size / 4;
}

static bool find_place(const struct ext4_inode *i, uint32_t lblk, struct place *p)
{
	uint64_t n = slots(i), rest = lblk, span = 1;

	*p = (struct place){ .depth = 0 };
	if (rest < DIRECT) {
		p->at[0] = rest;
		return true;
	}
	rest -= DIRECT;
	for (p->depth = 1; p->depth <= LEVELS; p->depth++) {
		span *= n;
		if (rest < span)
			break;
		rest -= span;
	}
	if (p->depth > LEVELS)
		return false;
	p->at[0] = DIRECT + p->depth - 1;
	for (unsigned k = 1; k <= p->depth; k++) {
		span /= n;
		p->at[k] = rest / span;
		rest %= span;
	}
	return true;
}

/* Indirect blocks above a block. */
unsigned indirect_levels(const struct ext4_inode *i, uint32_t lblk)
{
	struct place p;

	return find_place(i, lblk, &p) ? p.depth : 0;
}

static le32_t *slot(struct ext4_inode *i, struct place *p, unsigned k)
{
	return k ? (le32_t *)p->b[k]->data + p->at[k] : &i->block.words[p->at[0]];
}

static void leave(struct place *p)
{
	for (unsigned k = 1; k <= p->have; k++)
		buf_put(p->b[k]);
	p->have = 0;
}

static int damaged(struct ext4_inode *i)
{
	return ext4_damaged(fs_of(i), "the block numbers of inode %u are invalid",
			    (unsigned)i->i.ino);
}

static int enter(struct ext4_inode *i, struct place *p, unsigned k, uint32_t nr)
{
	int rc;

	if (!ext4_block_valid(fs_of(i), nr, 1))
		return damaged(i);
	rc = buf_get(&fs_of(i)->store, nr, &p->b[k]);
	if (rc)
		return rc;
	p->have = k;
	if (p->b[k]->kind == BUF_UNKNOWN) {
		p->b[k]->kind = BUF_PLAIN;
		p->b[k]->owner = i->i.ino;
	}
	if (p->b[k]->kind != BUF_PLAIN || p->b[k]->owner != i->i.ino)
		return damaged(i);
	return 0;
}

/* Down as far as there are indirect blocks: the level of the last slot that could be read. */
static int descend(struct ext4_inode *i, struct place *p, unsigned *level)
{
	for (unsigned k = 0;; k++) {
		uint32_t nr = le32(*slot(i, p, k));
		int rc;

		*level = k;
		if (k == p->depth || !nr)
			return 0;
		rc = enter(i, p, k + 1, nr);
		if (rc) {
			leave(p);
			return rc;
		}
	}
}

/* Blocks from the place to the end of what the slot at a level leads to. */
static uint64_t left_below(const struct ext4_inode *i, const struct place *p, unsigned level)
{
	uint64_t span = 1, before = 0;

	for (unsigned k = p->depth; k > level; k--) {
		before += p->at[k] * span;
		span *= slots(i);
	}
	return span - before;
}

int indirect_find(struct ext4_inode *i, uint32_t lblk, struct extent *x)
{
	struct place p;
	unsigned level, end;
	const le32_t *first;
	int rc;

	*x = (struct extent){ .lblk = lblk };
	if (!find_place(i, lblk, &p)) {
		x->len = UINT32_MAX - lblk;
		return 0;
	}
	rc = descend(i, &p, &level);
	if (rc)
		return rc;
	if (level < p.depth) {
		uint64_t left = left_below(i, &p, level);

		x->len = left > UINT32_MAX - lblk ? UINT32_MAX - lblk : left;
		leave(&p);
		return 0;
	}
	first = slot(i, &p, level);
	end = level ? slots(i) : DIRECT;
	x->pblk = le32(*first);
	x->len = 1;
	while (p.at[level] + x->len < end &&
	       le32(first[x->len]) == (x->pblk ? x->pblk + x->len : 0))
		x->len++;
	leave(&p);
	if (x->pblk && !ext4_block_valid(fs_of(i), x->pblk, x->len))
		return damaged(i);
	return 0;
}

static int insert_one(struct ext4_inode *i, struct handle *h, uint32_t lblk, uint64_t pblk)
{
	struct place p;
	unsigned level;
	int rc;

	if (!find_place(i, lblk, &p) || pblk > UINT32_MAX)
		return -EFBIG;
	rc = descend(i, &p, &level);
	if (rc)
		return rc;
	while (!rc && level < p.depth) {
		struct buf *b;

		rc = level ? journal_access(h, p.b[level]) : 0;
		if (!rc)
			rc = alloc_block(i, h, pblk, &b);
		if (rc)
			break;
		b->kind = BUF_PLAIN;
		b->owner = i->i.ino;
		*slot(i, &p, level) = le32(b->nr);
		p.b[++level] = b;
		p.have = level;
	}
	if (!rc && level)
		rc = journal_access(h, p.b[level]);
	if (!rc && *slot(i, &p, level))
		rc = damaged(i);
	if (!rc)
		*slot(i, &p, level) = le32(pblk);
	leave(&p);
	return rc;
}

int indirect_insert(struct ext4_inode *i, struct handle *h, const struct extent *x)
{
	int rc = 0;

	i->last.len = 0;
	for (uint32_t k = 0; k < x->len && !rc; k++)
		rc = insert_one(i, h, x->lblk + k, x->pblk + k);
	return rc;
}

static int free_run(struct ext4_inode *i, struct handle *h, uint64_t start, uint32_t len)
{
	if (!len)
		return 0;
	i->blocks -= (uint64_t)len * (fs_of(i)->block_size / 512);
	return alloc_free(fs_of(i), h, start, len, !is_file(i));
}

static bool empty(const struct ext4_inode *i, const struct buf *b)
{
	const le32_t *p = (const le32_t *)b->data;

	for (unsigned k = 0; k < slots(i); k++)
		if (p[k])
			return false;
	return true;
}

/* Clear the slots of the last level from its current one back to `down_to`; *done: the lowest
   that was cleared. */
static int clear(struct ext4_inode *i, struct handle *h, struct place *p, unsigned down_to,
		 unsigned *done)
{
	unsigned level = p->depth, at = p->at[level];
	uint64_t start = 0;
	uint32_t len = 0;
	int rc = level ? journal_access(h, p->b[level]) : 0;

	for (;; at--) {
		le32_t *s;
		uint32_t nr;

		p->at[level] = at;
		s = slot(i, p, level);
		nr = le32(*s);
		if (len && (!nr || nr + 1 != start)) {
			if (!rc)
				rc = free_run(i, h, start, len);
			len = 0;
			if (!rc && h->credits < REMOVE_CREDITS) {
				*done = at + 1;
				return 1;
			}
		}
		if (rc)
			return rc;
		if (nr) {
			start = nr;
			len++;
			*s = 0;
		}
		if (at == down_to)
			break;
	}
	*done = down_to;
	return free_run(i, h, start, len);
}

int indirect_remove(struct ext4_inode *i, struct handle *h, uint32_t from, uint32_t to)
{
	uint64_t most = map_max_blocks(i);

	i->last.len = 0;
	if (to > most)
		to = most;
	while (from < to) {
		struct place p;
		unsigned level, done = 0;
		uint32_t base, last = to - 1;
		int rc, more;

		if (h->credits < REMOVE_CREDITS)
			return 1;
		find_place(i, last, &p);
		rc = descend(i, &p, &level);
		if (rc)
			return rc;
		if (level < p.depth) {
			uint64_t span = 1, before;

			for (unsigned k = p.depth; k > level; k--)
				span *= slots(i);
			before = span - left_below(i, &p, level);
			leave(&p);
			to = last - before;
			continue;
		}
		base = last - p.at[level];
		more = clear(i, h, &p, from > base ? from - base : 0, &done);
		rc = more < 0 ? more : 0;
		while (!rc && level && empty(i, p.b[level])) {
			rc = alloc_free(fs_of(i), h, p.b[level]->nr, 1, true);
			i->blocks -= fs_of(i)->block_size / 512;
			level--;
			if (!rc && level)
				rc = journal_access(h, p.b[level]);
			if (!rc)
				*slot(i, &p, level) = 0;
		}
		leave(&p);
		if (rc || more == 1)
			return rc ? rc : 1;
		to = base + done;
		os_pause();
	}
	return 0;
}

/* SPDX-License-Identifier: ISC */
/*
 * Extents are inserted and removed.
 *
 * Each change is made by one walk from the root: where there is no room, one node is split and
 * the walk begins again.  The caller writes the inode (ext4_ilog()) in the same operation.
 */
#include "fs/ext4/ext4.h"
#include "fs/ext4/map/extent.h"

#define REMOVE_CREDITS 20		/* to remove one extent, and to split it */
#define REVOKES_MOST 64			/* blocks of metadata that are freed by one operation */

static struct ext4_extent pack(const struct extent *x)
{
	return (struct ext4_extent){ le32(x->lblk), le16(x->len + (x->unwritten ? EXTENT_MAX : 0)),
				     le16(x->pblk >> 32), le32(x->pblk) };
}

static int access(struct handle *h, struct step *s)
{
	return s->b ? journal_access(h, s->b) : 0;
}

void extent_init(struct ext4_inode *i)
{
	struct ext4_extent_header *h = (void *)i->block.bytes;

	memset(i->block.bytes, 0, sizeof(i->block.bytes));
	h->magic = le16(EXTENT_MAGIC);
	h->max = le16(4);
	i->flags |= INODE_EXTENTS;
}

/* The node at step k begins with another block now: so do the entries above. */
static int fix_keys(struct handle *h, struct path *p, unsigned k)
{
	le32_t key = p->steps[k].entries[0].block;

	while (k--) {
		struct step *s = &p->steps[k];
		int rc = access(h, s);

		if (rc)
			return rc;
		s->entries[s->at].block = key;
		if (s->at)
			break;
	}
	return 0;
}

static void shift(struct step *s, unsigned at, int by)
{
	if (by > 0)
		memmove(&s->entries[at + 1], &s->entries[at],
			(entries(s) - at) * sizeof(union entry));
	else
		memmove(&s->entries[at], &s->entries[at + 1],
			(entries(s) - at - 1) * sizeof(union entry));
	s->h->entries = le16(entries(s) + by);
}

static int new_node(struct ext4_inode *i, struct handle *h, uint64_t near, unsigned depth,
		    struct step *s)
{
	struct buf *b;
	int rc = alloc_block(i, h, near, &b);

	if (rc)
		return rc;
	extent_own(i, b);
	enter(s, b, b->data);
	*s->h = (struct ext4_extent_header){ le16(EXTENT_MAGIC), 0, le16(capacity(fs_of(i))),
					     le16(depth), 0 };
	return 0;
}

/* The root's entries move to a new node: the tree is one deeper. */
static int grow(struct ext4_inode *i, struct handle *h, struct path *p)
{
	struct step *root = &p->steps[0], node;
	unsigned depth = le16(root->h->depth);
	uint64_t near = group_first(fs_of(i), (i->i.ino - 1) / fs_of(i)->inodes_per_group);
	int rc;

	if (depth == DEPTH_MAX)
		return -EFBIG;
	rc = new_node(i, h, near, depth, &node);
	if (rc)
		return rc;
	memcpy(node.entries, root->entries, entries(root) * sizeof(union entry));
	node.h->entries = root->h->entries;
	root->h->entries = le16(1);
	root->h->depth = le16(depth + 1);
	root->entries[0].i = (struct ext4_index){ node.entries[0].block, le32(node.b->nr),
						  le16(node.b->nr >> 32), 0 };
	buf_put(node.b);
	return 0;
}

/* The node at step k is full, the one above is not. */
static int split(struct ext4_inode *i, struct handle *h, struct path *p, unsigned k)
{
	struct step *s = &p->steps[k], *above = &p->steps[k - 1], node;
	unsigned n = entries(s);
	/* A file that grows at its end fills its nodes. */
	unsigned cut = s->at + 1 == (int)n && extent_next_block(p) == UINT32_MAX ? n - 1 : n / 2;
	int rc = new_node(i, h, s->b->nr, le16(s->h->depth), &node);

	if (rc)
		return rc;
	rc = access(h, s);
	if (!rc)
		rc = access(h, above);
	if (!rc) {
		memcpy(node.entries, &s->entries[cut], (n - cut) * sizeof(union entry));
		node.h->entries = le16(n - cut);
		s->h->entries = le16(cut);
		shift(above, above->at + 1, 1);
		above->entries[above->at + 1].i =
			(struct ext4_index){ node.entries[0].block, le32(node.b->nr),
					     le16(node.b->nr >> 32), 0 };
	}
	buf_put(node.b);
	return rc;
}

/* One step towards room in the leaf: the lowest node that can take an entry gets one. */
static int make_room(struct ext4_inode *i, struct handle *h, struct path *p)
{
	for (unsigned k = p->depth; k--;)
		if (entries(&p->steps[k]) < le16(p->steps[k].h->max))
			return split(i, h, p, k + 1);
	return grow(i, h, p);
}

/* Whether b continues a, as one extent. */
static bool joins(const struct ext4_extent *a, const struct ext4_extent *b)
{
	uint32_t len = len_of(a) + len_of(b);

	return end_of(a) == le32(b->block) && start_of(a) + len_of(a) == start_of(b) &&
	       unwritten(a) == unwritten(b) && len < EXTENT_MAX;
}

static void lengthen(struct ext4_extent *x, uint32_t by)
{
	x->len = le16(le16(x->len) + by);
}

/* Insert into the leaf that the path leads to: 1: done; 0: it is full. */
static int insert(struct handle *h, struct path *p, struct ext4_extent x)
{
	struct step *s = &p->steps[p->depth];
	int at = s->at + 1, rc;
	struct ext4_extent *before = at ? &s->entries[at - 1].x : NULL;
	struct ext4_extent *behind = at < (int)entries(s) ? &s->entries[at].x : NULL;

	if ((before && end_of(before) > le32(x.block)) || end_of(&x) > extent_next_block(p))
		return -EUCLEAN;
	rc = access(h, s);
	if (rc)
		return rc;
	if (before && joins(before, &x)) {
		lengthen(before, len_of(&x));
		if (behind && joins(before, behind)) {
			lengthen(before, len_of(behind));
			shift(s, at, -1);
		}
		return 1;
	}
	if (behind && joins(&x, behind)) {
		lengthen(&x, len_of(behind));
		*behind = x;
	} else if (entries(s) < le16(s->h->max)) {
		shift(s, at, 1);
		s->entries[at].x = x;
	} else {
		return 0;
	}
	rc = at ? 0 : fix_keys(h, p, p->depth);
	return rc ? rc : 1;
}

int extent_insert(struct ext4_inode *i, struct handle *h, const struct extent *x)
{
	struct extent rest = *x;
	uint32_t most = x->unwritten ? EXTENT_MAX - 1 : EXTENT_MAX;

	i->last.len = 0;
	while (rest.len) {
		struct extent part = rest;
		struct path p;
		int rc;

		if (part.len > most)
			part.len = most;
		rc = extent_walk(i, part.lblk, &p);
		if (rc)
			return rc;
		rc = insert(h, &p, pack(&part));
		if (rc == 0)
			rc = make_room(i, h, &p);
		else if (rc == 1)
			rest.lblk += part.len, rest.pblk += part.len, rest.len -= part.len;
		extent_leave(&p);
		if (rc == -EUCLEAN)
			return extent_damaged(i);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* The entry at step k is gone; so are nodes that have become empty. */
static int remove_entry(struct ext4_inode *i, struct handle *h, struct path *p)
{
	struct ext4 *e = fs_of(i);
	unsigned k = p->depth;
	int rc = 0;

	shift(&p->steps[k], p->steps[k].at, -1);
	while (k && !entries(&p->steps[k])) {
		rc = alloc_free(e, h, p->steps[k].b->nr, 1, true);
		if (!rc)
			rc = access(h, &p->steps[k - 1]);
		if (rc)
			return rc;
		i->blocks -= e->block_size / 512;
		k--;
		shift(&p->steps[k], p->steps[k].at, -1);
	}
	if (!k && !entries(&p->steps[0]))
		p->steps[0].h->depth = 0;
	else if (!p->steps[k].at && k)
		rc = fix_keys(h, p, k);
	return rc;
}

/* Cut [from, to) out of the extent that the path is at. */
static int cut(struct ext4_inode *i, struct handle *h, struct path *p, uint32_t from,
	       uint32_t to, struct extent *rest)
{
	struct step *s = &p->steps[p->depth];
	struct ext4_extent *x = &s->entries[s->at].x;
	struct extent head = { le32(x->block), from - le32(x->block), start_of(x), unwritten(x) };
	struct extent tail = { to, end_of(x) - to, start_of(x) + (to - le32(x->block)),
			       unwritten(x) };
	int rc = access(h, s);

	if (rc)
		return rc;
	if (head.len) {
		*x = pack(&head);
		*rest = tail;		/* to be inserted again */
	} else if (tail.len) {
		*x = pack(&tail);
		rc = s->at ? 0 : fix_keys(h, p, p->depth);
	} else {
		rc = remove_entry(i, h, p);
	}
	return rc;
}

int extent_remove(struct ext4_inode *i, struct handle *h, uint32_t from, uint32_t to,
		  bool keep_blocks)
{
	int more = 0;

	i->last.len = 0;
	while (from < to) {
		struct extent rest = { .len = 0 };
		struct path p;
		uint32_t a, b;
		uint64_t pblk;
		const struct step *s;
		int rc;

		if (h->credits < REMOVE_CREDITS && !keep_blocks)
			return 1;
		rc = extent_walk(i, to - 1, &p);
		if (rc)
			return rc;
		s = &p.steps[p.depth];
		if (s->at < 0 || end_of(&s->entries[s->at].x) <= from) {
			extent_leave(&p);
			return more;
		}
		a = le32(s->entries[s->at].x.block);
		b = end_of(&s->entries[s->at].x);
		pblk = start_of(&s->entries[s->at].x);
		if (b > to)
			b = to;
		if (!is_file(i) && !keep_blocks && b - from > REVOKES_MOST) {
			from = b - REVOKES_MOST;
			more = 1;
		}
		if (a < from)
			pblk += from - a, a = from;
		rc = cut(i, h, &p, a, b, &rest);
		extent_leave(&p);
		if (!rc && rest.len)
			rc = extent_insert(i, h, &rest);
		if (!rc && !keep_blocks) {
			rc = alloc_free(fs_of(i), h, pblk, b - a, !is_file(i));
			i->blocks -= (uint64_t)(b - a) * (fs_of(i)->block_size / 512);
		}
		if (rc)
			return rc;
		to = a;
		os_pause();
	}
	return more;
}

/* SPDX-License-Identifier: ISC */
/*
 * The index of a directory: a tree by the hash of names, with the leaves of dir.c.
 *
 * The key of an entry is the least hash in the leaf; its lowest bit says that the leaf
 * before has names with the same hash, too.  The first entry of a node has no key.
 */
#include "fs/crc.h"
#include "fs/ext4/ext4.h"
#include "fs/ext4/dir/htree.h"

bool htree_is(const struct ext4_inode *dir)
{
	return dir->flags & INODE_INDEX && has_compat(fs_of(dir), COMPAT_DIR_INDEX);
}

static unsigned entries_at(const struct buf *b)
{
	return le16(((const struct ext4_dirent *)b->data)->rec_len) == 12 ? ROOT_AT : NODE_AT;
}

static uint32_t node_sum(const struct buf *b, uint32_t seed)
{
	unsigned at = entries_at(b);
	const struct ext4_dx_limit *l = (const void *)(b->data + at);
	const struct ext4_dx_tail *t = (const void *)(b->data + at + le16(l->limit) * 8);
	static const uint8_t zero[4];
	uint32_t crc = crc32c(seed, b->data, at + le16(l->count) * 8);

	return crc32c(crc32c(crc, &t->reserved, 4), zero, 4);
}

bool htree_check(const struct ext4_inode *dir, const struct buf *b)
{
	const struct ext4 *e = fs_of(dir);
	const struct ext4_dirent *d = (const void *)b->data;
	unsigned at = entries_at(b);
	const struct ext4_dx_limit *l = (const void *)(b->data + at);
	const struct ext4_dx_entry *x = (const void *)l;
	uint32_t blocks = dir->i.size >> e->shift, before = 0;

	if (at == ROOT_AT) {
		const struct ext4_dirent *dots = (const void *)(b->data + 12);

		if (le16(dots->rec_len) != e->block_size - 12 || info(b)->zero ||
		    info(b)->info_length != 8 || info(b)->hash_version > 2 ||
		    info(b)->levels >= LEVELS || info(b)->flags & 1 ||
		    le32(dots->ino) > e->inodes_count || d->name_len != 1 || dots->name_len != 2)
			return false;
	} else if (d->ino || le16(d->rec_len) != e->block_size) {
		return false;
	}
	if (le16(l->limit) != capacity(e, at) || !le16(l->count) ||
	    le16(l->count) > le16(l->limit))
		return false;
	for (unsigned k = 0; k < le16(l->count); k++) {
		if (le32(x[k].block) >= blocks || (k && le32(x[k].hash) < before))
			return false;
		before = k ? le32(x[k].hash) : 0;
	}
	if (e->metadata_csum) {
		const struct ext4_dx_tail *t = (const void *)(x + le16(l->limit));

		return le32(t->checksum) == node_sum(b, ext4_isum(dir));
	}
	return true;
}

/* Checksums of directories' blocks and extents, when their transaction ends. */
void ext4_seal_buf(struct ext4 *e, struct buf *b)
{
	unsigned at;
	le32_t sum;

	if (!e->metadata_csum)
		return;
	switch (b->kind) {
	case BUF_DIR:
		at = dir_space(e);
		sum = le32(crc32c(b->seed, b->data, at));
		memcpy(b->data + at + 8, &sum, 4);
		break;
	case BUF_DX:
		at = entries_at(b);
		sum = le32(node_sum(b, b->seed));
		memcpy(b->data + at + capacity(e, at) * 8 + 4, &sum, 4);
		break;
	case BUF_EXTENT:
		at = 12 + 12 * le16(((struct ext4_extent_header *)b->data)->max);
		sum = le32(crc32c(b->seed, b->data, at));
		memcpy(b->data + at, &sum, 4);
		break;
	}
}

int htree_damaged(struct ext4_inode *dir)
{
	return ext4_damaged(fs_of(dir), "the index of directory %u is invalid",
			    (unsigned)dir->i.ino);
}

void htree_leave(struct way *w)
{
	while (w->levels)
		buf_put(w->frames[--w->levels].b);
}

/* The last entry whose key is at most the hash; the first has none. */
static unsigned search(const struct frame *f, uint32_t hash)
{
	unsigned low = 1, high = count(f);

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (le32(f->entries[middle].hash) <= hash)
			low = middle + 1;
		else
			high = middle;
	}
	return low - 1;
}

unsigned htree_version_of(const struct ext4 *e, const struct buf *root)
{
	return info(root)->hash_version +
	       (le32(e->super->flags) & EXT4_HASH_UNSIGNED ? 3 : 0);
}

int htree_probe(struct ext4_inode *dir, const char *name, size_t len, struct way *w)
{
	struct ext4 *e = fs_of(dir);
	uint32_t lblk = 0, minor;
	unsigned levels = 1;

	w->levels = 0;
	do {
		struct frame *f = &w->frames[w->levels];
		int rc = dir_block(dir, lblk, true, &f->b);

		if (rc) {
			htree_leave(w);
			return rc;
		}
		f->entries = (struct ext4_dx_entry *)(f->b->data + entries_at(f->b));
		if ((entries_at(f->b) == ROOT_AT) != !w->levels++) {
			htree_leave(w);
			return htree_damaged(dir);
		}
		if (w->levels == 1) {
			levels = info(f->b)->levels + 1;
			if (name)
				ext4_hash(e, htree_version_of(e, f->b), name, len, &w->hash, &minor);
		}
		f->at = search(f, w->hash);
		lblk = le32(f->entries[f->at].block) & 0x0fffffff;
	} while (w->levels < levels);
	return 0;
}

/* The key of the next leaf, 0: there is none. */
static uint32_t next_key(const struct way *w)
{
	for (unsigned k = w->levels; k--;)
		if (w->frames[k].at + 1 < count(&w->frames[k]))
			return le32(w->frames[k].entries[w->frames[k].at + 1].hash);
	return 0;
}

/* To the next leaf, which exists. */
static int advance(struct ext4_inode *dir, struct way *w)
{
	unsigned k = w->levels - 1;

	while (w->frames[k].at + 1 >= count(&w->frames[k]))
		k--;
	w->frames[k].at++;
	for (k++; k < w->levels; k++) {
		struct frame *f = &w->frames[k];
		struct buf *b;
		int rc = dir_block(dir, le32(w->frames[k - 1].entries[w->frames[k - 1].at].block),
				   true, &b);

		if (rc)
			return rc;
		buf_put(f->b);
		f->b = b;
		f->entries = (struct ext4_dx_entry *)(b->data + entries_at(b));
		f->at = 0;
	}
	return 0;
}

uint32_t htree_leaf_of(const struct way *w)
{
	const struct frame *f = &w->frames[w->levels - 1];

	return le32(f->entries[f->at].block) & 0x0fffffff;
}

int htree_find(struct ext4_inode *dir, const char *name, size_t len, struct dir_slot *s,
	       uint32_t *ino)
{
	struct way w;
	int rc;

	/* The root has these two, outside of the index. */
	if (name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.'))) {
		struct buf *b;

		rc = dir_block(dir, 0, true, &b);
		if (rc)
			return rc;
		*s = (struct dir_slot){ .b = b, .at = len == 2 ? 12 : 0 };
		*ino = le32(dirent_at(b, s->at)->ino);
		return 0;
	}
	rc = htree_probe(dir, name, len, &w);
	if (rc)
		return rc;
	for (;;) {
		struct buf *b;

		rc = dir_block(dir, htree_leaf_of(&w), false, &b);
		if (rc)
			break;
		if (dir_search(dir, b, name, len, s, ino)) {
			s->lblk = htree_leaf_of(&w);
			break;
		}
		buf_put(b);
		rc = -ENOENT;
		if (next_key(&w) != (w.hash | 1))
			break;
		rc = advance(dir, &w);
		if (rc)
			break;
		os_pause();
	}
	htree_leave(&w);
	return rc;
}

int htree_leaf(struct ext4_inode *dir, uint32_t hash, uint32_t *lblk, uint32_t *next)
{
	struct way w = { .hash = hash };
	int rc = htree_probe(dir, NULL, 0, &w);

	if (rc)
		return rc;
	*lblk = htree_leaf_of(&w);
	*next = next_key(&w);
	htree_leave(&w);
	return 0;
}

unsigned htree_version(struct ext4_inode *dir, int *rc)
{
	struct buf *b;
	unsigned version;

	*rc = 0;
	if (!htree_is(dir))
		return fs_of(dir)->hash_version;
	*rc = dir_block(dir, 0, true, &b);
	if (*rc)
		return 0;
	version = htree_version_of(fs_of(dir), b);
	buf_put(b);
	return version;
}

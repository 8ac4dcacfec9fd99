/* SPDX-License-Identifier: ISC */
/* Names are added to a directory with an index: leaves and nodes are split. */
#include "fs/ext4/ext4.h"
#include "fs/ext4/dir/htree.h"

static void insert_key(struct frame *f, uint32_t hash, uint32_t lblk)
{
	struct ext4_dx_limit *l = limits(f->entries);
	unsigned at = f->at + 1;

	memmove(&f->entries[at + 1], &f->entries[at], (count(f) - at) * sizeof(*f->entries));
	f->entries[at] = (struct ext4_dx_entry){ le32(hash), le32(lblk) };
	l->count = le16(count(f) + 1);
}

/* A new node of the index that takes entries [from, ...) of one. */
static int new_node(struct ext4_inode *dir, struct handle *h, const struct frame *f,
		    unsigned from, struct buf **b, uint32_t *lblk)
{
	const struct ext4 *e = fs_of(dir);
	struct ext4_dx_entry *entries;
	unsigned n = count(f) - from;
	int rc = dir_append(dir, h, b, lblk);

	if (rc)
		return rc;
	dirent_at(*b, 0)->rec_len = le16(e->block_size);
	entries = (struct ext4_dx_entry *)((*b)->data + NODE_AT);
	memcpy(entries, &f->entries[from], n * sizeof(*entries));
	limits(entries)->limit = le16(capacity(e, NODE_AT));
	limits(entries)->count = le16(n);
	dir_own(dir, *b, BUF_DX);
	return 0;
}

/* The node above the leaf is full: one step towards room there.  Here and below, the new block
   comes first: if there is none, nothing has changed. */
static int make_room(struct ext4_inode *dir, struct handle *h, struct way *w)
{
	struct frame *f = &w->frames[w->levels - 1];
	struct buf *b;
	uint32_t lblk, key;
	unsigned half = count(f) / 2;
	int rc;

	if (w->levels == 1) {		/* the index becomes one level deeper */
		rc = new_node(dir, h, f, 0, &b, &lblk);
		if (rc)
			return rc;
		rc = journal_access(h, f->b);
		if (!rc) {
			limits(f->entries)->count = le16(1);
			f->entries[0].block = le32(lblk);
			info(f->b)->levels = 1;
		}
		buf_put(b);
		return rc;
	}
	if (count(&w->frames[0]) == le16(limits(w->frames[0].entries)->limit))
		return -ENOSPC;
	key = le32(f->entries[half].hash);
	rc = new_node(dir, h, f, half, &b, &lblk);
	if (rc)
		return rc;
	rc = journal_access(h, f->b);
	if (!rc)
		rc = journal_access(h, w->frames[0].b);
	if (!rc) {
		limits(f->entries)->count = le16(half);
		insert_key(&w->frames[0], key, lblk);
	}
	buf_put(b);
	return rc;
}

struct entry {
	uint32_t hash;
	uint16_t at, size;
};

static unsigned gather(struct ext4_inode *dir, struct buf *b, unsigned version,
		       struct entry *map)
{
	const struct ext4 *e = fs_of(dir);
	unsigned end = dir_space(e), n = 0;
	uint32_t minor;

	for (unsigned at = 0; at < end; at += le16(dirent_at(b, at)->rec_len)) {
		const struct ext4_dirent *d = dirent_at(b, at);
		unsigned k = n;
		struct entry x = { .at = at, .size = dirent_size(d->name_len) };

		if (!d->ino)
			continue;
		ext4_hash(e, version, d->name, d->name_len, &x.hash, &minor);
		for (; k && map[k - 1].hash > x.hash; k--)
			map[k] = map[k - 1];
		map[k] = x;
		n++;
	}
	return n;
}

/* Entries, one behind the other, at the beginning of a leaf. */
static void pack(struct ext4_inode *dir, struct buf *to, const uint8_t *from,
		 const struct entry *map, unsigned n)
{
	unsigned end = dir_space(fs_of(dir)), at = 0;

	for (unsigned k = 0; k < n; k++) {
		struct ext4_dirent *d = dirent_at(to, at);
		unsigned size = k + 1 == n ? end - at : map[k].size;

		memcpy(d, from + map[k].at, map[k].size);
		d->rec_len = le16(size);
		at += size;
	}
}

/* The leaf that the way leads to is full: its upper half of hashes goes to a new one. */
static int split(struct ext4_inode *dir, struct handle *h, struct way *w, struct buf *leaf)
{
	struct ext4 *e = fs_of(dir);
	unsigned n, size = 0, cut, version = htree_version_of(e, w->frames[0].b);
	struct entry *map = cache_alloc_sure(e->block_size / 12 * sizeof(*map));
	uint8_t *copy = cache_page_alloc_sure();
	struct buf *b = NULL;
	uint32_t lblk, key;
	int rc = map && copy ? 0 : -ENOMEM;

	if (!rc)
		rc = dir_append(dir, h, &b, &lblk);
	if (!rc)
		rc = journal_access(h, leaf);
	if (!rc)
		rc = journal_access(h, w->frames[w->levels - 1].b);
	if (!rc) {
		n = gather(dir, leaf, version, map);
		for (cut = n; cut > 1 && size + map[cut - 1].size <= e->block_size / 2; cut--)
			size += map[cut - 1].size;
		if (cut == n)
			cut = n - 1;
		if (n < 2) {
			rc = htree_damaged(dir);
		} else {
			key = map[cut].hash | (map[cut].hash == map[cut - 1].hash);
			memcpy(copy, leaf->data, e->block_size);
			dir_leaf_init(dir, b);
			pack(dir, b, copy, map + cut, n - cut);
			memset(leaf->data, 0, e->block_size);
			dir_leaf_init(dir, leaf);
			pack(dir, leaf, copy, map, cut);
			insert_key(&w->frames[w->levels - 1], key, lblk);
		}
	}
	buf_put(b);
	if (map)
		cache_free(map, e->block_size / 12 * sizeof(*map));
	cache_page_free(copy);
	return rc;
}

/* With blocks of 1 KiB a leaf may have to be split twice.  If the index cannot take both, that is
   found before the directory changes. */
static bool index_full(const struct way *w)
{
	const struct frame *root = &w->frames[0], *f = &w->frames[w->levels - 1];

	return w->levels == LEVELS && count(root) == le16(limits(root->entries)->limit) &&
	       count(f) + 2 > le16(limits(f->entries)->limit);
}

int htree_add(struct ext4_inode *dir, struct handle *h, const char *name, size_t len,
	      uint32_t ino, uint32_t mode)
{
	/* Each round splits a leaf or a node. */
	for (unsigned round = 0; round < 16; round++) {
		const struct frame *f;
		struct way w;
		struct buf *b;
		int rc = htree_probe(dir, name, len, &w);

		if (rc)
			return rc;
		rc = dir_block(dir, htree_leaf_of(&w), false, &b);
		if (rc) {
			htree_leave(&w);
			return rc;
		}
		rc = dir_insert(dir, h, b, name, len, ino, mode);
		f = &w.frames[w.levels - 1];
		if (rc == 0 && !round && index_full(&w))
			rc = -ENOSPC;
		else if (rc == 0 && count(f) == le16(limits(f->entries)->limit))
			rc = make_room(dir, h, &w);
		else if (rc == 0)
			rc = split(dir, h, &w, b);
		buf_put(b);
		htree_leave(&w);
		if (rc)
			return rc < 0 ? rc : 0;
	}
	return -ENOSPC;
}

int htree_make(struct ext4_inode *dir, struct handle *h, struct buf *root)
{
	struct ext4 *e = fs_of(dir);
	struct ext4_dirent *dot = dirent_at(root, 0), *dots = dirent_at(root, 12);
	struct ext4_dx_entry *entries = (struct ext4_dx_entry *)(root->data + ROOT_AT);
	struct entry *map;
	unsigned n, end = dir_space(e);
	struct buf *b;
	uint32_t lblk;
	int rc;

	/* These two come first, and take what they need. */
	if (le16(dot->rec_len) != 12 || dot->name_len != 1 || dot->name[0] != '.' ||
	    dots->name_len != 2 || memcmp(dots->name, "..", 2) || !dots->ino)
		return htree_damaged(dir);
	map = cache_alloc_sure(e->block_size / 12 * sizeof(*map));
	if (!map)
		return -ENOMEM;
	rc = dir_append(dir, h, &b, &lblk);
	if (!rc && (rc = journal_access(h, root)))
		buf_put(b);
	if (!rc) {
		n = 0;
		for (unsigned at = 12 + le16(dots->rec_len); at < end;
		     at += le16(dirent_at(root, at)->rec_len))
			if (dirent_at(root, at)->ino)
				map[n++] = (struct entry){
					0, at, dirent_size(dirent_at(root, at)->name_len)
				};
		dir_leaf_init(dir, b);
		pack(dir, b, root->data, map, n);
		buf_put(b);
		dots->rec_len = le16(e->block_size - 12);
		memset(root->data + 24, 0, e->block_size - 24);
		*info(root) = (struct ext4_dx_info){
			.hash_version = e->hash_version % 3, .info_length = 8
		};
		limits(entries)->limit = le16(capacity(e, ROOT_AT));
		limits(entries)->count = le16(1);
		entries[0].block = le32(lblk);
		dir_own(dir, root, BUF_DX);
		dir->flags |= INODE_INDEX;
	}
	cache_free(map, e->block_size / 12 * sizeof(*map));
	return rc;
}

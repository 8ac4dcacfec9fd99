/* SPDX-License-Identifier: ISC */
/*
 * Directories: their blocks of entries, and searching and changing one.  Those with an index
 * are searched by htree.c.  The file system's lock `names` is held.
 */
#include "fs/crc.h"
#include "fs/ext4/ext4.h"

#define TAIL sizeof(struct ext4_dir_tail)
#define TAIL_TYPE 0xde

unsigned dir_space(const struct ext4 *e)
{
	return e->block_size - (e->metadata_csum ? TAIL : 0);
}

unsigned dirent_len(const struct ext4 *e, const struct ext4_dirent *d)
{
	(void)e;
	return le16(d->rec_len);
}

static int damaged(struct ext4_inode *dir)
{
	return ext4_damaged(fs_of(dir), "directory %u is invalid", (unsigned)dir->i.ino);
}

static bool leaf_valid(const struct ext4_inode *dir, struct buf *b)
{
	const struct ext4 *e = fs_of(dir);
	unsigned end = dir_space(e), at = 0, len;

	for (; at < end; at += len) {
		const struct ext4_dirent *d = dirent_at(b, at);

		if (at + 8 > end)
			return false;
		len = le16(d->rec_len);
		if (len < 8 || len & 3 || len > end - at)
			return false;
		if (le32(d->ino) && (!d->name_len || dirent_size(d->name_len) > len ||
				     le32(d->ino) > e->inodes_count))
			return false;
	}
	if (e->metadata_csum) {
		const struct ext4_dir_tail *t = (const void *)(b->data + end);

		return !t->zero && le16(t->rec_len) == TAIL && !t->zero2 && t->type == TAIL_TYPE &&
		       le32(t->checksum) == crc32c(ext4_isum(dir), b->data, end);
	}
	return true;
}

void dir_own(struct ext4_inode *dir, struct buf *b, unsigned kind)
{
	b->kind = kind;
	b->owner = dir->i.ino;
	b->seed = ext4_isum(dir);
}

int dir_block(struct ext4_inode *dir, uint32_t lblk, bool node, struct buf **to)
{
	struct ext4 *e = fs_of(dir);
	unsigned kind = node ? BUF_DX : BUF_DIR;
	struct extent x;
	struct buf *b;
	int rc = map_find(dir, lblk, 1, &x);

	if (rc)
		return rc;
	if (!x.pblk || x.unwritten || lblk >= dir->i.size >> e->shift)
		return damaged(dir);
	rc = buf_get(&e->store, x.pblk, &b);
	if (rc)
		return rc;
	if (b->kind != kind || b->owner != dir->i.ino) {
		if (b->kind != BUF_UNKNOWN ||
		    !(node ? htree_check(dir, b) : leaf_valid(dir, b))) {
			buf_put(b);
			return damaged(dir);
		}
		dir_own(dir, b, kind);
	}
	*to = b;
	return 0;
}

/* An empty leaf. */
void dir_leaf_init(struct ext4_inode *dir, struct buf *b)
{
	const struct ext4 *e = fs_of(dir);
	struct ext4_dirent *d = dirent_at(b, 0);

	*d = (struct ext4_dirent){ .rec_len = le16(dir_space(e)) };
	if (e->metadata_csum)
		*(struct ext4_dir_tail *)(b->data + dir_space(e)) =
			(struct ext4_dir_tail){ .rec_len = le16(TAIL), .type = TAIL_TYPE };
	dir_own(dir, b, BUF_DIR);
}

int dir_append(struct ext4_inode *dir, struct handle *h, struct buf **b, uint32_t *lblk)
{
	struct ext4 *e = fs_of(dir);
	struct extent x = { .lblk = dir->i.size >> e->shift, .len = 1 };
	int rc;

	if (x.lblk >= 0x7fffffffu >> e->shift)
		return -ENOSPC;
	rc = alloc_block(dir, h, alloc_goal(dir, x.lblk), b);
	if (rc)
		return rc;
	x.pblk = (*b)->nr;
	rc = map_insert(dir, h, &x);
	if (rc) {
		buf_put(*b);
		/* The caller must not take this as if nothing had been changed. */
		return rc == -ENOSPC ? -EIO : rc;
	}
	dir->goal_lblk = x.lblk + 1;
	dir->goal = x.pblk + 1;
	*lblk = x.lblk;
	dir->i.size += e->block_size;
	dir->disk_size = dir->i.size;
	return 0;
}

int dir_search(struct ext4_inode *dir, struct buf *b, const char *name, size_t len,
	       struct dir_slot *s, uint32_t *ino)
{
	unsigned end = dir_space(fs_of(dir)), before = 0;

	for (unsigned at = 0; at < end; before = at, at += le16(dirent_at(b, at)->rec_len)) {
		const struct ext4_dirent *d = dirent_at(b, at);

		if (d->name_len != len || !d->ino || memcmp(d->name, name, len))
			continue;
		*s = (struct dir_slot){ .b = b, .at = at, .before = before };
		*ino = le32(d->ino);
		return 1;
	}
	return 0;
}

int dir_find(struct ext4_inode *dir, const char *name, size_t len, struct dir_slot *s,
	     uint32_t *ino)
{
	uint32_t blocks = dir->i.size >> fs_of(dir)->shift;

	if (htree_is(dir))
		return htree_find(dir, name, len, s, ino);
	for (uint32_t k = 0; k < blocks; k++) {
		struct buf *b;
		int rc = dir_block(dir, k, false, &b);

		if (rc)
			return rc;
		if (dir_search(dir, b, name, len, s, ino)) {
			s->lblk = k;
			return 0;
		}
		buf_put(b);
		if (k % 64 == 63)
			os_pause();
	}
	return -ENOENT;
}

static uint8_t type_of(const struct ext4 *e, uint32_t mode)
{
	/* By the upper four bits of the mode. */
	static const uint8_t types[16] = { [1] = 5, [2] = 3, [4] = 2, [6] = 4,
					   [8] = 1, [10] = 7, [12] = 6 };

	return has_in(e, IN_FILETYPE) ? types[mode >> 12 & 15] : 0;
}

static void put_entry(const struct ext4 *e, struct ext4_dirent *d, const char *name, size_t len,
		      uint32_t ino, uint32_t mode)
{
	d->ino = le32(ino);
	d->name_len = len;
	d->type = type_of(e, mode);
	memcpy(d->name, name, len);
	memset(d->name + len, 0, dirent_size(len) - 8 - len);
}

/* 1: done; 0: there is no room. */
int dir_insert(struct ext4_inode *dir, struct handle *h, struct buf *b, const char *name,
	       size_t len, uint32_t ino, uint32_t mode)
{
	const struct ext4 *e = fs_of(dir);
	unsigned end = dir_space(e), need = dirent_size(len);

	for (unsigned at = 0; at < end; at += le16(dirent_at(b, at)->rec_len)) {
		struct ext4_dirent *d = dirent_at(b, at);
		unsigned have = le16(d->rec_len), used = d->ino ? dirent_size(d->name_len) : 0;
		int rc;

		if (have < used + need)
			continue;
		rc = journal_access(h, b);
		if (rc)
			return rc;
		if (used) {
			d->rec_len = le16(used);
			d = dirent_at(b, at + used);
			d->rec_len = le16(have - used);
		}
		put_entry(e, d, name, len, ino, mode);
		return 1;
	}
	return 0;
}

int dir_add(struct ext4_inode *dir, struct handle *h, const char *name, size_t len,
	    uint32_t ino, uint32_t mode)
{
	struct ext4 *e = fs_of(dir);
	uint32_t blocks = dir->i.size >> e->shift, lblk;
	struct buf *b;
	int rc;

	if (htree_is(dir))
		return htree_add(dir, h, name, len, ino, mode);
	dir->flags &= ~INODE_INDEX;	/* the feature is off, and the index would be wrong */
	for (uint32_t k = 0; k < blocks; k++) {
		rc = dir_block(dir, k, false, &b);
		if (rc)
			return rc;
		rc = dir_insert(dir, h, b, name, len, ino, mode);
		if (!rc && blocks == 1 && has_compat(e, COMPAT_DIR_INDEX)) {
			rc = htree_make(dir, h, b);
			buf_put(b);
			return rc ? rc : htree_add(dir, h, name, len, ino, mode);
		}
		buf_put(b);
		if (rc)
			return rc < 0 ? rc : 0;
		if (k % 64 == 63)
			os_pause();
	}
	rc = dir_append(dir, h, &b, &lblk);
	if (rc)
		return rc;
	dir_leaf_init(dir, b);
	rc = dir_insert(dir, h, b, name, len, ino, mode);
	buf_put(b);
	return rc < 0 ? rc : 0;
}

int dir_remove(struct ext4_inode *dir, struct handle *h, struct dir_slot *s)
{
	struct ext4_dirent *d = dirent_at(s->b, s->at), *before = dirent_at(s->b, s->before);
	int rc = journal_access(h, s->b);

	(void)dir;
	if (rc)
		return rc;
	if (s->before != s->at)
		before->rec_len = le16(le16(before->rec_len) + le16(d->rec_len));
	else
		d->ino = 0;
	return 0;
}

int dir_set(struct ext4_inode *dir, struct handle *h, struct dir_slot *s, uint32_t ino,
	    uint32_t mode)
{
	struct ext4_dirent *d = dirent_at(s->b, s->at);
	int rc = journal_access(h, s->b);

	if (rc)
		return rc;
	d->ino = le32(ino);
	d->type = type_of(fs_of(dir), mode);
	return 0;
}

int dir_init(struct ext4_inode *dir, struct handle *h, uint32_t parent)
{
	struct ext4 *e = fs_of(dir);
	uint32_t lblk;
	struct buf *b;
	int rc = dir_append(dir, h, &b, &lblk);

	if (rc)
		return rc;
	dir_leaf_init(dir, b);
	rc = dir_insert(dir, h, b, ".", 1, dir->i.ino, FS_IFDIR);
	if (rc > 0)
		rc = dir_insert(dir, h, b, "..", 2, parent, FS_IFDIR);
	buf_put(b);
	(void)e;
	return rc < 0 ? rc : 0;
}

static bool only_dots(const struct ext4_inode *dir, struct buf *b)
{
	unsigned end = dir_space(fs_of(dir));

	for (unsigned at = 0; at < end; at += le16(dirent_at(b, at)->rec_len)) {
		const struct ext4_dirent *d = dirent_at(b, at);

		if (d->ino && !(d->name_len == 1 && d->name[0] == '.') &&
		    !(d->name_len == 2 && d->name[0] == '.' && d->name[1] == '.'))
			return false;
	}
	return true;
}

/* Whether a block of a directory with an index has no entries, as it belongs to the index. */
static int is_node(struct ext4_inode *dir, uint32_t lblk)
{
	const struct ext4 *e = fs_of(dir);
	const struct ext4_dirent *d;
	struct extent x;
	struct buf *b;
	int rc = map_find(dir, lblk, 1, &x);

	if (!lblk || rc)
		return rc ? rc : 1;
	if (!x.pblk)
		return damaged(dir);
	rc = buf_get(&fs_of(dir)->store, x.pblk, &b);
	if (rc)
		return rc;
	d = dirent_at(b, 0);
	rc = !d->ino && le16(d->rec_len) == e->block_size;
	buf_put(b);
	return rc;
}

int dir_empty(struct ext4_inode *dir)
{
	uint32_t blocks = dir->i.size >> fs_of(dir)->shift;

	for (uint32_t k = 0; k < blocks; k++) {
		int rc = htree_is(dir) ? is_node(dir, k) : 0;
		struct buf *b;
		bool empty;

		if (rc == 1)
			continue;
		if (!rc)
			rc = dir_block(dir, k, false, &b);
		if (rc)
			return rc;
		empty = only_dots(dir, b);
		buf_put(b);
		if (!empty)
			return 0;
		os_pause();
	}
	return 1;
}

/* SPDX-License-Identifier: ISC */
/*
 * Orphans: files without a name that are in use, and files that are being truncated.  After a crash
 * the next mount deletes the former and continues truncating the latter.
 *
 * They are in a file of inode numbers (the feature orphan_file), or, without it or if it is
 * full, in a list: the super block has the first, each inode's dtime the next.
 */
#include "fs/crc.h"
#include "fs/ext4/ext4.h"

#include <stddef.h>

static unsigned per_block(const struct ext4 *e)
{
	return (e->block_size - sizeof(struct ext4_orphan_tail)) / 4;
}

static struct ext4_orphan_tail *tail_of(const struct ext4 *e, struct buf *b)
{
	return (struct ext4_orphan_tail *)(b->data + e->block_size -
					   sizeof(struct ext4_orphan_tail));
}

static uint32_t block_sum(const struct ext4 *e, const struct buf *b)
{
	le64_t nr = le64(b->nr);
	uint32_t crc = crc32c(ext4_isum(e->orphan_file), &nr, 8);

	return crc32c(crc, b->data, per_block(e) * 4);
}

static uint32_t blocks_of(const struct ext4 *e)
{
	return e->orphan_file ? e->orphan_file->i.size >> e->shift : 0;
}

/* A block of the orphan file, held; NULL after an error. */
static int get(struct ext4 *e, uint32_t lblk, struct buf **b)
{
	struct extent x;
	int rc = map_find(e->orphan_file, lblk, 1, &x);

	*b = NULL;
	if (!rc && !x.pblk)
		rc = -EUCLEAN;
	if (!rc)
		rc = buf_get(&e->store, x.pblk, b);
	if (rc)
		return rc;
	if ((*b)->kind == BUF_ORPHAN)
		return 0;
	if ((*b)->kind != BUF_UNKNOWN || le32(tail_of(e, *b)->magic) != ORPHAN_MAGIC ||
	    (e->metadata_csum && le32(tail_of(e, *b)->checksum) != block_sum(e, *b))) {
		buf_put(*b);
		*b = NULL;
		return ext4_damaged(e, "the orphan file is invalid");
	}
	(*b)->kind = BUF_ORPHAN;
	return 0;
}

static int set(struct ext4 *e, struct handle *h, struct buf *b, unsigned at, uint32_t ino)
{
	int rc = journal_access(h, b);

	if (rc)
		return rc;
	((le32_t *)b->data)[at] = le32(ino);
	/* Its checksum has no other place to be computed. */
	if (e->metadata_csum)
		tail_of(e, b)->checksum = le32(block_sum(e, b));
	return 0;
}

/* 0; 1: the file is full. */
static int add_to_file(struct ext4_inode *i, struct handle *h)
{
	struct ext4 *e = fs_of(i);
	uint32_t n = blocks_of(e);

	for (uint32_t k = 0; k < n; k++) {
		uint32_t lblk = (e->orphan_hint + k) % n;
		struct buf *b;
		int rc = get(e, lblk, &b);

		if (rc)
			return rc;
		for (unsigned at = 0; at < per_block(e); at++) {
			if (((le32_t *)b->data)[at])
				continue;
			rc = set(e, h, b, at, i->i.ino);
			i->orphan_slot = lblk * per_block(e) + at + 1;
			e->orphan_hint = lblk;
			buf_put(b);
			return rc;
		}
		buf_put(b);
	}
	return 1;
}

static void link_in(struct ext4_inode *i)
{
	struct ext4 *e = fs_of(i);

	i->orphan_next = e->orphans;
	i->orphan_link = &e->orphans;
	if (e->orphans)
		e->orphans->orphan_link = &i->orphan_next;
	e->orphans = i;
}

static int add(struct ext4_inode *i, struct handle *h)
{
	struct ext4 *e = fs_of(i);
	int rc = 1;

	if (i->orphan)
		return 0;
	if (e->orphan_file)
		rc = add_to_file(i, h);
	if (rc == 1) {
		rc = journal_access(h, e->super_buf);
		if (rc)
			return rc;
		i->dtime = le32(e->super->last_orphan);
		e->super->last_orphan = le32(i->i.ino);
		link_in(i);
	}
	i->orphan = !rc;
	e->orphan_count += i->orphan;
	return rc;
}

/* The caller writes the inode in the same operation. */
int orphan_add(struct ext4_inode *i, struct handle *h)
{
	int rc;

	lock_write(&fs_of(i)->orphaning);
	rc = add(i, h);
	unlock_write(&fs_of(i)->orphaning);
	return rc;
}

static int remove_from_file(struct ext4_inode *i, struct handle *h)
{
	struct ext4 *e = fs_of(i);
	uint32_t slot = i->orphan_slot - 1;
	struct buf *b;
	int rc = get(e, slot / per_block(e), &b);

	if (rc)
		return rc;
	rc = set(e, h, b, slot % per_block(e), 0);
	buf_put(b);
	i->orphan_slot = 0;
	return rc;
}

static void unlink_in_memory(struct ext4_inode *i)
{
	if (!i->orphan_link)
		return;
	*i->orphan_link = i->orphan_next;
	if (i->orphan_next)
		i->orphan_next->orphan_link = i->orphan_link;
	i->orphan_link = NULL;
}

/* The inode is not in memory any more; on the disk it stays an orphan. */
void orphan_drop(struct ext4_inode *i)
{
	lock_write(&fs_of(i)->orphaning);
	unlink_in_memory(i);
	unlock_write(&fs_of(i)->orphaning);
}

static int remove(struct ext4_inode *i, struct handle *h)
{
	struct ext4 *e = fs_of(i);
	int rc = 0;

	if (!i->orphan)
		return 0;
	if (i->orphan_slot) {
		rc = remove_from_file(i, h);
	} else if (i->orphan_link == &e->orphans) {
		rc = journal_access(h, e->super_buf);
		if (!rc)
			e->super->last_orphan = le32(i->dtime);
	} else {
		struct ext4_inode *before = (struct ext4_inode *)((char *)i->orphan_link -
			offsetof(struct ext4_inode, orphan_next));

		before->dtime = i->dtime;
		rc = ext4_ilog(before, h);
	}
	if (rc)
		return rc;
	unlink_in_memory(i);
	i->dtime = 0;
	i->orphan = false;
	e->orphan_count--;
	return 0;
}

int orphan_remove(struct ext4_inode *i, struct handle *h)
{
	int rc;

	lock_write(&fs_of(i)->orphaning);
	rc = remove(i, h);
	unlock_write(&fs_of(i)->orphaning);
	return rc;
}

int orphan_open(struct ext4 *e, char *reason, size_t size)
{
	int rc;

	if (!has_compat(e, COMPAT_ORPHAN_FILE))
		return 0;
	rc = ext4_iget(e, le32(e->super->orphan_file_inum), false, &e->orphan_file);
	if (rc == -ESTALE || (!rc && (!is_file(e->orphan_file) || blocks_of(e) > 100000)))
		rc = -EUCLEAN;
	if (rc)
		os_format(reason, size, "the orphan file is damaged; run e2fsck");
	return rc;
}

void orphan_close(struct ext4 *e)
{
	if (e->orphan_file)
		inode_put(&e->orphan_file->i);
	e->orphan_file = NULL;
}

static int clean(struct ext4 *e, uint32_t ino, uint32_t slot)
{
	struct ext4_inode *i;
	struct handle h;
	int rc = ino < e->first_ino ? -EUCLEAN : ext4_iget(e, ino, true, &i);

	if (rc)
		return rc == -EUCLEAN ? ext4_damaged(e, "the orphan inode %u is invalid",
						     (unsigned)ino)
				      : rc;
	if (i->orphan) {
		inode_put(&i->i);
		return ext4_damaged(e, "inode %u is in the orphan list twice", (unsigned)ino);
	}
	i->orphan = true;
	e->orphan_count++;
	i->orphan_slot = slot;
	if (!slot)
		link_in(i);
	if (i->i.nlink) {
		rc = ext4_truncate_blocks(i);
		if (!rc)
			rc = ext4_begin(e, &h, 8, 0);
		if (!rc) {
			rc = orphan_remove(i, &h);
			if (!rc)
				rc = ext4_ilog(i, &h);
			rc = ext4_end(e, &h, rc);
		}
	}
	inode_put(&i->i);
	return rc;
}

int orphan_cleanup(struct ext4 *e)
{
	uint32_t count = 0, ino;
	int rc = 0;

	while ((ino = le32(e->super->last_orphan)) && !rc && ext4_writable(e) == 0) {
		rc = clean(e, ino, 0);
		count++;
		/* It could not be deleted, because of what the disk has, or for lack of memory. */
		if (!rc && le32(e->super->last_orphan) == ino)
			rc = e->journal.error ? journal_failure(&e->journal) : -ENOMEM;
	}
	for (uint32_t lblk = 0; lblk < blocks_of(e) && !rc; lblk++) {
		struct buf *b;

		if (!has_ro(e, RO_ORPHAN_PRESENT))
			break;
		rc = get(e, lblk, &b);
		for (unsigned at = 0; !rc && at < per_block(e); at++) {
			ino = le32(((le32_t *)b->data)[at]);
			if (!ino)
				continue;
			rc = clean(e, ino, lblk * per_block(e) + at + 1);
			count++;
		}
		buf_put(b);
	}
	if (count)
		os_log(OS_INFO, "%s: orphan cleanup: %u files deleted or truncated",
		       e->store.dev->name, (unsigned)count);
	return rc;
}

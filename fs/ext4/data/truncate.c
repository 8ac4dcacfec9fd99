/* SPDX-License-Identifier: ISC */
/* Files become shorter or longer; holes; blocks in advance; finding holes. */
#include "fs/ext4/ext4.h"

#define TRUNCATE_CREDITS 96

/* Bytes [from, to) of a page were removed; blocks that lie completely in the range lose their
   mapping. */
static void wipe(struct ext4_inode *i, struct page *p, unsigned from, unsigned to)
{
	unsigned shift = fs_of(i)->shift, bits = 0;

	for (unsigned k = (from + (1u << shift) - 1) >> shift; (k + 1) << shift <= to; k++)
		bits |= 1 << k;
	memset((uint8_t *)p->page.data + from, 0, to - from);
	ext4_da_release_page(i, p, bits);
	p->mapped &= ~bits;
	page_set_dirty(p, p->dirty & ~bits);
}

/* Forget pages that lie wholly in [from, to), and what of others lies there. */
static void wipe_pages(struct ext4_inode *i, uint64_t from, uint64_t to)
{
	uint64_t index = from / OS_PAGE;
	struct page *p;

	while (index * OS_PAGE < to && (p = pages_next(&i->pages, index, false))) {
		uint64_t start = p->index * OS_PAGE;

		index = p->index + 1;
		if (start < to) {
			wipe(i, p, from > start ? from - start : 0,
			     to < start + OS_PAGE ? to - start : OS_PAGE);
			if (from <= start && start + OS_PAGE <= to)
				page_detach(p);
		}
		page_put(p);
		if (index % 256 == 0)
			os_pause();
	}
	ext4_undirty(i);
}

static bool has_map(const struct ext4_inode *i)
{
	return is_file(i) || is_dir(i) ||
	       ((i->i.mode & FS_IFMT) == FS_IFLNK && !ext4_fast_link(i));
}

static int cut(struct ext4_inode *i)
{
	struct ext4 *e = fs_of(i);
	uint32_t from = (i->i.size + e->block_size - 1) >> e->shift;
	int more = 1;

	while (more == 1) {
		struct handle h;
		int rc = ext4_begin(e, &h, TRUNCATE_CREDITS, 0);

		if (rc)
			return rc;
		if (i->disk_size > i->i.size) {
			i->disk_size = i->i.size;
			/* Zeros behind the end are not written before this is on the disk. */
			if (i->i.size & (e->block_size - 1))
				i->truncate_tid = h.tx->tid;
		}
		more = has_map(i) ? map_remove(i, &h, from, UINT32_MAX) : 0;
		rc = more < 0 ? more : 0;
		/* The rest is done after a crash, too. */
		if (more == 1 && !i->orphan)
			rc = orphan_add(i, &h);
		/* It may be one since a truncation that failed. */
		if (!rc && !more && i->i.nlink)
			rc = orphan_remove(i, &h);
		/* Its last name may have gone while this waited for the list. */
		if (!rc && !i->i.nlink && !i->orphan)
			rc = orphan_add(i, &h);
		if (!rc)
			rc = ext4_ilog(i, &h);
		i->data_tid = i->tid;
		rc = ext4_end(e, &h, rc);
		if (rc)
			return rc;
	}
	return 0;
}

int ext4_truncate_blocks(struct ext4_inode *i)
{
	int rc;

	do {	/* once more if the file got its first name behind the last operation */
		i->cutting = true;
		rc = cut(i);
		i->cutting = false;
	} while (!rc && i->orphan && i->i.nlink);
	return rc;
}

static int shorten(struct ext4_inode *i, uint64_t size)
{
	struct ext4 *e = fs_of(i);
	int rc;

	wipe_pages(i, size, UINT64_MAX - OS_PAGE);
	i->i.size = size;
	i->goal = 0;
	rc = ext4_truncate_blocks(i);
	/* Zeros behind the end follow, for who reads the disk with other software. */
	if (!rc && size & (e->block_size - 1)) {
		rc = ext4_zero_tail(i);
		i->truncate_tid = i->tid;
	}
	return rc;
}

/*
 * The file becomes longer, in the order of the journal's other operations.  What is dirty is
 * written before, since the new size includes it, and so is the last block, which must be zero
 * behind the old end.  `writing` and wb are held.
 */
static int lengthen(struct ext4_inode *i, uint64_t size)
{
	struct ext4 *e = fs_of(i);
	struct handle h;
	int rc = ext4_zero_tail(i);

	if (!rc)
		rc = ext4_writeback_locked(i, 0, UINT64_MAX);
	if (!rc)
		rc = ext4_begin(e, &h, 4, 0);
	if (rc)
		return rc;
	i->i.size = i->disk_size = size;
	i->mtime = i->ctime = ext4_now();
	i->dirty_size = true;
	return ext4_end(e, &h, ext4_ilog(i, &h));
}

void ext4_lock_to_change(struct ext4_inode *i)
{
	struct ext4 *e = fs_of(i);

	lock_write(&i->lock);
	while (!lock_try_read(&e->writing)) {
		unlock_write(&i->lock);
		lock_read(&e->writing);
		unlock_read(&e->writing);
		lock_write(&i->lock);
	}
}

void ext4_unlock_changed(struct ext4_inode *i)
{
	unlock_read(&fs_of(i)->writing);
	unlock_write(&i->lock);
}

static void lock_all(struct ext4_inode *i)
{
	ext4_lock_to_change(i);
	lock_write(&i->wb);
}

static void unlock_all(struct ext4_inode *i)
{
	unlock_write(&i->wb);
	ext4_unlock_changed(i);
}

/* A truncation has failed: the file has its new size, and may still have all of its blocks.  Or
   write-back is finishing it just now. */
static bool unfinished(const struct ext4_inode *i)
{
	return i->disk_size > i->i.size || i->cutting || (i->orphan && i->i.nlink);
}

static int finish_truncation(struct ext4_inode *i)
{
	return unfinished(i) ? ext4_truncate_blocks(i) : 0;
}

int ext4_finish_truncation(struct ext4_inode *i)
{
	int rc;

	if (!unfinished(i))
		return 0;
	unlock_write(&i->lock);
	lock_all(i);
	rc = finish_truncation(i);
	unlock_write(&i->wb);
	unlock_read(&fs_of(i)->writing);
	return rc;
}

static int set_size(struct ext4_inode *i, uint64_t size)
{
	if (size > i->i.size)
		return lengthen(i, size);
	i->mtime = i->ctime = ext4_now();
	if (size < i->i.size)
		return shorten(i, size);
	ext4_idirty(i, false);
	return 0;
}

int ext4_truncate(struct inode *inode, uint64_t size)
{
	struct ext4_inode *i = ext4_inode_of(inode);
	int rc;

	if (!is_file(i))
		return is_dir(i) ? -EISDIR : -EINVAL;
	if (size > ext4_size_max(i))
		return -EFBIG;
	rc = ext4_changeable(i, false);
	if (rc)
		return rc;
	lock_all(i);
	rc = finish_truncation(i);
	if (!rc)
		rc = set_size(i, size);
	unlock_all(i);
	return !rc && fs_of(i)->fs.options.sync ? ext4_sync_inode(i, true) : rc;
}

/* ---- fallocate */

static int preallocate(struct ext4_inode *i, uint32_t from, uint32_t to)
{
	struct ext4 *e = fs_of(i);

	while (from < to) {
		struct extent x;
		struct handle h;
		uint64_t start;
		uint32_t len;
		int rc = map_find(i, from, to - from, &x);

		if (rc)
			return rc;
		if (!x.pblk) {
			/* Freed blocks can be used after the commit. */
			if (!ext4_has_space(e, x.len) && e->busy_blocks)
				journal_commit_running(&e->journal);
			while (x.len && !ext4_has_space(e, x.len + MAP_SPACE))
				x.len /= 2;
			if (!x.len)
				return -ENOSPC;
			if (x.len > EXTENT_MAX - 1)
				x.len = EXTENT_MAX - 1;
			rc = alloc_reserve(i, alloc_goal(i, from), x.len, &start, &len);
			if (rc)
				return rc;
			x.pblk = start;
			x.len = len;
			x.unwritten = true;
			rc = ext4_begin(e, &h, MAP_CREDITS + 8, MAP_SPACE);
			if (rc) {
				alloc_release(e, start, len);
				return rc;
			}
			rc = alloc_commit(e, &h, start, len);
			if (rc)
				alloc_release(e, start, len);
			i->blocks += rc ? 0 : (uint64_t)len * (e->block_size / 512);
			if (!rc)
				rc = map_insert(i, &h, &x);
			if (!rc)
				rc = ext4_ilog(i, &h);
			rc = ext4_end(e, &h, rc);
			if (rc)
				return rc;
		}
		from += x.len;
		os_pause();
	}
	return 0;
}

/* Make the page's part in [from, to) zero, on the disk too if it has a place there. */
static int zero_part(struct ext4_inode *i, uint64_t from, uint64_t to)
{
	uint64_t block = fs_of(i)->block_size;
	struct extent x;
	struct page *p;
	int rc;

	if (from >= to || from >= i->i.size)
		return 0;
	rc = map_find(i, from / block, 1, &x);
	if (rc)
		return rc;
	if (!x.pblk || x.unwritten) {
		p = pages_find(&i->pages, from / OS_PAGE);
		if (!p || !p->valid) {
			page_put(p);
			return 0;
		}
	} else {
		rc = ext4_load(i, from / OS_PAGE, 0, &p);
		if (rc)
			return rc;
	}
	memset((uint8_t *)p->page.data + from % OS_PAGE, 0, to - from);
	if (x.pblk)
		rc = ext4_page_dirty(i, p, from % OS_PAGE, from % OS_PAGE + (to - from));
	page_put(p);
	return rc;
}

static int punch(struct ext4_inode *i, uint64_t at, uint64_t end)
{
	struct ext4 *e = fs_of(i);
	uint64_t block = e->block_size, from, to;
	int rc, more = 1;

	if (at >= i->i.size)
		at = i->i.size;
	/* Blocks up to the end of the file may be beyond its size: they go, too. */
	if (end >= i->i.size)
		end = (i->i.size + block - 1) / block * block;
	if (at >= end)
		return 0;
	from = (at + block - 1) / block * block;
	to = end / block * block;
	if (from > to)			/* within one block */
		return zero_part(i, at, end);
	rc = zero_part(i, at, from);
	if (!rc)
		rc = zero_part(i, to, end);
	if (rc || from == to)
		return rc;
	wipe_pages(i, from, to);
	while (more == 1 && !rc) {
		struct handle h;

		rc = ext4_begin(e, &h, TRUNCATE_CREDITS, MAP_SPACE);
		if (rc)
			return rc;
		more = map_remove(i, &h, from / block, to / block);
		rc = more < 0 ? more : ext4_ilog(i, &h);
		rc = ext4_end(e, &h, rc);
	}
	i->data_tid = i->tid;
	return rc;
}

static int change_blocks(struct ext4_inode *i, unsigned mode, uint64_t at, uint64_t end)
{
	struct ext4 *e = fs_of(i);
	int rc;

	if (mode & FS_PUNCH_HOLE) {
		rc = punch(i, at, end);
	} else {
		/* These blocks are allocated now: the allocation is not delayed. */
		rc = ext4_writeback_locked(i, at / OS_PAGE, (end - 1) / OS_PAGE);
		if (!rc)
			rc = preallocate(i, at >> e->shift,
					 (end + e->block_size - 1) >> e->shift);
		if (!rc && !(mode & FS_KEEP_SIZE) && end > i->i.size)
			rc = lengthen(i, end);
	}
	/* Blocks that could not be allocated are not a change.  A hole may be there in part. */
	if (!rc || mode & FS_PUNCH_HOLE) {
		i->mtime = i->ctime = ext4_now();
		ext4_idirty(i, false);
	}
	return rc;
}

int ext4_fallocate(struct inode *inode, unsigned mode, uint64_t at, uint64_t len)
{
	struct ext4_inode *i = ext4_inode_of(inode);
	struct ext4 *e = fs_of(i);
	uint64_t end = at + len;
	int rc;

	if (!is_file(i))
		return is_dir(i) ? -EISDIR : -EINVAL;
	if (!len)
		return -EINVAL;
	if (mode & ~(FS_KEEP_SIZE | FS_PUNCH_HOLE) || mode == FS_PUNCH_HOLE)
		return -EOPNOTSUPP;
	if (end < at || end > ext4_size_max(i))
		return -EFBIG;
	rc = ext4_changeable(i, false);
	if (rc)
		return rc;
	if (!(mode & FS_PUNCH_HOLE) && !(i->flags & INODE_EXTENTS))
		return -EOPNOTSUPP;
	if (!(mode & FS_PUNCH_HOLE) && e->delayed)
		ext4_gather_space(e, len >> e->shift);
	lock_all(i);
	rc = finish_truncation(i);
	if (!rc)
		rc = change_blocks(i, mode, at, end);
	unlock_all(i);
	return !rc && e->fs.options.sync ? ext4_sync_inode(i, true) : rc;
}

int64_t ext4_seek(struct inode *inode, uint64_t at, int whence)
{
	struct ext4_inode *i = ext4_inode_of(inode);
	struct ext4 *e = fs_of(i);
	int64_t found = -ENXIO;
	int rc;

	if (!is_file(i) || (whence != FS_SEEK_DATA && whence != FS_SEEK_HOLE))
		return is_dir(i) ? -EISDIR : -EINVAL;
	rc = ext4_writeback(i, 0, UINT64_MAX);
	if (rc)
		return rc;
	lock_read(&i->lock);
	for (uint64_t now = at; now < i->i.size;) {
		struct extent x;
		bool data;

		rc = map_find(i, now >> e->shift, UINT32_MAX, &x);
		if (rc)
			break;
		data = x.pblk && !x.unwritten;
		if (data == (whence == FS_SEEK_DATA)) {
			found = now;
			break;
		}
		now = ((uint64_t)x.lblk + x.len) << e->shift;
		os_pause();
	}
	/* There is a hole behind the end. */
	if (!rc && found < 0 && whence == FS_SEEK_HOLE && at < i->i.size)
		found = i->i.size;
	unlock_read(&i->lock);
	return rc ? rc : found;
}

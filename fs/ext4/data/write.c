/* SPDX-License-Identifier: ISC */
/* Writing files: into pages. */
#include "fs/ext4/ext4.h"

int ext4_page_dirty(struct ext4_inode *i, struct page *p, unsigned from, unsigned to)
{
	struct ext4 *e = fs_of(i);
	unsigned per = OS_PAGE >> e->shift, bits = 0, delayed = 0;
	int rc = 0;

	for (unsigned k = from >> e->shift; k < per && k << e->shift < to && !rc; k++) {
		struct extent x;

		bits |= 1 << k;
		if ((p->mapped | p->delayed) >> k & 1)
			continue;
		rc = map_find(i, p->index * per + k, 1, &x);
		if (!rc && x.pblk) {
			p->mapped |= 1 << k;
		} else if (!rc) {
			rc = ext4_da_reserve(i, p->index * per + k);
			delayed |= rc ? 0 : 1 << k;
		}
	}
	/* Only now, since writing back, which may happen while this sleeps, takes both. */
	p->delayed |= delayed;
	if (rc) {
		ext4_da_release_page(i, p, delayed);
		return rc;
	}
	page_set_dirty(p, p->dirty | bits);
	ext4_idirty(i, false);
	return 0;
}

int ext4_zero_tail(struct ext4_inode *i)
{
	struct ext4 *e = fs_of(i);
	uint64_t size = i->i.size;
	struct extent x;
	struct page *p;
	int rc;

	/* A mapping may have written behind the end. */
	p = size % OS_PAGE ? pages_find(&i->pages, size / OS_PAGE) : NULL;
	if (p && p->valid)
		memset((uint8_t *)p->page.data + size % OS_PAGE, 0, OS_PAGE - size % OS_PAGE);
	page_put(p);
	if (!(size & (e->block_size - 1)))
		return 0;
	rc = map_find(i, size >> e->shift, 1, &x);
	if (rc || !x.pblk || x.unwritten)
		return rc;
	/* A loaded page is zero there already. */
	rc = ext4_load(i, size / OS_PAGE, 0, &p);
	if (rc)
		return rc;
	rc = ext4_page_dirty(i, p, size % OS_PAGE, size % OS_PAGE + 1);
	page_put(p);
	return rc;
}

/* Memory is short, and what is dirty has all of it. */
static int make_clean(struct ext4_inode *i)
{
	return i->pages.dirty ? ext4_writeback(i, 0, UINT64_MAX) : -ENOMEM;
}

/* The page, held, ready for bytes [off, off + n).  fresh: without them it is not valid; a whole
   page then has old contents of the memory until the caller copies, which it does at once. */
static int prepare(struct ext4_inode *i, uint64_t index, size_t off, size_t n, struct page **to,
		   bool *fresh)
{
	uint64_t start = index * OS_PAGE;
	struct page *p = pages_find(&i->pages, index);
	int rc = 0;

	*fresh = false;
	if (p && p->valid) {
		*to = p;
		return 0;
	}
	page_put(p);
	/* Nothing is read of what is replaced, or is not there. */
	if (start < i->i.size && (off || start + off + n < i->i.size) && n < OS_PAGE)
		return ext4_load(i, index, 0, to);
	p = pages_get(&i->pages, index);
	if (!p) {
		rc = make_clean(i);
		p = pages_get(&i->pages, index);
	}
	if (!p)
		return rc ? rc : -ENOMEM;
	if (n < OS_PAGE)
		memset(p->page.data, 0, OS_PAGE);
	p->valid = *fresh = true;
	*to = p;
	return 0;
}

static int write_page(struct ext4_inode *i, const char *from, uint64_t at, size_t n)
{
	struct page *p;
	size_t off = at % OS_PAGE;
	bool fresh, copied;
	int rc = prepare(i, at / OS_PAGE, off, n, &p, &fresh);

	if (rc)
		return rc;
	copied = fresh && n == OS_PAGE;
	if (copied)
		memcpy(p->page.data, from, n);
	rc = ext4_page_dirty(i, p, off, off + n);
	if (rc && fresh)
		p->valid = false;
	if (!rc) {
		if (!copied)
			memcpy((char *)p->page.data + off, from, n);
		if (at + n > i->i.size) {
			i->i.size = at + n;
			i->dirty_size = true;
		}
	}
	page_put(p);
	return rc;
}

ssize_t ext4_write(struct fs_open *o, const struct fs_vec *from, unsigned count, uint64_t *at,
		   bool append)
{
	struct ext4_inode *i = ext4_inode_of(o->inode);
	struct ext4 *e = fs_of(i);
	uint64_t begin, now, len = 0, most = ext4_size_max(i);
	size_t used = 0;
	int rc;

	if (!is_file(i))
		return is_dir(i) ? -EISDIR : -EINVAL;
	for (unsigned k = 0; k < count; k++)
		len += from[k].len;
	rc = ext4_changeable(i, append);
	if (rc || !len)
		return rc;
	while (e->journal.frozen && !e->fs.read_only)
		os_wait(&e->journal.changed);
	lock_write(&i->lock);
	rc = ext4_finish_truncation(i);
	if (!rc)
		rc = ext4_writable(e);
	begin = now = append ? i->i.size : *at;
	if (begin >= most) {
		unlock_write(&i->lock);
		return -EFBIG;
	}
	if (len > most - begin)
		len = most - begin;
	if (!rc && begin > i->i.size)
		rc = ext4_zero_tail(i);
	while (now < begin + len && !rc) {
		size_t n = OS_PAGE - now % OS_PAGE;

		if (n > begin + len - now)
			n = begin + len - now;
		if (n > from->len - used)
			n = from->len - used;
		if (n)
			rc = write_page(i, (const char *)from->data + used, now, n);
		if (rc)
			break;
		now += n;
		used += n;
		if (used == from->len) {
			from++;
			used = 0;
		}
		if (now / OS_PAGE % 64 == 0 && now - begin > 64 * OS_PAGE) {
			os_pause();
			/* A long write does not fill the memory before it is written back. */
			if (pages_dirty > 2 * cache_dirty_limit())
				rc = make_clean(i);
		}
	}
	if (now > begin) {
		i->mtime = i->ctime = ext4_now();
		ext4_idirty(i, false);
		*at = begin;
	}
	unlock_write(&i->lock);
	if (now == begin)
		return rc;
	ext4_throttle(e, i);
	rc = e->fs.options.sync ? ext4_sync_inode(i, true) : 0;
	return rc ? rc : (ssize_t)(now - begin);
}

int ext4_page_changed(struct inode *inode, uint64_t index, struct fs_page *fp)
{
	struct ext4_inode *i = ext4_inode_of(inode);
	struct page *p = page_of(fp);
	uint64_t end;
	int rc;

	rc = ext4_changeable(i, false);
	if (rc)
		return rc;
	lock_write(&i->lock);
	end = i->i.size > index * OS_PAGE ? i->i.size - index * OS_PAGE : 0;
	if (!p->pages || !end) {
		rc = -ENXIO;
	} else {
		rc = ext4_page_dirty(i, p, 0, end < OS_PAGE ? end : OS_PAGE);
		if (!rc) {
			i->mtime = i->ctime = ext4_now();
			ext4_idirty(i, false);
		}
	}
	unlock_write(&i->lock);
	return rc;
}

/* Too much is dirty: write back this file, or older ones. */
void ext4_throttle(struct ext4 *e, struct ext4_inode *i)
{
	size_t limit = cache_dirty_limit();

	/* Write-back begins before the writer has to wait for it. */
	if (pages_dirty > limit / 2)
		os_background_at(os_clock());
	if (pages_dirty <= limit)
		return;
	if (i->pages.dirty * OS_PAGE >= limit / 8) {
		ext4_writeback(i, 0, UINT64_MAX);
		return;
	}
	for (unsigned n = 0; pages_dirty > limit / 2 && e->dirty && n < 1000; n++) {
		struct ext4_inode *oldest = e->dirty;
		int rc;

		if (oldest->deleting)
			break;
		inode_get(&oldest->i);
		cache_busy(&oldest->cached);
		rc = ext4_writeback(oldest, 0, UINT64_MAX);
		ext4_flush_attr(oldest, true);
		inode_put(&oldest->i);
		if (rc == -ENOMEM)
			break;
	}
}

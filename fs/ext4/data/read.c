/* SPDX-License-Identifier: ISC */
/* Reading files by way of their pages; read-ahead. */
#include "fs/ext4/ext4.h"

#define LOAD_MOST 128			/* pages that are read together */
#define WINDOW_LEAST 8

/* Pieces of memory for one transfer of consecutive blocks. */
struct transfer {
	struct block_vec vecs[BLOCK_VECS];
	unsigned n;
	uint64_t nr, next;		/* the first block, and the one behind the last */
};

static int submit(struct ext4 *e, struct transfer *t)
{
	int rc = t->n ? store_readv(&e->store, t->vecs, t->n, t->nr) : 0;

	t->n = 0;
	return rc;
}

/* Read a block into memory, with those before it if they are consecutive. */
static int add(struct ext4 *e, struct transfer *t, uint8_t *to, uint64_t nr)
{
	struct block_vec *last = t->n ? &t->vecs[t->n - 1] : NULL;
	int rc = 0;

	if (last && nr == t->next && to == (uint8_t *)last->data + last->len &&
	    ((uintptr_t)to & (OS_PAGE - 1))) {
		last->len += e->block_size;
	} else {
		if (t->n == BLOCK_VECS || (t->n && nr != t->next))
			rc = submit(e, t);
		if (!t->n)
			t->nr = nr;
		t->vecs[t->n++] = (struct block_vec){ to, e->block_size };
	}
	t->next = nr + 1;
	return rc;
}

/* Fill pages, which are consecutive, from the disk. */
static int fill(struct ext4_inode *i, struct page **pages, unsigned n, struct transfer *t)
{
	struct ext4 *e = fs_of(i);
	unsigned per = OS_PAGE >> e->shift;
	uint64_t end = (i->i.size + e->block_size - 1) >> e->shift;
	struct extent x = { .len = 0 };
	int rc = 0;

	for (unsigned k = 0; k < n * per && !rc; k++) {
		struct page *p = pages[k / per];
		uint64_t lblk = p->index * per + k % per;
		uint8_t *to = (uint8_t *)p->page.data + (size_t)(k % per << e->shift);

		if (lblk >= end) {
			memset(to, 0, e->block_size);
			continue;
		}
		if (!x.len || lblk >= (uint64_t)x.lblk + x.len)
			rc = map_find(i, lblk, n * per - k, &x);
		if (rc)
			break;
		if (x.pblk)
			p->mapped |= 1 << k % per;
		if (!x.pblk || x.unwritten)
			memset(to, 0, e->block_size);
		else
			rc = add(e, t, to, x.pblk + (lblk - x.lblk));
	}
	if (!rc)
		rc = submit(e, t);
	/* Bytes of the disk behind the end of the file are ignored. */
	if (!rc && i->i.size & (OS_PAGE - 1) && pages[0]->index <= i->i.size / OS_PAGE &&
	    i->i.size / OS_PAGE - pages[0]->index < n)
		memset((uint8_t *)pages[i->i.size / OS_PAGE - pages[0]->index]->page.data +
			       i->i.size % OS_PAGE,
		       0, OS_PAGE - i->i.size % OS_PAGE);
	return rc;
}

/* The page, held and valid; up to `ahead` pages behind it are read along. */
int ext4_load(struct ext4_inode *i, uint64_t index, unsigned ahead, struct page **to)
{
	struct page **pages;
	struct transfer *t;
	unsigned n = 0;
	int rc;

	for (;;) {
		struct page *p = pages_find(&i->pages, index);

		if (!p)
			break;
		while (p->reading)
			os_wait(&i->pages.changed);
		if (p->valid) {
			*to = p;
			return 0;
		}
		if (p->pages)
			page_detach(p);
		page_put(p);
	}
	fs_of(i)->stats.misses++;
	pages = cache_alloc(LOAD_MOST * sizeof(*pages));
	t = cache_alloc(sizeof(*t));
	if (ahead > LOAD_MOST - 1)
		ahead = LOAD_MOST - 1;
	while (pages && t && n <= ahead) {
		struct page *p;

		if (n && (index + n) * OS_PAGE >= i->i.size)
			break;
		p = pages_find(&i->pages, index + n);
		if (p) {
			page_put(p);
			break;
		}
		p = pages_get(&i->pages, index + n);
		if (!p)
			break;
		p->reading = true;
		pages[n++] = p;
	}
	rc = n ? fill(i, pages, n, t) : -ENOMEM;
	for (unsigned k = 0; k < n; k++) {
		pages[k]->reading = false;
		pages[k]->valid = !rc;
		if (k || rc)
			page_put(pages[k]);
		else
			*to = pages[0];
	}
	os_wake(&i->pages.changed);
	if (pages)
		cache_free(pages, LOAD_MOST * sizeof(*pages));
	if (t)
		cache_free(t, sizeof(*t));
	return rc;
}

/* How many pages to read behind the one that is needed. */
static unsigned window(struct fs_open *o, uint64_t at, uint64_t end)
{
	unsigned needed = (end + OS_PAGE - 1) / OS_PAGE - at / OS_PAGE - 1;
	unsigned most = cache_dirty_limit() / OS_PAGE / 4;

	if (most > LOAD_MOST)
		most = LOAD_MOST;
	if (o->next != at && at)
		o->window = 0;
	else
		o->window = o->window ? o->window * 2 : WINDOW_LEAST;
	if (o->window > most)
		o->window = most;
	return needed > o->window ? needed < most ? needed : most : o->window;
}

ssize_t ext4_read(struct fs_open *o, const struct fs_vec *to, unsigned count, uint64_t at)
{
	struct ext4_inode *i = ext4_inode_of(o->inode);
	uint64_t end = at, begin = at;
	size_t used = 0;
	unsigned ahead;
	int rc = 0;

	if (!is_file(i))
		return is_dir(i) ? -EISDIR : -EINVAL;
	for (unsigned k = 0; k < count; k++)
		end += to[k].len;
	lock_read(&i->lock);
	if (end > i->i.size)
		end = i->i.size;
	ahead = at < end ? window(o, at, end) : 0;
	while (at < end && count) {
		size_t off = at % OS_PAGE, n = OS_PAGE - off;
		struct page *p;

		if (n > end - at)
			n = end - at;
		if (n > to->len - used)
			n = to->len - used;
		if (n) {
			rc = ext4_load(i, at / OS_PAGE, ahead, &p);
			if (rc)
				break;
			memcpy((char *)to->data + used, (char *)p->page.data + off, n);
			page_put(p);
		}
		at += n;
		used += n;
		if (used == to->len) {
			to++;
			count--;
			used = 0;
		}
		if (at / OS_PAGE % 64 == 0 && at - begin > 64 * OS_PAGE)
			os_pause();
	}
	o->next = at;
	if (i->atime <= i->mtime || i->atime <= i->ctime)
		i->atime = ext4_now();
	unlock_read(&i->lock);
	return at > begin ? (ssize_t)(at - begin) : rc;
}

int ext4_will_need(struct fs_open *o, uint64_t at, uint64_t len)
{
	struct ext4_inode *i = ext4_inode_of(o->inode);
	uint64_t most = cache_dirty_limit(), end;
	int rc = 0;

	if (!is_file(i))
		return -EINVAL;
	if (!len || len > most)
		len = most;
	lock_read(&i->lock);
	end = at + len > i->i.size ? i->i.size : at + len;
	for (uint64_t k = at / OS_PAGE; k * OS_PAGE < end && !rc; k++) {
		struct page *p;
		uint64_t left = (end - k * OS_PAGE + OS_PAGE - 1) / OS_PAGE - 1;

		rc = ext4_load(i, k, left > LOAD_MOST ? LOAD_MOST : left, &p);
		if (!rc)
			page_put(p);
	}
	unlock_read(&i->lock);
	return rc;
}

void ext4_dont_need(struct fs_open *o, uint64_t at, uint64_t len)
{
	struct ext4_inode *i = ext4_inode_of(o->inode);
	uint64_t end = len ? at + len : UINT64_MAX;
	struct page *p;

	for (uint64_t k = (at + OS_PAGE - 1) / OS_PAGE, n = 1; (p = pages_next(&i->pages, k, false));
	     n++) {
		k = p->index + 1;
		if (k > end / OS_PAGE) {
			page_put(p);
			break;
		}
		if (p->pins == 1 && !p->dirty && !p->writing)
			page_detach(p);
		page_put(p);
		if (n % 64 == 0)
			os_pause();
	}
}

int ext4_page(struct inode *inode, uint64_t index, struct fs_page **to)
{
	struct ext4_inode *i = ext4_inode_of(inode);
	struct page *p;
	int rc = -ENXIO;

	if (!is_file(i))
		return is_dir(i) ? -EISDIR : -EINVAL;
	lock_read(&i->lock);
	if (index < (i->i.size + OS_PAGE - 1) / OS_PAGE)
		rc = ext4_load(i, index, 0, &p);
	if (!rc)
		*to = &p->page;
	unlock_read(&i->lock);
	return rc;
}

void ext4_page_put(struct inode *i, struct fs_page *p)
{
	(void)i;
	page_put(page_of(p));
}

/* SPDX-License-Identifier: ISC */
/*
 * The data of regular files in tmpfs: pages in a tree; those that were never written are not
 * there.  Long copies let other threads run between two steps, so a file has a lock.
 */
#include "fs/tmpfs/tmpfs.h"

#include <string.h>

#define BITS 9
#define FAN (1u << BITS)
#define STEP 64				/* pages, between two calls of os_pause() */

static uint64_t reach(unsigned depth)
{
	return 1ull << BITS * depth;
}

/* ---- the tree */

static void *get(const struct tmpfs_pages *t, uint64_t index)
{
	void *p = t->root;

	if (index >= reach(t->depth))
		return NULL;
	for (unsigned d = t->depth; d && p; d--)
		p = ((void **)p)[index >> BITS * (d - 1) & (FAN - 1)];
	return p;
}

static void *new_page(struct tmpfs *fs, int *error)
{
	void *p = NULL;

	*error = -ENOSPC;
	if (fs->limit - fs->used >= OS_PAGE) {
		*error = -ENOMEM;
		p = os_page_alloc();
	}
	if (!p)
		return NULL;
	fs->used += OS_PAGE;
	return memset(p, 0, OS_PAGE);
}

void tmpfs_free_page(struct tmpfs *fs, void *page)
{
	os_page_free(page);
	fs->used -= OS_PAGE;
}

/* The slot of page `index`; creates the nodes above it; NULL: *error. */
static void **place(struct tmpfs_inode *t, uint64_t index, int *error)
{
	struct tmpfs *fs = tmpfs_of(&t->i);
	struct tmpfs_pages *tree = &t->pages;
	void **p;

	while (index >= reach(tree->depth)) {
		if (tree->root) {
			void **node = new_page(fs, error);

			if (!node)
				return NULL;
			node[0] = tree->root;
			tree->root = node;
		}
		tree->depth++;
	}
	p = &tree->root;
	for (unsigned d = tree->depth; d; d--) {
		if (!*p)
			*p = new_page(fs, error);
		if (!*p)
			return NULL;
		p = &((void **)*p)[index >> BITS * (d - 1) & (FAN - 1)];
	}
	return p;
}

/* The page, which is made if it is not there. */
void *tmpfs_need(struct tmpfs_inode *t, uint64_t index, int *error)
{
	void **p = place(t, index, error);

	if (!p)
		return NULL;
	if (!*p) {
		*p = new_page(tmpfs_of(&t->i), error);
		t->pages.count += *p != NULL;
	}
	return *p;
}

/* The file has this page no more; who holds it keeps it. */
static void drop(struct tmpfs_inode *t, void **p)
{
	struct tmpfs_held *h = tmpfs_held(t, *p);

	if (h) {
		memset(*p, 0, OS_PAGE);
		h->detached = true;
	} else {
		tmpfs_free_page(tmpfs_of(&t->i), *p);
	}
	*p = NULL;
	t->pages.count--;
}

/*
 * Drop the pages from ... end - 1 below a node: true if nothing is left below it.  May
 * sleep in between if patient; the caller has the lock then.
 */
static bool drop_range(struct tmpfs_inode *t, void **p, unsigned depth, uint64_t from,
		       uint64_t end, bool patient)
{
	uint64_t each = depth ? reach(depth - 1) : 0;
	void **node = *p;
	bool empty = true;

	if (!node)
		return true;
	if (!depth) {
		if (from == 0 && end > 0)
			drop(t, p);
		return !*p;
	}
	for (uint64_t i = 0, base = 0; i < FAN; i++, base += each) {
		if (!node[i])
			continue;
		if (base < end && base + each > from &&
		    drop_range(t, &node[i], depth - 1, from > base ? from - base : 0,
			       end - base, patient))
			node[i] = NULL;
		empty &= !node[i];
	}
	if (depth == 1 && patient)
		os_pause();
	if (empty) {
		tmpfs_free_page(tmpfs_of(&t->i), node);
		*p = NULL;
	}
	return empty;
}

static void drop_pages(struct tmpfs_inode *t, uint64_t from, uint64_t end, bool patient)
{
	struct tmpfs_pages *tree = &t->pages;

	if (drop_range(t, &tree->root, tree->depth, from, end, patient))
		*tree = (struct tmpfs_pages){ .count = tree->count };
}

void tmpfs_drop_pages(struct tmpfs_inode *t, uint64_t from, bool patient)
{
	drop_pages(t, from, UINT64_MAX, patient);
}

/* ---- reading and writing */

/* An error, or 0: the file can be read and written. */
static int check_file(const struct inode *i)
{
	uint32_t type = i->mode & FS_IFMT;

	return type == FS_IFDIR ? -EISDIR : type != FS_IFREG ? -EINVAL : 0;
}

/* The vectors as one row of bytes. */
struct cursor {
	const struct fs_vec *vec;
	unsigned count;
	size_t skip;
};

static size_t length(const struct fs_vec *v, unsigned count)
{
	size_t n = 0;

	while (count--)
		n += v++->len;
	return n;
}

/* Up to `want` bytes of them in one piece. */
static void *next_piece(struct cursor *c, size_t want, size_t *n)
{
	void *p;

	while (c->skip == c->vec->len) {	/* also the empty ones */
		c->vec++;
		c->skip = 0;
	}
	p = (char *)c->vec->data + c->skip;
	*n = c->vec->len - c->skip < want ? c->vec->len - c->skip : want;
	c->skip += *n;
	return p;
}

static void copy_page(struct cursor *c, char *page, size_t len, bool write)
{
	for (size_t n; len; len -= n) {
		void *p = next_piece(c, len, &n);

		if (write)
			memcpy(page, p, n);
		else if (page)
			memcpy(p, page, n);
		else
			memset(p, 0, n);
		if (page)
			page += n;
	}
}

/* As Linux's relatime. */
static void accessed(struct tmpfs_inode *t)
{
	if (!t->i.fs->read_only && (t->atime <= t->mtime || t->atime <= t->ctime))
		t->atime = os_time();
}

ssize_t tmpfs_read(struct fs_open *o, const struct fs_vec *to, unsigned count, uint64_t at)
{
	struct tmpfs_inode *t = tmpfs_inode(o->inode);
	struct cursor c = { to, count, 0 };
	size_t len = length(to, count), n;
	int rc = check_file(&t->i);

	if (rc)
		return rc;
	lock_read(&t->lock);
	if (at >= t->i.size)
		len = 0;
	else if (len > t->i.size - at)
		len = t->i.size - at;
	for (size_t done = 0, pages = 1; done < len; done += n, pages++) {
		size_t skip = (at + done) % OS_PAGE;
		char *page = get(&t->pages, (at + done) / OS_PAGE);

		n = OS_PAGE - skip < len - done ? OS_PAGE - skip : len - done;
		copy_page(&c, page ? page + skip : NULL, n, false);
		if (pages % STEP == 0)
			os_pause();
	}
	unlock_read(&t->lock);
	accessed(t);
	return len;
}

ssize_t tmpfs_write(struct fs_open *o, const struct fs_vec *from, unsigned count, uint64_t *at,
		    bool append)
{
	struct tmpfs_inode *t = tmpfs_inode(o->inode);
	struct cursor c = { from, count, 0 };
	size_t len = length(from, count), done = 0, n;
	int rc = check_file(&t->i);

	if (!rc)
		rc = tmpfs_may_change(tmpfs_of(&t->i));
	if (rc)
		return rc;
	lock_write(&t->lock);
	if (append)
		*at = t->i.size;
	if (len && *at >= TMPFS_SIZE_MAX)
		rc = -EFBIG;
	else if (len > TMPFS_SIZE_MAX - *at)
		len = TMPFS_SIZE_MAX - *at;
	for (size_t pages = 1; !rc && done < len; done += n, pages++) {
		size_t skip = (*at + done) % OS_PAGE;
		char *page = tmpfs_need(t, (*at + done) / OS_PAGE, &rc);

		n = 0;
		if (!page)
			break;
		rc = 0;
		n = OS_PAGE - skip < len - done ? OS_PAGE - skip : len - done;
		copy_page(&c, page + skip, n, true);
		if (pages % STEP == 0)
			os_pause();
	}
	if (done && *at + done > t->i.size)
		t->i.size = *at + done;
	if (done)
		tmpfs_changed(t);
	unlock_write(&t->lock);
	return done ? (ssize_t)done : rc;
}

/* Zero part of one page. */
static void zero(struct tmpfs_inode *t, uint64_t at, uint64_t end)
{
	char *page = get(&t->pages, at / OS_PAGE);

	if (page && end > at)
		memset(page + at % OS_PAGE, 0, end - at);
}

int tmpfs_truncate(struct inode *i, uint64_t size)
{
	struct tmpfs_inode *t = tmpfs_inode(i);
	int rc = check_file(i);

	if (!rc)
		rc = tmpfs_may_change(tmpfs_of(i));
	if (!rc && size > TMPFS_SIZE_MAX)
		rc = -EFBIG;
	if (rc)
		return rc;
	lock_write(&t->lock);
	if (size < i->size) {
		uint64_t end = (size + OS_PAGE - 1) / OS_PAGE;

		drop_pages(t, end, UINT64_MAX, true);
		zero(t, size, end * OS_PAGE);
	}
	i->size = size;
	tmpfs_changed(t);
	unlock_write(&t->lock);
	return 0;
}

static void punch(struct tmpfs_inode *t, uint64_t at, uint64_t end)
{
	uint64_t first = (at + OS_PAGE - 1) / OS_PAGE, last = end / OS_PAGE;

	if (first > last) {
		zero(t, at, end);
		return;
	}
	zero(t, at, first * OS_PAGE);
	zero(t, last * OS_PAGE, end);
	if (first < last)
		drop_pages(t, first, last, true);
}

static int allocate(struct tmpfs_inode *t, uint64_t at, uint64_t end)
{
	uint64_t last = (end + OS_PAGE - 1) / OS_PAGE;
	struct tmpfs *fs = tmpfs_of(&t->i);
	int rc;

	if ((last - at / OS_PAGE) > (fs->limit - fs->used) / OS_PAGE + t->pages.count)
		return -ENOSPC;
	for (uint64_t index = at / OS_PAGE; index < last; index++) {
		if (!tmpfs_need(t, index, &rc))
			return rc;
		if (index % STEP == 0)
			os_pause();
	}
	return 0;
}

int tmpfs_fallocate(struct inode *i, unsigned mode, uint64_t at, uint64_t len)
{
	struct tmpfs_inode *t = tmpfs_inode(i);
	int rc = check_file(i);
	uint64_t end;

	if (!rc)
		rc = tmpfs_may_change(tmpfs_of(i));
	if (rc)
		return rc;
	if (!len || __builtin_add_overflow(at, len, &end))
		return -EINVAL;
	if (mode & ~(FS_KEEP_SIZE | FS_PUNCH_HOLE) || mode == FS_PUNCH_HOLE)
		return -EOPNOTSUPP;
	if (!(mode & FS_PUNCH_HOLE) && end > TMPFS_SIZE_MAX)
		return -EFBIG;
	lock_write(&t->lock);
	if (mode & FS_PUNCH_HOLE)
		punch(t, at, end);
	else
		rc = allocate(t, at, end);
	if (!rc && !(mode & FS_KEEP_SIZE) && end > i->size)
		i->size = end;
	if (!rc)
		tmpfs_changed(t);
	unlock_write(&t->lock);
	return rc;
}

/*
 * The first page from `index` on that is there, or that is not: whole subtrees that are not
 * there are stepped over.
 */
static uint64_t next_page(const struct tmpfs_pages *tree, uint64_t index, uint64_t end, bool there)
{
	while (index < end) {
		unsigned d = tree->depth;
		void *p = tree->root;

		if (index >= reach(d))
			return there ? end : index;
		while (d && p)
			p = ((void **)p)[index >> BITS * --d & (FAN - 1)];
		if ((p != NULL) == there)
			return index;
		index = (index | (reach(d) - 1)) + 1;
		if (index % STEP == 0)
			os_pause();
	}
	return end;
}

int64_t tmpfs_seek(struct inode *i, uint64_t at, int whence)
{
	struct tmpfs_inode *t = tmpfs_inode(i);
	uint64_t found, end;
	int rc = check_file(i);

	if (rc)
		return rc;
	if (whence != FS_SEEK_DATA && whence != FS_SEEK_HOLE)
		return -EINVAL;
	lock_read(&t->lock);
	end = (i->size + OS_PAGE - 1) / OS_PAGE;
	found = next_page(&t->pages, at / OS_PAGE, end, whence == FS_SEEK_DATA) * OS_PAGE;
	if (found < at)
		found = at;
	if (at >= i->size || (whence == FS_SEEK_DATA && found >= i->size))
		found = -ENXIO;
	else if (found > i->size)
		found = i->size;
	unlock_read(&t->lock);
	return found;
}

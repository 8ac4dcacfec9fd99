/* SPDX-License-Identifier: ISC */
/* Pages of tmpfs that others hold, in a hash table of the file: mappings have all of a file's. */
#include "fs/tmpfs/tmpfs.h"

#define LEAST 16
#define MOST 32768			/* chains: a table is made anew without sleeping */

static struct tmpfs_held **chain(const struct tmpfs_inode *t, const void *data)
{
	if (!t->held)
		return (struct tmpfs_held **)&t->one_held;
	return &t->held[(uintptr_t)data / OS_PAGE & (t->held_size - 1)];
}

struct tmpfs_held *tmpfs_held(const struct tmpfs_inode *t, const void *data)
{
	struct tmpfs_held *h = *chain(t, data);

	while (h && h->page.data != data)
		h = h->next;
	return h;
}

static void insert(struct tmpfs_inode *t, struct tmpfs_held *h)
{
	struct tmpfs_held **to = chain(t, h->page.data);

	h->next = *to;
	*to = h;
}

/* A table of this size, 0: none, in place of the old one, which is kept if memory is not
   sufficient. */
static void resize(struct tmpfs_inode *t, unsigned size)
{
	struct tmpfs_held **old = t->held, **table = NULL, *one = t->one_held;
	unsigned old_size = t->held_size;
	int error;

	if (size && !(table = tmpfs_alloc(tmpfs_of(&t->i), size * sizeof(*table), &error)))
		return;
	t->held = table;
	t->held_size = size;
	t->one_held = NULL;
	for (unsigned k = 0; k < (old ? old_size : 1); k++)
		for (struct tmpfs_held *h = old ? old[k] : one, *next; h; h = next) {
			next = h->next;
			insert(t, h);
		}
	tmpfs_free(tmpfs_of(&t->i), old, old_size * sizeof(*old));
}

/* Holds a page that is not held: NULL: no memory. */
static struct tmpfs_held *hold(struct tmpfs_inode *t, void *page, uint64_t index, int *error)
{
	struct tmpfs_held *h = tmpfs_alloc(tmpfs_of(&t->i), sizeof(*h), error);

	if (!h)
		return NULL;
	h->page.data = page;
	h->index = index;
	if (++t->held_count > 2 * t->held_size && t->held_count > LEAST && t->held_size < MOST)
		resize(t, t->held_size ? 2 * t->held_size : LEAST);
	insert(t, h);
	return h;
}

int tmpfs_page(struct inode *i, uint64_t index, struct fs_page **p)
{
	struct tmpfs_inode *t = tmpfs_inode(i);
	uint32_t type = i->mode & FS_IFMT;
	struct tmpfs_held *h = NULL;
	void *page = NULL;
	int rc = -ENXIO;

	if (type != FS_IFREG)
		return type == FS_IFDIR ? -EISDIR : -EINVAL;
	lock_write(&t->lock);
	if (index < (i->size + OS_PAGE - 1) / OS_PAGE)
		page = tmpfs_need(t, index, &rc);
	if (page) {
		h = tmpfs_held(t, page);
		if (!h)
			h = hold(t, page, index, &rc);
	}
	unlock_write(&t->lock);
	if (!h)
		return rc;
	h->count++;
	*p = &h->page;
	return 0;
}

void tmpfs_page_put(struct inode *i, struct fs_page *p)
{
	struct tmpfs_inode *t = tmpfs_inode(i);
	struct tmpfs_held *h = (struct tmpfs_held *)p, **link = chain(t, p->data);

	if (--h->count)
		return;
	while (*link != h)
		link = &(*link)->next;
	*link = h->next;
	if (h->detached)
		tmpfs_free_page(tmpfs_of(i), h->page.data);
	tmpfs_free(tmpfs_of(i), h, sizeof(*h));
	if (!--t->held_count)
		resize(t, 0);
}

int tmpfs_page_dirty(struct inode *i, uint64_t index, struct fs_page *p)
{
	struct tmpfs_inode *t = tmpfs_inode(i);

	(void)index;
	if (!((struct tmpfs_held *)p)->detached)
		tmpfs_changed(t);
	return 0;
}

/* SPDX-License-Identifier: ISC */
/* Inodes in memory: found by number, made, dirty, deleted.  inode_record.c: on the disk. */
#include "fs/ext4/ext4.h"

#include <stddef.h>

#define WRITE_BACK_AFTER 5000000000	/* ns that data stays in memory only */

fs_time ext4_now(void)
{
	return os_time();
}

static void drop(struct cached *c);

static struct ext4_inode **chain(struct ext4 *e, uint32_t ino)
{
	return &e->hash[ino % INODE_HASH];
}

static struct ext4_inode *make(struct ext4 *e, uint32_t ino)
{
	struct ext4_inode *i = cache_alloc(sizeof(*i));

	if (!i)
		return NULL;
	i->i.fs = &e->fs;
	i->i.ino = ino;
	i->i.refs = 1;
	i->cached.size = sizeof(*i);
	i->cached.drop = drop;
	return i;
}

static void insert(struct ext4 *e, struct ext4_inode *i)
{
	i->next = *chain(e, i->i.ino);
	*chain(e, i->i.ino) = i;
	e->inodes++;
}

static void unhash(struct ext4_inode *i)
{
	struct ext4 *e = fs_of(i);

	for (struct ext4_inode **p = chain(e, i->i.ino); *p; p = &(*p)->next)
		if (*p == i) {
			*p = i->next;
			e->inodes--;
			break;
		}
}

/* Its pages, which are clean and not held, and itself. */
static void discard(struct ext4_inode *i)
{
	struct page *p;

	while ((p = pages_next(&i->pages, 0, false))) {
		page_detach(p);
		page_put(p);
	}
	unhash(i);
	cache_free(i, sizeof(*i));
}

static void drop(struct cached *c)
{
	discard((struct ext4_inode *)((char *)c - offsetof(struct ext4_inode, cached)));
}

int ext4_iget(struct ext4 *e, uint32_t ino, bool deleted, struct ext4_inode **to)
{
	struct ext4_inode *i;
	struct ext4_disk_inode *d;
	struct buf *b;
	int rc = 0;

	if (!ino || ino > e->inodes_count)
		return -EUCLEAN;
	for (i = *chain(e, ino); i && i->i.ino != ino; i = i->next)
		;
	if (i) {
		if (i->deleting)
			return -ESTALE;
		cache_busy(&i->cached);
		i->i.refs++;
	} else {
		i = make(e, ino);
		if (!i)
			return -ENOMEM;
		insert(e, i);
		i->reading = true;
		rc = ext4_itable(e, ino, &b, &d);
		if (!rc) {
			rc = ext4_take_record(i, d);
			buf_put(b);
		}
		if (!rc && !i->i.nlink && !deleted)
			rc = -ESTALE;
		if (!rc && !ext4_inode_valid(i))
			rc = -EUCLEAN;
		if (rc == -EUCLEAN)
			ext4_damaged(e, "inode %u is invalid", (unsigned)ino);
		/* The transaction of the last change is not known any more: fsync() must not rely
		   on it. */
		if (e->journal.running && journal_dirty(&e->journal))
			i->tid = i->data_tid = e->journal.running->tid;
		i->written = e->store.writes;
		i->reading = false;
		i->valid = !rc;
		i->failed = rc;
		if (rc)
			unhash(i);
		os_wake(&e->inode_read);
	}
	while (i->reading)
		os_wait(&e->inode_read);
	if (i->failed) {
		rc = i->failed;
		if (--i->i.refs == 0)
			cache_free(i, sizeof(*i));
		return rc;
	}
	*to = i;
	return 0;
}

int ext4_inew(struct ext4_inode *dir, struct handle *h, uint32_t mode, uint32_t uid,
	      uint32_t gid, struct ext4_inode **to)
{
	struct ext4 *e = fs_of(dir);
	struct ext4_inode *i = make(e, 0);
	uint32_t ino = 0, g, want = le16(e->super->want_extra_isize);
	struct buf *b = NULL;
	bool fresh = false;
	uint64_t nr, at;
	int rc = i ? ialloc(dir, h, mode, &ino, &fresh) : -ENOMEM;

	if (!rc) {
		g = (ino - 1) / e->inodes_per_group;
		at = (uint64_t)((ino - 1) % e->inodes_per_group) * e->inode_size;
		nr = e->groups[g].inode_table + (at >> e->shift);
		/* A block of the table without other inodes need not be read. */
		b = buf_find(&e->store, nr);
		if (!b)
			rc = fresh ? buf_new(&e->store, nr, &b) : -EUCLEAN;
		/* Another thread is reading it, for one of the other inodes. */
		if (rc == -EUCLEAN)
			rc = buf_get(&e->store, nr, &b);
		if (!rc)
			rc = buf_claim(b, BUF_TABLE);
		if (!rc)
			rc = journal_access(h, b);
		if (!rc)
			memset(b->data + (at & (e->block_size - 1)), 0, e->inode_size);
		buf_put(b);
	}
	if (rc) {
		if (i)
			cache_free(i, sizeof(*i));
		return rc;
	}
	i->i.ino = ino;
	i->i.mode = mode;
	i->i.nlink = 1;
	i->uid = uid;
	i->gid = dir->i.mode & 02000 ? dir->gid : gid;
	if (dir->i.mode & 02000 && (mode & FS_IFMT) == FS_IFDIR)
		i->i.mode |= 02000;
	i->generation = os_random();
	i->atime = i->mtime = i->ctime = i->btime = ext4_now();
	i->flags = dir->flags & INODE_INHERITED;
	if (e->inode_size > 128)
		i->extra_isize = want >= 28 && want <= e->inode_size - 128u && !(want & 3) ? want : 28;
	if (e->has_extents && (mode & FS_IFMT) != FS_IFLNK)
		extent_init(i);
	i->valid = true;
	insert(e, i);
	*to = i;
	return 0;
}

/* ---- Dirty ones. */

static void background(void)
{
	os_background_at(os_clock() + WRITE_BACK_AFTER);
}

static void enlist(struct ext4_inode *i)
{
	struct ext4 *e = fs_of(i);

	if (i->dirty_link)
		return;
	i->dirty_since = os_clock();
	i->dirty_next = NULL;
	i->dirty_link = e->dirty_end;
	*e->dirty_end = i;
	e->dirty_end = &i->dirty_next;
	background();
}

void ext4_idirty(struct ext4_inode *i, bool size)
{
	i->dirty_attr = true;
	i->dirty_size |= size;
	enlist(i);
}

void ext4_undirty(struct ext4_inode *i)
{
	struct ext4 *e = fs_of(i);

	/* Pages that are being written are not dirty any more, nor part of the file yet. */
	if (!i->dirty_link || i->dirty_attr || i->pages.dirty || i->batches)
		return;
	*i->dirty_link = i->dirty_next;
	if (i->dirty_next)
		i->dirty_next->dirty_link = i->dirty_link;
	else
		e->dirty_end = i->dirty_link;
	i->dirty_link = NULL;
	i->dirty_next = NULL;
	if (!i->i.refs && !i->deleting && !i->orphan)
		cache_idle(&i->cached);
}

/* The file has no name and no user: nothing of it stays, nor of what was not written. */
static void delete(struct ext4_inode *i)
{
	struct ext4 *e = fs_of(i);
	struct handle h;
	struct page *p;
	int rc;

	i->deleting = true;
	e->deleting++;
	while ((p = pages_next(&i->pages, 0, false))) {
		ext4_da_release_page(i, p, 0xff);
		page_detach(p);
		page_put(p);
	}
	i->dirty_attr = i->dirty_size = false;
	ext4_undirty(i);
	i->i.size = i->disk_size = 0;
	rc = ext4_writable(e);
	if (!rc)
		rc = ext4_truncate_blocks(i);
	if (!rc)
		rc = ext4_begin(e, &h, 16, 0);
	if (!rc) {
		rc = ext4_xattr_free(i, &h);
		if (!rc)
			rc = orphan_remove(i, &h);
		i->dtime = ext4_now() / 1000000000;
		if (!rc)
			rc = ext4_ilog(i, &h);
		if (!rc)
			rc = ialloc_free(i, &h);
		if (!rc)
			unhash(i);
		rc = ext4_end(e, &h, rc);
	}
	e->deleting--;
	/* It stays in the list of orphans, as on the disk; the next mount deletes it. */
	if (rc && !ext4_writable(e))
		return;
	orphan_drop(i);
	unhash(i);
	cache_free(i, sizeof(*i));
}

void ext4_release(struct inode *inode)
{
	struct ext4_inode *i = ext4_inode_of(inode);

	if (!i->i.nlink && i->valid)
		delete(i);
	else if (!i->dirty_link && !i->orphan)	/* the list of orphans has it */
		cache_idle(&i->cached);
}

void ext4_inodes_free(struct ext4 *e)
{
	for (unsigned k = 0; k < INODE_HASH; k++)
		for (struct ext4_inode *i; (i = e->hash[k]);) {
			for (struct page *p; (p = pages_next(&i->pages, 0, false));) {
				ext4_da_release_page(i, p, 0xff);
				page_detach(p);
				page_put(p);
			}
			cache_busy(&i->cached);
			unhash(i);
			cache_free(i, sizeof(*i));
		}
}

/* SPDX-License-Identifier: ISC */
/*
 * Writing dirty pages to the disk.
 *
 * Blocks without a place are reserved one in memory, then the data is written, and only then
 * an operation of the journal makes them part of the file, with the size that includes them.
 * So a crash at any time leaves either the whole or nothing, and never contents of others.
 *
 * fsync() of little data saves a wait: the operation comes first, and the commit, which follows at
 * once, writes the data at the same time as the log (fs/journal/journal.h, struct tx_data).
 */
#include "fs/ext4/data/batch.h"

#define SYNC_PAGES 16			/* fsync() of so many writes them with the commit */

enum how { ALONE, FOR_FDATASYNC, FOR_FSYNC };

/* A place for a run of blocks, as long as it can be had. */
static int place(struct ext4_inode *i, struct batch *b, unsigned k, struct extent *x)
{
	struct ext4 *e = fs_of(i);
	uint64_t start, goal = alloc_goal(i, x->lblk);
	uint32_t len;
	int rc = alloc_reserve(i, goal, x->len, &start, &len);

	if (rc == -ENOSPC && e->busy_blocks) {
		rc = journal_commit_running(&e->journal);
		if (!rc)
			rc = alloc_reserve(i, goal, x->len, &start, &len);
	}
	if (rc)
		return rc;
	x->pblk = start;
	x->len = len;
	i->goal_lblk = x->lblk + len;
	i->goal = start + len;
	batch_release(i, b, k, len);
	b->changes[b->changed++] = *x;
	return 0;
}

/* Runs of blocks of the batch from *k on, until its end or until there are many changes. */
static int gather(struct ext4_inode *i, struct batch *b, unsigned *k)
{
	struct ext4 *e = fs_of(i);
	unsigned per = OS_PAGE >> e->shift;
	int rc = 0;

	b->changed = 0;
	while (*k < b->n * per && b->changed < CHANGES && !rc) {
		struct extent x;
		unsigned n = 0;
		uint64_t lblk;

		if (!batch_dirty(b, per, *k)) {
			batch_release(i, b, *k, 1);
			++*k;
			continue;
		}
		lblk = batch_block(b, per, *k);
		while (batch_dirty(b, per, *k + n) && batch_block(b, per, *k + n) == lblk + n)
			n++;
		rc = map_find(i, lblk, n, &x);
		if (rc)
			break;
		if (!x.pblk) {
			rc = place(i, b, *k, &x);
		} else {
			batch_release(i, b, *k, x.len);
			if (x.unwritten)
				b->changes[b->changed++] = x;
		}
		for (unsigned m = 0; m < x.len && !rc; m++) {
			unsigned at = *k + m;

			rc = batch_add(e, b,
				 (uint8_t *)b->pages[at / per]->page.data +
					 (size_t)(at % per << e->shift),
				 x.pblk + m);
			b->pages[at / per]->mapped |= 1 << at % per;
		}
		if (!rc)
			*k += x.len;
	}
	return rc;
}

/* Whether there is room for nodes of extents for which nothing was reserved.  To notice it only in
   the operation would end the journal. */
static int has_room(struct ext4 *e)
{
	int rc = 0;

	/* Freed blocks can be used after the commit. */
	if (alloc_available(e) < MAP_SPACE && e->busy_blocks)
		rc = journal_commit_running(&e->journal);
	return rc ? rc : alloc_available(e) < MAP_SPACE ? -ENOSPC : 0;
}

/* Reserved blocks become the file's. */
static int insert(struct ext4_inode *i, struct handle *h, struct extent *x)
{
	struct ext4 *e = fs_of(i);
	int rc = alloc_commit(e, h, x->pblk, x->len);

	if (rc)
		return rc;
	i->blocks += (uint64_t)x->len * (e->block_size / 512);
	rc = map_insert(i, h, x);
	x->pblk = 0;		/* not reserved any more */
	return rc;
}

/* ---- Data that is written with the commit. */

struct with_commit {
	struct tx_data data;
	struct ext4_inode *i;
	struct extent placed;		/* for this data; len 0: it has its place already */
	uint64_t disk_size;		/* before */
};

static int undo(struct tx_data *d, struct handle *h)
{
	struct with_commit *w = (struct with_commit *)d;
	const struct extent *x = &w->placed;
	int rc = x->len ? map_remove(w->i, h, x->lblk, x->lblk + x->len) : 0;

	if (rc)
		return rc < 0 ? rc : -EIO;
	w->i->disk_size = w->disk_size;
	return ext4_ilog(w->i, h);
}

/* Whether there is one change at most, and a commit is needed anyhow. */
static bool fits(const struct ext4_inode *i, const struct batch *b, uint64_t size, enum how how)
{
	if (b->changed > 1 || (b->changed && b->changes[0].unwritten))
		return false;
	return b->changed || size > i->disk_size || (how == FOR_FSYNC && i->dirty_attr);
}

/* The change and the size become part of the file, durable with the data: 0; 1: not this way. */
static int commit_with_data(struct ext4_inode *i, struct batch *b, uint64_t size)
{
	struct ext4 *e = fs_of(i);
	struct with_commit w = {
		.data = { .runs = b->runs, .count = b->nruns, .undo = undo },
		.i = i, .disk_size = i->disk_size,
	};
	struct handle h;
	uint32_t tid;
	int rc = ext4_begin(e, &h, MAP_CREDITS + 8, MAP_SPACE | SPACE_RESERVED);

	if (rc)
		return rc;
	if (!journal_attach(&h, &w.data))
		return ext4_end(e, &h, 0) ? : 1;
	tid = h.tx->tid;
	if (b->changed) {
		w.placed = b->changes[0];
		rc = insert(i, &h, &b->changes[0]);
	}
	if (!rc && (b->changed || size > i->disk_size))
		i->dirty_size = true;
	if (!rc && size > i->disk_size)
		i->disk_size = size;
	if (!rc)
		rc = ext4_ilog(i, &h);
	rc = ext4_end(e, &h, rc);
	if (!rc)
		rc = journal_commit(&e->journal, tid);
	journal_detach(&e->journal, &w.data);
	if (w.data.written)
		i->written = w.data.written;
	return rc ? rc : w.data.error;
}

/* ---- */

/* The data up to this block is on the disk: the changes, and the size, become the file's. */
static int record(struct ext4_inode *i, struct batch *b, uint64_t end_block)
{
	struct ext4 *e = fs_of(i);
	unsigned k = 0;
	int rc = 0;

	do {
		struct extent *x = b->changed ? &b->changes[k] : NULL;
		bool last = k + 1 >= b->changed;
		uint64_t end = last ? end_block << e->shift
				    : ((uint64_t)x->lblk + x->len) << e->shift;
		struct handle h;

		if (end > b->size)
			end = b->size;
		if (!x && end <= i->disk_size)
			return 0;
		if (x && x->unwritten)
			rc = has_room(e);
		if (!rc)
			rc = ext4_begin(e, &h, MAP_CREDITS + 8, MAP_SPACE | SPACE_RESERVED);
		if (rc)
			break;
		if (x)
			rc = x->unwritten ? map_written(i, &h, x->lblk, x->len) : insert(i, &h, x);
		if (!rc && end > i->disk_size)
			i->disk_size = end;
		if (!rc) {
			i->dirty_size = true;
			rc = ext4_ilog(i, &h);
		}
		rc = ext4_end(e, &h, rc);
		k++;
	} while (!rc && k < b->changed);
	return rc;
}

/* The gathered runs, up to block k of the batch: written, and recorded. */
static int write_gathered(struct ext4_inode *i, struct batch *b, unsigned k, enum how how)
{
	struct ext4 *e = fs_of(i);
	unsigned per = OS_PAGE >> e->shift;
	uint64_t end = batch_block(b, per, k - 1) + 1, size = end << e->shift;
	int rc = 1;

	if (size > b->size)
		size = b->size;
	if (how != ALONE && k == b->n * per && fits(i, b, size, how))
		rc = commit_with_data(i, b, size);
	if (rc == 1) {
		rc = batch_submit(e, b);
		i->written = e->store.writes;
		if (!rc)
			rc = record(i, b, end);
	}
	return rc;
}

static int write_batch(struct ext4_inode *i, struct batch *b, enum how how)
{
	struct ext4 *e = fs_of(i);
	unsigned per = OS_PAGE >> e->shift, k = 0, first = 0;
	/* A block that is allocated in memory is not counted as delayed; its metadata comes later. */
	uint32_t metadata = i->delayed_metadata;
	/* If the journal has failed, a block may be free only in memory. */
	int rc = e->journal.error ? journal_failure(&e->journal) : ext4_writable(e);

	e->space += metadata;
	b->changed = 0;
	while (k < b->n * per && !rc) {
		first = k;
		rc = gather(i, b, &k);
		if (!rc)
			rc = write_gathered(i, b, k, how);
		b->nvecs = b->nruns = 0;
		os_pause();
	}
	e->space -= metadata;
	if (rc == -ENOMEM)
		batch_keep(i, b, first);
	if (rc)
		batch_give_up(i, b);
	if (rc && rc != -ENOMEM) {
		i->i.errors++;
		e->lost = true;
	}
	for (k = 0; k < b->n; k++) {
		b->pages[k]->writing = false;
		page_put(b->pages[k]);
	}
	os_wake(&i->pages.changed);
	return rc;
}

/* The dirty data is on the disk: a size that waited for it can be written, too. */
static void take_size(struct ext4_inode *i, uint64_t size)
{
	if (i->disk_size >= size)
		return;
	i->disk_size = size;
	ext4_idirty(i, true);
}

static int write_locked(struct ext4_inode *i, uint64_t first, uint64_t last, enum how how)
{
	struct ext4 *e = fs_of(i);
	uint64_t tail = i->disk_size / OS_PAGE, size = first ? 0 : i->i.size;
	struct batch *b;
	int rc = 0, failed = 0;

	if (last < size / OS_PAGE)
		size = 0;
	if (!i->pages.dirty) {
		take_size(i, size);
		return 0;
	}
	/* A file that was truncated within a block: not before this is on the disk. */
	if (i->truncate_tid) {
		rc = journal_commit(&e->journal, i->truncate_tid);
		if (rc != -ENOMEM)
			i->truncate_tid = 0;
		if (rc)
			return rc;
	}
	/* The last block on the disk must be zero behind the end before the file grows. */
	if (i->disk_size % OS_PAGE && tail < first) {
		rc = write_locked(i, tail, tail, ALONE);
		if (rc)
			return rc;
	}
	b = cache_alloc(sizeof(*b));
	if (!b)
		return -ENOMEM;
	i->batches++;
	while (first <= last) {
		batch_collect(i, b, first, last);
		if (!b->n)
			break;
		first = b->pages[b->n - 1]->index + 1;
		rc = write_batch(i, b, how);
		if (rc)
			failed = rc;
	}
	cache_free(b, sizeof(*b));
	i->batches--;
	if (!failed)
		take_size(i, size);
	ext4_undirty(i);
	return failed;
}

int ext4_writeback_locked(struct ext4_inode *i, uint64_t first, uint64_t last)
{
	return write_locked(i, first, last, ALONE);
}

static int write_back(struct ext4_inode *i, uint64_t first, uint64_t last, enum how how)
{
	/* On a file system that is frozen or read-only this must not wait for its thaw. */
	bool any = i->pages.dirty || i->disk_size != i->i.size;
	int rc = 0, other;

	if (any)
		lock_read(&fs_of(i)->writing);
	lock_write(&i->wb);
	/* A truncation has failed: until it is finished, the disk keeps what was removed. */
	if (any && i->disk_size > i->i.size)
		rc = ext4_truncate_blocks(i);
	if (any && rc != -ENOMEM) {
		other = write_locked(i, first, last, i->pages.dirty > SYNC_PAGES ? ALONE : how);
		rc = rc ? rc : other;
	}
	unlock_write(&i->wb);
	if (any)
		unlock_read(&fs_of(i)->writing);
	return rc;
}

int ext4_writeback(struct ext4_inode *i, uint64_t first, uint64_t last)
{
	return write_back(i, first, last, ALONE);
}

int ext4_writeback_to_sync(struct ext4_inode *i, bool data_only)
{
	return write_back(i, 0, UINT64_MAX, data_only ? FOR_FDATASYNC : FOR_FSYNC);
}

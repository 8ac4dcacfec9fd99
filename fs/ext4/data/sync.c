/* SPDX-License-Identifier: ISC */
/* Durability: of a file, of everything; what the background thread does. */
#include "fs/ext4/ext4.h"

#define AGE 5000000000			/* ns after which dirty data is written */

int ext4_flush_attr(struct ext4_inode *i, bool all)
{
	struct ext4 *e = fs_of(i);
	struct handle h;
	int rc;

	if (!i->dirty_attr || (!all && !i->dirty_size))
		return 0;
	rc = ext4_writable(e);
	if (rc) {
		/* It will never be written. */
		i->dirty_attr = i->dirty_size = false;
		ext4_undirty(i);
		return rc;
	}
	rc = ext4_begin(e, &h, 4, 0);
	if (rc)
		return rc;
	return ext4_end(e, &h, ext4_ilog(i, &h));
}

/* Its data is on the disk: make it durable, and the file that it belongs to. */
static int make_durable(struct ext4_inode *i, uint32_t tid)
{
	struct ext4 *e = fs_of(i);
	int rc = 0;

	if (tid && (int32_t)(e->journal.complete - tid) < 0)
		rc = journal_commit(&e->journal, tid);
	if (!rc && e->store.durable < i->written)
		rc = store_flush(&e->store);
	return rc;
}

int ext4_sync_inode(struct ext4_inode *i, bool data_only)
{
	int rc = 0, other;

	if (is_file(i))
		rc = ext4_writeback_to_sync(i, data_only);
	other = ext4_flush_attr(i, !data_only);
	rc = rc ? rc : other;
	other = make_durable(i, data_only ? i->data_tid : i->tid);
	/* Without memory nothing was lost, and the caller can repeat it. */
	if (other && other != rc && other != -ENOMEM)
		i->i.errors++;
	return rc ? rc : other;
}

/* The result of writing, for this descriptor: each error once. */
static int report_once(struct fs_open *o, int rc)
{
	struct inode *i = o->inode;

	if (o->seen == i->errors)
		return rc;
	o->seen = i->reported = i->errors;
	return rc ? rc : -EIO;
}

int ext4_sync(struct fs_open *o, bool data_only)
{
	struct ext4_inode *i = ext4_inode_of(o->inode);
	int rc = ext4_sync_inode(i, data_only);

	return report_once(o, rc);
}

int ext4_write_range(struct fs_open *o, uint64_t at, uint64_t len)
{
	struct ext4_inode *i = ext4_inode_of(o->inode);
	uint64_t last = len && at + len > at ? (at + len - 1) / OS_PAGE : UINT64_MAX;
	int rc;

	if (!is_file(i))
		return -EINVAL;
	rc = ext4_writeback(i, at / OS_PAGE, last);
	return report_once(o, rc);
}

/* It is still dirty, or again: it is the youngest now. */
static void make_youngest(struct ext4 *e, struct ext4_inode *i)
{
	i->dirty_since = os_clock();
	if (!i->dirty_next)
		return;
	*i->dirty_link = i->dirty_next;
	i->dirty_next->dirty_link = i->dirty_link;
	i->dirty_next = NULL;
	i->dirty_link = e->dirty_end;
	*e->dirty_end = i;
	e->dirty_end = &i->dirty_next;
}

/* Writes data that has been dirty since before then; returns the first error.  The background
   thread, which works for other file systems too, does not wait for the thaw of this one. */
static int write_older(struct ext4 *e, uint64_t then, bool in_background)
{
	int failed = 0;

	/* Each inode at most once, also if it stays dirty. */
	for (uint64_t n = e->inodes; n && e->dirty && e->dirty->dirty_since <= then; n--) {
		if (in_background && (e->freezing || e->fs.frozen))
			break;
		struct ext4_inode *i = e->dirty;
		int rc;

		cache_busy(&i->cached);
		inode_get(&i->i);
		rc = ext4_writeback(i, 0, UINT64_MAX);
		failed = failed ? failed : rc;
		rc = ext4_flush_attr(i, true);
		failed = failed ? failed : rc;
		if (i->dirty_link)
			make_youngest(e, i);
		inode_put(&i->i);
	}
	return failed;
}

int ext4_sync_all(struct ext4 *e)
{
	int rc, done;

	/* The time is taken behind the lock: while this call waits for it, another thread may move an inode
	   to the end that was written to before. */
	lock_write(&e->syncing);
	rc = write_older(e, os_clock(), false);
	unlock_write(&e->syncing);
	done = journal_commit_running(&e->journal);
	if (!done)
		done = store_flush(&e->store);
	return rc ? rc : done;
}

/* Data that the background thread could not write is an error once, too. */
int ext4_syncfs(struct fs *fs)
{
	struct ext4 *e = ext4_of(fs);
	int rc = ext4_sync_all(e);

	rc = rc ? rc : e->lost ? -EIO : 0;
	e->lost = false;
	return rc;
}

/* Of one file system: when it is due again; 0: nothing is dirty. */
static uint64_t background(struct ext4 *e)
{
	uint64_t now = os_clock(), next = 0;
	const struct tx *tx = e->journal.running;

	ext4_record_error(e);
	if (e->freezing || e->fs.frozen || e->fs.read_only)
		return 0;
	/* Else a program writes everything. */
	if (lock_try_write(&e->syncing)) {
		bool all = pages_dirty > cache_dirty_limit() / 2;

		write_older(e, all ? now : now > AGE ? now - AGE : 0, true);
		unlock_write(&e->syncing);
	}
	if (tx == e->journal.running && tx->began && tx->began + AGE <= now)
		journal_commit_running(&e->journal);
	if (e->dirty)
		next = e->dirty->dirty_since + AGE;
	tx = e->journal.running;
	if (tx->began && (!next || tx->began + AGE < next))
		next = tx->began + AGE;
	return next;
}

void fs_background(void)
{
	uint64_t next = 0;

	for (struct fs *fs = fs_mounted, *then; fs; fs = then) {
		struct ext4 *e = ext4_of(fs);
		uint64_t due;

		e->in_background = true;
		due = background(e);
		then = fs->next;
		e->in_background = false;
		os_wake(&e->background_ended);
		if (due && (!next || due < next))
			next = due;
	}
	if (next)
		os_background_at(next > os_clock() ? next : os_clock() + AGE / 10);
}

/* SPDX-License-Identifier: ISC */
/* Operations and transactions; the order of a commit.  checkpoint.c: what follows. */
#include "fs/journal/journal.h"
#include "fs/fs.h"

#include <assert.h>
#include <string.h>

#define SLACK 48			/* blocks of the log beyond what is reserved */

unsigned journal_free_blocks(const struct journal *j)
{
	unsigned used = (j->head + j->log_blocks - j->tail) % j->log_blocks;

	return j->log_blocks - used - 1;
}

/* Blocks of the log for a transaction of so many blocks, with descriptors, revokes and commit, and
   for the rest of the one before it. */
static unsigned need(const struct journal *j, const struct tx *tx, unsigned more)
{
	unsigned blocks = tx->reserved + more;
	unsigned per_revoke = (j->store->block_size - 32) / 8;

	return j->log_reserved + blocks + blocks / 16 + tx->revokes / per_revoke + SLACK;
}

void journal_abort(struct journal *j, int error)
{
	if (j->error)
		return;
	j->error = error;
	os_wake(&j->changed);
	if (j->failed)
		j->failed(j->owner, error);
}

/* Room for one more in an array of the transaction. */
void *tx_grown(void *array, unsigned count, unsigned *room, size_t size)
{
	unsigned more = *room ? *room * 2 : 32;
	void *p;

	if (count < *room)
		return array;
	p = cache_alloc_sure(more * size);
	if (!p)
		return NULL;
	if (array)
		memcpy(p, array, count * size);
	cache_free(array, *room * size);
	*room = more;
	return p;
}

/* Makes room for what an operation adds before it begins. */
int tx_make_room(struct tx *tx, unsigned count)
{
	while (tx->room < count) {
		struct buf **bufs = tx_grown(tx->bufs, tx->room, &tx->room, sizeof(*bufs));

		if (!bufs)
			return -ENOMEM;
		tx->bufs = bufs;
	}
	return 0;
}

int journal_failure(const struct journal *j)
{
	return j->error == -EUCLEAN ? -EUCLEAN : -EIO;
}

int journal_begin(struct journal *j, struct handle *h, unsigned credits)
{
	int rc;

	for (;;) {
		struct tx *tx = j->running;

		if (j->error || j->read_only)
			return -EROFS;
		if (j->locked || j->frozen) {
			os_wait(&j->changed);
			continue;
		}
		if (tx->reserved && tx->reserved + credits > j->max) {
			rc = journal_commit(j, tx->tid);
		} else if (j->log_blocks && journal_free_blocks(j) < need(j, tx, credits)) {
			rc = journal_checkpoint(j, need(j, tx, credits) + j->log_blocks / 4,
						false);
			/* It may have been committed and freed meanwhile. */
			if (!rc && j->running == tx && !j->locked &&
			    journal_free_blocks(j) < need(j, tx, credits))
				rc = journal_commit(j, tx->tid);
		} else {
			break;
		}
		if (rc)
			return rc;
	}
	rc = tx_make_room(j->running, j->running->reserved + credits);
	if (rc)
		return rc;
	*h = (struct handle){ .journal = j, .tx = j->running, .credits = credits };
	h->tx->handles++;
	h->tx->reserved += credits;
	return 0;
}

void journal_end(struct handle *h)
{
	struct tx *tx = h->tx;

	tx->reserved -= h->credits;
	if (--tx->handles == 0 && h->journal->locked)
		os_wake(&h->journal->changed);
	h->tx = NULL;
}

static int join(struct handle *h, struct buf *b)
{
	struct tx *tx = h->tx;
	struct buf **bufs;

	if (b->running == tx)
		return 0;
	bufs = tx_grown(tx->bufs, tx->count, &tx->room, sizeof(*bufs));
	if (!bufs)
		return -ENOMEM;
	tx->bufs = bufs;
	tx->bufs[tx->count++] = b;
	b->running = tx;
	if (!tx->began)
		tx->began = os_clock();
	if (h->credits)
		h->credits--;
	else
		tx->reserved++;
	return 0;
}

int journal_access(struct handle *h, struct buf *b)
{
	assert(b->pins && b->valid && h->tx == h->journal->running);
	if (h->journal->error)
		return -EROFS;
	if (b->forget)
		return -EUCLEAN;	/* it was freed: the image has it twice */
	if (b->committing && !b->logged && !b->frozen) {
		b->frozen = cache_alloc_sure(b->store->block_size);
		if (!b->frozen)
			return -ENOMEM;
		memcpy(b->frozen, b->data, b->store->block_size);
	}
	h->changes++;
	return join(h, b);
}

int journal_revoke(struct handle *h, uint64_t nr)
{
	struct tx *tx = h->tx;
	uint64_t *revoked;

	h->changes++;
	if (!h->journal->log_blocks)
		return 0;
	revoked = tx_grown(tx->revoked, tx->revokes, &tx->revoke_room, sizeof(*revoked));
	if (!revoked)
		return -ENOMEM;
	tx->revoked = revoked;
	tx->revoked[tx->revokes++] = nr;
	if (!tx->began)
		tx->began = os_clock();
	return 0;
}

int journal_forget(struct handle *h, struct buf *b)
{
	int rc = journal_revoke(h, b->nr);

	if (!rc)
		rc = join(h, b);
	if (!rc)
		b->forget = true;
	return rc;
}

int journal_defer_free(struct handle *h, uint64_t start, uint32_t count)
{
	struct freed *f = h->tx->freed;

	if (f && f->start + f->count == start) {
		f->count += count;
		return 0;
	}
	if (f && start + count == f->start) {
		f->start = start;
		f->count += count;
		return 0;
	}
	f = cache_alloc_sure(sizeof(*f));
	if (!f)
		return -ENOMEM;
	*f = (struct freed){ h->tx->freed, start, count };
	h->tx->freed = f;
	return 0;
}

void tx_free(struct tx *tx)
{
	if (!tx)
		return;
	assert(!tx->freed && !tx->checkpoint && !tx->data);
	cache_free(tx->bufs, tx->room * sizeof(*tx->bufs));
	cache_free(tx->revoked, tx->revoke_room * sizeof(*tx->revoked));
	os_free(tx);
}

void journal_checkpointed(struct journal *j, struct buf *b)
{
	if (!b->checkpoint)
		return;
	*b->ckpt_link = b->ckpt_next;
	if (b->ckpt_next)
		b->ckpt_next->ckpt_link = b->ckpt_link;
	b->checkpoint = NULL;
	j->waiting_blocks--;
}

void journal_release_buf(struct buf *b, bool drop)
{
	if (b->pins || b->running || b->committing || b->checkpoint)
		return;
	if (drop)
		buf_drop(b);
	else
		cache_idle(&b->cached);
}

/* The transaction is complete, or failed: its blocks wait for their checkpoint.  Blocks
   that a failed one freed are not free on the disk, and are never used again. */
static void complete(struct journal *j, struct tx *tx, bool in_place)
{
	struct freed *f;

	for (unsigned i = 0; i < tx->count; i++) {
		struct buf *b = tx->bufs[i];
		bool forgotten = b->forgetting;

		/* An old copy on its way to its place must not arrive after new data. */
		while (forgotten && b->writing)
			os_wait(&j->changed);
		b->committing = NULL;
		b->forgetting = b->logged = false;
		if (b->frozen)
			cache_free(b->frozen, b->store->block_size);
		b->frozen = NULL;
		journal_checkpointed(j, b);
		if (!forgotten && !in_place) {
			b->checkpoint = tx;
			b->ckpt_link = &tx->checkpoint;
			b->ckpt_next = tx->checkpoint;
			if (b->ckpt_next)
				b->ckpt_next->ckpt_link = &b->ckpt_next;
			tx->checkpoint = b;
			j->waiting_blocks++;
		}
		journal_release_buf(b, forgotten);
	}
	while ((f = tx->freed)) {
		tx->freed = f->next;
		if (!j->error)
			j->released(j->owner, f);
		cache_free(f, sizeof(*f));
	}
}

/* The running transaction becomes the committing one. */
static int begin_commit(struct journal *j)
{
	struct tx *tx = j->running, *next;

	next = j->spare ? j->spare : os_alloc(sizeof(*next));
	if (!next)
		return -ENOMEM;
	j->spare = NULL;
	j->locked = true;
	while (tx->handles)
		os_wait(&j->changed);
	if (!j->error)
		j->seal(j->owner, tx);
	for (unsigned i = 0; i < tx->count; i++) {
		struct buf *b = tx->bufs[i];

		assert(!b->committing && !b->frozen);
		b->committing = tx;
		b->running = NULL;
		b->logged = b->forgetting = b->forget;
		b->forget = false;
	}
	if (j->log_blocks)
		j->log_reserved = need(j, tx, 0);
	next->tid = tx->tid + 1;
	tx->log_start = j->head;
	tx->sequence = j->sequence;
	j->committing = tx;
	j->running = next;
	j->locked = false;
	os_wake(&j->changed);
	return 0;
}

static int commit_in_place(struct journal *j, struct tx *tx)
{
	unsigned n = 0;
	int rc;

	for (unsigned i = 0; i < tx->count; i++)
		if (!tx->bufs[i]->forgetting)
			tx->bufs[n++] = tx->bufs[i];
		else
			tx->bufs[i]->committing = NULL, tx->bufs[i]->forgetting = false,
			journal_release_buf(tx->bufs[i], true);
	tx->count = n;
	rc = journal_write_in_place(j, tx->bufs, n, tx);
	return rc ? rc : store_flush(j->store);
}

/* It is in the log: the commit record follows. */
static int write_commit(struct journal *j, struct tx *tx)
{
	int rc = journal_log_commit(j, tx);

	return rc ? rc : store_flush(j->store);
}

int journal_commit_now(struct journal *j)
{
	struct tx *tx;
	int rc = begin_commit(j);
	bool empty, undone = false;

	if (rc)
		return rc;
	tx = j->committing;
	empty = !tx->count && !tx->revokes;
	if (j->error) {
		rc = -EIO;
	} else if (!j->log_blocks) {
		rc = commit_in_place(j, tx);
	} else if (!empty) {
		j->sequence++;
		rc = journal_log(j, tx);
		undone = !rc && journal_data_failed(tx);
		if (undone)
			rc = journal_undo(j, tx);
		else if (!rc)
			rc = write_commit(j, tx);
	}
	if (rc)
		journal_abort(j, rc);
	else if (!empty && !undone)
		j->stats.commits++, j->stats.blocks += tx->count;
	complete(j, tx, !j->log_blocks);
	journal_drop_data(tx);
	j->committing = NULL;
	j->log_reserved = 0;
	if (!rc && !undone)
		j->complete = tx->tid;
	if (tx->checkpoint) {
		cache_free(tx->bufs, tx->room * sizeof(*tx->bufs));
		tx->bufs = NULL;
		*(j->newest ? &j->newest->next : &j->oldest) = tx;
		j->newest = tx;
	} else {
		tx_free(tx);
	}
	os_wake(&j->changed);
	return rc;
}

static bool reached(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) >= 0;
}

int journal_commit(struct journal *j, uint32_t tid)
{
	bool waited = false;
	int rc;

	while (!reached(j->complete, tid)) {
		if (j->error)
			return journal_failure(j);
		if (j->committing || j->locked) {
			waited = true;
			os_wait(&j->changed);
			continue;
		}
		rc = journal_commit_now(j);
		if (rc)
			return rc;
		/* The log shall not be full when the next one needs it, nor memory. */
		if (j->log_blocks &&
		    (journal_free_blocks(j) < j->log_blocks / 4 ||
		     (size_t)j->waiting_blocks << j->store->shift > cache_dirty_limit() / 2))
			journal_checkpoint(j, j->log_blocks / 2, false);
	}
	if (waited)
		j->stats.shared++;
	return 0;
}

bool journal_dirty(const struct journal *j)
{
	const struct tx *tx = j->running;

	return tx->began || tx->handles || tx->freed || j->committing;
}

int journal_commit_running(struct journal *j)
{
	if (j->error)
		return journal_failure(j);
	if (!journal_dirty(j))
		return 0;
	return journal_commit(j, j->running->tid);
}

int journal_freeze(struct journal *j)
{
	int rc = 0;

	j->frozen = true;
	while (!rc && (journal_dirty(j) || j->oldest)) {
		rc = journal_commit_running(j);
		if (!rc)
			rc = journal_checkpoint(j, 0, true);
	}
	return rc ? rc : store_flush(j->store);
}

void journal_thaw(struct journal *j)
{
	j->frozen = false;
	os_wake(&j->changed);
}

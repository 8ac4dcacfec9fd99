/* SPDX-License-Identifier: ISC */
/* Checkpoints: blocks of complete transactions are written to their places, and the log is
   free again up to the oldest transaction that has a block that is not. */
#include "fs/journal/journal.h"
#include "fs/fs.h"

#include <string.h>

static int by_number(const struct buf *a, const struct buf *b)
{
	return a->nr < b->nr ? -1 : a->nr > b->nr;
}

static void sort(struct buf **bufs, unsigned n)
{
	for (unsigned gap = n / 2; gap; gap /= 2)
		for (unsigned i = gap; i < n; i++)
			for (unsigned k = i; k >= gap && by_number(bufs[k - gap], bufs[k]) > 0;
			     k -= gap) {
				struct buf *b = bufs[k];

				bufs[k] = bufs[k - gap];
				bufs[k - gap] = b;
			}
}

/*
 * Copies blocks, sorted by their numbers, into the buffer `in_place`, as many as fit, and writes
 * them to their places; *n: how many.  A block that take() refuses ends the part before it; if it
 * is the first, *n is 0.
 */
static int write_part(struct journal *j, struct buf **bufs, unsigned count, const struct tx *of,
		      const uint8_t *(*take)(struct buf *b, const struct tx *of), unsigned *n)
{
	struct stage_run runs[STAGE_RUNS];
	unsigned most = stage_blocks(j), nruns = 0;
	uint64_t next = 0;

	for (*n = 0; *n < count && *n < most; ++*n) {
		struct buf *b = bufs[*n];
		const uint8_t *from = take(b, of);

		if (!from)
			break;
		if (!nruns || b->nr != next) {
			if (nruns == STAGE_RUNS)
				break;
			runs[nruns++] = (struct stage_run){ *n, 0, b->nr };
		}
		memcpy(stage_block(j, j->in_place, *n), from, j->store->block_size);
		runs[nruns - 1].count++;
		next = b->nr + 1;
	}
	return nruns ? stage_write(j, j->in_place, runs, nruns, NULL) : 0;
}

/* Each block of a transaction that is written to its place at once. */
static const uint8_t *take_committed(struct buf *b, const struct tx *of)
{
	const uint8_t *from = b->frozen && b->committing == of ? b->frozen : b->data;

	if (b->committing && b->committing == of)
		b->logged = true;
	return from;
}

int journal_write_in_place(struct journal *j, struct buf **bufs, unsigned count,
			   const struct tx *of)
{
	int rc = 0;

	sort(bufs, count);
	for (unsigned i = 0, n; i < count && !rc; i += n) {
		rc = write_part(j, bufs + i, count - i, of, take_committed, &n);
		os_pause();
	}
	return rc;
}

#define BATCH 128

/* A block that changed meanwhile is left out: a newer transaction has it. */
static const uint8_t *take_unchanged(struct buf *b, const struct tx *of)
{
	(void)of;
	return b->running || b->committing ? NULL : b->data;
}

/* The blocks of a transaction that no other one changes, at most BATCH of them. */
static unsigned collect(struct tx *tx, struct buf **bufs)
{
	unsigned n = 0;

	for (struct buf *b = tx->checkpoint; b && n < BATCH; b = b->ckpt_next)
		if (!b->running && !b->committing) {
			b->writing = true;
			bufs[n++] = b;
		}
	return n;
}

/* They are at their places, or were left out. */
static void written(struct journal *j, struct tx *tx, struct buf **bufs, unsigned n, bool in_place)
{
	for (unsigned i = 0; i < n; i++) {
		bufs[i]->writing = false;
		if (in_place && bufs[i]->checkpoint == tx)
			journal_checkpointed(j, bufs[i]);
		journal_release_buf(bufs[i], false);
	}
	os_wake(&j->changed);
}

/* The blocks of the oldest transaction that no other one changes: 0; 1: some are left. */
static int checkpoint_oldest(struct journal *j)
{
	struct buf *bufs[BATCH];
	struct tx *tx = j->oldest;
	unsigned n, part;

	while ((n = collect(tx, bufs))) {
		sort(bufs, n);
		for (unsigned i = 0; i < n; i += part) {
			int rc = write_part(j, bufs + i, n - i, NULL, take_unchanged, &part);

			written(j, tx, bufs + i, part ? part : 1, part && !rc);
			if (!part)
				part = 1;
			if (rc) {
				written(j, tx, bufs + i + part, n - i - part, false);
				return rc;
			}
		}
	}
	return tx->checkpoint ? 1 : 0;
}

/* The log begins with the oldest transaction that is needed. */
static int move_tail(struct journal *j)
{
	const struct tx *first = j->oldest ? j->oldest : j->committing;
	unsigned tail = first ? first->log_start : j->head;
	uint32_t sequence = first ? first->sequence : j->sequence;
	int rc;

	if (tail == j->tail && sequence == j->tail_sequence)
		return 0;
	rc = store_flush(j->store);
	if (!rc)
		rc = journal_write_super(j, tail, sequence);
	if (!rc)
		rc = store_flush(j->store);
	if (!rc) {
		j->tail = tail;
		j->tail_sequence = sequence;
	}
	return rc;
}

int journal_checkpoint(struct journal *j, unsigned blocks, bool all)
{
	unsigned commits = 0;
	int rc = 0;

	if (!j->log_blocks)
		return 0;
	if (blocks > j->log_blocks - 1)
		blocks = j->log_blocks - 1;
	lock_write(&j->checkpointing);
	j->stats.checkpoints++;
	while (!j->error && !rc && j->oldest && (all || journal_free_blocks(j) < blocks)) {
		struct tx *tx = j->oldest;

		rc = checkpoint_oldest(j);
		/* A commit has failed meanwhile, and has taken blocks from this transaction: the log
		   must keep it. */
		if (j->error)
			break;
		if (rc == 0) {
			j->oldest = tx->next;
			if (!j->oldest)
				j->newest = NULL;
			tx_free(tx);
			/* The tail moves once for several transactions. */
			if (!j->oldest || (!all && j->oldest->log_start != j->tail &&
					   (j->head + j->log_blocks - j->oldest->log_start) %
						   j->log_blocks + blocks < j->log_blocks))
				rc = move_tail(j);
		} else if (rc == 1) {
			/* A newer transaction has the rest: when that is complete, it is not
			   needed here any more. */
			rc = move_tail(j);
			if (rc || j->locked || (!all && commits++))
				break;
			if (j->committing)
				os_wait(&j->changed);
			else
				rc = journal_commit_now(j);
		}
	}
	if (!rc && !j->error)
		rc = move_tail(j);
	/* Without memory for the next transaction, nothing has changed. */
	if (rc < 0 && rc != -ENOMEM)
		journal_abort(j, rc);
	unlock_write(&j->checkpointing);
	os_wake(&j->changed);
	return rc < 0 ? rc : j->error ? journal_failure(j) : 0;
}

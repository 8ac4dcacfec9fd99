/* SPDX-License-Identifier: ISC */
/* Checkpoints: blocks of complete transactions are written to their places, and the log is
   free again up to the oldest transaction that has a block that is not. */
#include "fs/journal.h"
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

int journal_write_home(struct journal *j, struct buf **bufs, unsigned count,
		       const struct tx *of)
{
	unsigned most = stage_blocks(j);
	int rc = 0;

	sort(bufs, count);
	for (unsigned i = 0, n; i < count && !rc; i += n) {
		for (n = 0; i + n < count && n < most && bufs[i + n]->nr == bufs[i]->nr + n; n++) {
			struct buf *b = bufs[i + n];
			const uint8_t *from = b->frozen && b->committing == of ? b->frozen : b->data;

			memcpy(stage_block(j, j->home, n), from, j->store->block_size);
			if (b->committing && b->committing == of)
				b->logged = true;
		}
		rc = stage_write(j, j->home, 0, n, bufs[i]->nr);
		os_pause();
	}
	return rc;
}

#define BATCH 128

/* The blocks of the oldest transaction that nobody changes: 0; 1: some are left. */
static int checkpoint_oldest(struct journal *j)
{
	struct buf *bufs[BATCH];
	struct tx *tx = j->oldest;
	unsigned n, seen;
	int rc;

	for (;;) {
		n = seen = 0;
		for (struct buf *b = tx->checkpoint; b && n < BATCH; b = b->ckpt_next, seen++)
			if (!b->running && !b->committing) {
				b->writing = true;
				bufs[n++] = b;
			}
		if (!n)
			break;
		/* While one of them is written another may change: journal_write_home() must copy
		   what it writes as it is now.  So changes wait for nothing, but a changed one is
		   left out. */
		sort(bufs, n);
		for (unsigned i = 0, k; i < n; i += k) {
			unsigned most = stage_blocks(j);

			rc = 0;
			for (k = 0; i + k < n && k < most && bufs[i + k]->nr == bufs[i]->nr + k; k++) {
				if (bufs[i + k]->running || bufs[i + k]->committing)
					break;
				memcpy(stage_block(j, j->home, k), bufs[i + k]->data,
				       j->store->block_size);
			}
			if (k)
				rc = stage_write(j, j->home, 0, k, bufs[i]->nr);
			for (unsigned m = i; m < i + (k ? k : 1); m++) {
				struct buf *b = bufs[m];

				b->writing = false;
				if (k && !rc && b->checkpoint == tx)
					journal_leave(j, b);
				journal_settle(b, false);
			}
			os_wake(&j->changed);
			if (!k)
				k = 1;
			if (rc) {
				for (unsigned m = i + k; m < n; m++)
					bufs[m]->writing = false;
				os_wake(&j->changed);
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
	if (rc < 0)
		journal_abort(j, rc);
	unlock_write(&j->checkpointing);
	os_wake(&j->changed);
	return rc < 0 ? rc : j->error ? journal_failure(j) : 0;
}

/* SPDX-License-Identifier: ISC */
/*
 * The journal (JBD2's format): changes of metadata blocks, in transactions.
 *
 * An operation is bracketed by journal_begin() and journal_end().  The changes in between
 * become durable as a whole or not at all.  Many operations share the running
 * transaction; journal_commit() ends and writes it.  The next one runs meanwhile.  There is no
 * thread: the first caller that needs durability writes the transaction, for all callers that wait.
 *
 *	running -> committing -> complete: its blocks are in the log, later in place
 *
 * Between begin and end a thread may sleep to read blocks.  It must not wait for a lock, for
 * memory, or for a commit: the commit waits for it.
 *
 * On a file system without a journal the same calls collect the changed blocks, and a commit
 * writes them to their places, in no particular order.
 */
#ifndef FS_JOURNAL_JOURNAL_H
#define FS_JOURNAL_JOURNAL_H

#include "fs/buf.h"
#include "fs/lock.h"

#define STAGE_PAGES 32

struct journal;
struct handle;
struct tx;

/* Blocks that were freed: they may be allocated again when the transaction is complete. */
struct freed {
	struct freed *next;
	uint64_t start;
	uint32_t count;
};

/*
 * Data that becomes part of a file with a transaction.  The commit writes it at the same time as
 * the blocks of the log.  If that fails, undo() reverts the change, in an operation of its own,
 * before anything is committed; it should not fail, since then the journal ends.
 */
struct tx_data {
	struct tx_data *next;
	struct tx *tx;			/* NULL: written, or not any more */
	const struct block_run *runs;
	unsigned count;
	uint64_t written;		/* store.writes afterwards */
	int error;			/* of writing it */
	int (*undo)(struct tx_data *d, struct handle *h);
};
#define TX_RUNS 16			/* of all data of a transaction */
#define UNDO_CREDITS 96

struct tx {
	struct tx *next;		/* the next newer complete one */
	uint32_t tid;
	uint32_t sequence;		/* its number in the log; empty ones have none */
	unsigned handles;		/* operations under way */
	unsigned reserved;		/* blocks that it has or that operations may add */
	struct buf **bufs;
	unsigned count, room;
	uint64_t *revoked;
	unsigned revokes, revoke_room;
	struct freed *freed;
	struct tx_data *data;
	unsigned data_runs;
	uint64_t began;			/* os_clock() of the first change; 0: nothing changed */
	bool asked;			/* the file system has asked for its commit */
	unsigned log_start;
	struct buf *checkpoint;		/* not yet in their places */
};

/* An operation under way. */
struct handle {
	struct journal *journal;
	struct tx *tx;
	unsigned credits;		/* blocks that it may still add */
	uint32_t space;			/* of the file system: blocks that it may still allocate */
	unsigned changes;		/* so many were made by it */
};

struct log_run {			/* blocks of the journal that are consecutive on the disk */
	unsigned log, count;
	uint64_t nr;
};

struct journal_stats {
	uint64_t commits, blocks, shared, checkpoints;
};

struct journal {
	struct store *store;
	/* Of the file system above: finish the blocks of a transaction that ends, and
	   release the blocks that it freed.  They may sleep. */
	void *owner;
	void (*seal)(void *owner, struct tx *tx);
	void (*released)(void *owner, struct freed *f);
	void (*failed)(void *owner, int error);

	struct tx *running, *committing;
	struct tx *spare;		/* the next running one: a commit of data needs no memory */
	struct tx *oldest, *newest;	/* complete, with blocks not in their places */
	bool locked;			/* the running one ends: no new operations */
	bool frozen;
	bool read_only;			/* no operation begins, but nothing has failed */
	int error;			/* not 0: nothing is written any more */
	uint32_t complete;		/* tid of the last complete transaction */
	struct os_queue changed;
	struct rwlock checkpointing;
	unsigned max;			/* blocks of a transaction */
	unsigned waiting_blocks;	/* complete, and not in their places */
	unsigned log_reserved;		/* blocks of the log that the committing one will take */
	/* Two stages (write buffers): for the log, and for blocks in their final location. */
	uint8_t *stage[STAGE_PAGES], *in_place[STAGE_PAGES];
	struct journal_stats stats;

	/* The log.  log_blocks 0: there is no journal. */
	struct log_run *runs;
	unsigned run_count;
	unsigned first, log_blocks;	/* of the log: [first, first + log_blocks) */
	unsigned head, tail;
	uint32_t tail_sequence;
	uint32_t sequence;		/* of the next transaction in the log */
	uint8_t *super;			/* a page with the journal's super block */
	bool v2, v3, wide;		/* checksums, 64-bit block numbers */
	uint32_t seed;
};

/* ---- Operations. */

/* credits: how many different blocks it changes at most.  May commit.  -EROFS, -EIO. */
int journal_begin(struct journal *j, struct handle *h, unsigned credits);
void journal_end(struct handle *h);

/* The block will be changed by this operation; before each change.  -ENOMEM. */
int journal_access(struct handle *h, struct buf *b);

/*
 * The block is freed; it is not written any more, not even by recovery.  The caller still
 * holds it.  And the same for a block that may not be in memory.  -ENOMEM.
 */
int journal_forget(struct handle *h, struct buf *b);
int journal_revoke(struct handle *h, uint64_t nr);

/* These blocks may be used again when the transaction is complete: -ENOMEM. */
int journal_defer_free(struct handle *h, uint64_t start, uint32_t count);

/*
 * The data belongs to what this operation changes.  false: the transaction has too much, or there
 * is no log, or no memory; then the data must be written before.  The caller commits the
 * transaction, or calls journal_detach(), which waits as long as the data is being written.
 */
bool journal_attach(struct handle *h, struct tx_data *d);
void journal_detach(struct journal *j, struct tx_data *d);

/* ---- Durability. */

/* Wait until the transaction is complete; the first caller writes it. */
int journal_commit(struct journal *j, uint32_t tid);
int journal_commit_running(struct journal *j);	/* everything that has ended */

/* Why the journal has ended, for callers: -EUCLEAN, or -EIO. */
int journal_failure(const struct journal *j);

/* Whether there is anything to commit. */
bool journal_dirty(const struct journal *j);

/* Write complete blocks to their places until so much of the log is free; all: all of it. */
int journal_checkpoint(struct journal *j, unsigned blocks, bool all);

/* Commit and checkpoint everything, and let no operation begin until thaw. */
int journal_freeze(struct journal *j);
void journal_thaw(struct journal *j);

/* Nothing is written from now on. */
void journal_abort(struct journal *j, int error);

/* Records the error on the disk, after journal_abort() and when no thread writes any more.  Whether
   an error was recorded at the time of the mount. */
int journal_write_error(struct journal *j);
bool journal_has_error(const struct journal *j);

/* ---- Mount. */

/*
 * Begin with a log that the runs describe (which the journal then has), or with none, if
 * `runs` is NULL.  Errors put a sentence into reason.
 */
int journal_open(struct journal *j, struct log_run *runs, unsigned count, char *reason,
		 size_t size);
/* Whether there is something to replay; replay it: *next is the next transaction's number. */
bool journal_needs_replay(const struct journal *j);
int journal_replay(struct journal *j, uint32_t *next, char *reason, size_t size);
/* Begin to write: mark the log as in use.  64-bit numbers, checksums: if the fs has them. */
int journal_start(struct journal *j, bool wide, bool checksums);
/* After a freeze: the log is empty, and says so.  It is in use again.  Free everything. */
int journal_mark_empty(struct journal *j);
int journal_resume(struct journal *j);
void journal_close(struct journal *j);

/* ---- Between the files of the journal. */

uint64_t journal_block(const struct journal *j, unsigned log);	/* 0: none */
int journal_write_super(struct journal *j, unsigned start, uint32_t sequence);
uint32_t journal_sum(const struct journal *j, const void *data, uint32_t zeroed);
int journal_log(struct journal *j, struct tx *tx);
int journal_log_commit(struct journal *j, struct tx *tx);
int journal_write_in_place(struct journal *j, struct buf **bufs, unsigned count,
			   const struct tx *of);
unsigned journal_free_blocks(const struct journal *j);
unsigned journal_next(const struct journal *j, unsigned log);
void tx_free(struct tx *tx);
void *tx_grown(void *array, unsigned count, unsigned *room, size_t size);
int tx_make_room(struct tx *tx, unsigned count);
/* All data of the transaction was written together, with this result; after an error, each is
   written again, alone, to know which one it was. */
void journal_data_written(struct journal *j, struct tx *tx, int rc);
bool journal_data_failed(const struct tx *tx);
int journal_undo(struct journal *j, struct tx *tx);
void journal_drop_data(struct tx *tx);
/* The running transaction ends and is written; no other is being written. */
int journal_commit_now(struct journal *j);
/* The block needs no checkpoint any more. */
void journal_checkpointed(struct journal *j, struct buf *b);
/* If the block is not needed in memory, it becomes idle, or is freed (drop). */
void journal_release_buf(struct buf *b, bool drop);

/* Memory of a stage as blocks. */
static inline uint8_t *stage_block(struct journal *j, uint8_t **stage, unsigned i)
{
	size_t at = (size_t)i << j->store->shift;

	return stage[at / OS_PAGE] + at % OS_PAGE;
}
static inline unsigned stage_blocks(const struct journal *j)
{
	return STAGE_PAGES * OS_PAGE >> j->store->shift;
}
/* Blocks of a stage that are consecutive on the disk, too. */
struct stage_run {
	unsigned first, count;		/* in the stage */
	uint64_t nr;			/* on the disk */
};
#define STAGE_RUNS 24
/* Writes at most STAGE_RUNS runs; and at the same time data of a transaction (NULL: none). */
int stage_write(struct journal *j, uint8_t **stage, const struct stage_run *runs, unsigned count,
		const struct tx_data *data);

#endif

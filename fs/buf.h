/* SPDX-License-Identifier: ISC */
/*
 * A device as file-system blocks, and its blocks of metadata in the cache.
 *
 * A block that is held (buf_get(), buf_new()) stays in memory at the same address until
 * buf_put().  Before a change the caller must call journal_access() (fs/journal/journal.h), which
 * keeps the version that the committing transaction needs, and the block in memory until it is
 * written.
 */
#ifndef FS_BUF_H
#define FS_BUF_H

#include "fs/block.h"
#include "fs/cache.h"
#include "fs/os.h"

#define BUF_HASH 4096

struct tx;

/* The type as which a block was checked; its checksum is computed when its transaction ends. */
enum buf_kind {
	BUF_UNKNOWN,
	BUF_PLAIN,			/* without a checksum of its own */
	BUF_TABLE,			/* inodes, descriptors */
	BUF_LINK,			/* a symbolic link's target */
	BUF_DIR,			/* directory leaf with a checksum in its last entry */
	BUF_DX,				/* node of a directory's index */
	BUF_EXTENT,
	BUF_XATTR,
	BUF_ORPHAN,
};

struct buf {
	struct cached cached;
	struct store *store;
	struct buf *next;		/* in the hash chain */
	uint64_t nr;
	uint8_t *data;
	unsigned pins;
	bool valid, reading;
	bool writing;			/* a checkpoint writes it to its place */
	/* The type as which it was checked, its inode (0: none), and the seed of its checksum. */
	uint8_t kind;
	uint32_t owner, seed;
	/* The journal's. */
	struct tx *running, *committing;	/* it is part of these */
	uint8_t *frozen;		/* as the committing one has it; NULL: as data */
	bool logged;			/* `committing` has its copy in the log */
	bool forget, forgetting;	/* freed by `running`; freed by `committing` */
	struct tx *checkpoint;		/* its last complete one, while not in its place */
	struct buf *ckpt_next, **ckpt_link;
};

struct store {
	struct block *dev;
	unsigned block_size, shift;
	uint64_t blocks;
	struct buf *hash[BUF_HASH];
	struct os_queue read, flushed;
	bool flushing, flush_failed;
	uint64_t writes, durable;	/* counts of complete writes; so many were flushed */
	uint64_t read_bytes, written_bytes, flushes, errors;
};

void store_init(struct store *s, struct block *dev, unsigned block_size);

/* Forget all blocks; none may be held or part of a transaction. */
void store_end(struct store *s);

/* Transfer whole blocks.  Aligned memory: that of pages. */
int store_read(struct store *s, void *to, uint64_t nr, unsigned count);
int store_write(struct store *s, const void *from, uint64_t nr, unsigned count);
int store_readv(struct store *s, const struct block_vec *vecs, unsigned n, uint64_t nr);
int store_writev(struct store *s, const struct block_vec *vecs, unsigned n, uint64_t nr);
/* Several runs at the same time; `at` is in bytes. */
int store_write_runs(struct store *s, const struct block_run *runs, unsigned count);

/* Make durable what has been written; nothing to do if it is already.  After an error, what the
   device has lost is not known, so nothing that was not durable then ever becomes it. */
int store_flush(struct store *s);
/* store_flush(), and then store_write(). */
int store_flush_write(struct store *s, const void *from, uint64_t nr, unsigned count);

/* The block, held; -EUCLEAN: there is no such block; -EIO, -ENOMEM. */
int buf_get(struct store *s, uint64_t nr, struct buf **b);

/* The same without reading: zeros.  Only for a block that was just allocated. */
int buf_new(struct store *s, uint64_t nr, struct buf **b);

/* The block if it is in memory, held; or NULL.  Does not sleep. */
struct buf *buf_find(struct store *s, uint64_t nr);

void buf_put(struct buf *b);		/* also NULL */

/* The held block, whose contents need no check, is used as this kind; -EUCLEAN, and the block
   is not held any more: it is of another kind. */
int buf_claim(struct buf *b, unsigned kind);

/* A block that no transaction has is not needed any more. */
void buf_drop(struct buf *b);

#endif

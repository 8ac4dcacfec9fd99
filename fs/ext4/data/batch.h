/* SPDX-License-Identifier: ISC */
/*
 * Dirty pages that are written together.  Blocks of a batch are numbered from 0 on, `per` in each page.
 * wb of the inode is held.
 */
#ifndef FS_EXT4_DATA_BATCH_H
#define FS_EXT4_DATA_BATCH_H

#include "fs/ext4/ext4.h"

#define BATCH 256			/* pages */
#define CHANGES 64			/* of the map, in one batch */
#define RUNS 64				/* that are written at the same time */

struct batch {
	struct page *pages[BATCH];
	uint8_t dirty[BATCH], delayed[BATCH];
	unsigned n;
	uint64_t size;			/* of the file, when the batch began */
	/* The next transfer: runs of consecutive blocks. */
	struct block_vec vecs[BLOCK_VECS];
	struct block_run runs[RUNS];
	unsigned nvecs, nruns;
	uint64_t next;			/* the block behind the last run */
	/* The extents that become part of the file afterwards; pblk 0: they are part of it. */
	struct extent changes[CHANGES];
	unsigned changed;
};

/* Dirty pages from index on, in ascending order; they are not dirty any more. */
void batch_collect(struct ext4_inode *i, struct batch *b, uint64_t index, uint64_t last);

/* The file's number of a block of the batch; the next block need not follow it. */
uint64_t batch_block(const struct batch *b, unsigned per, unsigned k);
bool batch_dirty(const struct batch *b, unsigned per, unsigned k);

/* n blocks from `block` on are not delayed any more. */
void batch_release(struct ext4_inode *i, struct batch *b, unsigned block, unsigned n);

/* One more block is written, from memory to block nr of the disk: this writes what does not fit into a
   transfer; and the transfer itself.  Return 0, or the error of the disk. */
int batch_add(struct ext4 *e, struct batch *b, uint8_t *from, uint64_t nr);
int batch_submit(struct ext4 *e, struct batch *b);

/* After an error: what was reserved is free again.  And before it if memory was short, and the disk has
   not failed: blocks from block k of the batch on are dirty again, and are written later. */
void batch_give_up(struct ext4_inode *i, struct batch *b);
void batch_keep(struct ext4_inode *i, struct batch *b, unsigned k);

#endif

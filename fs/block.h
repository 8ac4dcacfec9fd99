/* SPDX-License-Identifier: ISC */
/*
 * A block device, as fs/ uses it: a few functions.
 *
 * blkfront implements it, and in tests a file, memory, and a device that loses power.
 *
 * Offsets and lengths are bytes, multiples of sector_size, and within size.  All functions
 * may sleep, and return 0 or -errno.  They may be called by several threads
 * at the same time.  The order of concurrent writes is not promised.  flush() makes durable
 * each write that was complete when flush() was called; before that a completed write may
 * be lost, or may be on the disk without an earlier one.  A sector of 512 bytes is written
 * wholly or not at all.
 */
#ifndef FS_BLOCK_H
#define FS_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BLOCK_VECS 256			/* pieces of one call at most */

/* A piece of memory, a multiple of 512 bytes long and aligned to 512 bytes. */
struct block_vec {
	void *data;
	size_t len;
};

/* Consecutive bytes of the device, from `at` on: at most BLOCK_VECS pieces. */
struct block_run {
	const struct block_vec *vecs;
	unsigned count;
	uint64_t at;
};

struct block {
	/* Transfer `count` pieces, at most BLOCK_VECS, to or from consecutive bytes. */
	int (*read)(struct block *b, const struct block_vec *vecs, unsigned count, uint64_t at);
	int (*write)(struct block *b, const struct block_vec *vecs, unsigned count, uint64_t at);
	int (*flush)(struct block *b);
	/*
	 * flush(), and then write(): what is written here is on the disk only if each write that
	 * was complete before is, too.  NULL: fs/ calls the two.
	 */
	int (*flush_write)(struct block *b, const struct block_vec *vecs, unsigned count,
			   uint64_t at);
	/*
	 * Write several runs, which do not overlap, in any order and at the same time.  Returns
	 * when all have ended: 0, or the first error; then any of them may be written.  NULL:
	 * fs/ writes one run after the other.
	 */
	int (*write_runs)(struct block *b, const struct block_run *runs, unsigned count);

	uint64_t size;			/* bytes, read at mount; a larger disk needs a new mount */
	uint32_t sector_size;		/* 512 ... 4096 */
	bool read_only;
	bool no_flush;			/* flush() does nothing, since the device offers none */
	char name[16];			/* "xvda", for messages */
};

#endif

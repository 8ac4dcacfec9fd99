/* SPDX-License-Identifier: ISC */
/* A file system and its model, to which the same operations are applied. */
#ifndef TESTS_FS_RUN_H
#define TESTS_FS_RUN_H

#include "tests/fs/model.h"
#include "tests/fs/op.h"
#include "tests/fs/tree.h"

#define RUN_HISTORY 60

/* Errors that are the environment's, not the operation's: the model then does nothing. */
enum { RUN_ENOSPC = 1, RUN_ENOMEM = 2, RUN_EIO = 4, RUN_EROFS = 8 };

struct run {
	struct block *block;		/* NULL: tmpfs */
	struct fs_options options;
	struct fs *fs;
	struct model model;
	struct {
		bool used;
		struct fs_open open;
		uint32_t id;
	} slots[SLOTS];
	uint32_t block_size;
	bool second;			/* times have no nanoseconds (inodes of 128 bytes) */
	unsigned allowed;		/* RUN_*: may be returned */
	unsigned hit;			/* RUN_*: was returned */
	bool quiet;			/* do not compare attributes after each operation */

	/* Of the last operation. */
	int64_t result;
	uint32_t touched, other;	/* inodes that it was about, or NOBODY */

	char history[RUN_HISTORY][120];
	unsigned done;
	/* Called before and after each operation. */
	void (*mark)(struct run *run, const struct op *op, bool end);
	void *mark_arg;
};

/* Mount; the model is that of an empty tree (the root's attributes are taken from fs).
   lost+found, if it is there, is removed from the disk first. */
void run_begin(struct run *run, struct block *block, const struct fs_options *options);
/* Mount again an existing tree with the model that run has. */
void run_mount(struct run *run);
void run_unmount(struct run *run);
/* Unmount, free. */
void run_end(struct run *run);
/* Apply to both, and compare the results. */
void run_op(struct run *run, const struct op *op);
/* Compare everything. */
void run_compare(struct run *run);
/* Close all slots. */
void run_close(struct run *run);

#endif

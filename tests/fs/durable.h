/* SPDX-License-Identifier: ISC */
/*
 * Which trees may be found after a crash: the guarantees of docs/files.md, as code.
 *
 * Operations are numbered from 1; version n is the model after operation n, version 0 what
 * was durable before the first.  A crash comes when `done` operations have returned and
 * `begun` (the same, or one more) have been called.
 *
 * - Metadata are a version between `least` and `begun`, where least is the last operation
 *   that a completed fsync(), sync() or the like has made durable, each with all before it.
 * - The size and the bytes of a file may be older or newer than that version, but not older
 *   than its last fsync(), and each byte is one that it once had since then, or zero if it
 *   was a hole since then.  Data that a truncate() of that version cut off is gone.
 */
#ifndef TESTS_FS_DURABLE_H
#define TESTS_FS_DURABLE_H

#include "tests/fs/model.h"
#include "tests/fs/op.h"
#include "tests/fs/run.h"
#include "tests/fs/tree.h"

#define VERSIONS 40

struct version {
	struct model model;
	struct op op;			/* that led to it */
	bool changed;			/* it returned success */
	uint32_t touched;		/* the file, or NOBODY */
};

struct durable {
	struct version versions[VERSIONS];
	unsigned count;			/* of operations */
	bool sync;			/* mounted with `sync` */
};

void durable_begin(struct durable *d, struct run *run);
/* The operation that run has just done. */
void durable_add(struct durable *d, const struct run *run, const struct op *op);
void durable_end(struct durable *d);
/* NULL, or why the tree is not one that may be found. */
const char *durable_differs(struct durable *d, const struct tree *t, unsigned done,
			    unsigned begun);

#endif

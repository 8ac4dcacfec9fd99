/* SPDX-License-Identifier: ISC */
/* Shared by the files of run.c: each applies some kinds of operations to both, and compares. */
#ifndef TESTS_FS_RUN_INSIDE_H
#define TESTS_FS_RUN_INSIDE_H

#include "tests/fs/run.h"

/* The objects that a path names: both are looked up together. */
struct target {
	struct inode *inode;		/* held; the directory if there is a name */
	uint32_t id;
	const char *name;
	size_t len;
};

/* An error of the environment that is allowed now. */
bool run_injected(struct run *run, int64_t got);
/* Fails if the result is not what the model allows. */
void run_expect(struct run *run, const char *call, int64_t expected, int64_t got);
/* 0, or the error of both, or 1: there is no such slot or no name. */
int run_walk(struct run *run, const char *path, bool parent, struct target *t);
/* Compare the attributes of an inode that an operation has changed. */
void run_attributes(struct run *run, struct inode *i, uint32_t id);
void run_slot_close(struct run *run, unsigned slot);

void run_create(struct run *run, const struct op *op, struct target *t);
void run_remove(struct run *run, const struct op *op, struct target *t);
void run_two(struct run *run, const struct op *op, struct target *t);
void run_write(struct run *run, const struct op *op, struct target *t, struct fs_open *open);
void run_read(struct run *run, const struct op *op, struct target *t, struct fs_open *open);
void run_seek(struct run *run, const struct op *op, struct target *t);
void run_page(struct run *run, const struct op *op, struct target *t);
void run_readdir(struct run *run, struct target *t);
void run_set_attributes(struct run *run, const struct op *op, struct target *t);
void run_xattr(struct run *run, const struct op *op, struct target *t);

#endif

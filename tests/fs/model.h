/* SPDX-License-Identifier: ISC */
/*
 * The executable specification: what a file system's calls do, without a disk.
 *
 * An inode is a number from 0 (the root) that is never used again.  Functions return 0, a
 * count, or -errno; if POSIX allows several errors, model.errors has all of them.  A copy
 * of a model shares the pages of its files, so each version of a small tree can be kept.
 */
#ifndef TESTS_FS_MODEL_H
#define TESTS_FS_MODEL_H

#include "fs/fs.h"

#define MODEL_ERRORS 6
#define NOBODY UINT32_MAX

struct model_page {
	unsigned refs;
	uint8_t data[FS_PAGE];
};

struct model_chunk {
	uint64_t index;			/* of FS_PAGE bytes */
	struct model_page *page;
};

struct model_entry {
	char *name;
	size_t len;
	uint32_t id;
};

struct model_xattr {
	char *name;
	uint8_t *value;
	size_t size;
};

enum { MODEL_ATIME = 1, MODEL_MTIME = 2, MODEL_CTIME = 4 };

struct model_inode {
	bool exists;			/* has a name or is held */
	bool tmp;			/* of O_TMPFILE, and has not had a name */
	bool allocated;			/* by fallocate(): unwritten parts may be data */
	uint32_t mode, uid, gid, nlink;
	uint64_t rdev, size;
	uint32_t parent;		/* of a directory; NOBODY: it was removed */
	unsigned held;			/* by slots */
	fs_time atime, mtime, ctime, btime;
	unsigned vague;			/* MODEL_*TIME: may be anything */

	struct model_chunk *chunks;	/* sorted; what is not here is a hole */
	unsigned chunk_count, chunk_room;
	struct model_entry *entries;	/* of a directory, unsorted */
	unsigned entry_count, entry_room;
	struct model_xattr *xattrs;
	unsigned xattr_count;
	char *target;
	size_t target_len;

	/* For durable.c: numbers of operations. */
	unsigned meta;			/* the last change of anything but data */
	unsigned core;			/* the last change without which data is not found */
};

struct model {
	struct model_inode *inodes;
	uint32_t count, room;
	unsigned number;		/* of the operation that is done now */
	fs_time now;
	uint64_t size_max;
	size_t target_max;
	int errors[MODEL_ERRORS];
	unsigned error_count;
};

void model_begin(struct model *m, uint32_t root_mode);
void model_end(struct model *m);
void model_copy(struct model *to, const struct model *from);

/* Whether a result of the file system is one of those that are allowed. */
bool model_allows(const struct model *m, int64_t expected, int64_t got);

int model_lookup(struct model *m, uint32_t dir, const char *name, size_t len, uint32_t *id);
int model_create(struct model *m, uint32_t dir, const char *name, size_t len, uint32_t mode,
		 uint32_t uid, uint32_t gid, uint64_t rdev, uint32_t *id);
int model_mkdir(struct model *m, uint32_t dir, const char *name, size_t len, uint32_t mode,
		uint32_t uid, uint32_t gid, uint32_t *id);
int model_symlink(struct model *m, uint32_t dir, const char *name, size_t len,
		  const char *target, size_t target_len, uint32_t uid, uint32_t gid,
		  uint32_t *id);
int model_tmpfile(struct model *m, uint32_t dir, uint32_t mode, uint32_t uid, uint32_t gid,
		  uint32_t *id);
int model_link(struct model *m, uint32_t dir, const char *name, size_t len, uint32_t id);
int model_unlink(struct model *m, uint32_t dir, const char *name, size_t len);
int model_rmdir(struct model *m, uint32_t dir, const char *name, size_t len);
int model_rename(struct model *m, uint32_t from_dir, const char *from, size_t from_len,
		 uint32_t to_dir, const char *to, size_t to_len, unsigned flags);
int model_readlink(struct model *m, uint32_t id);	/* 0: it is a symbolic link */
int model_setattr(struct model *m, uint32_t id, const struct fs_attr *a);

int64_t model_read(struct model *m, uint32_t id, uint8_t *to, uint64_t len, uint64_t at);
int64_t model_write(struct model *m, uint32_t id, const uint8_t *from, uint64_t len,
		    uint64_t at);
int model_truncate(struct model *m, uint32_t id, uint64_t size);
int model_fallocate(struct model *m, uint32_t id, unsigned mode, uint64_t at, uint64_t len);
/* Whether [at, at + len) has only zeros; and whether it was never written. */
bool model_zero(const struct model *m, uint32_t id, uint64_t at, uint64_t len);
bool model_hole(const struct model *m, uint32_t id, uint64_t at, uint64_t len);
/* A byte; 0 behind the end. */
uint8_t model_byte(const struct model *m, uint32_t id, uint64_t at);

int64_t model_xattr_get(struct model *m, uint32_t id, const char *name, void *to, size_t size);
int model_xattr_set(struct model *m, uint32_t id, const char *name, const void *from,
		    size_t size, unsigned flags);
/* Bytes of all names with their NULs; *total: of names and values. */
size_t model_xattr_names(const struct model *m, uint32_t id, size_t *total);

/* A slot holds it, or does not any more. */
void model_hold(struct model *m, uint32_t id);
void model_drop(struct model *m, uint32_t id);

#endif

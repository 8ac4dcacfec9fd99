/* SPDX-License-Identifier: ISC */
/* The tree of a mounted file system, read wholly, and compared with a model. */
#ifndef TESTS_FS_TREE_H
#define TESTS_FS_TREE_H

#include "tests/fs/model.h"

#define TREE_DATA ((uint64_t)1 << 20)	/* data of larger files is not read */

struct tree_node {
	char *name;			/* of the last component; "" for the root */
	size_t len;
	unsigned parent;		/* index of a node */
	struct fs_stat stat;
	uint8_t *data;			/* of a file, or target of a link; NULL: none or large */
	char *names;			/* of extended attributes */
	size_t names_size;
	struct model_xattr *xattrs;
	unsigned xattr_count;
	unsigned first, count;		/* of a directory: its children in tree.children */
};

struct tree {
	struct tree_node *nodes;	/* the root is the first */
	unsigned count, room;
	unsigned *children;		/* of each directory together, sorted by name */
	unsigned child_count, child_room;
	struct fs_statfs statfs;
};

/* Reads all of it; fails the test on an error, as `what`. */
void tree_read(struct tree *t, struct fs *fs, const char *what);
void tree_free(struct tree *t);
/* The path of a node: at most 400 bytes, in a static buffer. */
const char *tree_path(const struct tree *t, unsigned node);
/* Two trees, such as of the recovery of fs/ and of e2fsck's: NULL, or how they differ. */
const char *tree_differs(const struct tree *a, const struct tree *b);

/* How strict a comparison with a model is. */
struct tree_check {
	bool times;
	bool second;			/* times have no nanoseconds */
	/* The data of a file; NULL: it must be just what the model has.  NULL: all right. */
	const char *(*data)(void *arg, const struct tree_node *node, uint32_t id);
	void *arg;
	/* Called for each pair; may be NULL. */
	void (*pair)(void *arg, const struct tree_node *node, uint32_t id);
};
/* NULL, or how they differ (in a static buffer).  It copies vague times into the model. */
const char *tree_compare(const struct tree *t, struct model *m, const struct tree_check *check);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * Where files come from: who answers for which part of the tree of names.
 *
 * A name belongs to the mount with the longest `at` that it is below.  Three are there from
 * the beginning, "/dev" (dev.c), "/proc" (proc.c) and the root, which has the
 * files linked into the image (romfs.c); a file system adds itself by mount_add().
 * Kernel code only.
 */
#ifndef LIB_FILE_MOUNT_H
#define LIB_FILE_MOUNT_H

#include "lib/file/file.h"

#include <dirent.h>

#define MOUNT_PATH_MAX 1024

/* Where names without a slash in front begin, as mount_absolute() gives it. */
extern char mount_cwd[MOUNT_PATH_MAX];

/*
 * Paths are below `at`, without . or .., neither beginning nor ending with a slash; "" is
 * `at` itself.  Results are 0 or -errno; a NULL operation is -EROFS.
 */
struct mount {
	const char *at;			/* absolute; "" is the root */
	/* A file with refs 0, for O_* flags; or one that is open already, as dup() gives. */
	int (*open)(const char *path, int flags, mode_t mode, struct file **f);
	int (*stat)(const char *path, struct stat *st);
	/* The i-th name in a directory: 1, or 0 if there are not so many. */
	int (*list)(const char *path, unsigned i, struct dirent *entry);
	struct mount *next;
};

void mount_add(struct mount *m);

/*
 * A name from the root on, "" for the root itself: no slash at its end, each part of it once,
 * . left out, .. undone, where what is in front of it, or of a slash at the end, is a folder.
 * Errors as mount_of().
 */
int mount_absolute(const char *name, char *to, size_t size);

/*
 * Whose a name is.  The path within it goes to `to`, of size bytes: -ENAMETOOLONG,
 * -ENOENT (the name is empty, or a folder in it is not there), -ENOTDIR.  May sleep.
 */
int mount_of(const char *name, struct mount **m, char *to, size_t size);

/* The i-th mount point right below a directory, as list() has it. */
int mount_point(const struct mount *m, const char *path, unsigned i, struct dirent *entry);

extern struct mount dev_mount, proc_mount, romfs_mount;

#endif

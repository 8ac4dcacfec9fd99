/* SPDX-License-Identifier: ISC */
/*
 * The table of mounts: which file system is responsible for which part of the tree.
 *
 * A name belongs to the mount with the longest matching `at`. Three exist from the
 * beginning: "/dev" (dev.c), "/proc" (proc.c) and the root with the files in the image
 * (romfs.c). Other file systems call mount_add(). Kernel code only.
 */
#ifndef LIB_FILE_MOUNT_H
#define LIB_FILE_MOUNT_H

#include "lib/file/file.h"

#include <dirent.h>

#define MOUNT_PATH_MAX 1024

/* The current directory, in the form of mount_absolute(). */
extern char mount_cwd[MOUNT_PATH_MAX];

/*
 * Paths are relative to `at`, without . or .., without slashes at both ends; "" is `at`
 * itself. Operations return 0 or -errno; if one is NULL the result is -EROFS.
 */
struct mount {
	const char *at;			/* absolute path; "" is the root */
	/* Returns a file with refs 0, for O_* flags; or an open file, as dup() would. */
	int (*open)(const char *path, int flags, mode_t mode, struct file **f);
	int (*stat)(const char *path, struct stat *st);
	/* Stores the i-th name in a directory. Returns 1, or 0 if there are fewer. */
	int (*list)(const char *path, unsigned i, struct dirent *entry);
	struct mount *next;
};

void mount_add(struct mount *m);

/*
 * Converts a name to an absolute path: "" for the root, no slash at the end, single
 * slashes, without . and .. (whose preceding part must be a directory). Returns the
 * errors of mount_of().
 */
int mount_absolute(const char *name, char *to, size_t size);

/*
 * Finds the mount of a name, and stores the path within it in `to`, of size bytes.
 * Returns 0, -ENAMETOOLONG, -ENOENT (the name is empty, or a directory does not exist) or
 * -ENOTDIR. May sleep.
 */
int mount_of(const char *name, struct mount **m, char *to, size_t size);

/* Stores the i-th mount point in a directory, as the operation list() does. */
int mount_point(const struct mount *m, const char *path, unsigned i, struct dirent *entry);

extern struct mount dev_mount, proc_mount, romfs_mount;

#endif

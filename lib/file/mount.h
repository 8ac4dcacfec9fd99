/* SPDX-License-Identifier: ISC */
/*
 * The table of mounts: which file system is responsible for which part of the tree.
 *
 * A mount is of one of two kinds.  Mounts without inodes are "/dev" (dev.c), "/proc" (proc.c)
 * and the root with the files in the image (romfs.c): they are read-only, and have three
 * functions that are given paths.  Mounts of file systems (fs/fs.h) have inodes.  A file
 * system that is mounted at "/" has the files in the image as its lower layer: a name that it
 * does not have is looked up there.
 *
 * Kernel code only.
 */
#ifndef LIB_FILE_MOUNT_H
#define LIB_FILE_MOUNT_H

#include "fs/fs.h"
#include "lib/file/file.h"

#include <dirent.h>

struct mount {
	const char *at;			/* absolute path; "" is the root */

	/*
	 * Without inodes.  Paths are relative to `at`, without . or .., without slashes at
	 * both ends; "" is `at` itself.  They return 0 or -errno.
	 */
	/* Returns a file with refs 0, for O_* flags; or an open file, as dup() would. */
	int (*open)(const char *path, int flags, mode_t mode, struct file **f);
	int (*stat)(const char *path, struct stat *st);
	/* Stores the i-th name in a directory. Returns 1, or 0 if there are fewer. */
	int (*list)(const char *path, unsigned i, struct dirent *entry);

	/* With inodes. */
	struct fs *fs;			/* NULL: the mount has the functions above */
	struct mount *lower;		/* the image's files below a root, or NULL */
	struct mount *parent;		/* has the directory that is covered */
	struct inode *covered;		/* that directory, held; NULL: parent has none for it */
	const char *source;		/* "xvda", "tmpfs" */
	unsigned number;		/* st_dev */
	bool ending;			/* lib/file/mount_end.c writes it */
	unsigned users;			/* places (lib/file/path.h) in this mount */

	struct mount *next;		/* mounted earlier */
};

extern struct mount dev_mount, proc_mount, romfs_mount;

/* All mounts, the latest first. */
extern struct mount *mounts;

/* The mount of the root, and the one that covers a directory (NULL: none). */
struct place;
struct mount *mount_of_root(void);
struct mount *mount_on(const struct place *dir);

/*
 * Attaches a mounted file system to the directory `at`, which is created as a name only if
 * nothing but the image's files could have it.  The table owns fs from then on, if the result
 * is 0; otherwise it is -ENOENT, -ENOTDIR, -EBUSY (of the root: files are open), -ENOMEM.
 */
int mount_attach(struct fs *fs, const char *source, const char *at);

/*
 * Detaches the file system that is mounted at the directory `at`, and unmounts it.  -EINVAL:
 * `at` is not a mount point.  -EBUSY: files in it are open, or a current directory.  An error
 * of writing is returned once, and it is detached all the same.
 */
int mount_detach(const char *at);

/*
 * Before main(), in lib/file/mounts.c: mounts what the command line has, and /tmp.  main()'s thread
 * calls it if it is linked: lib/file/open.c refers to it.
 */
void mounts_start(void);

/* Adds the methods by which the operator copies files (lib/xenolith/files.c). */
void files_methods_add(void);

#endif

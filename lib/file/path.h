/* SPDX-License-Identifier: ISC */
/*
 * From names to objects, component by component: symbolic links, mounts, "." and "..".
 *
 * Kernel code only.  All functions but place_copy() may sleep.
 */
#ifndef LIB_FILE_PATH_H
#define LIB_FILE_PATH_H

#include "lib/file/mount.h"

#define PATH_BYTES 4096			/* PATH_MAX, with the NUL */
#define PATH_LINKS 40			/* symbolic links that are followed for one name */

/*
 * An object of the tree, or none if mount is NULL.  A place keeps its mount mounted.
 *
 * `inode` is held; NULL: the object is one of a mount without inodes, or of the lower layer.
 * `path` (allocated) is the path within the mount, if the mount has no inodes, or a lower layer
 * that has this directory, too; NULL otherwise.
 */
struct place {
	struct mount *mount;
	struct inode *inode;
	char *path;
};

int place_copy(struct place *to, const struct place *from);	/* 0 or -ENOMEM */
void place_put(struct place *p);				/* empties it */
/*
 * A directory that was only in the lower layer may have been made in the file system since: then
 * the place gets its inode.  Returns 0, or an error of the file system.
 */
int place_raise(struct place *p);
int place_stat(const struct place *p, struct stat *st);
bool place_is_directory(const struct place *p);
static inline bool place_is(const struct place *p)
{
	return p->mount != NULL;
}

/* The mount whose functions take the place's path. */
static inline const struct mount *place_lower(const struct place *p)
{
	return p->mount->lower ? p->mount->lower : p->mount;
}

/* The operations of the place's file system.  Only for places with an inode. */
static inline const struct fs_ops *place_ops(const struct place *p)
{
	return p->mount->fs->ops;
}

/* The kind of the last component, for the errors that POSIX has for each. */
enum last { LAST_NAME, LAST_DOT, LAST_DOTDOT, LAST_ROOT };

struct path {
	struct place dir;		/* the directory of the last component; of LAST_ROOT: / */
	struct place at;		/* the object; empty: there is none of this name */
	enum last last;
	bool slash;			/* the name ends with a slash, so it must be a directory */
	const char *name;		/* LAST_NAME: the last component, in `text` */
	size_t len;
	char *text;			/* allocated */
};

enum {
	PATH_NOFOLLOW = 1,		/* a symbolic link as the last component is the object */
	PATH_MAKE = 2,			/* the object need not exist: then `at` is empty */
	PATH_EMPTY = 4,			/* an empty name is the directory fd itself */
	PATH_CREATE = 16,		/* of a file: -EISDIR if a slash follows the last name */
	PATH_PARENT = 8,		/* the name is to be removed or replaced: as PATH_NOFOLLOW,
					   also if a slash follows, which the caller judges */
};

/*
 * Resolves a name that is relative to the directory fd, or to the current directory (AT_FDCWD).
 * Returns 0, and the caller calls path_put() later; or -ENOENT, -ENOTDIR, -ELOOP,
 * -ENAMETOOLONG, -EBADF, -ENOMEM, or an error of the file system.
 */
int path_resolve(struct path *p, int fd, const char *name, unsigned how);
void path_put(struct path *p);

/* The object alone: as path_resolve() without PATH_MAKE. */
int place_resolve(struct place *at, int fd, const char *name, unsigned how);

/* The directory above a directory; the root is above itself. */
int place_above(const struct place *dir, struct place *to);

/*
 * Makes the absolute path of a directory, in `to` of PATH_BYTES bytes: returns 0; -ENOENT: it was
 * removed; -ENAMETOOLONG.  The root is "/".
 */
int place_name(const struct place *dir, char *to);

/* The current directory; its mount is NULL until the first chdir(): then it is the root. */
extern struct place path_cwd;

/* The root that chroot() has set; its mount is NULL until then. */
extern struct place path_root;
bool place_is_root(const struct place *p);

/* ---- Open files (lib/file/open.c, lib/file/fsfile.c, lib/file/dirfile.c). */

/*
 * The place of an open file or directory of a file system, or of any open directory; NULL: a
 * socket, a device, a file in the image ...
 */
static inline const struct place *file_place(struct file *f)
{
	return f->ops->place ? f->ops->place(f) : NULL;
}

/* The file system's data of an open file or directory; NULL: it has no inode. */
static inline struct fs_open *file_fs_open(struct file *f)
{
	return f->ops->fs_open ? f->ops->fs_open(f) : NULL;
}

/* Opens an object: a file with refs 0.  The file has its own references. */
int fsfile_open(const struct place *at, struct file **f);
int dirfile_open(const struct place *at, struct file **f);

#endif

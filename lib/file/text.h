/* SPDX-License-Identifier: ISC */
/*
 * Paths as text, in mounts that have no inodes, or a lower layer (lib/file/mount.h).
 *
 * A mount point need not exist in such a mount: a directory that contains one, or is one, is
 * there all the same.
 */
#ifndef LIB_FILE_TEXT_H
#define LIB_FILE_TEXT_H

#include "lib/file/mount.h"

#define TEXT_BYTES 1024			/* of a path, with the NUL; longer: -ENAMETOOLONG */

/* Describes the object of a path in a mount, without its inodes.  0 or -ENOENT ... */
int text_stat(const struct mount *m, const char *path, struct stat *st);

/*
 * Store the i-th name of a directory, and the i-th mount point in it that is not such a name.
 * Return 1, or 0 if there are fewer.
 */
int text_list(const struct mount *m, const char *path, unsigned i, struct dirent *entry);
int text_list_mounts(const struct mount *m, const char *path, unsigned i, struct dirent *entry);

/* Whether the mount's functions with paths know a name of a directory. */
bool text_exists(const struct mount *m, const char *path, const char *name, size_t len);

/* Makes an absolute path of one in a mount; "" is the root.  0 or -ENAMETOOLONG. */
int text_of(const struct mount *m, const char *path, char *to, size_t size);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * Names below a folder, and nowhere else.
 *
 * A path is opened component by component, never through a symbolic link: a link is read, and
 * its target must be below the folder, too.  So it makes no difference that files and links
 * are replaced meanwhile.  Components that begin with a dot do not exist, except .well-known.
 */
#ifndef HTTPD_BENEATH_H
#define HTTPD_BENEATH_H

#include <stdbool.h>
#include <stddef.h>

#define BENEATH_PATH 4096		/* bytes, with the NUL */

struct beneath {
	const char *root;		/* the folder's path */
	int dir;			/* the folder of the name, open; -1: none */
	char *name;			/* the last component, in `path`; "" is the root itself */
	unsigned links;			/* that were followed */
	char path[BENEATH_PATH];	/* relative to root, without links before `name` */
};

/*
 * Opens the folder of a path's last component, which need not exist.  The path has no slashes
 * at its ends, no `.`, `..` or empty component.  Returns 0, and the caller calls
 * beneath_close() later; or -errno: -ENOENT is also for what is not below root.
 */
int beneath_folder(struct beneath *b, const char *root, const char *path, size_t len);

/*
 * Opens the file or folder of a path for reading: a descriptor, or -errno.  After a descriptor,
 * the caller calls beneath_close() later.
 */
int beneath_open(struct beneath *b, const char *root, const char *path, size_t len);
void beneath_close(struct beneath *b);

#endif

/* SPDX-License-Identifier: ISC */
/* Internal declarations of lib/file: making and removing names.  Kernel code only. */
#ifndef LIB_FILE_NAMES_H
#define LIB_FILE_NAMES_H

#include "lib/file/path.h"

extern mode_t names_mask;		/* umask() */

/*
 * Prepares a directory for a new name.  A directory that exists only in the lower layer is
 * made in the file system above it.  Returns 0; -EROFS: it cannot have new names.
 */
int names_upper(struct place *dir);

/* The object that was just made becomes p->at, which takes the reference.  Returns 0. */
int names_made(struct path *p, struct inode *inode);

#endif

/* SPDX-License-Identifier: ISC */
/* Disks as files, by blkfront's names ("xvda"), for dev.c. Kernel code. */
#ifndef LIB_FILE_BLOCKDEV_H
#define LIB_FILE_BLOCKDEV_H

#include "lib/file/file.h"

#include <dirent.h>

/*
 * Functions of struct mount. Return 0 or -errno; -ENOENT if no disk has the name. Both
 * wait for a disk that is announced and not connected yet.
 */
int blockdev_open(const char *name, int flags, struct file **f);
int blockdev_describe(const char *name, struct stat *st);

/* Stores the name of the i-th disk. Returns 1, or 0 if there are fewer. */
int blockdev_list(unsigned i, struct dirent *entry);

#endif

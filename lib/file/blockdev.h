/* SPDX-License-Identifier: ISC */
/* Disks as files, by blkfront's names ("xvda"): what dev.c has of them.  Kernel code. */
#ifndef LIB_FILE_BLOCKDEV_H
#define LIB_FILE_BLOCKDEV_H

#include "lib/file/file.h"

#include <dirent.h>

/* As those of struct mount: 0, or -errno, -ENOENT for what is no disk's name.  Both wait for
   a disk that is announced and not there yet. */
int blockdev_open(const char *name, int flags, struct file **f);
int blockdev_describe(const char *name, struct stat *st);

/* The i-th disk's name: 1, or 0 if there are not so many. */
int blockdev_list(unsigned i, struct dirent *entry);

#endif

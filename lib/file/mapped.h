/* SPDX-License-Identifier: ISC */
/*
 * Calls from file functions to shared mappings of files (lib/process/mapped.c), if the image has
 * them.  inode->user is not NULL while a file is mapped.  Kernel code.  Both may sleep.
 */
#ifndef LIB_FILE_MAPPED_H
#define LIB_FILE_MAPPED_H

#include "fs/fs.h"

/*
 * Bytes [from, to) were written, removed or replaced by a hole; what the size says is found without
 * them.  The mappings get the pages that the file has now.
 */
#define MAPPED_REST INT64_MAX			/* the end, if all behind `from` has changed */
void mapped_changed(struct inode *i, uint64_t from, uint64_t to) __attribute__((weak));

/*
 * Tells a file system which pages were written through mappings of a file, or of all its files
 * (NULL).  Returns 0 or the first error.  Waits while the file system is frozen.
 */
int mapped_collect(struct fs *fs, struct inode *i) __attribute__((weak));

static inline void mapped_refresh(struct inode *i, uint64_t from, uint64_t to)
{
	if (i->user && mapped_changed)
		mapped_changed(i, from, to);
}

static inline int mapped_collect_file(struct inode *i)
{
	return i->user && mapped_collect ? mapped_collect(i->fs, i) : 0;
}

static inline int mapped_collect_all(struct fs *fs)
{
	return mapped_collect ? mapped_collect(fs, NULL) : 0;
}

#endif

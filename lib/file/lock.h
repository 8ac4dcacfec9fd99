/* SPDX-License-Identifier: ISC */
/* Common declarations of locks of files: flock() (flock.c) and ranges (range_lock.c). */
#ifndef LIB_FILE_LOCK_H
#define LIB_FILE_LOCK_H

#include "lib/file/path.h"

#include <fcntl.h>

/* Which file a lock is of, the same for each open(). It is valid while the file is open. */
struct lock_file {
	const void *object;		/* an inode, or the kind of file, with two numbers */
	uint64_t ino, rdev;
};

static inline struct lock_file lock_file(struct file *f)
{
	struct fs_open *o = file_fs_open(f);
	struct stat st = { 0 };

	if (o)
		return (struct lock_file){ .object = o->inode };
	if (f->ops->stat)
		f->ops->stat(f, &st);
	if (!st.st_ino && !st.st_rdev)
		return (struct lock_file){ .object = f };	/* it cannot be opened again */
	return (struct lock_file){ .object = f->ops, .ino = st.st_ino, .rdev = st.st_rdev };
}

static inline bool lock_file_is(struct lock_file a, struct lock_file b)
{
	return a.object == b.object && a.ino == b.ino && a.rdev == b.rdev;
}

/*
 * fcntl() with F_GETLK, F_SETLK, F_SETLKW or F_OFD_*, in the kernel; may sleep. 0, or -EBADF,
 * -EINVAL, -EOVERFLOW, -EAGAIN, -ENOLCK, -EINTR.
 */
int range_lock(struct file *f, int command, struct flock *l);

#endif

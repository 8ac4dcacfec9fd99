/* SPDX-License-Identifier: ISC */
/*
 * A file system on a disk that may crash at any moment, for tests with a single thread.
 *
 * There are two disks: `image` has all that was written; `late` has the journal's super block
 * only from the next flush on.  A crash may leave either.
 */
#ifndef TESTS_FS_CRASH_DISK_H
#define TESTS_FS_CRASH_DISK_H

#include "fs/ext4/ext4.h"
#include "tests/fs/device.h"
#include "tests/fs/image.h"

#define BLOCK 1024			/* of each of these file systems */
#define MEGABYTE (UINT64_C(1) << 20)

/* Options of mkfs.ext4: the last one is without a journal. */
#define DISK_KINDS 3
#define DISK_JOURNALED 2
extern const char *const disk_options[DISK_KINDS];

struct disk {
	struct image image, late;
	struct device device;
	struct fs *fs;
	struct journal *journal;	/* of fs */
	int (*write)(struct block *b, const struct block_vec *vecs, unsigned count, uint64_t at);
	void (*on_write)(void);		/* called before the next write, once */
	void (*on_flush)(void);		/* before each flush */
	void (*after_write)(void);	/* after each write */
	unsigned unflushed;		/* writes */
	bool super_unflushed;
};
extern struct disk disk;

/* Make and mount a disk of so many bytes; unmount it, with e2fsck. */
void disk_begin(const char *options, uint64_t size);
void disk_end(const char *what);
void disk_end_failed(void);		/* the journal has failed */

/* Fails if the result of a call is an error. */
void disk_ok(int64_t rc, const char *what);
/* Operations on the root directory that must not fail; the caller has the inode. */
struct inode *disk_create(const char *name);
struct inode *disk_mkdir(const char *name);
void disk_rmdir(const char *name);
bool disk_has(struct fs *fs, const char *name);
struct inode *disk_lookup(struct fs *fs, const char *name);
/* All bytes are written, at `at`. */
void disk_write(struct inode *i, const void *data, size_t len, uint64_t at);
/* Nothing may be left that is not flushed. */
void disk_sync(void);
void disk_fsync(struct inode *i, bool data_only);
void disk_flushed(const char *what);

/* ---- A copy of a disk, as a crash leaves it. */

struct crashed {
	struct image image;
	struct device device;
	struct fs *fs;
	struct fs_options options;
	int rc;				/* of the mount */
};

void crashed_begin(struct crashed *c, const struct image *from);
void crashed_try_mount(struct crashed *c);
void crashed_mount(struct crashed *c, const char *what);	/* must not fail */
/* whole: the tree is read, and e2fsck must find nothing. */
void crashed_end(struct crashed *c, bool whole, const char *what);

#endif

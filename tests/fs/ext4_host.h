/* SPDX-License-Identifier: ISC */
/* For tests of ext4: disks in memory, made by mkfs.ext4 and judged by e2fsck. */
#ifndef TESTS_FS_EXT4_HOST_H
#define TESTS_FS_EXT4_HOST_H

#include "fs/block.h"
#include "fs/fs.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct write {				/* of the record; data NULL: a flush */
	uint8_t *data;
	size_t len;
	uint64_t at;
};

struct disk {
	struct block block;
	uint8_t *data;
	/* From disk_record() on. */
	bool recording;
	uint8_t *before;		/* the disk when recording began */
	struct write *writes;
	unsigned count, room;
	uint64_t reads, written, flushes;
	unsigned fail_writes, fail_flushes, fail_reads;	/* the n-th from now on fails, and all later */
};

/* mkfs.ext4 with these options, `size` KiB. */
void disk_make(struct disk *d, const char *options, unsigned size);
void disk_free(struct disk *d);
void disk_copy(const struct disk *d, struct disk *to);
void disk_record(struct disk *d);

/* Into a file and through e2fsck -fn: fails if it complains. */
void disk_check(const struct disk *d, const char *what);
/* The same for a copy after the recovery by e2fsck, and one after ours. */
void disk_check_crashed(const struct disk *d, const char *what);
void disk_save(const struct disk *d, const char *path);
/* The output of a debugfs command on the disk. */
const char *disk_debugfs(const struct disk *d, const char *command);
/* The disk as it was before the record, with the first n events, in a new disk. */
void disk_replay(const struct disk *d, unsigned n, struct disk *to);

_Noreturn void fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
#define CHECK(x) ((x) ? (void)0 : fail("%s:%d: %s", __FILE__, __LINE__, #x))
#define OK(x)                                                                              \
	({                                                                                 \
		long rc_ = (x);                                                            \
		if (rc_ < 0)                                                               \
			fail("%s:%d: %s: error %ld", __FILE__, __LINE__, #x, -rc_);        \
		rc_;                                                                       \
	})
#define FAILS(error, x)                                                                    \
	({                                                                                 \
		long rc_ = (x);                                                            \
		if (rc_ != -(error))                                                       \
			fail("%s:%d: %s: %ld, not %d", __FILE__, __LINE__, #x, rc_, -(error)); \
	})

struct fs *mount_disk(struct disk *d);
void unmount_disk(struct fs *fs);

/* Paths with one or more names, from the root.  The inode, held, or NULL. */
struct inode *at_path(struct fs *fs, const char *path);
struct inode *parent_of(struct fs *fs, const char *path, const char **name);
struct inode *make_file(struct fs *fs, const char *path);
void make_dir(struct fs *fs, const char *path);
int remove_file(struct fs *fs, const char *path);
int rename_file(struct fs *fs, const char *from, const char *to, unsigned flags);
ssize_t write_at(struct inode *i, const void *from, size_t len, uint64_t at);
ssize_t read_at(struct inode *i, void *to, size_t len, uint64_t at);
int sync_file(struct inode *i, bool data_only);
/* Bytes that depend on a number and the offset. */
void pattern(uint8_t *to, size_t len, unsigned number, uint64_t at);

struct claim {
	const char *text;
	void (*test)(void);
};
int run_claims(int argc, char **argv, const struct claim *claims, size_t n);
/* HOST_SHARE: a part of so many is run.  Whether kind n of `count` belongs to it, by the seed: at
   least one of them does. */
extern unsigned host_share, host_slice;
bool in_part(unsigned n, unsigned count, unsigned share);

#endif

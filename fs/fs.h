/* SPDX-License-Identifier: ISC */
/*
 * A file system, as lib/ uses it.  ext4 and tmpfs implement it.
 *
 *	struct fs	a mounted file system
 *	struct inode	an object of it, held by reference counts
 *	struct fs_open	an open descriptor: what it has seen of errors, and read-ahead
 *
 * lib/ resolves paths one name at a time by lookup(), follows symbolic links, crosses
 * mounts, checks permissions if it wants to, and has the file position.  fs/ has names,
 * inodes, data, their limits, and durability.
 *
 * Conventions.  Results are 0, a count, or -errno.  Every function may sleep unless its comment
 * says otherwise, and may be called by several threads at the same time.  The caller holds a
 * reference to each inode that it passes.  An inode that a function returns through a pointer has
 * one reference more, which the caller drops by inode_put(); on an error the pointer is not
 * written.  Names are `len` bytes, 1 ... 255, without NUL and slash; they need no terminator.  "."
 * and ".." are found by lookup(); other functions return -EEXIST, -EINVAL, -ENOTEMPTY or -EBUSY for
 * them as POSIX says.
 *
 * Errors that every function may return: -EIO (the device), -EUCLEAN (the disk's contents are
 * invalid), -ENOMEM, -EROFS (a change of a read-only file system), -EDQUOT never.
 */
#ifndef FS_FS_H
#define FS_FS_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Errors that newlib lacks, with Linux's numbers. */
#ifndef EUCLEAN
#define EUCLEAN 117
#endif

struct block;
struct fs;
struct inode;
struct fs_open;

#define FS_NAME_MAX 255
#define FS_PAGE 4096

/* Types in `mode`, on the disk and here (Linux's values). */
#define FS_IFMT   0170000
#define FS_IFSOCK 0140000
#define FS_IFLNK  0120000
#define FS_IFREG  0100000
#define FS_IFBLK  0060000
#define FS_IFDIR  0040000
#define FS_IFCHR  0020000
#define FS_IFIFO  0010000

/* Nanoseconds since 1970; negative before.  ext4 has 34 bits of seconds, 1901 ... 2446. */
typedef int64_t fs_time;

/* Options of the mount functions. */
struct fs_options {
	bool read_only;
	bool sync;			/* each operation is durable when it returns */
	size_t size_limit;		/* tmpfs: bytes; 0: half of the memory */
	uint32_t root_mode;		/* tmpfs: permission bits of the root; 0: 01777 */
	/* One sentence why a mount failed, for the user: "feature `casefold` is ..." */
	char reason[160];
};

struct fs_stat {
	uint64_t ino;
	uint32_t mode;			/* FS_IFMT and 07777 */
	uint32_t nlink;
	uint32_t uid, gid;
	uint32_t rdev_major, rdev_minor;
	uint64_t size;
	uint64_t blocks;		/* of 512 bytes; includes blocks that are not yet placed */
	uint32_t block_size;		/* preferred size of I/O */
	fs_time atime, mtime, ctime, btime;
	uint32_t generation;
};

/* Which members setattr() changes. */
enum {
	FS_SET_MODE = 1,		/* only 07777 */
	FS_SET_UID = 2,
	FS_SET_GID = 4,
	FS_SET_ATIME = 8,
	FS_SET_MTIME = 16,		/* each of them sets ctime to now */
};
struct fs_attr {
	unsigned set;
	uint32_t mode, uid, gid;
	fs_time atime, mtime;
};

struct fs_statfs {
	uint32_t block_size;
	uint64_t blocks, free, available;	/* available: without root's reserve */
	uint64_t inodes, inodes_free;
	uint64_t id;
	bool read_only;
	const char *type;		/* "ext4", "tmpfs" */
};

/* Since the mount. */
struct fs_stats {
	uint64_t commits, commit_blocks, commit_waits;	/* journal; callers that shared one */
	uint64_t checkpoints, flushes;
	uint64_t read_bytes, written_bytes;		/* of the device */
	uint64_t cache_bytes, dirty_bytes;		/* now; cache: with dirty */
	uint64_t hits, misses;				/* of data pages */
	uint64_t errors;				/* I/O errors and invalid contents */
	uint64_t inodes_cached;
	bool read_only;			/* now, if by an error, then with `reason` */
	char reason[96];
};

struct fs_vec {
	void *data;
	size_t len;
};

enum { FS_RENAME_NOREPLACE = 1, FS_RENAME_EXCHANGE = 2 };
enum { FS_KEEP_SIZE = 1, FS_PUNCH_HOLE = 2, FS_ZERO_RANGE = 16 };	/* Linux's numbers */
enum { FS_SEEK_DATA = 3, FS_SEEK_HOLE = 4 };				/* Linux's numbers */
enum { FS_XATTR_CREATE = 1, FS_XATTR_REPLACE = 2 };

/* One name of a directory, for readdir(): true: continue; false: this one was not taken. */
struct fs_dirent {
	uint64_t ino;
	uint64_t cookie;		/* where reading continues behind this entry */
	uint32_t type;			/* FS_IFMT bits; 0: unknown */
	uint8_t len;
	const char *name;		/* not terminated; valid during the call */
};
typedef bool fs_emit(void *arg, const struct fs_dirent *entry);

/* A page of a file in the cache, which stays where it is until page_put(). */
struct fs_page {
	void *data;			/* FS_PAGE bytes; behind the file's end they are zero */
};

struct fs_ops {
	/* ---- The file system. */

	/* Write everything, end, and free fs.  -EBUSY: inodes or opens are held.  An error of
	   writing is returned once, and fs is freed all the same. */
	int (*unmount)(struct fs *fs);
	/* Everything that was changed before the call is durable after it. */
	int (*syncfs)(struct fs *fs);
	int (*statfs)(struct fs *fs, struct fs_statfs *s);
	void (*stats)(struct fs *fs, struct fs_stats *s);	/* does not sleep */
	/* Make everything durable in its place, so that a copy of the disk is a clean file
	   system; changes wait until thaw().  -EBUSY: frozen already. */
	int (*freeze)(struct fs *fs);
	int (*thaw)(struct fs *fs);			/* -EINVAL: it is not frozen */
	/* Change to read-only (after writing everything) or to writable. */
	int (*remount)(struct fs *fs, struct fs_options *options);
	/* An inode by its number: -ESTALE: it is not in use. */
	int (*inode)(struct fs *fs, uint64_t ino, struct inode **i);

	/* ---- Inodes. */

	/* The last reference is gone: may free the inode, and the file if it has no name. */
	void (*release)(struct inode *i);
	int (*stat)(struct inode *i, struct fs_stat *s);
	int (*setattr)(struct inode *i, const struct fs_attr *a);

	/* ---- Names.  -ENOTDIR: dir is not a directory.  -ENOENT: no such name, or dir itself was
	   removed.  -ENAMETOOLONG: len > 255. */

	int (*lookup)(struct inode *dir, const char *name, size_t len, struct inode **i);
	/*
	 * A new object: mode with its type.  Regular files, FIFOs, sockets, devices (rdev is
	 * major << 32 | minor).  -EEXIST, -ENOSPC, -EINVAL: directory or link.  The set-group-ID
	 * bit of dir gives the group of dir, as Linux does.
	 */
	int (*create)(struct inode *dir, const char *name, size_t len, uint32_t mode,
		      uint32_t uid, uint32_t gid, uint64_t rdev, struct inode **i);
	/* -EEXIST, -ENOSPC, -EMLINK. */
	int (*mkdir)(struct inode *dir, const char *name, size_t len, uint32_t mode,
		     uint32_t uid, uint32_t gid, struct inode **i);
	/* target: 1 ... 4095 bytes; -ENAMETOOLONG, -ENOENT (empty). */
	int (*symlink)(struct inode *dir, const char *name, size_t len, const char *target,
		       size_t target_len, uint32_t uid, uint32_t gid, struct inode **i);
	/* A regular file without a name (O_TMPFILE); link() may give it one. */
	int (*tmpfile)(struct inode *dir, uint32_t mode, uint32_t uid, uint32_t gid,
		       struct inode **i);
	/* -EEXIST, -EPERM: a directory, -EMLINK, -ENOENT: i has no name left and is not a tmpfile,
	   -EXDEV: of another file system. */
	int (*link)(struct inode *dir, const char *name, size_t len, struct inode *i);
	int (*unlink)(struct inode *dir, const char *name, size_t len);	/* -EISDIR */
	int (*rmdir)(struct inode *dir, const char *name, size_t len);	/* -ENOTDIR, -ENOTEMPTY,
									   -EINVAL: "." */
	/*
	 * POSIX rename() with the flags of renameat2(): -EINVAL (a directory into itself, both
	 * flags), -EEXIST, -EISDIR, -ENOTDIR, -ENOTEMPTY, -EMLINK, -ENOSPC, -EXDEV.  Two names of
	 * one file: nothing changes, 0.
	 */
	int (*rename)(struct inode *from_dir, const char *from, size_t from_len,
		      struct inode *to_dir, const char *to, size_t to_len, unsigned flags);
	/* Up to size bytes, not terminated: how many.  -EINVAL: no symbolic link. */
	ssize_t (*readlink)(struct inode *i, char *to, size_t size);
	/*
	 * Entries from cookie on; 0 is the beginning, other values come from entries.  Ends with
	 * 0 when emit() returns false or no entry is left.  A cookie stays valid while names are
	 * added and removed: a name that is there from the first call to the last is emitted
	 * exactly once.  emit() must not sleep.
	 */
	int (*readdir)(struct inode *dir, uint64_t cookie, fs_emit *emit, void *arg);

	/* ---- Data of regular files.  -EISDIR, -EINVAL for others. */

	/* The lengths together are at most SSIZE_MAX.  Short only at the end of the file. */
	ssize_t (*read)(struct fs_open *o, const struct fs_vec *to, unsigned count, uint64_t at);
	/*
	 * Short only if an error comes after the first byte.  -EFBIG, -ENOSPC.  append: at the
	 * end of the file, and *at becomes where that was.  A write() is atomic against others
	 * and against read() of the same file.
	 */
	ssize_t (*write)(struct fs_open *o, const struct fs_vec *from, unsigned count,
			 uint64_t *at, bool append);
	int (*truncate)(struct inode *i, uint64_t size);	/* -EFBIG */
	/* mode: FS_KEEP_SIZE, FS_PUNCH_HOLE with FS_KEEP_SIZE; 0.  -EOPNOTSUPP: others.
	   -EINVAL: len is 0. */
	int (*fallocate)(struct inode *i, unsigned mode, uint64_t at, uint64_t len);
	/* whence: FS_SEEK_DATA, FS_SEEK_HOLE.  -ENXIO. */
	int64_t (*seek)(struct inode *i, uint64_t at, int whence);
	/*
	 * Make the file durable: its data, what is needed to read it, and (not if data_only)
	 * everything else, with its name.  An error of an earlier write of this file that was not
	 * reported to this descriptor yet is returned, once.  Also directories.
	 */
	int (*sync)(struct fs_open *o, bool data_only);
	/* Begin or do the writing of dirty data in a range, without durability; 0 or errors as
	   sync(). */
	int (*write_range)(struct fs_open *o, uint64_t at, uint64_t len);
	/* Read a range into the cache as far as memory allows; or drop its clean pages. */
	int (*will_need)(struct fs_open *o, uint64_t at, uint64_t len);
	void (*dont_need)(struct fs_open *o, uint64_t at, uint64_t len);
	/*
	 * The page `index` (of FS_PAGE bytes) of the file, in the cache and read.  Its contents
	 * change with write(), and it stays the file's page while it is held, except that
	 * truncate() and a punched hole detach it (zeroed from the new end on).  -ENXIO: behind
	 * the end.  page_dirty(): its bytes were changed through a mapping; 0, -ENOSPC.
	 */
	int (*page)(struct inode *i, uint64_t index, struct fs_page **p);
	void (*page_put)(struct inode *i, struct fs_page *p);
	int (*page_dirty)(struct inode *i, uint64_t index, struct fs_page *p);

	/* ---- Extended attributes, with their full names ("user.mime_type"). */

	/* Value's length; size 0: only that.  -ERANGE: size is too small.  -ENODATA: none. */
	ssize_t (*xattr_get)(struct inode *i, const char *name, void *to, size_t size);
	/* from NULL: remove.  -EEXIST, -ENODATA, -ENOSPC, -EOPNOTSUPP (prefix), -ERANGE. */
	int (*xattr_set)(struct inode *i, const char *name, const void *from, size_t size,
			 unsigned flags);
	/* Names, each with its NUL; the length of all. */
	ssize_t (*xattr_list)(struct inode *i, char *to, size_t size);
};

/* The first member of what a file system keeps. */
struct fs {
	const struct fs_ops *ops;
	struct inode *root;		/* held by fs until unmount() */
	struct fs *next;		/* among the mounted */
	struct fs_options options;
	char label[17];			/* ext4: of the volume */
	uint8_t uuid[16];
	bool read_only;			/* now, also after an error */
	bool frozen;			/* changes wait for thaw() */
};

/*
 * The first member of an inode.  mode, nlink and size are current; others may read them
 * without a call; no function of lib/ writes them.
 */
struct inode {
	struct fs *fs;
	uint64_t ino;
	unsigned refs;
	uint32_t mode, nlink;
	uint64_t size;
	uint32_t errors;		/* counts write errors: fs_open's `seen` */
	uint32_t reported;		/* so many of them were returned to anybody */
	void *user;			/* of lib/, NULL at first: locks, watches; NULL again before
					   the last inode_put() */
};

/* An open descriptor.  lib/ embeds it. */
struct fs_open {
	struct inode *inode;		/* held */
	uint32_t seen;			/* of inode->errors */
	/* Read-ahead: where the next sequential read would begin, and how far was read. */
	uint64_t next, ahead;
	uint32_t window;		/* pages */
};

static inline struct inode *inode_get(struct inode *i)
{
	i->refs++;
	return i;
}

static inline void inode_put(struct inode *i)
{
	if (--i->refs == 0)
		i->fs->ops->release(i);
}

/* Takes a reference of its own.  Descriptors that dup() made share one struct.  An error that was
   not reported yet is reported to this one, too: its writer may have closed the file already. */
static inline void fs_open_begin(struct fs_open *o, struct inode *i)
{
	*o = (struct fs_open){ .inode = inode_get(i),
			       .seen = i->errors - (i->errors != i->reported) };
}

static inline void fs_open_end(struct fs_open *o)
{
	inode_put(o->inode);
}

/* ---- Mounts.  0 or -errno, with a sentence in options->reason. */

int ext4_mount(struct block *b, struct fs_options *options, struct fs **fs);
int tmpfs_mount(struct fs_options *options, struct fs **fs);

/* Whether a device has an ext4 file system, and its label (17 bytes) and UUID: 0, -EINVAL. */
int ext4_probe(struct block *b, char label[17], uint8_t uuid[16]);

/* For each mounted ext4 file system, the list begins here. */
extern struct fs *fs_mounted;

/*
 * Write back what has been dirty for long.  Called by a thread of the surroundings when
 * os_background_at() has asked for it; not needed for durability.
 */
void fs_background(void);

#endif

/* SPDX-License-Identifier: ISC */
/* Internal declarations of tmpfs.  Functions do not sleep unless the comment says so. */
#ifndef FS_TMPFS_TMPFS_H
#define FS_TMPFS_TMPFS_H

#include "fs/fs.h"
#include "fs/lock.h"

#define TMPFS_SIZE_MAX (1ull << 47)	/* of a file, in bytes */

struct tmpfs {
	struct fs fs;
	uint64_t limit, used;		/* bytes: of pages, and of objects */
	uint64_t next_ino, inodes;
	struct tmpfs_inode *all;
	struct os_queue thawed;
};

/* A name; in the hash table of its directory, and in a list in order of creation. */
struct tmpfs_entry {
	struct tmpfs_entry *chain;
	struct tmpfs_entry *next, *prev;
	uint64_t cookie;
	struct tmpfs_inode *inode;
	uint32_t hash;
	uint8_t len;
	char name[];
};

struct tmpfs_xattr {
	struct tmpfs_xattr *next;
	size_t size;			/* of the value, which is behind the name's NUL */
	char name[];
};

/* A page that page() has handed out. */
struct tmpfs_held {
	struct fs_page page;
	struct tmpfs_held *next;
	uint64_t index;
	unsigned count;
	bool detached;			/* the file has it no more */
};

/* The pages of a file: a tree whose nodes have 512 pointers; depth 0: the root is page 0. */
struct tmpfs_pages {
	void *root;
	unsigned depth;
	uint64_t count;
};

struct tmpfs_inode {
	struct inode i;
	struct tmpfs_inode *next, *prev;	/* of tmpfs->all */
	uint32_t uid, gid, generation;
	uint64_t rdev;
	bool nameless;			/* a tmpfile that link() has not named yet */
	bool dying;			/* not referenced any more: it is being freed */
	fs_time atime, mtime, ctime, btime;
	struct tmpfs_xattr *xattrs;
	/* A regular file's. */
	struct rwlock lock;
	struct tmpfs_pages pages;
	struct tmpfs_held **held, *one_held;	/* a table; without one, all are in one chain */
	unsigned held_size, held_count;		/* a power of two, or 0 */
	/* A directory's. */
	struct tmpfs_inode *parent;		/* NULL: it was removed */
	struct tmpfs_entry *first, *last;
	struct tmpfs_entry **table;
	unsigned table_size, entries;		/* a power of two, or 0 */
	uint64_t next_cookie;
	/* A symbolic link's: i.size bytes and a NUL. */
	char *target;
};

static inline struct tmpfs *tmpfs_of(const struct inode *i)
{
	return (struct tmpfs *)i->fs;
}

static inline struct tmpfs_inode *tmpfs_inode(struct inode *i)
{
	return (struct tmpfs_inode *)i;
}

static inline bool tmpfs_is(const struct tmpfs_inode *t, uint32_t type)
{
	return (t->i.mode & FS_IFMT) == type;
}

static inline void tmpfs_changed(struct tmpfs_inode *t)
{
	t->mtime = t->ctime = os_time();
}

/* Memory that counts against the limit, zeroed: NULL: -ENOSPC or -ENOMEM in *error. */
void *tmpfs_alloc(struct tmpfs *t, size_t size, int *error);
void tmpfs_free(struct tmpfs *t, void *p, size_t size);

/* 0, or -EROFS.  Waits while the file system is frozen, so it may sleep. */
int tmpfs_may_change(struct tmpfs *t);

/* Free the pages from this index on.  May sleep if `patient`. */
void tmpfs_drop_pages(struct tmpfs_inode *t, uint64_t from, bool patient);

/* names.c */
int tmpfs_lookup(struct inode *dir, const char *name, size_t len, struct inode **i);
int tmpfs_create(struct inode *dir, const char *name, size_t len, uint32_t mode, uint32_t uid,
		 uint32_t gid, uint64_t rdev, struct inode **i);
int tmpfs_mkdir(struct inode *dir, const char *name, size_t len, uint32_t mode, uint32_t uid,
		uint32_t gid, struct inode **i);
int tmpfs_symlink(struct inode *dir, const char *name, size_t len, const char *target,
		  size_t target_len, uint32_t uid, uint32_t gid, struct inode **i);
int tmpfs_tmpfile(struct inode *dir, uint32_t mode, uint32_t uid, uint32_t gid,
		  struct inode **i);
int tmpfs_link(struct inode *dir, const char *name, size_t len, struct inode *i);
int tmpfs_unlink(struct inode *dir, const char *name, size_t len);
int tmpfs_rmdir(struct inode *dir, const char *name, size_t len);
int tmpfs_rename(struct inode *from_dir, const char *from, size_t from_len,
		 struct inode *to_dir, const char *to, size_t to_len, unsigned flags);
int tmpfs_readdir(struct inode *dir, uint64_t cookie, fs_emit *emit, void *arg);

/* data.c */
ssize_t tmpfs_read(struct fs_open *o, const struct fs_vec *to, unsigned count, uint64_t at);
ssize_t tmpfs_write(struct fs_open *o, const struct fs_vec *from, unsigned count, uint64_t *at,
		    bool append);
int tmpfs_truncate(struct inode *i, uint64_t size);
int tmpfs_fallocate(struct inode *i, unsigned mode, uint64_t at, uint64_t len);
int64_t tmpfs_seek(struct inode *i, uint64_t at, int whence);
/* The page, which is made if it is not there; NULL: *error. */
void *tmpfs_need(struct tmpfs_inode *t, uint64_t index, int *error);
void tmpfs_free_page(struct tmpfs *fs, void *page);

/* held_pages.c */
/* The holder of the page with this data; NULL: it is not held. */
struct tmpfs_held *tmpfs_held(const struct tmpfs_inode *t, const void *data);
int tmpfs_page(struct inode *i, uint64_t index, struct fs_page **p);
void tmpfs_page_put(struct inode *i, struct fs_page *p);
int tmpfs_page_dirty(struct inode *i, uint64_t index, struct fs_page *p);

/* xattr.c */
ssize_t tmpfs_xattr_get(struct inode *i, const char *name, void *to, size_t size);
int tmpfs_xattr_set(struct inode *i, const char *name, const void *from, size_t size,
		    unsigned flags);
ssize_t tmpfs_xattr_list(struct inode *i, char *to, size_t size);
void tmpfs_xattr_free(struct tmpfs_inode *t);

/* tmpfs.c: an inode without a name. */
int tmpfs_inode_new(struct tmpfs *fs, uint32_t mode, uint32_t uid, uint32_t gid,
		    struct tmpfs_inode **t);
void tmpfs_inode_free(struct tmpfs_inode *t);

#endif

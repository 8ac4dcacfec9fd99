/* SPDX-License-Identifier: ISC */
/*
 * Internal declarations of ext4.
 *
 * Locks, in the order in which they are taken:
 *
 *	names		of the file system: directories' contents, link counts, orphans
 *	inode's lock	size and data of one file: readers, and one writer
 *	writing		of the file system: freezing excludes writing back
 *	inode's wb	writing back and truncating exclude each other
 *	an operation of the journal (journal_begin()); in it no thread waits for a lock but
 *	inode's map	the tree of its blocks, while it is read or changed (map/map.c)
 *	orphaning	of the file system: the list and the file of orphans
 *
 * Order on the disk: data goes to newly allocated blocks before the commit record of the
 * transaction that makes them part of the file, so no flush orders the two but that of the commit,
 * and no file ever shows what others wrote.  Until then the allocation is in memory only
 * (alloc_reserve()).
 * Blocks that are freed are not allocated before the transaction that freed them is complete.
 */
#ifndef FS_EXT4_EXT4_H
#define FS_EXT4_EXT4_H

#include "fs/buf.h"
#include "fs/ext4/format.h"
#include "fs/fs.h"
#include "fs/journal/journal.h"
#include "fs/lock.h"
#include "fs/pages.h"

#include <string.h>

#define INODE_HASH 4096

struct group {
	uint64_t block_bitmap, inode_bitmap, inode_table;
	uint32_t free_blocks, free_inodes, used_dirs, itable_unused;
	uint16_t flags;
	bool dirty;			/* the descriptor changes with the running transaction */
	bool block_sum, inode_sum;	/* the bitmap's checksum is due, too */
	bool broken;			/* a bitmap is invalid: nothing is allocated here */
	uint32_t busy;			/* free blocks that may not be allocated yet */
	uint8_t *busy_map;		/* which; NULL: none */
	uint32_t next_block, next_inode;	/* where to look first */
	uint32_t next_dirty;
};

struct zone {				/* blocks [start, end) are metadata of the file system */
	uint64_t start, end;
};

struct extent {				/* blocks of a file; pblk 0: a hole */
	uint32_t lblk, len;
	uint64_t pblk;
	bool unwritten;
};

struct ext4 {
	struct fs fs;
	struct store store;
	struct journal journal;
	struct rwlock names, writing, orphaning;
	struct rwlock syncing;		/* one thread writes what is dirty in all files */
	bool in_background;		/* fs_background() works on it */
	struct os_queue background_ended;
	struct buf *super_buf;		/* held */
	struct ext4_super *super;	/* in it */
	uint8_t *super_copy;		/* a page to write it from: a thaw needs no memory */
	unsigned block_size, shift, inode_size, desc_size;
	uint32_t groups_count, blocks_per_group, inodes_per_group, inodes_count, first_ino;
	uint64_t blocks_count, first_data;
	bool metadata_csum, gdt_csum, has_extents, wide;
	uint32_t seed;			/* of checksums */
	uint32_t flex;			/* groups that lie together */
	unsigned hash_version;
	struct group *groups;
	struct zone *zones;		/* in order */
	uint32_t zone_count;
	uint32_t dirty_groups;		/* a list by next_dirty; NO_GROUP ends it */
	uint64_t free_blocks, free_inodes;
	uint64_t busy_blocks;		/* of them, not to be allocated yet */
	uint64_t delayed;		/* of them, for data with delayed allocation, and its metadata */
	uint64_t space;			/* of them, for operations under way */
	bool freezing, damaged;
	bool lost;			/* data; syncfs() has not told it yet */
	bool unrecorded;		/* the disk does not know of an error yet */
	bool clean;			/* the log is empty, and no operation begins (go_clean()) */
	char reason[96];
	uint64_t errors;
	/* Inodes in memory. */
	struct ext4_inode *hash[INODE_HASH];
	struct os_queue inode_read;
	uint64_t inodes;
	unsigned deleting;		/* inodes without users that are being deleted */
	struct ext4_inode *dirty, **dirty_end;	/* with dirty data or attributes, oldest first */
	/* Files to be deleted or truncated at the next mount, if there is a crash. */
	struct ext4_inode *orphans;
	struct ext4_inode *orphan_file;
	uint32_t orphan_hint;
	unsigned orphan_count;
	struct fs_stats stats;
};

#define NO_GROUP UINT32_MAX

struct ext4_inode {
	struct inode i;
	struct cached cached;		/* in the list of idle ones; size 0: never */
	struct ext4_inode *next;	/* in the hash chain */
	bool valid, reading;
	int failed;			/* why it could not be read, or 0 */
	bool deleting;			/* its last name and user are gone */
	unsigned batches;		/* of dirty pages that are being written */
	struct rwlock lock, wb, map;
	/* As on the disk. */
	uint32_t flags, uid, gid, generation;
	fs_time atime, mtime, ctime, btime;
	uint32_t dtime;
	uint64_t blocks;		/* of 512 bytes */
	uint64_t file_acl;
	uint64_t disk_size;		/* i.size may be larger: data that has no place yet */
	uint16_t extra_isize;
	union {
		uint8_t bytes[60];
		le32_t words[15];
	} block;
	struct extent last;		/* found last; len 0: none */
	uint32_t goal_lblk;		/* the block behind the last allocated one, */
	uint64_t goal;			/* and where it would be best; 0: unknown */
	/* Pages, and what is not yet written. */
	struct pages pages;
	uint32_t delayed;		/* blocks that its dirty pages need, */
	uint32_t delayed_metadata;	/* and that its map may need for them */
	bool dirty_attr;		/* the record in the inode table is older than this */
	bool dirty_size;		/* and fdatasync() needs it */
	struct ext4_inode *dirty_next, **dirty_link;
	uint64_t dirty_since;
	uint32_t tid, data_tid;		/* transactions with its last change; for fdatasync() */
	uint32_t truncate_tid;		/* of the last truncation within a block */
	uint64_t written;		/* store.writes after its last data was written */
	/* Orphans. */
	bool linkable;			/* of tmpfile(): it has not had a name yet */
	bool orphan;
	bool cutting;			/* ext4_truncate_blocks() may have more to do */
	struct ext4_inode *orphan_next, **orphan_link;
	uint32_t orphan_slot;		/* in the orphan file, plus 1; 0: in the list */
};

static inline struct ext4 *ext4_of(const struct fs *fs)
{
	return (struct ext4 *)(uintptr_t)fs;
}

static inline struct ext4_inode *ext4_inode_of(const struct inode *i)
{
	return (struct ext4_inode *)(uintptr_t)i;
}

static inline struct ext4 *fs_of(const struct ext4_inode *i)
{
	return (struct ext4 *)i->i.fs;
}

static inline bool is_dir(const struct ext4_inode *i)
{
	return (i->i.mode & FS_IFMT) == FS_IFDIR;
}

static inline bool is_file(const struct ext4_inode *i)
{
	return (i->i.mode & FS_IFMT) == FS_IFREG;
}

static inline bool has_compat(const struct ext4 *e, uint32_t feature)
{
	return le32(e->super->compat) & feature;
}

static inline bool has_ro(const struct ext4 *e, uint32_t feature)
{
	return le32(e->super->ro_compat) & feature;
}

/* Whether the directory can take no other directory. */
static inline bool ext4_links_full(const struct ext4_inode *dir)
{
	return dir->i.nlink >= EXT4_LINK_MAX && !has_ro(fs_of(dir), RO_DIR_NLINK);
}

static inline bool has_in(const struct ext4 *e, uint32_t feature)
{
	return le32(e->super->incompat) & feature;
}

/* ---- super.c: mount and unmount; errors. */

/* The disk's contents are invalid: logged, counted; the file system becomes read-only.
   Gives -EUCLEAN. */
#define ext4_damaged(e, ...)                                                               \
	({                                                                                 \
		char text_[96];                                                            \
		os_format(text_, sizeof(text_), __VA_ARGS__);                              \
		ext4_damaged_text(e, text_);                                               \
	})
int ext4_damaged_text(struct ext4 *e, const char *text);
int ext4_writable(const struct ext4 *e);	/* 0 or -EROFS */
/* And -EPERM: an attribute of the inode forbids it (chattr +i; +a: all but adding something). */
int ext4_changeable(const struct ext4_inode *i, bool adding);
/* The disk remembers the error that has made it read-only, so that e2fsck checks all of it. */
void ext4_record_error(struct ext4 *e);
/* `names`, to change them.  Waits first, without the lock, for a thaw and for space in the
   journal, so that lookups continue. */
void ext4_lock_names(struct ext4 *e);

/* Begin an operation that changes at most so many blocks and allocates at most `space` for
   metadata: -ENOSPC, if there are not so many after a commit. */
#define SPACE_RESERVED 0x80000000	/* or: it is for data with delayed allocation */
int ext4_begin(struct ext4 *e, struct handle *h, unsigned credits, unsigned space);
/* With rc < 0, changes may be incomplete: if any was made, the journal ends. */
int ext4_end(struct ext4 *e, struct handle *h, int rc);

/* ---- alloc/group.c: descriptors and bitmaps. */

int groups_read(struct ext4 *e, char *reason, size_t size);
void groups_free(struct ext4 *e);
int group_changed(struct ext4 *e, struct handle *h, uint32_t g);
void groups_seal(struct ext4 *e, struct handle *h);
uint64_t group_first(const struct ext4 *e, uint32_t g);
uint32_t group_blocks(const struct ext4 *e, uint32_t g);
bool group_has_super(const struct ext4 *e, uint32_t g);
/* Blocks at its beginning that are super block and descriptors. */
uint32_t group_supers(const struct ext4 *e, uint32_t g);
/* The bitmap, held and checked. */
int group_block_bitmap(struct ext4 *e, uint32_t g, struct buf **b);
int group_inode_bitmap(struct ext4 *e, uint32_t g, struct buf **b);
/* Whether blocks exist, and may be a file's. */
bool ext4_block_valid(const struct ext4 *e, uint64_t nr, uint64_t count);

/* ---- alloc/zone.c: where metadata of the file system itself is. */

int zones_make(struct ext4 *e);		/* -EUCLEAN: they overlap */
void zones_free(struct ext4 *e);
bool zones_have(const struct ext4 *e, uint64_t nr, uint64_t count);	/* any of these blocks */

/* ---- alloc/alloc.c: blocks. */

/* Up to `want` consecutive blocks near a goal, for this file, taken in memory only.  -ENOSPC. */
int alloc_reserve(struct ext4_inode *i, uint64_t goal, uint32_t want, uint64_t *start,
		  uint32_t *len);
int alloc_commit(struct ext4 *e, struct handle *h, uint64_t start, uint32_t len);
void alloc_release(struct ext4 *e, uint64_t start, uint32_t len);
/* One block of metadata for the inode, with both steps; its buffer is new. */
int alloc_block(struct ext4_inode *i, struct handle *h, uint64_t goal, struct buf **b);
/* Free blocks.  metadata: they may be in the log. */
int alloc_free(struct ext4 *e, struct handle *h, uint64_t start, uint32_t len, bool metadata);
void alloc_released(void *owner, struct freed *f);
uint64_t alloc_available(const struct ext4 *e);
uint64_t alloc_goal(const struct ext4_inode *i, uint32_t lblk);

/* ---- alloc/ialloc.c: inodes. */

int ialloc(struct ext4_inode *dir, struct handle *h, uint32_t mode, uint32_t *ino, bool *fresh);
int ialloc_free(struct ext4_inode *i, struct handle *h);

/* ---- inode.c: inodes in memory. */

/* The inode, held; -ESTALE: it is not in use.  deleted: also one without names. */
int ext4_iget(struct ext4 *e, uint32_t ino, bool deleted, struct ext4_inode **i);
int ext4_inew(struct ext4_inode *dir, struct handle *h, uint32_t mode, uint32_t uid,
	      uint32_t gid, struct ext4_inode **i);
void ext4_release(struct inode *i);
void ext4_idirty(struct ext4_inode *i, bool size);	/* attributes changed in memory */
void ext4_undirty(struct ext4_inode *i);		/* if nothing is dirty any more */
void ext4_inodes_free(struct ext4 *e);
fs_time ext4_now(void);

/* ---- inode_record.c: inodes in their tables. */

/* The record, in its block, which is held. */
int ext4_itable(struct ext4 *e, uint32_t ino, struct buf **b, struct ext4_disk_inode **d);
/* Take what it says: -EUCLEAN: its checksum is wrong.  And whether the rest relies on nothing
   that is not so. */
int ext4_take_record(struct ext4_inode *i, const struct ext4_disk_inode *d);
bool ext4_inode_valid(const struct ext4_inode *i);
/* Write the record to the table, in an operation. */
int ext4_ilog(struct ext4_inode *i, struct handle *h);
uint32_t ext4_isum(const struct ext4_inode *i);		/* seed of checksums of its blocks */

/* ---- map/map.c: blocks of a file; extents or indirect blocks. */

#define MAP_CREDITS 24			/* of one map_insert() */
#define MAP_SPACE 6

/* The extent at lblk: at most `max` blocks of one kind; a hole has pblk 0. */
int map_find(struct ext4_inode *i, uint32_t lblk, uint32_t max, struct extent *x);
/* Blocks that were a hole, or unwritten, become x.  Updates i->blocks by what the map takes
   itself, not by x. */
int map_insert(struct ext4_inode *i, struct handle *h, const struct extent *x);
/* The unwritten blocks become written. */
int map_written(struct ext4_inode *i, struct handle *h, uint32_t lblk, uint32_t len);
/* Free what is in [from, to).  1: not finished, since the operation is full: continue in another.
   The blocks at the end go first. */
int map_remove(struct ext4_inode *i, struct handle *h, uint32_t from, uint32_t to);
uint64_t map_max_blocks(const struct ext4_inode *i);

int extent_find(struct ext4_inode *i, uint32_t lblk, struct extent *x);
int extent_insert(struct ext4_inode *i, struct handle *h, const struct extent *x);
int extent_remove(struct ext4_inode *i, struct handle *h, uint32_t from, uint32_t to,
		  bool keep_blocks);
void extent_init(struct ext4_inode *i);
int indirect_find(struct ext4_inode *i, uint32_t lblk, struct extent *x);
int indirect_insert(struct ext4_inode *i, struct handle *h, const struct extent *x);
int indirect_remove(struct ext4_inode *i, struct handle *h, uint32_t from, uint32_t to);
unsigned indirect_levels(const struct ext4_inode *i, uint32_t lblk);

/* ---- data/read.c, data/write.c, data/sync.c, data/truncate.c: data. */

ssize_t ext4_read(struct fs_open *o, const struct fs_vec *to, unsigned count, uint64_t at);
ssize_t ext4_write(struct fs_open *o, const struct fs_vec *from, unsigned count, uint64_t *at,
		   bool append);
/* The page, held and valid; zero where there is nothing. */
int ext4_load(struct ext4_inode *i, uint64_t index, unsigned ahead, struct page **p);
int ext4_page(struct inode *i, uint64_t index, struct fs_page **p);
void ext4_page_put(struct inode *i, struct fs_page *p);
int ext4_page_changed(struct inode *i, uint64_t index, struct fs_page *p);
int ext4_will_need(struct fs_open *o, uint64_t at, uint64_t len);
void ext4_dont_need(struct fs_open *o, uint64_t at, uint64_t len);
/* Mark bytes of a held page as dirty, and reserve space for them.  -ENOSPC. */
int ext4_page_dirty(struct ext4_inode *i, struct page *p, unsigned from, unsigned to);
/* Write dirty pages [first, last] and what must be on the disk before them.  The second form:
   wb is held. */
int ext4_writeback(struct ext4_inode *i, uint64_t first, uint64_t last);
int ext4_writeback_locked(struct ext4_inode *i, uint64_t first, uint64_t last);
/* All of it, for fsync() or fdatasync(), which follows: perhaps with the commit. */
int ext4_writeback_to_sync(struct ext4_inode *i, bool data_only);
/* The file will be longer: what is behind its end in its last block becomes zero. */
int ext4_zero_tail(struct ext4_inode *i);
/* Log attributes that are dirty, if fdatasync() needs them or all is set. */
int ext4_flush_attr(struct ext4_inode *i, bool all);
int ext4_sync(struct fs_open *o, bool data_only);
int ext4_sync_inode(struct ext4_inode *i, bool data_only);
int ext4_write_range(struct fs_open *o, uint64_t at, uint64_t len);
int ext4_syncfs(struct fs *fs);
int ext4_sync_all(struct ext4 *e);
int ext4_truncate(struct inode *i, uint64_t size);
int ext4_fallocate(struct inode *i, unsigned mode, uint64_t at, uint64_t len);
int64_t ext4_seek(struct inode *i, uint64_t at, int whence);
/* The inode's lock and `writing`.  No thread waits for a thaw with the first: other threads read the
   file meanwhile, and mapped pages become dirty. */
void ext4_lock_to_change(struct ext4_inode *i);
void ext4_unlock_changed(struct ext4_inode *i);
/* Free all blocks behind the inode's size, in as many operations as it takes. */
int ext4_truncate_blocks(struct ext4_inode *i);
/* After a truncation that failed: a file that grows must not show what was removed.  The inode's lock
   is held, and is given up meanwhile. */
int ext4_finish_truncation(struct ext4_inode *i);
void ext4_throttle(struct ext4 *e, struct ext4_inode *i);
uint64_t ext4_size_max(const struct ext4_inode *i);

/* ---- data/delalloc.c: delayed allocation. */

/* Reserves space for one block of the file; its lock is held, wb is not.  -ENOSPC. */
int ext4_da_reserve(struct ext4_inode *i, uint32_t lblk);
/* The blocks are allocated, or not needed any more. */
void ext4_da_release(struct ext4_inode *i, uint32_t lblk, uint32_t n);
/* The block is delayed again: its place is free again. */
void ext4_da_again(struct ext4_inode *i, uint32_t lblk);
void ext4_da_release_page(struct ext4_inode *i, struct page *p, unsigned mask);
/* Whether so many blocks can be allocated for something else; the second form writes back dirty
   data and commits if necessary: no inode's wb is held. */
bool ext4_has_space(struct ext4 *e, uint64_t blocks);
bool ext4_gather_space(struct ext4 *e, uint64_t blocks);

/* ---- dir/dir.c, dir/htree.c, dir/readdir.c: directories' contents; `names` is held. */

struct dir_slot {			/* an entry in its block, which is held */
	struct buf *b;
	unsigned at, before;		/* offsets; before == at: it is the first */
	uint32_t lblk;
};

int dir_find(struct ext4_inode *dir, const char *name, size_t len, struct dir_slot *s,
	     uint32_t *ino);
int dir_add(struct ext4_inode *dir, struct handle *h, const char *name, size_t len,
	    uint32_t ino, uint32_t mode);
int dir_remove(struct ext4_inode *dir, struct handle *h, struct dir_slot *s);
int dir_set(struct ext4_inode *dir, struct handle *h, struct dir_slot *s, uint32_t ino,
	    uint32_t mode);
int dir_init(struct ext4_inode *dir, struct handle *h, uint32_t parent);
int dir_empty(struct ext4_inode *dir);		/* 1, 0 or -errno */
int ext4_readdir(struct inode *dir, uint64_t cookie, fs_emit *emit, void *arg);

/* A block of a directory, held, its structure checked: a leaf, or a node of the index. */
int dir_block(struct ext4_inode *dir, uint32_t lblk, bool node, struct buf **b);
int dir_append(struct ext4_inode *dir, struct handle *h, struct buf **b, uint32_t *lblk);
unsigned dir_space(const struct ext4 *e);	/* bytes of a leaf without its tail */
void dir_leaf_init(struct ext4_inode *dir, struct buf *b);
void dir_own(struct ext4_inode *dir, struct buf *b, unsigned kind);
int dir_insert(struct ext4_inode *dir, struct handle *h, struct buf *b, const char *name,
	       size_t len, uint32_t ino, uint32_t mode);
int dir_search(struct ext4_inode *dir, struct buf *b, const char *name, size_t len,
	       struct dir_slot *s, uint32_t *ino);
static inline unsigned dirent_size(unsigned name_len)
{
	return (8 + name_len + 3) & ~3u;
}
static inline struct ext4_dirent *dirent_at(struct buf *b, unsigned at)
{
	return (struct ext4_dirent *)(b->data + at);
}
unsigned dirent_len(const struct ext4 *e, const struct ext4_dirent *d);

/* 1: found or done; 0: not found, or no space: another way; -errno. */
bool htree_is(const struct ext4_inode *dir);
int htree_find(struct ext4_inode *dir, const char *name, size_t len, struct dir_slot *s,
	       uint32_t *ino);
int htree_add(struct ext4_inode *dir, struct handle *h, const char *name, size_t len,
	      uint32_t ino, uint32_t mode);
int htree_make(struct ext4_inode *dir, struct handle *h, struct buf *root);
bool htree_check(const struct ext4_inode *dir, const struct buf *b);
/* The first leaf that may have this hash, and where the next begins (0: there is none); its
   lowest bit is set if that one also has names with the last hash of this one. */
int htree_leaf(struct ext4_inode *dir, uint32_t hash, uint32_t *lblk, uint32_t *next);
unsigned htree_version(struct ext4_inode *dir, int *rc);
void ext4_hash(const struct ext4 *e, unsigned version, const char *name, size_t len,
	       uint32_t *major, uint32_t *minor);
void ext4_seal_buf(struct ext4 *e, struct buf *b);

/* ---- dir/name.c, dir/rename.c, dir/link.c */

#define NAME_CREDITS 40			/* of changing one directory and one inode */
#define NAME_SPACE 16

int ext4_lookup(struct inode *dir, const char *name, size_t len, struct inode **i);
int ext4_create(struct inode *dir, const char *name, size_t len, uint32_t mode, uint32_t uid,
		uint32_t gid, uint64_t rdev, struct inode **i);
int ext4_mkdir(struct inode *dir, const char *name, size_t len, uint32_t mode, uint32_t uid,
	       uint32_t gid, struct inode **i);
int ext4_symlink(struct inode *dir, const char *name, size_t len, const char *target,
		 size_t target_len, uint32_t uid, uint32_t gid, struct inode **i);
int ext4_tmpfile(struct inode *dir, uint32_t mode, uint32_t uid, uint32_t gid,
		 struct inode **i);
int ext4_link(struct inode *dir, const char *name, size_t len, struct inode *i);
int ext4_unlink(struct inode *dir, const char *name, size_t len);
int ext4_rmdir(struct inode *dir, const char *name, size_t len);
int ext4_rename(struct inode *from_dir, const char *from, size_t from_len,
		struct inode *to_dir, const char *to, size_t to_len, unsigned flags);
ssize_t ext4_readlink(struct inode *i, char *to, size_t size);
int ext4_drop_link(struct ext4_inode *i, struct handle *h);
bool ext4_fast_link(const struct ext4_inode *i);
void ext4_touch(struct ext4_inode *i, bool mtime);

/* ---- orphan.c */

int orphan_add(struct ext4_inode *i, struct handle *h);
int orphan_remove(struct ext4_inode *i, struct handle *h);
void orphan_drop(struct ext4_inode *i);
int orphan_open(struct ext4 *e, char *reason, size_t size);
int orphan_cleanup(struct ext4 *e);
void orphan_close(struct ext4 *e);

/* ---- xattr.c */

ssize_t ext4_xattr_get(struct inode *i, const char *name, void *to, size_t size);
int ext4_xattr_set(struct inode *i, const char *name, const void *from, size_t size,
		   unsigned flags);
ssize_t ext4_xattr_list(struct inode *i, char *to, size_t size);
int ext4_xattr_free(struct ext4_inode *i, struct handle *h);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * Reading directories.
 *
 * If directories may have an index, the order is that of the hashes, as a leaf may be split
 * between two calls; a cookie is a hash and stays valid.  Else entries do not move, and a
 * cookie is an offset.  In both, "." comes at 0 and ".." at 1.
 */
#include "fs/ext4/ext4.h"

#define LEAVES 8			/* that share a hash */

struct entry {
	uint64_t position;
	struct buf *b;
	unsigned at;
};

static uint32_t mode_of(const struct ext4 *e, const struct ext4_dirent *d)
{
	static const uint32_t modes[8] = { 0,	     FS_IFREG,	FS_IFDIR,  FS_IFCHR,
					   FS_IFBLK, FS_IFIFO, FS_IFSOCK, FS_IFLNK };

	return has_in(e, IN_FILETYPE) && d->type < 8 ? modes[d->type] : 0;
}

static bool is_dot(const struct ext4_dirent *d)
{
	return d->name[0] == '.' &&
	       (d->name_len == 1 || (d->name_len == 2 && d->name[1] == '.'));
}

static bool give(struct ext4 *e, struct buf *b, unsigned at, uint64_t cookie, fs_emit *emit,
		 void *arg)
{
	const struct ext4_dirent *d = dirent_at(b, at);
	struct fs_dirent x = { le32(d->ino), cookie, mode_of(e, d), d->name_len, d->name };

	return emit(arg, &x);
}

/* "." and "..": 1; 0: emit() has enough; -errno. */
static int dots(struct ext4_inode *dir, uint64_t cookie, fs_emit *emit, void *arg)
{
	for (uint64_t k = cookie; k < 2; k++) {
		struct dir_slot s;
		uint32_t ino;
		int rc = dir_find(dir, "..", k + 1, &s, &ino);
		bool more;

		if (rc == -ENOENT)
			continue;
		if (rc)
			return rc;
		more = give(fs_of(dir), s.b, s.at, k + 1, emit, arg);
		buf_put(s.b);
		if (!more)
			return 0;
	}
	return 1;
}

/* Entries of a leaf, in order. */
static unsigned gather(struct ext4_inode *dir, struct buf *b, unsigned version, struct entry *map,
		       unsigned n)
{
	struct ext4 *e = fs_of(dir);
	unsigned end = dir_space(e);

	for (unsigned at = 0; at < end; at += le16(dirent_at(b, at)->rec_len)) {
		const struct ext4_dirent *d = dirent_at(b, at);
		struct entry x = { .b = b, .at = at };
		uint32_t major, minor;
		unsigned k = n;

		if (!d->ino || is_dot(d))
			continue;
		ext4_hash(e, version, d->name, d->name_len, &major, &minor);
		x.position = ((uint64_t)major << 31 | minor) + 2;
		for (; k && map[k - 1].position > x.position; k--)
			map[k] = map[k - 1];
		map[k] = x;
		n++;
	}
	return n;
}

static int by_hash(struct ext4_inode *dir, uint64_t cookie, fs_emit *emit, void *arg)
{
	struct ext4 *e = fs_of(dir);
	size_t room = LEAVES * (e->block_size / 12) * sizeof(struct entry);
	struct entry *map = cache_alloc(room);
	uint32_t hash = (cookie > 2 ? cookie - 2 : 0) >> 31;
	int rc = map ? 0 : -ENOMEM;
	unsigned version = map ? htree_version(dir, &rc) : 0;
	bool more = true;

	while (!rc && more) {
		struct buf *leaves[LEAVES];
		unsigned n = 0, count = 0;
		uint32_t next = 0, lblk = 0;

		/* A leaf, and those that continue its last hash. */
		do {
			if (htree_is(dir))
				rc = htree_leaf(dir, count ? next : hash & ~1u, &lblk, &next);
			if (!rc)
				rc = dir_block(dir, lblk, false, &leaves[count]);
			if (!rc)
				n = gather(dir, leaves[count], version, map, n);
			if (!rc)
				count++;
		} while (!rc && next & 1 && count < LEAVES);
		for (unsigned k = 0; k < n && more && !rc; k++) {
			/* Names of the same hash follow each other, each with a cookie of its own. */
			if (k && map[k].position <= map[k - 1].position)
				map[k].position = map[k - 1].position + 1;
			if (map[k].position >= cookie)
				more = give(e, map[k].b, map[k].at, map[k].position + 1, emit, arg);
		}
		while (count)
			buf_put(leaves[--count]);
		if (!next)
			break;
		/* A user who knows the seed of the hash can cause this with names alone: it is not
		   damage, so the file system does not become read-only. */
		if (!rc && next & 1)
			rc = -EUCLEAN;
		hash = next;
		cookie = ((uint64_t)(next & ~1u) << 31) + 2;
		os_pause();
	}
	if (map)
		cache_free(map, room);
	return rc;
}

static int by_offset(struct ext4_inode *dir, uint64_t cookie, fs_emit *emit, void *arg)
{
	struct ext4 *e = fs_of(dir);
	uint32_t blocks = dir->i.size >> e->shift;
	uint64_t from = cookie > 2 ? cookie - 2 : 0;

	for (uint64_t k = from >> e->shift; k < blocks; k++) {
		struct buf *b;
		bool more = true;
		int rc = dir_block(dir, k, false, &b);

		if (rc)
			return rc;
		for (unsigned at = 0; at < dir_space(e) && more;
		     at += le16(dirent_at(b, at)->rec_len)) {
			uint64_t here = (k << e->shift) + at;

			if (here >= from && dirent_at(b, at)->ino && !is_dot(dirent_at(b, at)))
				more = give(e, b, at, here + 1 + 2, emit, arg);
		}
		buf_put(b);
		if (!more)
			break;
		os_pause();
	}
	return 0;
}

int ext4_readdir(struct inode *inode, uint64_t cookie, fs_emit *emit, void *arg)
{
	struct ext4_inode *dir = ext4_inode_of(inode);
	struct ext4 *e = fs_of(dir);
	int rc;

	if (!is_dir(dir))
		return -ENOTDIR;
	lock_read(&e->names);
	rc = dir->i.nlink ? dots(dir, cookie, emit, arg) : -ENOENT;
	if (rc == 1 && has_compat(e, COMPAT_DIR_INDEX) &&
	    (htree_is(dir) || dir->i.size == e->block_size))
		rc = by_hash(dir, cookie, emit, arg);
	else if (rc == 1)
		rc = by_offset(dir, cookie, emit, arg);
	unlock_read(&e->names);
	return rc;
}

/* SPDX-License-Identifier: ISC */
/* Attributes of inodes: stat and changing them. */
#include "fs/ext4/ext4.h"
#include "fs/ext4/ops.h"

int ext4_stat(struct inode *inode, struct fs_stat *s)
{
	const struct ext4_inode *i = ext4_inode_of(inode);
	const struct ext4 *e = fs_of(i);
	uint32_t type = i->i.mode & FS_IFMT, old = le32(i->block.words[0]);
	uint32_t dev = le32(i->block.words[1]);

	*s = (struct fs_stat){
		.ino = i->i.ino,
		.mode = i->i.mode,
		.nlink = i->i.nlink,
		.uid = i->uid,
		.gid = i->gid,
		.size = i->i.size,
		.blocks = i->blocks + (uint64_t)i->delayed * (e->block_size / 512),
		.block_size = e->block_size,
		.atime = i->atime,
		.mtime = i->mtime,
		.ctime = i->ctime,
		.btime = i->btime,
		.generation = i->generation,
	};
	if (type == FS_IFCHR || type == FS_IFBLK) {
		s->rdev_major = old ? old >> 8 & 0xff : dev >> 8 & 0xfff;
		s->rdev_minor = old ? old & 0xff : (dev & 0xff) | (dev >> 12 & ~0xffu);
	}
	return 0;
}

int ext4_setattr(struct inode *inode, const struct fs_attr *a)
{
	struct ext4_inode *i = ext4_inode_of(inode);
	struct ext4 *e = fs_of(i);
	struct handle h;
	int rc = ext4_changeable(i, false);

	if (!rc)
		rc = ext4_begin(e, &h, 4, 0);
	if (rc)
		return rc;
	if (a->set & FS_SET_MODE)
		i->i.mode = (i->i.mode & FS_IFMT) | (a->mode & 07777);
	if (a->set & FS_SET_UID)
		i->uid = a->uid;
	if (a->set & FS_SET_GID)
		i->gid = a->gid;
	if (a->set & FS_SET_ATIME)
		i->atime = a->atime;
	if (a->set & FS_SET_MTIME)
		i->mtime = a->mtime;
	i->ctime = ext4_now();
	/* fdatasync() need not wait for this. */
	i->dirty_attr = true;
	return ext4_end(e, &h, ext4_ilog(i, &h));
}

int ext4_statfs(struct fs *fs, struct fs_statfs *s)
{
	const struct ext4 *e = ext4_of(fs);
	uint64_t reserved = le32(e->super->r_blocks_count) |
			    (e->wide ? (uint64_t)le32(e->super->r_blocks_count_hi) << 32 : 0);
	uint64_t id[2];

	memcpy(id, fs->uuid, 16);
	*s = (struct fs_statfs){
		.block_size = e->block_size,
		.blocks = e->blocks_count - le32(e->super->overhead),
		.free = e->free_blocks > e->delayed ? e->free_blocks - e->delayed : 0,
		.inodes = e->inodes_count,
		.inodes_free = e->free_inodes,
		.id = id[0] ^ id[1],
		.read_only = fs->read_only,
		.type = "ext4",
	};
	s->available = s->free > reserved ? s->free - reserved : 0;
	return 0;
}

void ext4_stats(struct fs *fs, struct fs_stats *s)
{
	const struct ext4 *e = ext4_of(fs);
	const struct journal_stats *j = &e->journal.stats;

	*s = e->stats;
	s->commits = j->commits;
	s->commit_blocks = j->blocks;
	s->commit_waits = j->shared;
	s->checkpoints = j->checkpoints;
	s->flushes = e->store.flushes;
	s->read_bytes = e->store.read_bytes;
	s->written_bytes = e->store.written_bytes;
	s->cache_bytes = cache_stats.bytes;
	s->dirty_bytes = pages_dirty;
	s->errors = e->errors + e->store.errors;
	s->inodes_cached = e->inodes;
	s->read_only = fs->read_only;
	memcpy(s->reason, e->reason, sizeof(s->reason));
}

/* SPDX-License-Identifier: ISC */
/* Records of inodes in the inode tables. */
#include "fs/crc.h"
#include "fs/ext4/ext4.h"

#include <stddef.h>

#define EXTRA (sizeof(struct ext4_disk_inode) - 128)

uint32_t ext4_isum(const struct ext4_inode *i)
{
	le32_t ino = le32(i->i.ino), generation = le32(i->generation);

	return crc32c(crc32c(fs_of(i)->seed, &ino, 4), &generation, 4);
}

int ext4_itable(struct ext4 *e, uint32_t ino, struct buf **b, struct ext4_disk_inode **d)
{
	uint32_t g = (ino - 1) / e->inodes_per_group, k = (ino - 1) % e->inodes_per_group;
	uint64_t at = (uint64_t)k * e->inode_size;
	int rc;

	if (!ino || ino > e->inodes_count)
		return -EUCLEAN;
	rc = buf_get(&e->store, e->groups[g].inode_table + (at >> e->shift), b);
	if (!rc)
		rc = buf_claim(*b, BUF_TABLE);
	if (!rc)
		*d = (struct ext4_disk_inode *)((*b)->data + (at & (e->block_size - 1)));
	return rc;
}

static bool has_extra(const struct ext4 *e, const struct ext4_disk_inode *d, size_t end)
{
	return e->inode_size > 128 && 128u + le16(d->extra_isize) >= end;
}

#define HAS(e, d, member)                                                                  \
	has_extra(e, d, offsetof(struct ext4_disk_inode, member) + sizeof((d)->member))

static uint32_t record_sum(const struct ext4 *e, uint32_t ino, const struct ext4_disk_inode *d)
{
	static const uint8_t zero[2];
	const uint8_t *p = (const uint8_t *)d;
	size_t lo = offsetof(struct ext4_disk_inode, csum_lo);
	size_t hi = offsetof(struct ext4_disk_inode, csum_hi);
	le32_t number = le32(ino);
	uint32_t crc = crc32c(crc32c(e->seed, &number, 4), &d->generation, 4);

	crc = crc32c(crc32c(crc, p, lo), zero, 2);
	if (e->inode_size == 128)
		return crc32c(crc, p + lo + 2, 128 - lo - 2);
	crc = crc32c(crc, p + lo + 2, hi - lo - 2);
	crc = HAS(e, d, csum_hi) ? crc32c(crc, zero, 2) : crc32c(crc, p + hi, 2);
	return crc32c(crc, p + hi + 2, e->inode_size - hi - 2);
}

static bool record_valid(const struct ext4 *e, uint32_t ino, const struct ext4_disk_inode *d)
{
	uint32_t sum;

	if (e->inode_size > 128 && (le16(d->extra_isize) > e->inode_size - 128 ||
				    le16(d->extra_isize) & 3))
		return false;
	if (!e->metadata_csum)
		return true;
	sum = record_sum(e, ino, d);
	if (HAS(e, d, csum_hi))
		return sum == (le16(d->csum_lo) | (uint32_t)le16(d->csum_hi) << 16);
	return (sum & 0xffff) == le16(d->csum_lo);
}

static fs_time time_from(le32_t seconds, le32_t extra)
{
	int64_t s = (int32_t)le32(seconds), most = INT64_MAX / 1000000000 - 1;
	uint32_t x = le32(extra);

	s += (int64_t)(x & 3) << 32;
	/* fs_time ends in 2262, ext4's in 2446. */
	return (s < most ? s : most) * 1000000000 + (x >> 2) % 1000000000;
}

static void time_to(fs_time t, le32_t *seconds, bool has, le32_t *extra)
{
	int64_t s = t / 1000000000, ns = t % 1000000000, high;

	if (ns < 0) {
		ns += 1000000000;
		s--;
	}
	if (s < INT32_MIN)
		s = INT32_MIN, ns = 0;
	if (s > (has ? 0x37fffffffll : INT32_MAX))
		s = has ? 0x37fffffffll : INT32_MAX, ns = 0;
	high = (s - (int32_t)s) >> 32 & 3;
	*seconds = le32((uint32_t)s);
	if (has)
		*extra = le32((uint32_t)(ns << 2 | high));
}

static bool mode_valid(uint32_t mode)
{
	switch (mode & FS_IFMT) {
	case FS_IFSOCK:
	case FS_IFLNK:
	case FS_IFREG:
	case FS_IFBLK:
	case FS_IFDIR:
	case FS_IFCHR:
	case FS_IFIFO:
		return true;
	}
	return false;
}

/* The properties on which the other code relies. */
bool ext4_inode_valid(const struct ext4_inode *i)
{
	const struct ext4 *e = fs_of(i);
	const struct ext4_extent_header *x = (const void *)i->block.bytes;

	if (!mode_valid(i->i.mode) || i->flags & INODE_INLINE)
		return false;
	/* A directory that was being deleted may have no block any more. */
	if (is_dir(i) && ((!i->disk_size && i->i.nlink) || i->disk_size & (e->block_size - 1) ||
			  i->disk_size >> e->shift > 0xffffff))
		return false;
	if (i->disk_size > ext4_size_max(i))
		return false;
	if (i->file_acl && !ext4_block_valid(e, i->file_acl, 1))
		return false;
	if (i->flags & INODE_EXTENTS)
		return le16(x->magic) == EXTENT_MAGIC && le16(x->max) <= 4 && le16(x->max) &&
		       le16(x->entries) <= le16(x->max) && le16(x->depth) <= 5;
	return true;
}

int ext4_take_record(struct ext4_inode *i, const struct ext4_disk_inode *d)
{
	struct ext4 *e = fs_of(i);

	if (!record_valid(e, i->i.ino, d))
		return -EUCLEAN;
	i->i.mode = le16(d->mode);
	i->i.nlink = le16(d->links);
	i->uid = le16(d->uid) | (uint32_t)le16(d->uid_high) << 16;
	i->gid = le16(d->gid) | (uint32_t)le16(d->gid_high) << 16;
	i->flags = le32(d->flags);
	i->generation = le32(d->generation);
	i->dtime = le32(d->dtime);
	i->disk_size = le32(d->size);
	if (is_file(i))
		i->disk_size |= (uint64_t)le32(d->size_high) << 32;
	i->i.size = i->disk_size;
	i->blocks = le32(d->blocks);
	if (has_ro(e, RO_HUGE_FILE)) {
		i->blocks |= (uint64_t)le16(d->blocks_high) << 32;
		if (i->flags & INODE_HUGE)
			i->blocks *= e->block_size / 512;
	}
	i->file_acl = le32(d->file_acl) | (e->wide ? (uint64_t)le16(d->file_acl_high) << 32 : 0);
	memcpy(i->block.bytes, d->block, sizeof(d->block));
	i->extra_isize = e->inode_size > 128 ? le16(d->extra_isize) : 0;
	/* An old record in a larger place: as Linux has it, it gets these fields when it is written. */
	if (!i->extra_isize && e->inode_size > 128)
		i->extra_isize = EXTRA;
	i->atime = time_from(d->atime, HAS(e, d, atime_extra) ? d->atime_extra : 0);
	i->mtime = time_from(d->mtime, HAS(e, d, mtime_extra) ? d->mtime_extra : 0);
	i->ctime = time_from(d->ctime, HAS(e, d, ctime_extra) ? d->ctime_extra : 0);
	if (HAS(e, d, crtime))
		i->btime = time_from(d->crtime, HAS(e, d, crtime_extra) ? d->crtime_extra : 0);
	return 0;
}

static void put_record(const struct ext4_inode *i, struct ext4_disk_inode *d)
{
	const struct ext4 *e = fs_of(i);
	uint64_t blocks = i->blocks;
	uint32_t flags = i->flags & ~INODE_HUGE, sum;

	if (has_ro(e, RO_HUGE_FILE) && blocks >> 48) {
		flags |= INODE_HUGE;
		blocks /= e->block_size / 512;
	}
	d->mode = le16(i->i.mode);
	d->links = le16(i->i.nlink);
	d->uid = le16(i->uid);
	d->uid_high = le16(i->uid >> 16);
	d->gid = le16(i->gid);
	d->gid_high = le16(i->gid >> 16);
	d->flags = le32(flags);
	d->generation = le32(i->generation);
	d->dtime = le32(i->dtime);
	d->size = le32(i->disk_size);
	if (is_file(i))
		d->size_high = le32(i->disk_size >> 32);
	d->blocks = le32(blocks);
	if (has_ro(e, RO_HUGE_FILE))
		d->blocks_high = le16(blocks >> 32);
	d->file_acl = le32(i->file_acl);
	if (e->wide)
		d->file_acl_high = le16(i->file_acl >> 32);
	memcpy(d->block, i->block.bytes, sizeof(d->block));
	if (e->inode_size > 128) {
		if (!le16(d->extra_isize))
			memset(&d->extra_isize, 0, i->extra_isize);
		d->extra_isize = le16(i->extra_isize);
	}
	time_to(i->atime, &d->atime, HAS(e, d, atime_extra), &d->atime_extra);
	time_to(i->mtime, &d->mtime, HAS(e, d, mtime_extra), &d->mtime_extra);
	time_to(i->ctime, &d->ctime, HAS(e, d, ctime_extra), &d->ctime_extra);
	if (HAS(e, d, crtime))
		time_to(i->btime, &d->crtime, HAS(e, d, crtime_extra), &d->crtime_extra);
	if (!e->metadata_csum)
		return;
	sum = record_sum(e, i->i.ino, d);
	d->csum_lo = le16(sum);
	if (HAS(e, d, csum_hi))
		d->csum_hi = le16(sum >> 16);
}

int ext4_ilog(struct ext4_inode *i, struct handle *h)
{
	struct ext4 *e = fs_of(i);
	struct ext4_disk_inode *d;
	struct buf *b;
	int rc = ext4_itable(e, i->i.ino, &b, &d);

	if (rc)
		return rc;
	rc = journal_access(h, b);
	if (!rc && i->disk_size > INT32_MAX && is_file(i) && !has_ro(e, RO_LARGE_FILE)) {
		rc = journal_access(h, e->super_buf);
		if (!rc)
			e->super->ro_compat |= le32(RO_LARGE_FILE);
	}
	if (!rc) {
		put_record(i, d);
		i->tid = h->tx->tid;
		if (i->dirty_size || !i->dirty_attr)
			i->data_tid = i->tid;
		/* A size that waits for its data is still to be written. */
		i->dirty_attr = i->dirty_size = is_file(i) && i->disk_size != i->i.size;
		ext4_undirty(i);
	}
	buf_put(b);
	return rc;
}

/* SPDX-License-Identifier: ISC */
/* ext4 on the disk (Linux: Documentation/filesystems/ext4).  Little endian. */
#ifndef FS_EXT4_FORMAT_H
#define FS_EXT4_FORMAT_H

#include "fs/le.h"

#define EXT4_MAGIC 0xef53
#define EXT4_ROOT 2
#define EXT4_JOURNAL_INO 8
#define EXT4_LINK_MAX 65000

struct ext4_super {
	le32_t inodes_count, blocks_count, r_blocks_count, free_blocks;
	le32_t free_inodes, first_data_block, log_block_size, log_cluster_size;
	le32_t blocks_per_group, clusters_per_group, inodes_per_group, mtime;
	le32_t wtime;
	le16_t mnt_count, max_mnt_count, magic, state, errors, minor_rev;
	le32_t lastcheck, checkinterval, creator_os, rev_level;
	le16_t def_resuid, def_resgid;
	le32_t first_ino;
	le16_t inode_size, block_group_nr;
	le32_t compat, incompat, ro_compat;
	uint8_t uuid[16];
	char volume_name[16], last_mounted[64];
	le32_t algorithm_usage;
	uint8_t prealloc_blocks, prealloc_dir_blocks;
	le16_t reserved_gdt_blocks;
	uint8_t journal_uuid[16];
	le32_t journal_inum, journal_dev, last_orphan;
	le32_t hash_seed[4];
	uint8_t def_hash_version, jnl_backup_type;
	le16_t desc_size;
	le32_t default_mount_opts, first_meta_bg, mkfs_time, jnl_blocks[17];
	le32_t blocks_count_hi, r_blocks_count_hi, free_blocks_hi;
	le16_t min_extra_isize, want_extra_isize;
	le32_t flags;
	le16_t raid_stride, mmp_interval;
	le64_t mmp_block;
	le32_t raid_stripe_width;
	uint8_t log_groups_per_flex, checksum_type, encryption_level, pad1;
	le64_t kbytes_written;
	le32_t snapshot_inum, snapshot_id;
	le64_t snapshot_r_blocks;
	le32_t snapshot_list, error_count, first_error_time, first_error_ino;
	le64_t first_error_block;
	uint8_t first_error_func[32];
	le32_t first_error_line, last_error_time, last_error_ino, last_error_line;
	le64_t last_error_block;
	uint8_t last_error_func[32], mount_opts[64];
	le32_t usr_quota_inum, grp_quota_inum, overhead, backup_bgs[2];
	uint8_t encrypt_algos[4], encrypt_salt[16];
	le32_t lpf_ino, prj_quota_inum, checksum_seed;
	uint8_t wtime_hi, mtime_hi, mkfs_time_hi, lastcheck_hi, first_error_time_hi,
		last_error_time_hi, first_error_code, last_error_code;
	le16_t encoding, encoding_flags;
	le32_t orphan_file_inum, reserved[94], checksum;
};
_Static_assert(sizeof(struct ext4_super) == 1024, "super block");

/* state, flags */
#define EXT4_VALID 1
#define EXT4_ERRORS 2
#define EXT4_HASH_SIGNED 1
#define EXT4_HASH_UNSIGNED 2

/* Features.  COMPAT_, RO_ and IN_ are the three words. */
#define COMPAT_HAS_JOURNAL 0x4
#define COMPAT_DIR_INDEX 0x20
#define COMPAT_SPARSE_SUPER2 0x200
#define COMPAT_ORPHAN_FILE 0x1000
#define RO_SPARSE_SUPER 0x1
#define RO_LARGE_FILE 0x2
#define RO_HUGE_FILE 0x8
#define RO_GDT_CSUM 0x10
#define RO_DIR_NLINK 0x20
#define RO_EXTRA_ISIZE 0x40
#define RO_BIGALLOC 0x200
#define RO_METADATA_CSUM 0x400
#define RO_ORPHAN_PRESENT 0x10000
#define RO_SUPPORTED                                                                       \
	(RO_SPARSE_SUPER | RO_LARGE_FILE | RO_HUGE_FILE | RO_GDT_CSUM | RO_DIR_NLINK |     \
	 RO_EXTRA_ISIZE | RO_METADATA_CSUM | RO_ORPHAN_PRESENT)
#define IN_FILETYPE 0x2
#define IN_RECOVER 0x4
#define IN_JOURNAL_DEV 0x8
#define IN_META_BG 0x10
#define IN_EXTENTS 0x40
#define IN_64BIT 0x80
#define IN_FLEX_BG 0x200
#define IN_CSUM_SEED 0x2000
#define IN_LARGEDIR 0x4000
#define IN_SUPPORTED                                                                       \
	(IN_FILETYPE | IN_RECOVER | IN_META_BG | IN_EXTENTS | IN_64BIT | IN_FLEX_BG |      \
	 IN_CSUM_SEED)

struct ext4_desc {
	le32_t block_bitmap, inode_bitmap, inode_table;
	le16_t free_blocks, free_inodes, used_dirs, flags;
	le32_t exclude_bitmap;
	le16_t block_csum, inode_csum, itable_unused, checksum;
	/* With 64BIT. */
	le32_t block_bitmap_hi, inode_bitmap_hi, inode_table_hi;
	le16_t free_blocks_hi, free_inodes_hi, used_dirs_hi, itable_unused_hi;
	le32_t exclude_bitmap_hi;
	le16_t block_csum_hi, inode_csum_hi;
	le32_t reserved;
};
_Static_assert(sizeof(struct ext4_desc) == 64, "group descriptor");

#define BG_INODE_UNINIT 1
#define BG_BLOCK_UNINIT 2
#define BG_INODE_ZEROED 4

struct ext4_disk_inode {
	le16_t mode, uid;
	le32_t size, atime, ctime, mtime, dtime;
	le16_t gid, links;
	le32_t blocks, flags, version;
	uint8_t block[60];
	le32_t generation, file_acl, size_high, faddr;
	le16_t blocks_high, file_acl_high, uid_high, gid_high, csum_lo, reserved;
	/* In inodes of more than 128 bytes, as far as extra_isize says. */
	le16_t extra_isize, csum_hi;
	le32_t ctime_extra, mtime_extra, atime_extra, crtime, crtime_extra, version_hi, projid;
};
_Static_assert(sizeof(struct ext4_disk_inode) == 160, "inode");

#define INODE_SYNC 0x8
#define INODE_IMMUTABLE 0x10
#define INODE_APPEND 0x20
#define INODE_INDEX 0x1000		/* a directory with a hash tree */
#define INODE_JOURNAL_DATA 0x4000
#define INODE_HUGE 0x40000		/* blocks counts file-system blocks */
#define INODE_EXTENTS 0x80000
#define INODE_EA_INODE 0x200000
#define INODE_INLINE 0x10000000
#define INODE_INHERITED (INODE_SYNC | 0x80 /* no atime */ | 0x40 /* no dump */)

struct ext4_extent_header {
	le16_t magic, entries, max, depth;
	le32_t generation;
};
#define EXTENT_MAGIC 0xf30a
struct ext4_extent {
	le32_t block;
	le16_t len, start_hi;
	le32_t start;
};
struct ext4_index {
	le32_t block, leaf;
	le16_t leaf_hi, unused;
};
#define EXTENT_MAX 32768		/* blocks; more in `len`: unwritten, of so many more */

struct ext4_dirent {
	le32_t ino;
	le16_t rec_len;
	uint8_t name_len, type;
	char name[];
};
struct ext4_dir_tail {			/* looks like an unused entry */
	le32_t zero;
	le16_t rec_len;
	uint8_t zero2, type;		/* 0xde */
	le32_t checksum;
};

struct ext4_dx_entry {
	le32_t hash, block;
};
struct ext4_dx_limit {			/* in place of the first entry's hash */
	le16_t limit, count;
	le32_t block;
};
struct ext4_dx_info {
	le32_t zero;
	uint8_t hash_version, info_length, levels, flags;
};
struct ext4_dx_tail {
	le32_t reserved, checksum;
};

struct ext4_orphan_tail {
	le32_t magic, checksum;
};
#define ORPHAN_MAGIC 0x0b10ca04

struct ext4_xattr_header {		/* of a block; in an inode only the magic */
	le32_t magic, refcount, blocks, hash, checksum, reserved[3];
};
struct ext4_xattr_entry {
	uint8_t name_len, name_index;
	le16_t value_offset;
	le32_t value_inum, value_size, hash;
	char name[];
};
#define XATTR_MAGIC 0xea020000

#endif

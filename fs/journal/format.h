/* SPDX-License-Identifier: ISC */
/* JBD2 on the disk (Linux: Documentation/filesystems/ext4/journal.rst).  Big endian. */
#ifndef FS_JOURNAL_FORMAT_H
#define FS_JOURNAL_FORMAT_H

#include "fs/le.h"

#define JBD_MAGIC 0xc03b3998

enum { JBD_DESCRIPTOR = 1, JBD_COMMIT, JBD_SUPER_V1, JBD_SUPER_V2, JBD_REVOKE };

struct jbd_header {
	be32_t magic, type, sequence;
};

struct jbd_super {
	struct jbd_header header;
	be32_t block_size, max_len, first;
	be32_t sequence, start;
	be32_t error;
	be32_t compat, incompat, ro_compat;
	uint8_t uuid[16];
	be32_t users, dynamic_super, max_transaction, max_data;
	uint8_t checksum_type, padding2[3];
	be32_t fast_commit_blocks;
	be32_t padding[41];
	be32_t checksum;
	uint8_t user_ids[768];
};
_Static_assert(sizeof(struct jbd_super) == 1024, "journal super block");

#define JBD_COMPAT_CHECKSUM 1
#define JBD_REVOKES 1			/* incompat */
#define JBD_64BIT 2
#define JBD_ASYNC_COMMIT 4
#define JBD_CSUM_V2 8
#define JBD_CSUM_V3 16
#define JBD_FAST_COMMIT 32
#define JBD_CRC32C 4			/* checksum_type */

/* Tags of a descriptor block.  The first form with checksums of version 3. */
struct jbd_tag3 {
	be32_t block, flags, block_high, checksum;
};
struct jbd_tag {
	be32_t block;
	be16_t checksum, flags;
	be32_t block_high;		/* only with 64BIT */
};

#define JBD_ESCAPED 1
#define JBD_SAME_UUID 2
#define JBD_DELETED 4
#define JBD_LAST 8

struct jbd_revoke {
	struct jbd_header header;
	be32_t bytes;			/* with the header */
};

struct jbd_commit {
	struct jbd_header header;
	uint8_t checksum_type, checksum_size, padding[2];
	be32_t checksum[8];
	be32_t sec_high, sec_low;
	be32_t nsec;
};

#endif

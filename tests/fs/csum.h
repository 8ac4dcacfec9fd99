/* SPDX-License-Identifier: ISC */
/*
 * The blocks of metadata of an ext4 image, and their checksums: to change one and make its
 * checksum right again.  Written after Linux's Documentation/filesystems/ext4, not after fs/.
 */
#ifndef TESTS_FS_CSUM_H
#define TESTS_FS_CSUM_H

#include <stddef.h>
#include <stdint.h>

enum csum_kind {
	CSUM_SUPER, CSUM_GROUP, CSUM_INODE, CSUM_BLOCK_BITMAP, CSUM_INODE_BITMAP, CSUM_DIR,
	CSUM_EXTENT, CSUM_XATTR, CSUM_JOURNAL_SUPER, CSUM_JOURNAL, CSUM_KINDS
};

struct csum_block {
	enum csum_kind kind;
	uint64_t at;			/* in the image */
	size_t len;
	uint32_t ino;			/* its owner, or the inode; the group of a bitmap */
};

struct csum {
	struct csum_block *blocks;
	unsigned count, room;
	uint32_t block_size, first, desc_size;	/* of the valid image, as the places above */
	uint64_t size, *inodes;			/* where each inode is */
};

/* Find the metadata of a valid image. */
void csum_scan(struct csum *c, const uint8_t *image, uint64_t size);
/* Change bytes of a block: of the kind, the nth of it.  how: which bytes, how many. */
void csum_change(const struct csum *c, uint8_t *image, unsigned kind, unsigned n, unsigned place,
		 unsigned how, uint32_t value);
/* Make all checksums right. */
void csum_mend(const struct csum *c, uint8_t *image);

#endif

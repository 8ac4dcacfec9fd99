/* SPDX-License-Identifier: ISC */
/*
 * fs/ext4/super.c for any super block: no error in the arithmetic, and what is accepted has the
 * sizes that the rest of fs/ relies on.
 */
#include "fs/ext4/super.c"
#include "tests/prove/fs_os.h"

static struct ext4 e;
static struct ext4_super super;
static struct fs_options options;
static struct block device;

/*
 * The arithmetic, and the sizes that are powers of 2.
 *
 * prove: unwind 10 seconds 5
 */
void prove_take(void)
{
	bool read_only;
	int rc;

	any_bytes(&super, sizeof(super));
	device.size = nondet_uint64();
	device.sector_size = nondet_bool() ? 512 : 4096;
	rc = super_take(&e, &super, &options, &device, &read_only);
	if (rc) {
		CLAIM("a reason is told by a number", rc == -EINVAL || rc == -EOPNOTSUPP || rc == -EUCLEAN);
		REACHED("refused");
		return;
	}
	CLAIM("blocks", (e.block_size == 1024 || e.block_size == 2048 || e.block_size == 4096) &&
	      e.block_size == 1u << e.shift && e.block_size >= device.sector_size);
	CLAIM("inodes fit blocks", e.inode_size >= 128 && e.inode_size <= e.block_size &&
	      !(e.inode_size & (e.inode_size - 1)));
	CLAIM("descriptors fit blocks", e.desc_size >= (e.wide ? 64 : 32) && e.desc_size <= 1024 &&
	      e.desc_size <= e.block_size && !(e.desc_size & (e.desc_size - 1)));
	CLAIM("a bitmap has the bits of its group", e.blocks_per_group <= 8 * e.block_size &&
	      e.inodes_per_group <= 8 * e.block_size && e.blocks_per_group % 8 == 0 &&
	      e.inodes_per_group % 8 == 0 && e.inodes_per_group);
	CLAIM("the disk has all blocks", e.blocks_count <= device.size >> e.shift &&
	      e.blocks_count > e.first_data && e.blocks_count < 1ull << 48);
	CLAIM("the first inodes are in the first group", e.first_ino >= 11 &&
	      e.first_ino < e.inodes_per_group);
	CLAIM("groups lie together", e.flex);
	CLAIM("the label ends", e.fs.label[16] == 0);
	REACHED("accepted");
	if (read_only)
		REACHED("accepted for reading");
}

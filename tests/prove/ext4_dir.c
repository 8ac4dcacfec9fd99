/* SPDX-License-Identifier: ISC */
/*
 * fs/ext4/dir/dir.c for any block of a directory: the check reads within the block, and after it the
 * entries fill the block, and the name of each is in its entry.  Blocks of up to BLOCK bytes, so loops
 * are short; sizes and offsets of entries are any.
 */
#include "fs/ext4/dir/dir.c"
#include "tests/prove/fs_os.h"

#define BLOCK 48u

static struct ext4 e;
static struct ext4_inode dir;
static struct buf b;

uint32_t ext4_isum(const struct ext4_inode *i)
{
	return i->generation;
}

static void any_block(void)
{
	static uint8_t data[BLOCK];

	any_bytes(data, sizeof(data));
	e.block_size = BLOCK;
	e.inodes_count = nondet_uint32();
	e.metadata_csum = nondet_bool();
	dir.i.fs = &e.fs;
	b.data = data;
}

/* prove: unwind 8 seconds 3 */
void prove_check(void)
{
	unsigned at, len;

	any_block();
	if (!leaf_valid(&dir, &b))
		return;
	for (at = 0; at < dir_space(&e); at += len) {
		const struct ext4_dirent *d = dirent_at(&b, at);

		len = dirent_len(&e, d);
		CLAIM("an entry goes on", len >= 8 && len % 4 == 0);
		CLAIM("it is in the block", at + len <= dir_space(&e));
		if (d->ino) {
			CLAIM("its name is in it", d->name_len && 8u + d->name_len <= len &&
			      READABLE(d->name, d->name_len));
			CLAIM("its inode exists", le32(d->ino) <= e.inodes_count);
			REACHED("an entry with a name");
		}
	}
	CLAIM("entries end with the block", at == dir_space(&e));
	REACHED("a valid block");
	if (e.metadata_csum)
		REACHED("a valid block with a checksum");
}

/*
 * A search in a valid block.
 *
 * prove: unwind 5 seconds 5
 */
void prove_search(void)
{
	char name[3];
	size_t len = nondet_size();
	struct dir_slot s;
	uint32_t ino;
	bool found;

	any_block();
	e.metadata_csum = false;
	e.block_size = 28;
	any_bytes(name, sizeof(name));
	ASSUME(len >= 1 && len <= sizeof(name));
	ASSUME(leaf_valid(&dir, &b));
	found = dir_search(&dir, &b, name, len, &s, &ino);
	if (found) {
		const struct ext4_dirent *d = dirent_at(&b, s.at);

		CLAIM("the slot is an entry of the block", s.b == &b && s.at + 8 <= dir_space(&e));
		CLAIM("of this name", d->name_len == len && d->name[0] == name[0] && ino == le32(d->ino));
		CLAIM("the one before is that", s.at ? s.before + dirent_len(&e, dirent_at(&b, s.before)) ==
		      s.at : s.before == 0);
		CLAIM("the inode exists", ino && ino <= e.inodes_count);
		REACHED("found");
	} else {
		REACHED("not found");
	}
}

/* SPDX-License-Identifier: ISC */
/*
 * fs/ext4/dir/htree.c for any node of an index: the check reads within the block, and after it each entry
 * is a block of the directory, and the keys rise.  Blocks of BLOCK bytes, so loops are short.
 */
#include "fs/ext4/dir/htree.c"
#include "tests/prove/fs_os.h"

#define BLOCK 64u

static struct ext4 e;
static struct ext4_inode dir;
static struct buf b;

uint32_t ext4_isum(const struct ext4_inode *i)
{
	return i->generation;
}

static void any_node(void)
{
	static uint8_t data[BLOCK];

	any_bytes(data, sizeof(data));
	e.block_size = BLOCK;
	e.shift = 6;
	e.inodes_count = nondet_uint32();
	e.metadata_csum = nondet_bool();
	dir.i.fs = &e.fs;
	dir.i.size = nondet_uint64();
	ASSUME(dir.i.size >> e.shift <= 0xffffff);
	b.data = data;
}

/* prove: unwind 9 seconds 3 */
void prove_check(void)
{
	unsigned k = nondet_uint32();
	struct frame f;

	any_node();
	if (!htree_check(&dir, &b))
		return;
	f = (struct frame){ .b = &b, .entries = (void *)(b.data + entries_at(&b)) };
	CLAIM("a node has an entry", count(&f) >= 1);
	CLAIM("the root has few levels", entries_at(&b) != ROOT_AT || info(&b)->levels < LEVELS);
	ASSUME(k < count(&f));
	CLAIM("its entries are in the block", READABLE(&f.entries[k], sizeof(f.entries[k])) &&
	      entries_at(&b) + (k + 1) * 8 <= BLOCK - (e.metadata_csum ? 8 : 0));
	CLAIM("each is a block of the directory", le32(f.entries[k].block) < dir.i.size >> e.shift);
	CLAIM("the keys rise", k < 2 || le32(f.entries[k - 1].hash) <= le32(f.entries[k].hash));
	REACHED("an entry");
	if (entries_at(&b) == ROOT_AT)
		REACHED("a root");
	else
		REACHED("a node");
}

/* prove: unwind 9 seconds 3 */
void prove_search(void)
{
	uint32_t hash = nondet_uint32();
	struct frame f;
	unsigned at;

	any_node();
	ASSUME(htree_check(&dir, &b));
	f = (struct frame){ .b = &b, .entries = (void *)(b.data + entries_at(&b)) };
	at = search(&f, hash);
	CLAIM("an entry of the node", at < count(&f));
	CLAIM("its key is at most the hash", at == 0 || le32(f.entries[at].hash) <= hash);
	CLAIM("the next one's is not", at + 1 == count(&f) || le32(f.entries[at + 1].hash) > hash);
	REACHED("found");
	if (at)
		REACHED("found behind the first");
}

/* prove: unwind 9 seconds 3 */
void prove_seal(void)
{
	any_node();
	ASSUME(htree_check(&dir, &b));
	b.kind = BUF_DX;
	ext4_seal_buf(&e, &b);
	CLAIM("only the checksum is written", le16(limits((void *)(b.data + entries_at(&b)))->limit) ==
	      capacity(&e, entries_at(&b)));
	REACHED("sealed");
}

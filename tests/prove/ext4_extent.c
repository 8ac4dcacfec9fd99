/* SPDX-License-Identifier: ISC */
/*
 * fs/ext4/map/extent.c for any node: only entries within it are read, and what is accepted is in order,
 * within the file system and within the numbers of a file.  Blocks have a node's header and
 * ENTRIES entries, so all loops are as short.
 */
#include "fs/ext4/map/extent.c"
#include "tests/prove/fs_os.h"

#define ENTRIES 4u
#define BLOCK (sizeof(struct ext4_extent_header) + ENTRIES * sizeof(union entry) + 4)

static struct ext4 e;

bool ext4_block_valid(const struct ext4 *e, uint64_t nr, uint64_t count)
{
	return count && nr && nr < e->blocks_count && count <= e->blocks_count - nr;
}

static void any_fs(void)
{
	e.block_size = BLOCK;
	e.blocks_count = nondet_uint64();
	e.metadata_csum = nondet_bool();
	ASSUME(e.blocks_count > 8 && e.blocks_count < 1ull << 48);
}

/* prove: unwind 6 seconds 3 */
void prove_node(void)
{
	static uint8_t node[BLOCK];
	unsigned depth = nondet_uint32(), k = nondet_uint32();
	struct step s;

	any_bytes(node, sizeof(node));
	any_fs();
	CLAIM("a block has room for so many", capacity(&e) == ENTRIES);
	enter(&s, NULL, node);
	if (!node_valid(&e, &s, depth, ENTRIES))
		return;
	CLAIM("the depth is the wanted one", le16(s.h->depth) == depth);
	CLAIM("its entries fit", entries(&s) <= ENTRIES && le16(s.h->max) <= ENTRIES);
	CLAIM("an index has entries", !depth || entries(&s));
	ASSUME(k < entries(&s));
	if (depth) {
		CLAIM("what is below is in the file system",
		      leaf_block(&s.entries[k].i) && leaf_block(&s.entries[k].i) < e.blocks_count);
		CLAIM("the keys rise", !k || le32(s.entries[k - 1].block) < le32(s.entries[k].block));
		REACHED("an index");
	} else {
		CLAIM("an extent is in the file system", start_of(&s.entries[k].x) +
		      len_of(&s.entries[k].x) <= e.blocks_count && start_of(&s.entries[k].x));
		CLAIM("it has blocks, of the numbers of a file",
		      len_of(&s.entries[k].x) && end_of(&s.entries[k].x) <= UINT32_MAX);
		CLAIM("no two have the same block of the file",
		      !k || end_of(&s.entries[k - 1].x) <= le32(s.entries[k].block));
		REACHED("a leaf");
	}
	if (entries(&s) == ENTRIES)
		REACHED("a full node");
}

/* prove: unwind 6 */
void prove_search(void)
{
	static uint8_t node[BLOCK];
	uint32_t lblk = nondet_uint32();
	struct step s;
	int at;

	any_bytes(node, sizeof(node));
	enter(&s, NULL, node);
	ASSUME(entries(&s) <= ENTRIES);
	for (unsigned k = 1; k < entries(&s); k++)
		ASSUME(le32(s.entries[k - 1].block) < le32(s.entries[k].block));
	at = search(&s, lblk);
	CLAIM("an entry of the node, or none", at >= -1 && at < (int)entries(&s));
	CLAIM("it begins at or before the block", at < 0 || le32(s.entries[at].block) <= lblk);
	CLAIM("the next one begins behind it", at + 1 == (int)entries(&s) ||
	      le32(s.entries[at + 1].block) > lblk);
	REACHED("searched");
	if (at >= 0)
		REACHED("found");
}

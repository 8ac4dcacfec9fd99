/* SPDX-License-Identifier: ISC */
/*
 * fs/ext4/xattr.c for any block of attributes of up to SIZE bytes, and any place in an inode: names and
 * values that are accepted are within the block.
 */
#include "fs/ext4/xattr.c"
#include "tests/prove/fs_os.h"

#define SIZE 48u

static struct ext4 e;
static struct ext4_inode inode;
static struct attrs a;

/* prove: unwind 4 seconds 5 */
void prove_parse(void)
{
	static uint8_t block[SIZE];
	unsigned at = nondet_uint32(), base = nondet_uint32(), k = nondet_uint32();
	bool valid;

	any_bytes(block, sizeof(block));
	/* In a block entries begin behind the header, in an inode at 0; both are aligned. */
	ASSUME(at <= SIZE && at % 4 == 0 && base <= at);
	a.count = 0;
	valid = parse(&a, block, at, base, SIZE, nondet_bool());
	CLAIM("as many as fit", a.count <= SIZE / sizeof(struct ext4_xattr_entry));
	if (!valid)
		return;
	ASSUME(k < a.count);
	CLAIM("a name is in the block", READABLE(a.list[k].name, a.list[k].len) || !a.list[k].len);
	CLAIM("a value is in the block", a.list[k].size <= SIZE && (!a.list[k].size ||
	      READABLE(a.list[k].value, a.list[k].size)));
	REACHED("an attribute");
	if (a.count == 2)
		REACHED("two attributes");
}

/* The number of attributes is limited by their list, too. */

/* prove: unwind 3 */
void prove_full(void)
{
	static uint8_t block[SIZE];

	any_bytes(block, sizeof(block));
	a.count = ATTRS;
	CLAIM("there is no place for one more", !parse(&a, block, 0, 0, SIZE, true) || a.count == ATTRS);
	REACHED("a full list");
}

/* prove: unwind 1 */
void prove_place(void)
{
	unsigned at, size;

	e.inode_size = nondet_uint32();
	inode.i.fs = &e.fs;
	inode.extra_isize = nondet_uint32();
	ASSUME(e.inode_size >= 128 && e.inode_size <= 4096);
	ASSUME(e.inode_size == 128 ? !inode.extra_isize : inode.extra_isize <= e.inode_size - 128);
	size = place(&inode, &at);
	CLAIM("the place is in the inode's record, behind its magic number",
	      !size || at + 4 + size == e.inode_size);
	CLAIM("there is room for the end", !size || (size >= 4 && at >= 128));
	if (size)
		REACHED("a place");
	else
		REACHED("no place");
}

/* SPDX-License-Identifier: ISC */
/*
 * ext4: disks whose metadata contradicts itself, though each block is well formed.  The result is
 * an error.  They have no checksums, so bytes can be changed without more.
 */
#include "tests/fs/ext4_host.h"
#include "tests/fs/host_os.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 1024
#define PLAIN "-b 1024 -N 64 -O ^64bit,^metadata_csum"

static uint32_t get(const uint8_t *p, unsigned bytes)
{
	uint32_t x = 0;

	memcpy(&x, p, bytes);
	return x;
}

static void put(uint8_t *p, uint32_t x, unsigned bytes)
{
	memcpy(p, &x, bytes);
}

static uint8_t *block(struct disk *d, uint32_t nr)
{
	return d->data + (size_t)nr * BLOCK;
}

static uint8_t *descriptor(struct disk *d)
{
	return block(d, 2);
}

/* The record of an inode of group 0. */
static uint8_t *inode(struct disk *d, uint32_t ino)
{
	return block(d, get(descriptor(d) + 8, 4)) + (ino - 1) * 256;
}

/* The first entry of the root of the inode's extents: an index, or an extent. */
static uint32_t first_leaf(struct disk *d, uint32_t ino)
{
	return get(inode(d, ino) + 40 + 12 + 4, 4);
}

static uint32_t first_block(struct disk *d, uint32_t ino)
{
	return get(inode(d, ino) + 40 + 12 + 8, 4);
}

static void refused(struct disk *d)
{
	struct fs_options o = { .reason = "" };
	struct fs *fs;

	FAILS(EUCLEAN, ext4_mount(&d->block, &o, &fs));
	CHECK(o.reason[0]);
	disk_free(d);
}

static uint64_t add_file(struct fs *fs, const char *path)
{
	struct inode *i = make_file(fs, path);
	uint64_t ino = i->ino;

	inode_put(i);
	return ino;
}

/* Two attributes that share a value, of 60 bytes in a place of 92. */
static void values_overlap(void)
{
	static const struct {
		uint8_t name_len, index;
		uint16_t offset;
		uint32_t inum, size, hash;
		char name[4];
	} two[2] = { { 1, 1, 32, 0, 60, 0, "a" }, { 1, 1, 32, 0, 60, 0, "b" } };
	struct disk d;
	struct fs *fs;
	struct inode *i;
	uint8_t *p;
	uint64_t ino;

	disk_make(&d, PLAIN, 4096);
	fs = mount_disk(&d);
	ino = add_file(fs, "file");
	unmount_disk(fs);
	p = inode(&d, ino) + 128 + get(inode(&d, ino) + 128, 2);
	put(p, 0xea020000, 4);
	memset(p + 4, 0, 256 - 128 - 32 - 4);
	memcpy(p + 4, two, sizeof(two));
	fs = mount_disk(&d);
	i = at_path(fs, "file");
	FAILS(EUCLEAN, fs->ops->xattr_set(i, "user.x", "value", 5, 0));
	inode_put(i);
	fs->ops->unmount(fs);
	disk_free(&d);
}

/* An inode that has a name and is open is free in the bitmap. */
static void a_number_has_two_uses(void)
{
	struct disk d;
	struct fs *fs;
	struct inode *i, *other;
	uint8_t *bitmap;
	uint64_t ino;

	disk_make(&d, PLAIN, 4096);
	fs = mount_disk(&d);
	ino = add_file(fs, "file");
	unmount_disk(fs);
	bitmap = block(&d, get(descriptor(&d) + 4, 4));
	bitmap[(ino - 1) / 8] &= ~(1 << (ino - 1) % 8);
	put(descriptor(&d) + 14, get(descriptor(&d) + 14, 2) + 1, 2);
	put(d.data + 1024 + 16, get(d.data + 1024 + 16, 4) + 1, 4);
	fs = mount_disk(&d);
	i = at_path(fs, "file");
	FAILS(EUCLEAN, fs->ops->create(fs->root, "other", 5, FS_IFREG | 0600, 0, 0, 0, &other));
	inode_put(i);
	fs->ops->unmount(fs);
	disk_free(&d);
}

/* A leaf for no entries, and one for one entry: neither can be split. */
static void nodes_are_small(void)
{
	for (unsigned max = 0; max < 2; max++) {
		struct disk d;
		struct fs *fs;
		struct inode *i;
		uint8_t *leaf;
		uint64_t ino;

		disk_make(&d, PLAIN, 4096);
		fs = mount_disk(&d);
		i = make_file(fs, "file");
		ino = i->ino;
		for (unsigned k = 0; k < 8; k++) {
			OK(write_at(i, "data", 4, k * 8192));
			OK(sync_file(i, false));
		}
		inode_put(i);
		unmount_disk(fs);
		CHECK(get(inode(&d, ino) + 40 + 6, 2) == 1);
		leaf = block(&d, first_leaf(&d, ino));
		CHECK(get(leaf, 2) == 0xf30a);
		put(leaf + 2, max, 2);
		put(leaf + 4, max, 2);
		fs = mount_disk(&d);
		i = at_path(fs, "file");
		write_at(i, "data", 4, 100000);
		CHECK(sync_file(i, false) < 0);
		inode_put(i);
		fs->ops->unmount(fs);
		disk_free(&d);
	}
}

/* The root directory's block is also the bitmap of the group; then what is free is a table. */
static void blocks_have_two_uses(void)
{
	struct disk d;
	struct fs *fs;
	struct inode *i;
	uint32_t nr;

	disk_make(&d, PLAIN, 4096);
	put(descriptor(&d), first_block(&d, 2), 4);
	fs = mount_disk(&d);
	FAILS(EUCLEAN, fs->ops->lookup(fs->root, "x", 1, &i));
	fs->ops->unmount(fs);
	disk_free(&d);

	/* Two of the file system's own. */
	disk_make(&d, PLAIN, 4096);
	put(descriptor(&d), get(descriptor(&d) + 8, 4) + 1, 4);
	refused(&d);
	disk_make(&d, PLAIN, 4096);
	put(descriptor(&d) + 4, 2, 4);
	refused(&d);

	/* The bitmap says that the inode table is free, and nothing else is. */
	disk_make(&d, PLAIN, 4096);
	nr = get(descriptor(&d), 4);
	memset(block(&d, nr), 0xff, 4096 / 8);
	for (unsigned k = 0; k < 8; k++) {
		uint32_t bit = get(descriptor(&d) + 8, 4) + k - 1;

		block(&d, nr)[bit / 8] &= ~(1 << bit % 8);
	}
	put(descriptor(&d) + 12, 8, 2);
	fs = mount_disk(&d);
	CHECK(fs->ops->mkdir(fs->root, "d", 1, 0755, 0, 0, &i) < 0);
	fs->ops->unmount(fs);
	disk_free(&d);
}

/* Two files have the same node of extents. */
static void trees_share_a_node(void)
{
	struct disk d;
	struct fs *fs;
	struct inode *i[2];
	uint64_t ino[2];
	char c;

	disk_make(&d, PLAIN, 4096);
	fs = mount_disk(&d);
	for (unsigned n = 0; n < 2; n++) {
		i[n] = make_file(fs, n ? "b" : "a");
		ino[n] = i[n]->ino;
		for (unsigned k = 0; k < 8; k++) {
			OK(write_at(i[n], "data", 4, k * 8192));
			OK(sync_file(i[n], false));
		}
		inode_put(i[n]);
	}
	unmount_disk(fs);
	put(inode(&d, ino[1]) + 40 + 12 + 4, first_leaf(&d, ino[0]), 4);
	fs = mount_disk(&d);
	i[0] = at_path(fs, "a");
	i[1] = at_path(fs, "b");
	CHECK(read_at(i[0], &c, 1, 0) == 1 && c == 'd');
	FAILS(EUCLEAN, read_at(i[1], &c, 1, 0));
	inode_put(i[0]);
	inode_put(i[1]);
	fs->ops->unmount(fs);
	disk_free(&d);
}

/* Sizes that others are divided by: of an inode, and numbers per group. */
static void a_size_is_zero(void)
{
	static const struct {
		unsigned at, bytes;
	} fields[] = { { 0x58, 2 }, { 0x20, 4 }, { 0x28, 4 } };

	for (unsigned k = 0; k < sizeof(fields) / sizeof(*fields); k++) {
		struct disk d;

		disk_make(&d, PLAIN, 4096);
		put(d.data + 1024 + fields[k].at, 0, fields[k].bytes);
		refused(&d);
	}
}

/* The journal's inode has no name, so it would be deleted when it is put. */
static void the_journal_was_deleted(void)
{
	struct disk d;

	disk_make(&d, PLAIN, 4096);
	put(inode(&d, 8) + 26, 0, 2);
	refused(&d);
	disk_make(&d, PLAIN ",orphan_file", 4096);
	put(inode(&d, get(d.data + 1024 + 0x280, 4)) + 26, 0, 2);
	refused(&d);
}

/* The orphan file is in use, and its block is not one, or is not there. */
static void the_orphan_file_is_invalid(void)
{
	for (unsigned how = 0; how < 2; how++) {
		struct disk d;
		uint32_t ino;

		disk_make(&d, PLAIN ",orphan_file", 4096);
		ino = get(d.data + 1024 + 0x280, 4);
		put(d.data + 1024 + 0x64, get(d.data + 1024 + 0x64, 4) | 0x10000, 4);
		if (how)
			put(inode(&d, ino) + 40 + 12 + 8, 0x7fffff, 4);
		else
			memset(block(&d, first_block(&d, ino)), 0x55, BLOCK);
		refused(&d);
	}
}

/* A disk with an orphan is mounted, and with a wrong checksum of the block that has it is not. */
static void the_orphan_file_has_a_wrong_checksum(void)
{
	struct disk d, copy, good;
	struct inode *i;
	struct fs *fs;

	disk_make(&d, "-b 1024 -N 64 -O orphan_file", 4096);
	fs = mount_disk(&d);
	OK(fs->ops->tmpfile(fs->root, 0600, 0, 0, &i));
	OK(fs->ops->freeze(fs));
	disk_copy(&d, &copy);
	disk_copy(&d, &good);
	OK(fs->ops->thaw(fs));
	inode_put(i);
	unmount_disk(fs);
	disk_free(&d);
	unmount_disk(mount_disk(&good));
	disk_free(&good);
	block(&copy, first_block(&copy, get(copy.data + 1024 + 0x280, 4)))[BLOCK - 1] ^= 1;
	refused(&copy);
}

/* ---- Attributes of chattr: 0x10 immutable, 0x20 append only. */

static void attributes_forbid_changes(void)
{
	struct fs_vec v = { "data", 4 };
	uint64_t ino[2], at = 0;
	struct inode *i;
	struct fs_open o;
	struct disk d;
	struct fs *fs;

	disk_make(&d, PLAIN, 4096);
	fs = mount_disk(&d);
	ino[0] = add_file(fs, "immutable");
	ino[1] = add_file(fs, "append");
	unmount_disk(fs);
	for (unsigned k = 0; k < 2; k++)
		put(inode(&d, ino[k]) + 32, get(inode(&d, ino[k]) + 32, 4) | 0x10 << k, 4);
	fs = mount_disk(&d);
	for (unsigned k = 0; k < 2; k++) {
		const char *name = k ? "append" : "immutable";

		i = at_path(fs, name);
		fs_open_begin(&o, i);
		FAILS(EPERM, write_at(i, "data", 4, 0));
		CHECK(fs->ops->write(&o, &v, 1, &at, true) == (k ? 4 : -EPERM));
		FAILS(EPERM, fs->ops->truncate(i, 0));
		FAILS(EPERM, fs->ops->fallocate(i, 0, 0, 4096));
		FAILS(EPERM, fs->ops->setattr(i, &(struct fs_attr){ .set = FS_SET_MODE }));
		FAILS(EPERM, fs->ops->xattr_set(i, "user.x", "value", 5, 0));
		FAILS(EPERM, fs->ops->link(fs->root, "link", 4, i));
		FAILS(EPERM, rename_file(fs, name, "other", 0));
		FAILS(EPERM, remove_file(fs, name));
		fs_open_end(&o);
		inode_put(i);
	}
	unmount_disk(fs);
	disk_check(&d, "attributes");
	disk_free(&d);
}

/* ---- Logs that are to be replayed. */

static uint32_t get_be(const uint8_t *p)
{
	return __builtin_bswap32(get(p, 4));
}

/* A disk after a crash: a directory was made, and removed. */
static void crashed_disk(struct disk *d, const char *options)
{
	struct disk before;
	struct fs *fs;

	disk_make(&before, options, 4096);
	fs = mount_disk(&before);
	make_dir(fs, "dir");
	OK(fs->ops->syncfs(fs));
	OK(remove_file(fs, "dir"));
	OK(fs->ops->syncfs(fs));
	disk_copy(&before, d);
	unmount_disk(fs);
	disk_free(&before);
}

/* The first block of the log of a type: 1 describes blocks, 5 revokes them. */
static uint8_t *log_block(struct disk *d, uint32_t type)
{
	for (unsigned k = 1; k < 100; k++) {
		uint8_t *p = block(d, first_block(d, 8) + k);

		if (get_be(p) == 0xc03b3998 && get_be(p + 4) == type)
			return p;
	}
	fail("the log has no block of type %u", type);
}

static void logs_are_invalid(void)
{
	struct disk d;

	crashed_disk(&d, PLAIN);
	put(log_block(&d, 1) + 12, 0xffffff7f, 4);
	refused(&d);
	crashed_disk(&d, PLAIN);
	put(log_block(&d, 5) + 12, 0xf0ff0000, 4);
	refused(&d);
	/* A changed byte behind all that is used, and a wrong checksum therefore. */
	crashed_disk(&d, "-b 1024 -N 64");
	block(&d, first_block(&d, 8))[1000] ^= 1;
	refused(&d);
}

int main(int argc, char **argv)
{
	static const struct claim claims[] = {
		{ "an inode that is open is not used for another file", a_number_has_two_uses },
		{ "attributes whose values overlap are an error", values_overlap },
		{ "nodes of extents for few entries are an error", nodes_are_small },
		{ "blocks with two uses are an error", blocks_have_two_uses },
		{ "a node of extents in two files is an error", trees_share_a_node },
		{ "a super block with a size of 0 is refused", a_size_is_zero },
		{ "a journal or an orphan file without a name is refused", the_journal_was_deleted },
		{ "an orphan file without valid blocks is refused", the_orphan_file_is_invalid },
		{ "an orphan file with a wrong checksum is refused",
		  the_orphan_file_has_a_wrong_checksum },
		{ "what is immutable or append only is not changed", attributes_forbid_changes },
		{ "a log with invalid numbers or a wrong checksum is refused", logs_are_invalid },
	};

	return run_claims(argc, argv, claims, sizeof(claims) / sizeof(*claims));
}

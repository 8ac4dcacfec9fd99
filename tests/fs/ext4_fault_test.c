/* SPDX-License-Identifier: ISC */
/* ext4: a single write that fails, and disks without a free block. */
#include "tests/fs/ext4_host.h"
#include "tests/fs/host_os.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILES 12

static int (*next_write)(struct block *b, const struct block_vec *vecs, unsigned count, uint64_t at);
static unsigned countdown;		/* the write that fails, and only that; 0: none */

static int write_once_bad(struct block *b, const struct block_vec *vecs, unsigned count, uint64_t at)
{
	if (countdown && !--countdown)
		return -EIO;
	return next_write(b, vecs, count, at);
}

static void has_files(struct fs *fs)
{
	for (unsigned k = 0; k < FILES; k++) {
		char path[16], c = 0;
		struct inode *i;

		snprintf(path, sizeof(path), "file-%u", k);
		i = at_path(fs, path);
		CHECK(i && read_at(i, &c, 1, 0) == 1 && c == 'd');
		inode_put(i);
	}
}

/* Write n of a freeze fails, then there is no more power: what was synced is there. */
static bool freeze_fails(const struct disk *fresh, unsigned n)
{
	struct disk d, after;
	struct fs *fs;
	int rc;

	disk_copy(fresh, &d);
	next_write = d.block.write;
	d.block.write = write_once_bad;
	disk_record(&d);
	fs = mount_disk(&d);
	for (unsigned k = 0; k < FILES; k++) {
		char path[16];
		struct inode *i;

		snprintf(path, sizeof(path), "file-%u", k);
		i = make_file(fs, path);
		OK(write_at(i, "data", 4, 0));
		OK(sync_file(i, false));
		inode_put(i);
	}
	countdown = n;
	rc = fs->ops->freeze(fs);
	CHECK(!rc || rc == -EIO);
	countdown = 0;
	if (rc) {
		CHECK(fs->ops->thaw(fs) == -EINVAL);
		disk_replay(&d, d.count, &after);
		disk_check_crashed(&after, "a freeze failed");
		has_files(fs);
		fs->ops->unmount(fs);
		fs = mount_disk(&after);
		has_files(fs);
		unmount_disk(fs);
		disk_free(&after);
	} else {
		OK(fs->ops->thaw(fs));
		unmount_disk(fs);
	}
	disk_free(&d);
	return rc;
}

static void freezes_fail(void)
{
	unsigned step = host_share > 1 ? 5 : 1, n = 1 + host_slice % step;
	struct disk fresh;

	disk_make(&fresh, "-b 1024", 8192);
	while (freeze_fails(&fresh, n))
		n += step;
	CHECK(n > 3);
	disk_free(&fresh);
}

/* Write n of a commit fails: the file system is read-only, the disk remembers it, and what was
   synced is there. */
static bool commit_fails(const struct disk *fresh, unsigned n)
{
	struct inode *i, *root, *other;
	struct disk d;
	struct fs *fs;
	int rc;

	disk_copy(fresh, &d);
	next_write = d.block.write;
	d.block.write = write_once_bad;
	fs = mount_disk(&d);
	root = fs->root;
	i = make_file(fs, "synced");
	CHECK(write_at(i, "data", 4, 0) == 4);
	OK(sync_file(i, false));
	inode_put(i);
	i = make_file(fs, "other");
	countdown = n;
	rc = sync_file(i, false);
	CHECK(!rc || rc == -EIO);
	countdown = 0;
	if (rc) {
		CHECK(fs->read_only);
		FAILS(EROFS, fs->ops->create(root, "more", 4, FS_IFREG | 0644, 0, 0, 0, &other));
		FAILS(EIO, sync_file(i, false));
	}
	inode_put(i);
	CHECK(fs->ops->unmount(fs) == (rc ? -EIO : 0));
	fs = mount_disk(&d);
	i = at_path(fs, "synced");
	CHECK(i && i->size == 4);
	inode_put(i);
	unmount_disk(fs);
	/* The state in the super block: 1 is valid, 2 has errors. */
	CHECK(d.data[1024 + 0x3a] == (rc ? 3 : 1));
	disk_free(&d);
	return rc;
}

static void commits_fail(void)
{
	static const char *const some[] = { "-b 1024", "-O ^has_journal" };

	for (unsigned k = 0; k < 2; k++) {
		struct disk fresh;
		unsigned n = 1;

		disk_make(&fresh, some[k], 8192);
		while (commit_fails(&fresh, n))
			n++;
		CHECK(n > 2);
		disk_free(&fresh);
	}
}

/* fallocate() until the disk is full; then every second block is written. */
static void full_of_preallocated(void)
{
	struct disk d;
	struct fs *fs;
	struct inode *i;
	uint64_t size = 0;
	int rc = 0;

	disk_make(&d, "-b 1024", 32768);
	fs = mount_disk(&d);
	i = make_file(fs, "file");
	for (uint64_t len = 1 << 22; len >= 1024; len /= 2)
		while (!(rc = fs->ops->fallocate(i, 0, size, len)))
			size += len;
	CHECK(rc == -ENOSPC && size > 20 << 20);
	rc = 0;
	for (uint64_t at = 0; at < size && !rc; at += 2048) {
		rc = write_at(i, "data", 4, at) == 4 ? 0 : -ENOSPC;
		if (!rc && at % (64 * 2048) == 0)
			rc = sync_file(i, false);
	}
	if (!rc)
		rc = sync_file(i, false);
	CHECK(!rc || rc == -ENOSPC);
	CHECK(!fs->read_only);
	inode_put(i);
	OK(remove_file(fs, "file"));
	unmount_disk(fs);
	disk_check(&d, "a full disk");
	disk_free(&d);
}

int main(int argc, char **argv)
{
	static const struct claim claims[] = {
		{ "when a freeze fails, the log keeps what was synced", freezes_fail },
		{ "when a commit fails, nothing more is written, and the disk remembers it",
		  commits_fail },
		{ "a disk that fallocate() filled stays writable", full_of_preallocated },
	};

	return run_claims(argc, argv, claims, sizeof(claims) / sizeof(*claims));
}

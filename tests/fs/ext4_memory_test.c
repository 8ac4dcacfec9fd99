/* SPDX-License-Identifier: ISC */
/* ext4 without memory: an operation that fails loses no data, and what failed can be repeated. */
#include "tests/fs/ext4_host.h"
#include "tests/fs/host_os.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE (40 * 4096)		/* more than fsync() writes with the commit */

static uint8_t data[SIZE], got[SIZE + 1];

static const char *const kinds[] = { "-b 1024 -J size=1", "-b 4096 -J size=4", "-b 1024 -O ^extent,^64bit" };

#define KINDS (sizeof(kinds) / sizeof(*kinds))

static int write_range(struct inode *i)
{
	struct fs_open o;
	int rc;

	fs_open_begin(&o, i);
	rc = i->fs->ops->write_range(&o, 0, UINT64_MAX / 2);
	fs_open_end(&o);
	return rc;
}

/* A disk whose free blocks have 0xaa. */
static void make_used(struct disk *d, const char *options)
{
	static uint8_t old[1 << 20];
	struct inode *i;
	struct fs *fs;

	memset(old, 0xaa, sizeof(old));
	disk_make(d, options, 16384);
	fs = mount_disk(d);
	i = make_file(fs, "old");
	for (uint64_t at = 0; write_at(i, old, sizeof(old), at) == sizeof(old); at += sizeof(old))
		;
	OK(sync_file(i, false));
	inode_put(i);
	OK(remove_file(fs, "old"));
	OK(fs->ops->syncfs(fs));
	unmount_disk(fs);
}

/* The file as a crash leaves it now: its size.  Each byte is 'd', or 0 if `holes`. */
static size_t check_crashed(const struct disk *d, const char *path, bool holes)
{
	struct disk after;
	struct inode *i;
	struct fs *fs;
	ssize_t n;

	disk_copy(d, &after);
	fs = mount_disk(&after);
	i = at_path(fs, path);
	n = i ? OK(read_at(i, got, sizeof(got), 0)) : 0;
	for (ssize_t k = 0; k < n; k++)
		if (got[k] != 'd' && (got[k] || !holes))
			fail("byte %zd of %zd is %#x", k, n, got[k]);
	if (i)
		inode_put(i);
	unmount_disk(fs);
	disk_free(&after);
	return n;
}

/* fsync() of a new file; allocation n fails, or (`many`) all that need more than so many KiB. */
static bool sync_fails(const struct disk *fresh, size_t len, unsigned n, bool many)
{
	struct inode *i;
	struct disk d;
	struct fs *fs;
	bool ended;
	int rc;

	disk_copy(fresh, &d);
	fs = mount_disk(&d);
	i = make_file(fs, "file");
	CHECK(write_at(i, data, len, 0) == (ssize_t)len);
	if (many)
		host_os.limit = host_os.used + n * 1024;
	else
		host_os.fail_at = n;
	rc = sync_file(i, false);
	ended = !many && host_os.fail_at;
	host_os.fail_at = host_os.limit = 0;
	CHECK(!rc || rc == -ENOMEM);
	if (check_crashed(&d, "file", true) != len)
		CHECK(rc);
	OK(sync_file(i, false));
	CHECK(check_crashed(&d, "file", false) == len);
	inode_put(i);
	unmount_disk(fs);
	if (n % 8 == 1)
		disk_check(&d, "fsync() without memory");
	disk_free(&d);
	return many ? rc : !ended;
}

static void syncs_fail(void)
{
	memset(data, 'd', sizeof(data));
	for (unsigned k = 0; k < KINDS; k++) {
		struct disk fresh;

		make_used(&fresh, kinds[k]);
		for (size_t len = 4096; len <= SIZE; len += SIZE - 4096)
			for (unsigned many = 0; many < 2; many++)
				for (unsigned n = 1; sync_fails(&fresh, len, n, many);
				     n += host_share > 1 ? 1 + n / 4 : 1)
					CHECK(n < 2000);
		disk_free(&fresh);
	}
}

/* ---- Truncations. */

/* All of the file as it was, or its first bytes, to which more were written. */
static void check_truncated(const struct disk *d, size_t size)
{
	size_t n = check_crashed(d, "file", false);

	CHECK(n == size || n == 50 || n == 60);
}

/* The zeros behind the new end do not come before it. */
static void zeros_of_truncations(void)
{
	for (unsigned k = 0; k < KINDS; k++) {
		struct inode *i;
		struct disk d;
		struct fs *fs;

		memset(data, 'd', sizeof(data));
		disk_make(&d, kinds[k], 16384);
		fs = mount_disk(&d);
		i = make_file(fs, "file");
		CHECK(write_at(i, data, 4096, 0) == 4096);
		OK(sync_file(i, false));
		OK(fs->ops->truncate(i, 50));
		host_os.fail_at = 1;
		FAILS(ENOMEM, write_range(i));
		host_os.fail_at = 0;
		OK(write_range(i));
		check_truncated(&d, 4096);
		inode_put(i);
		unmount_disk(fs);
		disk_free(&d);
	}
}

/* It fails, and is finished later: by a write, or (`dirty`) by write-back. */
static void truncation_fails(const char *options, bool dirty)
{
	struct fs_options o = { .read_only = true };
	struct inode *i;
	struct disk d;
	struct fs *fs;

	memset(data, 'd', sizeof(data));
	disk_make(&d, options, 16384);
	fs = mount_disk(&d);
	i = make_file(fs, "file");
	CHECK(write_at(i, data, 8000, 0) == 8000);
	OK(sync_file(i, false));
	if (dirty)
		CHECK(write_at(i, data, 10, 0) == 10);
	host_os.limit = host_os.used + 4096;
	FAILS(ENOMEM, fs->ops->truncate(i, 50));
	host_os.limit = 0;
	if (!dirty)
		CHECK(write_at(i, data, 10, 50) == 10);
	OK(write_range(i));
	check_truncated(&d, 8000);
	inode_put(i);
	OK(fs->ops->syncfs(fs));
	CHECK(check_crashed(&d, "file", false) == (dirty ? 50 : 60));
	OK(fs->ops->remount(fs, &o));
	unmount_disk(fs);
	disk_check(&d, "a truncation without memory");
	disk_free(&d);
}

static void truncations_fail(void)
{
	for (unsigned k = 0; k < KINDS; k++)
		for (unsigned dirty = 0; dirty < 2; dirty++)
			truncation_fails(kinds[k], dirty);
}

/* ---- Freezes and remounts. */

static struct fs *busy;
static int (*next_write)(struct block *b, const struct block_vec *vecs, unsigned count, uint64_t at);
static int other_freeze;

/* Another thread freezes the file system while this one writes. */
static int write_and_freeze(struct block *b, const struct block_vec *vecs, unsigned count, uint64_t at)
{
	if (busy)
		other_freeze = busy->ops->freeze(busy);
	busy = NULL;
	return next_write(b, vecs, count, at);
}

static void remounts_and_freezes(void)
{
	struct fs_options o = { .read_only = true };
	struct inode *i;
	struct disk d;
	struct fs *fs;

	disk_make(&d, kinds[0], 8192);
	next_write = d.block.write;
	d.block.write = write_and_freeze;
	fs = mount_disk(&d);
	i = make_file(fs, "file");
	CHECK(write_at(i, "data", 4, 0) == 4);
	inode_put(i);
	busy = fs;
	OK(fs->ops->remount(fs, &o));
	CHECK(!busy && other_freeze == -EBUSY);
	unmount_disk(fs);
	disk_free(&d);
}

static void freezes_fail(void)
{
	struct inode *i;
	struct disk d;
	struct fs *fs;

	disk_make(&d, kinds[0], 8192);
	fs = mount_disk(&d);
	i = make_file(fs, "file");
	CHECK(write_at(i, data, 4096, 0) == 4096);
	host_os.background_at = 0;
	host_os.limit = host_os.used;
	FAILS(ENOMEM, fs->ops->freeze(fs));
	host_os.limit = 0;
	/* Nothing else asks for it. */
	host_os.clock += 10000000000;
	for (unsigned n = 0; n < 3; n++, host_os.clock += 10000000000)
		host_os_background();
	CHECK(check_crashed(&d, "file", true) == 4096);
	inode_put(i);
	unmount_disk(fs);
	disk_free(&d);
}

int main(int argc, char **argv)
{
	static const struct claim claims[] = {
		{ "fsync() without memory can be repeated, and shows no old data", syncs_fail },
		{ "zeros behind the end of a truncated file follow its end", zeros_of_truncations },
		{ "a truncation without memory is done wholly or not at all", truncations_fail },
		{ "a file system is not frozen while it is mounted again", remounts_and_freezes },
		{ "after a freeze that failed, data is written in the background", freezes_fail },
	};

	return run_claims(argc, argv, claims, sizeof(claims) / sizeof(*claims));
}

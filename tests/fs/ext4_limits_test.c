/* SPDX-License-Identifier: ISC */
/* ext4 with little memory, and on a full disk. */
#include "tests/fs/ext4_host.h"
#include "tests/fs/host_os.h"

#include <stdio.h>
#include <string.h>

static void memory_is_bounded(void)
{
	static uint8_t piece[65536], got[65536];
	unsigned pieces = 1600 / host_share;
	struct disk d;
	struct fs *fs;
	struct inode *i;

	disk_make(&d, "", host_share > 1 ? 16384 : 131072);
	host_os.limit = 4 << 20;
	fs = mount_disk(&d);
	i = make_file(fs, "large");
	for (unsigned k = 0; k < pieces; k++) {
		pattern(piece, sizeof(piece), 7, (uint64_t)k * sizeof(piece));
		CHECK(write_at(i, piece, sizeof(piece), (uint64_t)k * sizeof(piece)) == sizeof(piece));
	}
	OK(sync_file(i, false));
	for (unsigned k = 0; k < pieces; k++) {
		pattern(piece, sizeof(piece), 7, (uint64_t)k * sizeof(piece));
		CHECK(read_at(i, got, sizeof(piece), (uint64_t)k * sizeof(piece)) == sizeof(piece));
		CHECK(!memcmp(piece, got, sizeof(piece)));
	}
	inode_put(i);
	unmount_disk(fs);
	disk_check(&d, "after a large file");
	disk_free(&d);
}

static void fill_disk(struct disk *d)
{
	static uint8_t piece[30000];
	struct fs *fs = mount_disk(d);
	unsigned files = 0;
	char name[32];
	ssize_t n = 0;

	pattern(piece, sizeof(piece), 9, 0);
	for (unsigned round = 0; round < 3; round++) {
		for (;; files++) {
			struct inode *dir = inode_get(fs->root), *i;
			int rc;

			snprintf(name, sizeof(name), "file-%u", files);
			rc = fs->ops->create(dir, name, strlen(name), FS_IFREG | 0644, 0, 0, 0, &i);
			inode_put(dir);
			if (rc) {
				CHECK(rc == -ENOSPC);
				break;
			}
			n = write_at(i, piece, files % 7 ? sizeof(piece) : 10, 0);
			inode_put(i);
			if (n < 0 || (n < 30000 && files % 7)) {
				CHECK(n > 0 || n == -ENOSPC);
				files++;
				break;
			}
		}
		OK(fs->ops->syncfs(fs));
		disk_check_crashed(d, "full");
		for (unsigned k = 0; k < 20; k++) {
			snprintf(name, sizeof(name), "file-%u", files - 1 - k);
			OK(remove_file(fs, name));
		}
		files -= 20;
	}
	unmount_disk(fs);
}

static void full_disks_are_full(void)
{
	static const char *const some[] = { "-b 1024", "-N 64", "-O ^has_journal",
					    "-O ^extent,^64bit -b 1024" };

	for (unsigned k = 0; k < sizeof(some) / sizeof(*some); k++) {
		struct disk d;

		if (!in_part(k, sizeof(some) / sizeof(*some), host_share))
			continue;
		disk_make(&d, some[k], 8192);
		fill_disk(&d);
		disk_check(&d, some[k]);
		disk_free(&d);
	}
}

/* A file has leaves of extents that are full, as it was appended to; the rest of the disk is full.
   Then each leaf gets two blocks in holes, so that each is split. */
static void leaves_are_full(void)
{
	static uint8_t piece[65536];
	struct inode *i, *other;
	struct disk d;
	struct fs *fs;
	uint64_t size = 0, end = 13000 * 2048;
	ssize_t n = 0;
	int rc = 0;

	disk_make(&d, "-b 1024 -m 0", 32768);
	fs = mount_disk(&d);
	i = make_file(fs, "file");
	for (uint64_t at = 0; at < end; at += 2048)
		CHECK(write_at(i, "data", 4, at) == 4);
	OK(sync_file(i, false));
	other = make_file(fs, "other");
	for (size_t len = sizeof(piece); len >= 1024; len /= 2)
		while ((n = write_at(other, piece, len, size)) > 0)
			size += n;
	CHECK(n == -ENOSPC);
	OK(sync_file(other, false));
	OK(fs->ops->truncate(other, size - 350 * 1024));
	OK(fs->ops->syncfs(fs));
	for (uint64_t at = 1024; at < end && !rc; at += 41 * 2048)
		rc = write_at(i, "data", 4, at) == 4 ? 0 : -ENOSPC;
	/* The bytes that write() accepted are written; the rest was refused. */
	OK(sync_file(i, false));
	CHECK(!fs->read_only);
	inode_put(i);
	inode_put(other);
	OK(remove_file(fs, "other"));
	unmount_disk(fs);
	disk_check(&d, "full leaves");
	disk_free(&d);
}

int main(int argc, char **argv)
{
	static const struct claim claims[] = {
		{ "a full disk gives ENOSPC and stays clean", full_disks_are_full },
		{ "data that was taken for holes gets its place on a full disk", leaves_are_full },
		{ "with 4 MiB of memory, a large file is written", memory_is_bounded },
	};

	return run_claims(argc, argv, claims, sizeof(claims) / sizeof(*claims));
}

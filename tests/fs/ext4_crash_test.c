/* SPDX-License-Identifier: ISC */
/*
 * ext4 after a crash: sequences of operations are recorded, and the disk as it was after each
 * write is recovered.  Synced data must exist; each operation is whole or absent; no
 * file has bytes that nobody wrote to it; e2fsck has no complaint.
 */
#include "tests/fs/ext4_host.h"
#include "tests/fs/host_os.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POINTS 64
#define BIG 100000

static uint8_t data[BIG], back[BIG];
static struct {
	unsigned at;			/* events that had happened */
	const char *what;
} points[POINTS];			/* what is durable from there on */
static unsigned point_count;

static void durable(struct disk *d, const char *what)
{
	points[point_count].at = d->count;
	points[point_count++].what = what;
}

static bool is_durable(unsigned event, const char *what)
{
	for (unsigned k = 0; k < point_count; k++)
		if (points[k].at <= event && !strcmp(points[k].what, what))
			return true;
	return false;
}

static bool exists(struct fs *fs, const char *path)
{
	struct inode *i = at_path(fs, path);

	if (i)
		inode_put(i);
	return i != NULL;
}

/* A file has a beginning of its pattern, zeros in holes, and nothing else. */
static uint64_t check_file(struct fs *fs, const char *path, unsigned number)
{
	struct inode *i = at_path(fs, path);
	uint64_t size;

	if (!i)
		return UINT64_MAX;
	size = i->size;
	CHECK(size <= BIG);
	CHECK(read_at(i, back, size, 0) == (ssize_t)size);
	pattern(data, size, number, 0);
	for (uint64_t k = 0; k < size; k++)
		if (back[k] != data[k] && back[k])
			fail("%s: byte %llu was never written", path, (unsigned long long)k);
	inode_put(i);
	return size;
}

static void fill(struct fs *fs, const char *path, unsigned number, size_t len)
{
	struct inode *i = at_path(fs, path);

	if (!i)
		i = make_file(fs, path);
	pattern(data, len, number, 0);
	CHECK(write_at(i, data, len, 0) == (ssize_t)len);
	inode_put(i);
}

static void sync_path(struct fs *fs, const char *path)
{
	struct inode *i = at_path(fs, path);

	OK(sync_file(i, false));
	inode_put(i);
}

/* Each prefix of the recorded events; with `lost`, in each also one unflushed write is lost. */
static void each_crash(struct disk *d, void (*check)(struct fs *fs, unsigned event), bool lost)
{
	unsigned states = 0, number = 0;

	for (unsigned n = 0; n <= d->count; n++) {
		unsigned first = n;

		while (first && d->writes[first - 1].data)
			first--;
		for (unsigned without = lost ? first : n; without <= n; without++) {
			struct disk crashed;
			struct write kept;
			struct fs *fs;

			/* fs_crash_test has more of them. */
			if ((number++ + host_slice) % (3 * host_share))
				continue;
			if (without < n) {
				kept = d->writes[without];
				d->writes[without].data = NULL;
			}
			disk_replay(d, n, &crashed);
			if (without < n)
				d->writes[without] = kept;
			if (host_os.verbose)
				fprintf(stderr, "crash after %u of %u events, without %u\n", n, d->count,
					without);
			if (states % 32 == 0)
				disk_check_crashed(&crashed, "after a crash");
			fs = mount_disk(&crashed);
			check(fs, n);
			unmount_disk(fs);
			if (states % 32 == 0)
				disk_check(&crashed, "after recovery");
			disk_free(&crashed);
			states++;
		}
	}
	printf("       %u states\n", states);
}

static struct fs *begin(struct disk *d, const char *options)
{
	struct fs *fs;

	disk_make(d, options, 8192);
	fs = mount_disk(d);
	point_count = 0;
	disk_record(d);
	return fs;
}

static void end(struct disk *d, struct fs *fs)
{
	unmount_disk(fs);
	disk_check(d, "at the end");
}

/* ---- A file is created, written, synced; removed. */

static void check_create(struct fs *fs, unsigned event)
{
	uint64_t size = check_file(fs, "a", 1);

	if (is_durable(event, "a written") && !is_durable(event, "a removing"))
		CHECK(size == 20000);
	if (is_durable(event, "a removed"))
		CHECK(size == UINT64_MAX);
}

static void create_and_remove(const char *options)
{
	struct disk d;
	struct fs *fs = begin(&d, options);

	fill(fs, "a", 1, 20000);
	sync_path(fs, "a");
	durable(&d, "a written");
	durable(&d, "a removing");
	OK(remove_file(fs, "a"));
	OK(fs->ops->syncfs(fs));
	durable(&d, "a removed");
	end(&d, fs);
	each_crash(&d, check_create, true);
	disk_free(&d);
}

static void creation_is_atomic(void)
{
	create_and_remove("");
	create_and_remove("-b 1024 -O ^extent,^64bit");
	create_and_remove("-O ^metadata_csum,orphan_file");
}

/* ---- A new version of a file replaces it by a rename. */

static void check_replace(struct fs *fs, unsigned event)
{
	struct inode *i;
	uint64_t size;

	if (!is_durable(event, "old"))
		return;
	i = at_path(fs, "a");
	CHECK(i);
	size = i->size;
	inode_put(i);
	if (size == 5000)
		CHECK(check_file(fs, "a", 1) == 5000);
	else
		CHECK(check_file(fs, "a", 2) == 30000);
	if (is_durable(event, "renamed"))
		CHECK(size == 30000 && !exists(fs, "b"));
}

static void replacement_is_atomic(void)
{
	struct disk d;
	struct fs *fs = begin(&d, "-b 1024");

	fill(fs, "a", 1, 5000);
	OK(fs->ops->syncfs(fs));
	durable(&d, "old");
	fill(fs, "b", 2, 30000);
	sync_path(fs, "b");
	OK(rename_file(fs, "b", "a", 0));
	OK(fs->ops->syncfs(fs));
	durable(&d, "renamed");
	end(&d, fs);
	each_crash(&d, check_replace, true);
	disk_free(&d);
}

/* ---- Freed blocks get new owners. */

static void check_reuse(struct fs *fs, unsigned event)
{
	uint64_t size;

	(void)event;
	check_file(fs, "a", 1);
	check_file(fs, "b", 2);
	check_file(fs, "c", 3);
	size = check_file(fs, "d/e", 4);
	if (is_durable(event, "b"))
		CHECK(check_file(fs, "b", 2) == 60000 || is_durable(event, "b cut"));
	if (is_durable(event, "b cut"))
		CHECK(check_file(fs, "b", 2) == 3000);
	if (is_durable(event, "d"))
		CHECK(size == 40000);
}

static void blocks_are_reused_safely(void)
{
	struct disk d;
	struct fs *fs = begin(&d, "-b 1024");
	struct inode *i;

	/* Blocks of directories become data, and the other way round. */
	make_dir(fs, "d");
	for (unsigned k = 0; k < 100; k++) {
		char path[100];

		snprintf(path, sizeof(path), "d/a-rather-long-name-that-fills-blocks-%u", k);
		inode_put(make_file(fs, path));
	}
	fill(fs, "a", 1, 50000);
	OK(fs->ops->syncfs(fs));
	for (unsigned k = 0; k < 100; k++) {
		char path[100];

		snprintf(path, sizeof(path), "d/a-rather-long-name-that-fills-blocks-%u", k);
		OK(remove_file(fs, path));
	}
	OK(remove_file(fs, "d"));
	OK(remove_file(fs, "a"));
	fill(fs, "b", 2, 60000);
	sync_path(fs, "b");
	durable(&d, "b");
	fill(fs, "c", 3, 60000);
	durable(&d, "b cut");
	i = at_path(fs, "b");
	points[point_count - 1].at = UINT32_MAX;
	OK(fs->ops->truncate(i, 3000));
	points[0].at = UINT32_MAX;
	OK(sync_file(i, true));
	points[point_count - 1].at = d.count;
	inode_put(i);
	make_dir(fs, "d");
	fill(fs, "d/e", 4, 40000);
	OK(fs->ops->syncfs(fs));
	durable(&d, "d");
	end(&d, fs);
	each_crash(&d, check_reuse, false);
	disk_free(&d);
}

/* ---- Names and fdatasync(). */

static void a_new_link_is_data(void)
{
	struct disk d, crashed;
	struct fs *fs = begin(&d, "-b 1024");
	struct inode *i;
	unsigned n;

	fill(fs, "a", 1, 5000);
	sync_path(fs, "a");
	i = at_path(fs, "a");
	/* The times of this need not be written by fdatasync(). */
	OK(fs->ops->fallocate(i, FS_PUNCH_HOLE | FS_KEEP_SIZE, 1000, 3500));
	OK(sync_file(i, true));
	OK(fs->ops->link(fs->root, "b", 1, i));
	OK(sync_file(i, true));
	n = d.count;
	inode_put(i);
	end(&d, fs);
	disk_replay(&d, n, &crashed);
	fs = mount_disk(&crashed);
	CHECK(exists(fs, "b"));
	unmount_disk(fs);
	disk_free(&crashed);
	disk_free(&d);
}

int main(int argc, char **argv)
{
	static const struct claim claims[] = {
		{ "a created file is whole or absent after a crash", creation_is_atomic },
		{ "a file that is replaced has its old or its new contents",
		  replacement_is_atomic },
		{ "reused blocks never show what others wrote", blocks_are_reused_safely },
		{ "fdatasync() makes a new link durable", a_new_link_is_data },
	};

	return run_claims(argc, argv, claims, sizeof(claims) / sizeof(*claims));
}

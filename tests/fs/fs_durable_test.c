/* SPDX-License-Identifier: ISC */
/* What a crash leaves of a file, where random sequences of a few operations rarely come. */
#include "tests/fs/crash_disk.h"
#include "tests/fs/sim.h"

#include <stdlib.h>
#include <string.h>

#define SIZE (2 * MEGABYTE)

static uint8_t data[SIZE];

/* ---- What was synced was flushed. */

/* A change of data, by `n` also in place and written already, or of attributes; then a sync. */
static void change_and_sync(struct inode *i, unsigned n)
{
	struct fs_attr a = { FS_SET_MODE, .mode = 0600 + n };
	struct fs_open o;

	memset(data, 'a' + n, 20000);
	if (n % 5 == 4)
		disk_ok(i->fs->ops->setattr(i, &a), "setattr");
	else
		disk_write(i, data, 20000, n % 4 == 3 ? 0 : n * 5000);
	fs_open_begin(&o, i);
	if (n % 2)
		disk_ok(disk.fs->ops->write_range(&o, 0, UINT64_MAX / 2), "write_range");
	fs_open_end(&o);
	if (n % 3 == 0) {
		disk_sync();
	} else if (n % 3 == 1) {
		disk_fsync(i, n % 2);
	} else {
		disk_ok(disk.fs->ops->freeze(disk.fs), "freeze");
		disk_flushed("a freeze");
		image_check(&disk.image, "a freeze");
		disk_ok(disk.fs->ops->thaw(disk.fs), "thaw");
	}
}

static void all_flushed(void)
{
	for (unsigned k = 0; k < DISK_KINDS; k++) {
		struct inode *i;

		disk_begin(disk_options[k], 4 * MEGABYTE);
		i = disk_create("file");
		for (unsigned n = 0; n < 20; n++) {
			change_and_sync(i, n);
			sim_advance(n % 2 ? 0 : SECOND);
		}
		inode_put(i);
		disk_end("flushed");
	}
}

/* ---- Attributes and sizes. */

static void same_after_crash(struct inode *i, const char *what)
{
	struct fs_stat before, after;
	struct crashed c;
	struct inode *left;

	disk_ok(i->fs->ops->stat(i, &before), "stat");
	crashed_begin(&c, &disk.image);
	crashed_mount(&c, what);
	left = disk_lookup(c.fs, "file");
	disk_ok(left->fs->ops->stat(left, &after), "stat");
	inode_put(left);
	if (before.size != after.size)
		sim_fail("%s: %llu bytes are left of %llu", what, (unsigned long long)after.size,
			 (unsigned long long)before.size);
	if (memcmp(&before.mtime, &after.mtime, sizeof(before.mtime)) ||
	    memcmp(&before.ctime, &after.ctime, sizeof(before.ctime)) || before.mode != after.mode ||
	    before.uid != after.uid || before.blocks != after.blocks)
		sim_fail("%s: other attributes are left", what);
	crashed_end(&c, true, what);
}

static void attributes(void)
{
	const struct fs_attr a = { FS_SET_MODE | FS_SET_UID, .mode = 0640, .uid = 7 };

	for (unsigned k = 0; k < DISK_JOURNALED; k++) {
		struct inode *i;

		disk_begin(disk_options[k], 4 * MEGABYTE);
		i = disk_create("file");
		memset(data, 'a', 8192);
		disk_write(i, data, 8192, 0);
		disk_fsync(i, false);
		same_after_crash(i, "a new file");
		sim_advance(3 * SECOND);
		disk_write(i, data, 100, 50);
		disk_fsync(i, false);
		same_after_crash(i, "bytes in place");
		sim_advance(3 * SECOND);
		disk_ok(disk.fs->ops->setattr(i, &a), "setattr");
		disk_fsync(i, false);
		same_after_crash(i, "setattr()");
		sim_advance(3 * SECOND);
		disk_ok(disk.fs->ops->truncate(i, 30000), "truncate");
		disk_fsync(i, false);
		same_after_crash(i, "a longer file");
		/* The end of the file is in a hole, and other data is not written yet. */
		disk_write(i, data, 10, 100);
		disk_write(i, data, 10, 100000);
		disk_ok(disk.fs->ops->fallocate(i, FS_PUNCH_HOLE | FS_KEEP_SIZE, 98304, 8192), "fallocate");
		disk_fsync(i, false);
		same_after_crash(i, "a hole at the end");
		inode_put(i);
		disk_end("attributes");
	}
}

/* ---- A size covers only what is written. */

static unsigned crashes;

/* `end`: the file has data up to it, and zeros behind. */
static void check_data(uint64_t end, const char *what)
{
	static uint8_t got[SIZE];
	struct fs_vec v = { got, sizeof(got) };
	struct crashed c;
	struct inode *i;
	struct fs_open o;
	ssize_t n;

	crashed_begin(&c, &disk.image);
	crashed_mount(&c, what);
	i = disk_lookup(c.fs, "file");
	fs_open_begin(&o, i);
	n = c.fs->ops->read(&o, &v, 1, 0);
	disk_ok(n, "read");
	for (ssize_t k = 0; k < n; k++)
		if (got[k] != (k < (ssize_t)end ? 'x' : 0))
			sim_fail("%s: of %zd bytes, byte %zd is %#x", what, n, k, got[k]);
	fs_open_end(&o);
	inode_put(i);
	crashed_end(&c, false, what);
	crashes++;
}

static void commit_meanwhile(void)
{
	static bool inside;

	if (inside || disk.journal->committing || disk.journal->locked)
		return;
	inside = true;
	disk_ok(journal_commit_running(disk.journal), "commit");
	check_data(SIZE, "a file that is being written");
	inside = false;
}

static void sizes(void)
{
	memset(data, 'x', SIZE);
	for (unsigned k = 0; k < DISK_JOURNALED; k++) {
		struct inode *i;
		char name[] = "a0";

		disk_begin(disk_options[k], 8 * MEGABYTE);
		i = disk_create("file");
		disk_sync();
		disk_write(i, data, 3000, 0);
		disk_ok(disk.fs->ops->truncate(i, 9000), "truncate");
		disk_ok(journal_commit_running(disk.journal), "commit");
		check_data(3000, "a truncation upwards");
		disk_ok(disk.fs->ops->truncate(i, 0), "truncate");
		/* Other files leave gaps, so the data needs several changes of the map. */
		for (unsigned n = 0; n < 9; n++) {
			struct inode *other;

			name[1] = '0' + n;
			other = disk_create(name);
			disk_write(other, data, 64 << 10, 0);
			disk_fsync(other, false);
			inode_put(other);
		}
		for (unsigned n = 0; n < 9; n += 2) {
			name[1] = '0' + n;
			disk_ok(disk.fs->ops->unlink(disk.fs->root, name, 2), "unlink");
		}
		disk_sync();
		disk_write(i, data, SIZE, 0);
		disk.after_write = commit_meanwhile;
		disk_fsync(i, false);
		disk.after_write = NULL;
		inode_put(i);
		disk_end("sizes");
	}
	sim_note("%u crashes", crashes);
}

/* ---- A truncation without memory. */

/* There is so much memory.  Returns what the truncation returns. */
static int truncate_with(struct inode *i, size_t memory)
{
	int rc;

	sim.limit = sim.memory + memory;
	rc = disk.fs->ops->truncate(i, 100);
	sim.limit = 0;
	return rc;
}

static void truncations(void)
{
	unsigned failed = 0;
	int rc = -ENOMEM;

	for (unsigned n = 1; rc; n++)
		for (unsigned again = 0; again < 2; again++) {
			struct inode *i;

			memset(data, 'x', 60000);
			disk_begin(disk_options[n % DISK_JOURNALED], 4 * MEGABYTE);
			i = disk_create("file");
			disk_write(i, data, 60000, 0);
			disk_fsync(i, false);
			rc = truncate_with(i, n * 8192);
			if (rc && rc != -ENOMEM)
				sim_fail("truncate() without memory returns %d", rc);
			failed += rc != 0;
			/* Once more, or something longer. */
			if (rc && again)
				disk_ok(disk.fs->ops->truncate(i, 100), "truncate");
			disk_ok(disk.fs->ops->truncate(i, 50000), "truncate");
			disk_fsync(i, false);
			check_data(100, "a truncation that was repeated");
			inode_put(i);
			disk_end("a truncation");
		}
	if (!failed)
		sim_fail("no truncation failed");
	sim_note("%u failed", failed);
}

int main(int argc, char **argv)
{
	static const struct sim_claim claims[] = {
		{ "what was synced or frozen was flushed", all_flushed },
		{ "fsync() keeps the size and the attributes", attributes },
		{ "the size of a file covers only what is written", sizes },
		{ "a truncation that failed is done before the file grows", truncations },
	};

	return sim_main(argc, argv, claims, COUNT_OF(claims));
}

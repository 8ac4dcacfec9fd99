/* SPDX-License-Identifier: ISC */
/* Checkpoints, where random sequences of a few operations rarely come. */
#include "tests/fs/crash_disk.h"
#include "tests/fs/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- A log that is used again and again. */

static unsigned synced, checks, countdown;
static unsigned left_before;		/* blocks of the log, when the tail was moved */

/* The numbers of the directories in a disk after a crash are 0 to at least `synced`. */
static void check_crash(const struct image *from, bool whole)
{
	struct crashed c;
	unsigned n = 0;
	char name[16];

	crashed_begin(&c, from);
	crashed_mount(&c, "a log that is used again");
	for (n = 0; snprintf(name, sizeof(name), "n%u", n), disk_has(c.fs, name); n++)
		;
	if (n < synced)
		sim_fail("after a crash, %u of %u directories are left", n, synced);
	checks++;
	crashed_end(&c, whole, "a log that is used again");
}

static void perhaps_crash(void)
{
	if (disk.super_unflushed) {
		if (!left_before)
			left_before = journal_free_blocks(disk.journal);
		check_crash(&disk.late, false);
	}
	if (countdown-- == 0) {
		countdown = 8 + sim_below(24);
		check_crash(sim_chance(2) ? &disk.image : &disk.late, sim_chance(8));
	}
}

static unsigned made;

static void make_next(void)
{
	char name[16];

	snprintf(name, sizeof(name), "n%u", made++);
	inode_put(disk_mkdir(name));
}

/* A directory is made behind the commit record, before the checkpoint that may follow. */
static void make_before_flush(void)
{
	const struct journal *j = disk.journal;

	/* With less room it would wait for this commit. */
	if (j->committing && journal_free_blocks(j) > j->log_reserved + 150 && sim_chance(2))
		make_next();
}

/*
 * How many directories the next transaction makes, each a block of the log: after the tail was
 * moved, more than was free before; and before, so many that little is free when it is moved.
 */
static unsigned next_size(void)
{
	unsigned quarter = disk.journal->log_blocks / 4, left = journal_free_blocks(disk.journal);
	unsigned before = left_before;

	left_before = 0;
	if (before && before < quarter - 55)
		return before + 5;
	return left >= quarter && left < quarter + 60 ? left - quarter + 50 : 1;
}

static void a_log_used_again(void)
{
	static const char *const with_inodes[DISK_JOURNALED] = {
		"-b 1024 -N 1024 -J size=1",
		"-b 1024 -N 1024 -J size=1 -O ^extent,^64bit,^metadata_csum",
	};
	unsigned large = 0;

	for (unsigned k = 0; k < DISK_JOURNALED; k++) {
		disk_begin(with_inodes[k], 4 * MEGABYTE);
		made = synced = countdown = 0;
		disk.on_flush = make_before_flush;
		disk.after_write = perhaps_crash;
		while (made < 700) {
			unsigned size = next_size(), all;

			large += size > 150;
			for (unsigned n = 0; n < size; n++)
				make_next();
			all = made;
			disk_ok(journal_commit_running(disk.journal), "commit");
			synced = all;
			if (sim_chance(8))
				check_crash(&disk.image, true);
		}
		disk.after_write = NULL;
		disk_end("a log that is used again");
	}
	if (large < DISK_JOURNALED)
		sim_fail("the log was never full");
	sim_note("%u crashes, %u large transactions behind a checkpoint", checks, large);
}

/* ---- Blocks that change. */

#define SPREAD 120
static struct inode *dirs[SPREAD];

static struct inode *make_in(struct inode *dir, const char *name)
{
	struct inode *i;

	disk_ok(dir->fs->ops->create(dir, name, strlen(name), FS_IFREG | 0600, 0, 0, 0, &i), "create");
	return i;
}

/* The log has moved before the change is committed. */
static void check_tail(void)
{
	struct crashed c;

	if (!disk.super_unflushed || disk.journal->committing || !disk.journal->running->count)
		return;
	crashed_begin(&c, &disk.image);
	crashed_mount(&c, "a checkpoint");
	crashed_end(&c, true, "a checkpoint");
}

static void change_the_last(void)
{
	inode_put(make_in(dirs[SPREAD - 2], "two"));
	disk.after_write = check_tail;
}

/* Blocks with gaps between them, which need several writes, are in the log. */
static void spread_out(const char *options)
{
	disk_begin(options, 4 * MEGABYTE);
	for (unsigned n = 0; n < SPREAD; n++) {
		char name[16];

		snprintf(name, sizeof(name), "d%u", n);
		dirs[n] = disk_mkdir(name);
	}
	disk_sync();
	disk_ok(journal_checkpoint(disk.journal, 0, true), "checkpoint");
	for (unsigned n = 0; n < SPREAD; n += 2)
		inode_put(make_in(dirs[n], "one"));
	disk_sync();
}

/* The last block changes at the first write. */
static void a_changing_checkpoint(void)
{
	for (unsigned k = 0; k < DISK_JOURNALED; k++) {
		spread_out(disk_options[k]);
		disk.on_write = change_the_last;
		disk_ok(journal_checkpoint(disk.journal, 0, true), "checkpoint");
		if (disk.on_write)
			sim_fail("nothing changed during the checkpoint");
		for (unsigned n = 0; n < SPREAD; n++)
			inode_put(dirs[n]);
		disk_end("a checkpoint");
	}
}

/* ---- A commit that fails meanwhile. */

static void fail_a_commit(void)
{
	inode_put(make_in(dirs[SPREAD - 2], "two"));
	disk.device.fail_write = disk.device.writes + 1;
	if (journal_commit_running(disk.journal) >= 0)
		sim_fail("a commit whose log was not written succeeds");
	disk.device.fail_write = 0;
}

static void a_commit_fails(void)
{
	for (unsigned k = 0; k < DISK_JOURNALED; k++) {
		struct crashed c;

		spread_out(disk_options[k]);
		disk.on_write = fail_a_commit;
		/* More than is free now: the tail moves behind the first transaction. */
		if (journal_checkpoint(disk.journal, journal_free_blocks(disk.journal) + 20, false) >= 0)
			sim_fail("a checkpoint succeeds after the journal has failed");
		crashed_begin(&c, &disk.image);
		crashed_mount(&c, "a failed commit");
		for (unsigned n = 0; n < SPREAD; n += 2) {
			struct inode *dir, *one, *two;
			char name[16];

			snprintf(name, sizeof(name), "d%u", n);
			dir = disk_lookup(c.fs, name);
			if (c.fs->ops->lookup(dir, "one", 3, &one))
				sim_fail("after a failed commit, what was synced in %s is lost", name);
			if (!c.fs->ops->lookup(dir, "two", 3, &two))
				sim_fail("after a failed commit, a part of it is in %s", name);
			inode_put(one);
			inode_put(dir);
		}
		crashed_end(&c, true, "a failed commit");
		for (unsigned n = 0; n < SPREAD; n++)
			inode_put(dirs[n]);
		disk_end_failed();
	}
}

int main(int argc, char **argv)
{
	static const struct sim_claim claims[] = {
		{ "a log that is used again is valid at each moment", a_log_used_again },
		{ "a block that changes during a checkpoint is left out", a_changing_checkpoint },
		{ "a commit that fails during a checkpoint loses nothing that was synced", a_commit_fails },
	};

	return sim_main(argc, argv, claims, COUNT_OF(claims));
}

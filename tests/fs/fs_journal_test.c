/* SPDX-License-Identifier: ISC */
/*
 * The journal where random sequences of a few operations rarely come: blocks that were freed,
 * blocks that change while they are committed, damaged logs.
 */
#include "fs/journal/format.h"
#include "tests/fs/crash_disk.h"
#include "tests/fs/sim.h"

#include <stdio.h>
#include <string.h>

/* ---- The blocks of the log. */

#define REVOKED UINT32_MAX

struct log_block {
	unsigned log;			/* place in the log */
	uint32_t type;			/* 0: a copy of block nr; REVOKED: a number in the last block */
	uint32_t sequence;
	uint64_t nr;
	bool escaped;
};
static struct log_block blocks[2048];
static unsigned nblocks;

static uint8_t *log_data(const struct image *i, unsigned log)
{
	return i->data + journal_block(disk.journal, log) * BLOCK;
}

static uint32_t big(const uint8_t *p, unsigned bytes)
{
	uint32_t value = 0;

	while (bytes--)
		value = value << 8 | *p++;
	return value;
}

static void add(unsigned log, uint32_t type, uint32_t sequence, uint64_t nr, bool escaped)
{
	blocks[nblocks++] = (struct log_block){ log, type, sequence, nr, escaped };
}

/* Adds what a descriptor describes; returns the place behind it. */
static unsigned read_tags(const uint8_t *p, unsigned log, uint32_t sequence)
{
	const struct journal *j = disk.journal;
	unsigned size = j->v3 ? 16 : 8 + (j->wide ? 4 : 0) + (j->v2 ? 2 : 0), at = 12;
	uint32_t flags;

	do {
		flags = j->v3 ? big(p + at + 4, 4) : big(p + at + 6, 2);
		add(log, 0, sequence, big(p + at, 4), flags & JBD_ESCAPED);
		log = journal_next(j, log);
		at += size + (flags & JBD_SAME_UUID ? 0 : 16);
	} while (!(flags & JBD_LAST));
	return log;
}

/* Reads the log from its tail on. */
static void read_log(const struct image *image)
{
	const struct journal *j = disk.journal;
	uint32_t sequence = j->tail_sequence;
	unsigned log = j->tail;

	nblocks = 0;
	while (log != j->head) {
		const uint8_t *p = log_data(image, log);
		uint32_t type = big(p + 4, 4);

		if (big(p, 4) != JBD_MAGIC || big(p + 8, 4) != sequence)
			sim_fail("the log has something else at %u", log);
		add(log, type, sequence, 0, false);
		log = journal_next(j, log);
		if (type == JBD_DESCRIPTOR)
			log = read_tags(p, log, sequence);
		else if (type == JBD_REVOKE)
			for (unsigned at = 16, step = j->wide ? 8 : 4; at < big(p + 12, 4); at += step)
				add(log, REVOKED, sequence, big(p + at + step - 4, 4), false);
		else
			sequence++;
	}
}

/* ---- Claims. */

#define DIRS 40

/* Blocks of directories are freed, and a file that fills the disk gets them. */
static void names_of_dirs(void (*function)(const char *name))
{
	char name[16];

	for (unsigned k = 0; k < DIRS; k++) {
		snprintf(name, sizeof(name), "d%u", k);
		function(name);
	}
}

static void put_dir(const char *name)
{
	inode_put(disk_mkdir(name));
}

/* Blocks in the log that the same or a later transaction has freed, and that have data now. */
static unsigned count_freed(void)
{
	unsigned reused = 0, copies = 0;

	read_log(&disk.image);
	for (const struct log_block *b = blocks; b < blocks + nblocks; b++) {
		const uint8_t *p = disk.image.data + b->nr * BLOCK;

		if (b->type != REVOKED)
			continue;
		reused += p[0] == 'x' && p[BLOCK - 1] == 'x';
		for (const struct log_block *k = blocks; k < blocks + nblocks; k++) {
			if (k->type || k->nr != b->nr)
				continue;
			copies++;
			if (k->sequence == b->sequence)
				sim_fail("the log has block %u, which its transaction freed",
					 (unsigned)b->nr);
		}
	}
	if (reused < DIRS / 4 || copies < DIRS)
		sim_fail("%u freed blocks were used again, %u are in the log", reused, copies);
	return reused;
}

static void revoked_blocks(const char *options)
{
	static uint8_t data[4 * MEGABYTE], got[4 * MEGABYTE];
	struct fs_vec v = { data, sizeof(data) }, w = { got, sizeof(got) };
	struct crashed c;
	struct inode *i;
	struct fs_open o;
	uint64_t at = 0;
	ssize_t n;

	disk_begin(options, 4 * MEGABYTE);
	names_of_dirs(put_dir);
	disk_sync();
	names_of_dirs(disk_rmdir);
	disk_sync();
	memset(data, 'x', sizeof(data));
	i = disk_create("file");
	fs_open_begin(&o, i);
	n = disk.fs->ops->write(&o, &v, 1, &at, false);
	if (n <= 0 || n == (ssize_t)sizeof(data))
		sim_fail("the disk is not full: %zd", n);
	fs_open_end(&o);
	disk_fsync(i, false);
	inode_put(i);
	sim_note("%s%u blocks", options == disk_options[0] ? "" : ", ", count_freed());

	crashed_begin(&c, &disk.image);
	crashed_mount(&c, "freed blocks");
	i = disk_lookup(c.fs, "file");
	fs_open_begin(&o, i);
	if (c.fs->ops->read(&o, &w, 1, 0) != n || memcmp(got, data, n))
		sim_fail("after a crash, a file has blocks of directories that were removed");
	fs_open_end(&o);
	inode_put(i);
	crashed_end(&c, true, "freed blocks");
	disk_end("freed blocks");
}

static void freed_blocks(void)
{
	for (unsigned k = 0; k < DISK_JOURNALED; k++)
		revoked_blocks(disk_options[k]);
}

static void nested_create(void)
{
	inode_put(disk_create("during"));
}

/* The first write of the commit is a block with revocations, before any copy is made. */
static void a_changing_block(void)
{
	for (unsigned k = 0; k < DISK_JOURNALED; k++) {
		struct crashed c;

		disk_begin(disk_options[k], 4 * MEGABYTE);
		inode_put(disk_mkdir("dir"));
		disk_sync();
		disk_rmdir("dir");
		inode_put(disk_create("before"));
		disk.on_write = nested_create;
		disk_ok(journal_commit_running(disk.journal), "commit");
		if (disk.on_write || !disk_has(disk.fs, "during"))
			sim_fail("nothing changed during the commit");
		crashed_begin(&c, &disk.image);
		crashed_mount(&c, "a commit");
		if (!disk_has(c.fs, "before") || disk_has(c.fs, "dir"))
			sim_fail("after a crash, what was committed is lost");
		if (disk_has(c.fs, "during"))
			sim_fail("after a crash, there is what was not committed");
		crashed_end(&c, true, "a change during a commit");
		disk_end("a change during a commit");
	}
}

/* ---- Damaged logs. */

/* Three transactions: names "t0", "t1", "t2".  In each are all kinds of blocks. */
static void three_transactions(const char *how)
{
	char name[8] = "t0";

	disk_begin(how, 4 * MEGABYTE);
	for (unsigned n = 0; n < 4; n++) {
		inode_put(disk_mkdir(n == 0 ? "r0" : n == 1 ? "r1" : n == 2 ? "r2" : "r3"));
		if (n)
			disk_rmdir(n == 1 ? "r0" : n == 2 ? "r1" : "r2");
		if (n) {
			name[1] = '0' + n - 1;
			inode_put(disk_create(name));
		}
		disk_sync();
		sim_advance(SECOND);
	}
}

static unsigned names_there(struct fs *fs)
{
	unsigned n = disk_has(fs, "t0");

	return n + disk_has(fs, "t1") + disk_has(fs, "t2");
}

/* What may be left of three transactions if the block is damaged: names, or a refusal. */
static void check_damage(const struct log_block *b, unsigned at, uint32_t first)
{
	static const char *const kinds[] = { "a copy", "a descriptor", "a commit", "", "",
					     "a revocation" };
	struct crashed c;

	crashed_begin(&c, &disk.image);
	log_data(&c.image, b->log)[at] ^= 0x10;
	crashed_try_mount(&c);
	if (b->type == JBD_COMMIT || (b->type && at < 12)) {
		/* The log ends before this transaction. */
		unsigned before = b->sequence - first;

		if (c.rc || names_there(c.fs) != (before ? before - 1 : 0))
			sim_fail("byte %u of %s of transaction %u is damaged: %s", at,
				 kinds[b->type], before, c.rc ? c.options.reason : "it is replayed");
	} else if (!c.rc) {
		sim_fail("byte %u of %s of transaction %u is damaged: it is replayed", at,
			 kinds[b->type], (unsigned)(b->sequence - first));
	}
	crashed_end(&c, true, "a damaged log");
}

static void damaged_logs(void)
{
	static const unsigned places[] = { 13, 40, 200, 1000 };
	unsigned tried = 0;
	uint32_t first;

	three_transactions(disk_options[0]);
	read_log(&disk.image);
	first = blocks[0].sequence;
	for (unsigned n = 0; n < nblocks; n++) {
		const struct log_block *b = &blocks[n];
		bool revoked = false;

		for (unsigned k = n; k < nblocks; k++)
			revoked |= !b->type && blocks[k].type == REVOKED && blocks[k].nr == b->nr;
		if (b->type == REVOKED || revoked)
			continue;
		for (unsigned k = 0; k < COUNT_OF(places); k++, tried++)
			check_damage(b, places[k], first);
		if (b->type)
			check_damage(b, 9, first);
	}
	if (tried < 40)
		sim_fail("only %u damages", tried);
	disk_end("a damaged log");
	sim_note("%u damages", tried);
}

/* A link whose target looks like a block of the journal. */
static void an_escaped_block(void)
{
	static const char magic[] = "\xc0\x3b\x39\x98";
	char target[100], got[100];

	memset(target, 'a', sizeof(target));
	memcpy(target, magic, 4);
	for (unsigned k = 0; k < DISK_JOURNALED; k++) {
		struct inode *i;
		struct crashed c;
		unsigned n = 0;

		disk_begin(disk_options[k], 4 * MEGABYTE);
		disk_ok(disk.fs->ops->symlink(disk.fs->root, "link", 4, target, sizeof(target), 0, 0, &i),
		   "symlink");
		inode_put(i);
		disk_sync();
		read_log(&disk.image);
		for (unsigned b = 0; b < nblocks; b++)
			n += blocks[b].escaped;
		if (n != 1)
			sim_fail("%u blocks of the log are escaped", n);
		crashed_begin(&c, &disk.image);
		crashed_mount(&c, "an escaped block");
		disk_ok(c.fs->ops->lookup(c.fs->root, "link", 4, &i), "lookup");
		if (c.fs->ops->readlink(i, got, sizeof(got)) != sizeof(got) ||
		    memcmp(got, target, sizeof(got)))
			sim_fail("after a crash, the link has another target");
		inode_put(i);
		crashed_end(&c, true, "an escaped block");
		disk_end("an escaped block");
	}
}

int main(int argc, char **argv)
{
	static const struct sim_claim claims[] = {
		{ "a replay does not write to blocks that were freed and used again", freed_blocks },
		{ "a block that changes during a commit is committed as it was", a_changing_block },
		{ "a damaged block of the log is not replayed", damaged_logs },
		{ "a block that looks like the journal's is itself after a crash", an_escaped_block },
	};

	return sim_main(argc, argv, claims, COUNT_OF(claims));
}

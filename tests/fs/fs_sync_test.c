/* SPDX-License-Identifier: ISC */
/*
 * fsync() of little data, which is written with the commit: what the caller waits for, and what
 * is left of a transaction whose data the disk does not take.
 */
#include "tests/fs/device.h"
#include "tests/fs/image.h"
#include "tests/fs/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORKERS 4
#define STEPS 40
#define PIECES 40			/* of a file at most */
#define PIECE 1500
#define BAD 0xee			/* of such bytes, the disk does not take LEAST in a row */
#define LEAST 8

static struct {
	struct image image, crashed;
	struct device device;
	struct fs *fs;
	int (*write)(struct block *b, const struct block_vec *vecs, unsigned count, uint64_t at);
	unsigned waits;
	unsigned refused;
	unsigned left;			/* workers */
	bool has_crashed;
} now;

struct worker {
	char name[8];
	struct inode *inode;
	uint8_t data[PIECES * PIECE];
	size_t size;
	uint8_t at_crash[PIECES * PIECE];	/* what was synced then */
	size_t size_at_crash;
	size_t safe;			/* so many bytes are synced, and not written since */
};
static struct worker workers[WORKERS];

static void ok(int64_t rc, const char *what)
{
	if (rc < 0)
		sim_fail("%s returns %lld", what, (long long)rc);
}

/* ---- The device: counts what is waited for, and refuses marked data. */

static bool is_bad(const uint8_t *data, size_t len)
{
	unsigned row = 0;

	for (size_t k = 0; k < len && row < LEAST; k++)
		row = data[k] == BAD ? row + 1 : 0;
	return row == LEAST;
}

static int refuse(struct block *b, const struct block_vec *vecs, unsigned count, uint64_t at)
{
	for (unsigned i = 0; i < count; i++)
		if (is_bad(vecs[i].data, vecs[i].len)) {
			now.refused++;
			sim_sleep();
			return -EIO;
		}
	return now.write(b, vecs, count, at);
}

static int write_one(struct block *b, const struct block_vec *vecs, unsigned count, uint64_t at)
{
	now.waits++;
	return refuse(b, vecs, count, at);
}

static int write_runs(struct block *b, const struct block_run *runs, unsigned count)
{
	unsigned first = sim_below(count);
	int rc = 0;

	now.waits++;
	for (unsigned i = 0; i < count; i++) {
		const struct block_run *r = &runs[(first + i) % count];

		rc |= refuse(b, r->vecs, r->count, r->at);
	}
	return rc ? -EIO : 0;
}

static int flush(struct block *b)
{
	(void)b;
	now.waits++;
	sim_sleep();
	return 0;
}

static int flush_write(struct block *b, const struct block_vec *vecs, unsigned count, uint64_t at)
{
	sim_sleep();
	return write_one(b, vecs, count, at);
}

static void begin(uint64_t seed, const char *options, unsigned megabytes)
{
	struct fs_options o = { 0 };

	sim_begin(seed);
	image_make(&now.image, (uint64_t)megabytes << 20, options);
	device_memory(&now.device, now.image.data, now.image.size);
	now.write = now.device.block.write;
	now.device.block.write = write_one;
	now.device.block.write_runs = write_runs;
	now.device.block.flush = flush;
	if (ext4_mount(&now.device.block, &o, &now.fs))
		sim_fail("mount: %s", o.reason);
}

static void end(const char *what)
{
	ok(now.fs->ops->unmount(now.fs), "unmount");
	image_check(&now.image, what);
	device_end(&now.device);
	image_free(&now.image);
	sim_end();
}

static struct inode *make(const char *name)
{
	struct inode *i;

	ok(now.fs->ops->create(now.fs->root, name, strlen(name), FS_IFREG | 0600, 0, 0, 0, &i),
	   "create");
	return i;
}

static void put(struct inode *i, const void *from, size_t len, uint64_t at)
{
	struct fs_vec v = { (void *)(uintptr_t)from, len };
	struct fs_open o;

	fs_open_begin(&o, i);
	if (i->fs->ops->write(&o, &v, 1, &at, false) != (ssize_t)len)
		sim_fail("write");
	fs_open_end(&o);
}

static int sync(struct inode *i, bool data_only)
{
	struct fs_open o;
	int rc;

	fs_open_begin(&o, i);
	rc = i->fs->ops->sync(&o, data_only);
	fs_open_end(&o);
	return rc;
}

/* ---- What is waited for. */

static unsigned waits(struct inode *i, bool data_only)
{
	unsigned before = now.waits;

	ok(sync(i, data_only), "fsync");
	return now.waits - before;
}

static void expect(unsigned got, unsigned expected, const char *what)
{
	if (got != expected)
		sim_fail("%s waits %u times for the disk, not %u times", what, got, expected);
}

static void expect_few_waits(bool joined)
{
	static uint8_t data[4096];
	unsigned commit = joined ? 3 : 4;
	struct inode *i;

	begin(sim_first_seed, "-b 4096 -J size=4", 32);
	now.device.block.flush_write = joined ? flush_write : NULL;
	i = make("file");
	memset(data, 'a', sizeof(data));
	for (unsigned k = 0; k < 8; k++) {
		put(i, data, sizeof(data), k * sizeof(data));
		/* Data with the log, a flush, the commit record, a flush. */
		expect(waits(i, k % 2), commit, "fsync() of an append");
	}
	put(i, data, sizeof(data), 0);
	expect(waits(i, true), 2, "fdatasync() of bytes that were there");
	put(i, data, sizeof(data), 0);
	expect(waits(i, false), commit, "fsync() of bytes that were there");
	expect(waits(i, false), 0, "fsync() of nothing");
	inode_put(i);
	end("appends");
}

static void few_waits(void)
{
	expect_few_waits(true);
	expect_few_waits(false);
}

/* ---- Data that the disk does not take. */

static void compare(struct fs *fs, const struct worker *w, const uint8_t *data, size_t size,
		    const char *when)
{
	uint8_t *got = malloc(size + 1);
	struct fs_vec v = { got, size };
	struct inode *i;
	struct fs_open o;
	ssize_t n;

	if (fs->ops->lookup(fs->root, w->name, strlen(w->name), &i))
		sim_fail("%s: %s is lost", when, w->name);
	fs_open_begin(&o, i);
	n = size ? fs->ops->read(&o, &v, 1, 0) : 0;
	fs_open_end(&o);
	if (n != (ssize_t)size || memcmp(got, data, size))
		sim_fail("%s: %s is not what was synced: %zd bytes of %zu", when, w->name, n, size);
	inode_put(i);
	free(got);
}

/* Bytes of a page that was refused may be lost: whoever gets the error writes them again. */
static void refused(struct worker *w, size_t at, size_t len)
{
	memset(w->data + at, 0, len);
	w->safe = 0;
	put(w->inode, w->data, w->size, 0);
	if (sim_chance(3))
		ok(now.fs->ops->truncate(w->inode, w->size), "truncate");
}

/* The disk, and what has been synced, are kept as they are now. */
static void crash(void)
{
	if (now.has_crashed)
		return;
	now.has_crashed = true;
	memcpy(now.crashed.data, now.image.data, now.image.size);
	for (struct worker *w = workers; w < workers + WORKERS; w++) {
		w->size_at_crash = w->safe;
		memcpy(w->at_crash, w->data, w->size);
	}
}

static void work(void *arg)
{
	struct worker *w = arg;

	for (unsigned k = 0; k < STEPS; k++) {
		size_t at = sim_chance(4) ? sim_below(w->size + 1) : w->size;
		size_t len = 2 * LEAST + sim_below(PIECE - 2 * LEAST);
		bool bad = sim_chance(3), data_only = sim_chance(2);
		int rc;

		if (at + len > sizeof(w->data))
			at = sizeof(w->data) - len;
		/* Sometimes into a hole. */
		if (sim_chance(4) && w->size + 9000 < sizeof(w->data) - len) {
			ok(now.fs->ops->truncate(w->inode, w->size + 9000), "truncate");
			at = w->size + sim_below(9000);
			w->size += 9000;
		}
		memset(w->data + at, bad ? BAD : 'a' + sim_below(26), len);
		w->safe = at < w->safe ? at : w->safe;
		put(w->inode, w->data + at, len, at);
		if (at + len > w->size)
			w->size = at + len;
		rc = sync(w->inode, data_only);
		if (rc != (bad ? -EIO : 0))
			sim_fail("%s: %s returns %d", bad ? "refused data" : "good data",
				 data_only ? "fdatasync()" : "fsync()", rc);
		if (bad) {
			if (sim_chance(10))
				crash();
			refused(w, at, len);
			ok(sync(w->inode, data_only), "the second fsync()");
		}
		w->safe = w->size;
	}
	now.left--;
}

/* Names come and go meanwhile, in the same transactions; and once there is a crash. */
static void others(void *arg)
{
	unsigned crash_at = 1 + sim_below(60);

	(void)arg;
	for (unsigned k = 0; now.left; k++) {
		if (k % 2)
			ok(now.fs->ops->unlink(now.fs->root, "other", 5), "unlink");
		else
			inode_put(make("other"));
		if (k == crash_at)
			crash();
		sim_sleep();
	}
}

/* Free blocks of the new disk have other bytes than files are given (tests/fs/image.c). */
static void shows_nothing_else(struct fs *fs, const struct worker *w)
{
	static uint8_t got[PIECES * PIECE];
	struct fs_vec v = { got, sizeof(got) };
	struct inode *i;
	struct fs_open o;
	ssize_t n;

	if (fs->ops->lookup(fs->root, w->name, strlen(w->name), &i))
		return;
	fs_open_begin(&o, i);
	n = fs->ops->read(&o, &v, 1, 0);
	fs_open_end(&o);
	inode_put(i);
	for (ssize_t k = 0; k < n; k++)
		if (got[k] && (got[k] < 'a' || got[k] > 'z'))
			sim_fail("after a crash, byte %zd of %s is %#x, which nobody wrote", k, w->name, got[k]);
}

static void after_the_crash(void)
{
	struct fs_options o = { 0 };
	struct device d;
	struct fs *fs;

	device_memory(&d, now.crashed.data, now.crashed.size);
	if (ext4_mount(&d.block, &o, &fs))
		sim_fail("recovery: %s", o.reason);
	for (struct worker *w = workers; w < workers + WORKERS; w++) {
		if (w->size_at_crash)
			compare(fs, w, w->at_crash, w->size_at_crash, "after a crash");
		shows_nothing_else(fs, w);
	}
	ok(fs->ops->unmount(fs), "unmount after a crash");
	image_check(&now.crashed, "refused data and a crash");
	device_end(&d);
}

static void one_run(uint64_t seed, const char *options)
{
	void (*run[WORKERS + 1])(void *) = { others };
	void *args[WORKERS + 1] = { NULL };

	begin(seed, options, 8);
	now.left = WORKERS;
	now.has_crashed = false;
	now.crashed = (struct image){ malloc(now.image.size), now.image.size };
	memcpy(now.crashed.data, now.image.data, now.image.size);
	memset(workers, 0, sizeof(workers));
	for (unsigned k = 0; k < WORKERS; k++) {
		snprintf(workers[k].name, sizeof(workers[k].name), "f%u", k);
		workers[k].inode = make(workers[k].name);
		run[1 + k] = work;
		args[1 + k] = &workers[k];
	}
	sim_threads(run, args, WORKERS + 1);
	if (now.fs->read_only)
		sim_fail("the file system has become read-only");
	for (struct worker *w = workers; w < workers + WORKERS; w++) {
		compare(now.fs, w, w->data, w->size, "at the end");
		inode_put(w->inode);
	}
	end("refused data");
	if (!strstr(options, "^has_journal"))	/* there, nothing is promised */
		after_the_crash();
	image_free(&now.crashed);
}

static void refused_data(void)
{
	static const char *const options[] = {
		"-b 4096", "-b 1024 -J size=1", "-b 1024 -O ^extent,^64bit,^metadata_csum",
		"-b 1024 -O ^has_journal",
	};
	unsigned runs = sim_count(40);

	for (unsigned k = 0; k < runs; k++)
		one_run(sim_first_seed + k, options[(sim_first_seed / 1000 + k) % COUNT_OF(options)]);
	if (!now.refused)
		sim_fail("nothing was refused");
	sim_note("%u runs, %u writes refused", runs, now.refused);
}

int main(int argc, char **argv)
{
	static const struct sim_claim claims[] = {
		{ "fsync() of little data waits three or four times for the disk, fdatasync() in place twice",
		  few_waits },
		{ "data that the disk does not take costs its fsync() an error, and nothing else",
		  refused_data },
	};

	return sim_main(argc, argv, claims, COUNT_OF(claims));
}

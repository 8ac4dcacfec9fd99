/* SPDX-License-Identifier: ISC */
/*
 * Several threads on one disk: each has files of its own, with copies of them, in directories
 * that all share; beside them the background thread, and one that freezes the file system.
 * They are switched wherever fs/ may sleep.
 *
 * Data that an fsync() has made durable, and that was not changed since, exists after a crash.
 */
#include "tests/fs/crash.h"
#include "tests/fs/device.h"
#include "tests/fs/image.h"
#include "tests/fs/sim.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORKERS 5
#define FILES 4
#define STEPS 60
#define SIZE 70000
#define MARKS (WORKERS * STEPS)
#define CRASHES 12

struct file {
	char name[60];
	bool exists;
	uint8_t data[SIZE];
	size_t size;
	struct mark *mark;
};

/* A file as it was when fsync() returned. */
struct mark {
	char name[60];
	bool shared;			/* it is in the directory s */
	uint8_t *data;
	size_t size;
	unsigned at, until;		/* events of the device */
};

static struct {
	struct image image;
	struct device device;
	struct fs *fs;
	struct inode *shared;
	unsigned left;			/* workers */
	struct mark marks[MARKS];
	unsigned mark_count;
} now;

static struct worker {
	unsigned number;
	struct file files[FILES];
} workers[WORKERS];

static struct inode *dir_of(unsigned file)
{
	return file % 2 ? now.shared : now.fs->root;
}

static void ok(int64_t rc, const char *what)
{
	if (rc < 0)
		sim_fail("%s returns %lld", what, (long long)rc);
}

/* The file changes from now on. */
static void changes(struct file *f)
{
	if (f->mark)
		f->mark->until = now.device.event_count;
	f->mark = NULL;
}

static struct inode *get(struct worker *w, unsigned n)
{
	struct file *f = &w->files[n];
	struct inode *dir = dir_of(n), *i;

	if (f->exists) {
		ok(now.fs->ops->lookup(dir, f->name, strlen(f->name), &i), "lookup");
	} else {
		changes(f);
		ok(now.fs->ops->create(dir, f->name, strlen(f->name), FS_IFREG | 0600, 0, 0, 0, &i),
		   "create");
		f->exists = true;
		f->size = 0;
	}
	return i;
}

static void compare(struct file *f, struct inode *i)
{
	static uint8_t buffers[WORKERS + 1][SIZE];
	static unsigned turn;
	uint8_t *got = buffers[turn++ % (WORKERS + 1)];
	struct fs_vec v = { got, SIZE };
	struct fs_open o;
	ssize_t n;

	fs_open_begin(&o, i);
	n = i->fs->ops->read(&o, &v, 1, 0);
	fs_open_end(&o);
	if (n != (ssize_t)f->size || i->size != f->size)
		sim_fail("%s has %zd bytes, not %zu", f->name, n, f->size);
	for (size_t k = 0; k < f->size; k++)
		if (got[k] != f->data[k])
			sim_fail("%s: byte %zu of %zu is %#x, not %#x", f->name, k, f->size, got[k],
				 f->data[k]);
}

static void write_some(struct file *f, struct inode *i)
{
	size_t at = sim_below(SIZE), len = 1 + sim_below(20000);
	bool append = sim_chance(3);
	uint64_t where;
	struct fs_vec v;
	struct fs_open o;

	if (append)
		at = f->size;
	if (len > SIZE - at)
		len = SIZE - at;
	if (!len)
		return;
	if (at > f->size)
		memset(f->data + f->size, 0, at - f->size);
	memset(f->data + at, 1 + sim_below(255), len);
	if (at + len > f->size)
		f->size = at + len;
	v = (struct fs_vec){ f->data + at, len };
	where = append ? 0 : at;
	fs_open_begin(&o, i);
	if (i->fs->ops->write(&o, &v, 1, &where, append) != (ssize_t)len || where != at)
		sim_fail("%s: write", f->name);
	fs_open_end(&o);
}

static void sync_it(struct file *f, struct inode *i, unsigned n)
{
	struct fs_open o;

	fs_open_begin(&o, i);
	ok(i->fs->ops->sync(&o, false), "fsync");
	fs_open_end(&o);
	if (f->mark || now.mark_count == MARKS)
		return;
	f->mark = &now.marks[now.mark_count++];
	*f->mark = (struct mark){ .shared = n % 2, .data = malloc(f->size + 1), .size = f->size,
				  .at = now.device.event_count, .until = UINT_MAX };
	memcpy(f->mark->data, f->data, f->size);
	memcpy(f->mark->name, f->name, sizeof(f->name));
}

static void rename_it(struct worker *w, unsigned n)
{
	unsigned to = (n + 1 + sim_below(FILES - 1)) % FILES;
	struct file *a = &w->files[n], *b = &w->files[to];

	changes(a);
	changes(b);
	ok(now.fs->ops->rename(dir_of(n), a->name, strlen(a->name), dir_of(to), b->name,
			       strlen(b->name), 0), "rename");
	b->exists = true;
	b->size = a->size;
	memcpy(b->data, a->data, a->size);
	a->exists = false;
}

static void step(struct worker *w)
{
	unsigned n = sim_below(FILES);
	struct file *f = &w->files[n];
	struct inode *i = get(w, n);
	const struct fs_ops *ops = now.fs->ops;
	size_t at = sim_below(SIZE), len = 1 + sim_below(SIZE - at);

	switch (sim_below(12)) {
	case 0:
		changes(f);
		ok(ops->truncate(i, at), "truncate");
		if (at > f->size)
			memset(f->data + f->size, 0, at - f->size);
		f->size = at;
		break;
	case 1:
		changes(f);
		ok(ops->fallocate(i, FS_PUNCH_HOLE | FS_KEEP_SIZE, at, len), "punch");
		if (at < f->size)
			memset(f->data + at, 0, (at + len < f->size ? at + len : f->size) - at);
		break;
	case 2:
		changes(f);
		inode_put(i);
		i = NULL;
		ok(ops->unlink(dir_of(n), f->name, strlen(f->name)), "unlink");
		f->exists = false;
		break;
	case 3:
		rename_it(w, n);
		break;
	case 4:
	case 5:
	case 6:
		sync_it(f, i, n);
		break;
	case 7:
		compare(f, i);
		break;
	case 8:
		changes(f);
		ok(ops->xattr_set(i, "user.x", f->data, sim_below(200), 0), "xattr_set");
		break;
	default:
		changes(f);
		write_some(f, i);
	}
	if (i)
		inode_put(i);
}

static void work(void *arg)
{
	for (unsigned k = 0; k < STEPS; k++)
		step(arg);
	now.left--;
}

static void background(void *arg)
{
	(void)arg;
	while (now.left) {
		if (sim_chance(20))
			sim.clock += SECOND;
		if (sim.background_at && sim.background_at <= sim.clock) {
			sim.background_at = 0;
			fs_background();
		}
		if (sim.reclaim && sim_chance(10))
			sim.reclaim(1 + sim_below(100000));
		sim_sleep();
	}
}

static void freezer(void *arg)
{
	(void)arg;
	for (unsigned k = 0; now.left; k++) {
		if (k % 200 == 199) {
			ok(now.fs->ops->freeze(now.fs), "freeze");
			for (unsigned n = sim_below(20); n; n--)
				sim_sleep();
			ok(now.fs->ops->thaw(now.fs), "thaw");
		} else if (k % 50 == 49) {
			ok(now.fs->ops->syncfs(now.fs), "syncfs");
		}
		sim_sleep();
	}
}

static void compare_all(void)
{
	for (unsigned w = 0; w < WORKERS; w++)
		for (unsigned n = 0; n < FILES; n++) {
			struct file *f = &workers[w].files[n];
			struct inode *i;
			int rc = now.fs->ops->lookup(dir_of(n), f->name, strlen(f->name), &i);

			if (rc != (f->exists ? 0 : -ENOENT))
				sim_fail("lookup of %s returns %d", f->name, rc);
			if (rc)
				continue;
			compare(f, i);
			inode_put(i);
		}
}

/* ---- Crashes. */

static bool is_durable(const struct event *w, unsigned until)
{
	for (unsigned i = 0; i < until; i++) {
		const struct event *f = &now.device.events[i];

		if (f->kind == EVENT_FLUSH && f->done <= until && w->done <= i)
			return true;
	}
	return false;
}

static void check_mark(struct fs *fs, const struct mark *m)
{
	struct inode *dir = inode_get(fs->root), *i;
	uint8_t *got = malloc(m->size + 1);
	struct fs_vec v = { got, m->size + 1 };
	struct fs_open o;
	ssize_t n;

	if (m->shared) {
		inode_put(dir);
		ok(fs->ops->lookup(fs->root, "s", 1, &dir), "lookup of s");
	}
	if (fs->ops->lookup(dir, m->name, strlen(m->name), &i))
		sim_fail("after a crash, %s is lost", m->name);
	fs_open_begin(&o, i);
	n = fs->ops->read(&o, &v, 1, 0);
	fs_open_end(&o);
	if (n != (ssize_t)m->size || memcmp(got, m->data, m->size))
		sim_fail("after a crash, %s is not as it was at its fsync(): %zd bytes, %zu", m->name, n,
			 m->size);
	free(got);
	inode_put(i);
	inode_put(dir);
}

/* A crash before that event: each write that no flush has made durable may be lost. */
static unsigned crash(const struct image *before, unsigned until)
{
	struct image after = { malloc(before->size), before->size };
	struct fs_options options = { 0 };
	struct device d;
	struct fs *fs;
	unsigned checked = 0;

	memcpy(after.data, before->data, before->size);
	for (unsigned i = 0; i < until; i++) {
		const struct event *w = &now.device.events[i];

		if (w->kind == EVENT_WRITE && (sim_below(2) || is_durable(w, until)))
			memcpy(after.data + w->at, w->data, w->len);
	}
	device_memory(&d, after.data, after.size);
	if (ext4_mount(&d.block, &options, &fs))
		sim_fail("recovery: %s", options.reason);
	for (unsigned k = 0; k < now.mark_count; k++) {
		if (now.marks[k].at > until || now.marks[k].until < until)
			continue;
		check_mark(fs, &now.marks[k]);
		checked++;
	}
	ok(fs->ops->unmount(fs), "unmount after a crash");
	device_end(&d);
	if (sim_chance(3))
		image_check(&after, "after recovery");
	image_free(&after);
	return checked;
}

/* ---- One run. */

static void name_files(void)
{
	for (unsigned w = 0; w < WORKERS; w++) {
		workers[w].number = w;
		for (unsigned n = 0; n < FILES; n++) {
			struct file *f = &workers[w].files[n];

			f->exists = false;
			f->size = 0;
			f->mark = NULL;
			snprintf(f->name, sizeof(f->name), "w%u-%u-%.*s", w, n, (int)(w * 9),
				 "a-name-that-is-longer-and-longer-and-longer");
		}
	}
}

static void run_threads(void)
{
	void (*run[WORKERS + 2])(void *) = { background, freezer };
	void *args[WORKERS + 2] = { NULL };

	now.left = WORKERS;
	for (unsigned w = 0; w < WORKERS; w++) {
		run[2 + w] = work;
		args[2 + w] = &workers[w];
	}
	sim_threads(run, args, WORKERS + 2);
}

static uint64_t commits, shared, checked, crashes;

static void one_run(uint64_t seed, const char *options, unsigned megabytes)
{
	struct fs_options o = { 0 };
	struct image before;
	struct fs_stats s;

	sim_begin(seed);
	now.mark_count = 0;
	image_make(&now.image, (uint64_t)megabytes << 20, options);
	device_memory(&now.device, now.image.data, now.image.size);
	if (ext4_mount(&now.device.block, &o, &now.fs))
		sim_fail("mount: %s", o.reason);
	ok(now.fs->ops->mkdir(now.fs->root, "s", 1, 0755, 0, 0, &now.shared), "mkdir");
	ok(now.fs->ops->syncfs(now.fs), "syncfs");
	before = (struct image){ malloc(now.image.size), now.image.size };
	memcpy(before.data, now.image.data, before.size);
	device_record(&now.device);
	name_files();
	sim.limit = seed % 3 ? 0 : 3 << 20;
	run_threads();
	sim.limit = 0;
	compare_all();
	now.fs->ops->stats(now.fs, &s);
	commits += s.commits;
	shared += s.commit_waits;
	now.device.recording = false;
	inode_put(now.shared);
	ok(now.fs->ops->unmount(now.fs), "unmount");
	image_check(&now.image, "threads");
	/* Without a journal nothing is promised. */
	for (unsigned k = 0; k < CRASHES && !strstr(options, "^has_journal"); k++, crashes++)
		checked += crash(&before, sim_below(now.device.event_count + 1));
	if (ext4_mount(&now.device.block, &o, &now.fs))
		sim_fail("mount: %s", o.reason);
	ok(now.fs->ops->lookup(now.fs->root, "s", 1, &now.shared), "lookup");
	compare_all();
	inode_put(now.shared);
	ok(now.fs->ops->unmount(now.fs), "unmount");
	for (unsigned k = 0; k < now.mark_count; k++)
		free(now.marks[k].data);
	device_end(&now.device);
	image_free(&now.image);
	image_free(&before);
	sim_end();
}

static void threads_share_a_disk(void)
{
	static const struct {
		const char *options;
		unsigned megabytes;
	} disks[] = {
		{ "-b 4096", 16 },
		{ "-b 1024 -N 128 -J size=1", 8 },
		{ "-b 1024 -O ^extent,^64bit", 8 },
		{ "-b 4096 -O ^has_journal", 8 },
		{ "-b 1024 -O orphan_file", 8 },
	};
	unsigned runs = sim_count(10);

	for (unsigned k = 0; k < runs; k++) {
		unsigned disk = (sim_first_seed / 1000 + k) % COUNT_OF(disks);

		one_run(sim_first_seed + k, disks[disk].options, disks[disk].megabytes);
	}
	sim_note("%u runs, %llu commits, %llu callers shared one, %llu crashes, %llu files checked", runs,
		 (unsigned long long)commits, (unsigned long long)shared, (unsigned long long)crashes,
		 (unsigned long long)checked);
}

int main(int argc, char **argv)
{
	static const struct sim_claim claims[] = {
		{ "threads share a disk, and what one has synced survives a crash",
		  threads_share_a_disk },
	};

	return sim_main(argc, argv, claims, COUNT_OF(claims));
}

/* SPDX-License-Identifier: ISC */
/*
 * Limits: the last block, the last inode, memory, the device's patience; and
 * long runs on one file against a shadow copy.
 */
#include "tests/fs/device.h"
#include "tests/fs/image.h"
#include "tests/fs/run.h"
#include "tests/fs/sim.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct image image;
static struct device device;
static struct run run;

static void begin(uint64_t seed, unsigned megabytes, const char *options)
{
	sim_begin(seed);
	image_make(&image, (uint64_t)megabytes << 20, options);
	device_memory(&device, image.data, image.size);
	run_begin(&run, &device.block, NULL);
}

static void end(const char *when)
{
	run_end(&run);
	device_end(&device);
	image_check(&image, when);
	image_free(&image);
	sim_end();
}

static struct fs_statfs statfs_now(void)
{
	struct fs_statfs s;
	int rc = run.fs->ops->statfs(run.fs, &s);

	if (rc)
		sim_fail("statfs returns %d", rc);
	return s;
}

static const char *const disks[] = {
	"-b 1024 -N 64 -m 0", "-b 1024 -N 64 -m 0 -O ^extent,^64bit,^metadata_csum",
	"-b 4096 -m 0 -O ^has_journal", "-b 1024 -m 0 -g 1024 -O ^flex_bg",
};

/* ---- A full disk. */

/* All names of a directory, the root without a path. */
static void remove_all(uint32_t dir, const char *path)
{
	while (run.model.inodes[dir].entry_count) {
		const struct model_entry *e = run.model.inodes[dir].entries;
		bool is_dir = (run.model.inodes[e->id].mode & FS_IFMT) == FS_IFDIR;
		char name[600];

		snprintf(name, sizeof(name), "%s%s%.*s", path, *path ? "/" : "", (int)e->len, e->name);
		if (is_dir)
			remove_all(e->id, name);
		run_op(&run, &(struct op){ .kind = is_dir ? OP_RMDIR : OP_UNLINK, .a = name });
		if (run.result)
			sim_fail("%s cannot be removed", name);
	}
}

static void to_the_last_block(void)
{
	for (unsigned n = 0; n < COUNT_OF(disks); n++) {
		struct fs_statfs before, full, after;
		struct gen g = { .small = true };

		if (!sim_part(n, COUNT_OF(disks)))
			continue;
		begin(n, 8, disks[n]);
		before = statfs_now();
		run.allowed = RUN_ENOSPC;
		run_op(&run, &(struct op){ .kind = OP_CREATE, .a = "a", .mode = 0644 });
		run_op(&run, &(struct op){ .kind = OP_CREATE, .a = "b", .mode = 0644 });
		/* Large pieces, then small ones, until nothing fits. */
		for (uint64_t len = 65536; len >= 512; len /= 2)
			for (run.hit = 0; !run.hit;)
				run_op(&run, &(struct op){ .kind = OP_APPEND, .a = "a", .len = len,
							   .fill = run.done });
		run_op(&run, &(struct op){ .kind = OP_SYNC });
		full = statfs_now();
		if (full.free > before.blocks / 64)
			sim_fail("no block is left for a file, and %" PRIu64 " of %" PRIu64 " are free",
				 full.free, before.blocks);
		run_compare(&run);
		/* Operations of all kinds on a full disk. */
		for (unsigned i = 0; i < 150; i++) {
			struct op op;

			gen_random(&g, &op);
			if (op.kind == OP_UNLINK || op.kind == OP_TRUNCATE || op.kind == OP_PUNCH)
				continue;
			run_op(&run, &op);
		}
		run_compare(&run);
		run_close(&run);
		run_op(&run, &(struct op){ .kind = OP_REMOUNT });
		run.allowed = 0;
		/* All freed space can be used. */
		remove_all(0, "");
		run_op(&run, &(struct op){ .kind = OP_SYNC });
		after = statfs_now();
		/* The root directory may have become longer. */
		if (after.free + 8 < before.free)
			sim_fail("%" PRIu64 " of %" PRIu64 " blocks are free after unlink", after.free,
				 before.free);
		end(disks[n]);
	}
}

static void to_the_last_inode(void)
{
	static char names[400][12];

	for (unsigned n = 0; n < 2; n++) {
		struct fs_statfs before, s;
		unsigned made = 0;

		begin(n, 8, disks[n]);
		before = statfs_now();
		run.allowed = RUN_ENOSPC;
		while (made < COUNT_OF(names) && !run.hit) {
			snprintf(names[made], sizeof(names[0]), "f%u", made);
			run_op(&run, &(struct op){ .kind = made % 3 ? OP_CREATE : OP_MKDIR,
						   .a = names[made], .mode = 0700 });
			made += !run.hit;
		}
		s = statfs_now();
		if (!run.hit || s.inodes_free || made != before.inodes_free)
			sim_fail("%u inodes were made of %" PRIu64 ", %" PRIu64 " are free", made,
				 before.inodes_free, s.inodes_free);
		run.allowed = 0;
		run_compare(&run);
		while (made--)
			run_op(&run, &(struct op){ .kind = made % 3 ? OP_UNLINK : OP_RMDIR,
						   .a = names[made] });
		run_op(&run, &(struct op){ .kind = OP_SYNC });
		s = statfs_now();
		if (s.inodes_free != before.inodes_free)
			sim_fail("%" PRIu64 " inodes of %" PRIu64 " are free again", s.inodes_free,
				 before.inodes_free);
		end(disks[n]);
	}
}

/* ---- A large directory, read while it changes. */

struct seen {
	uint8_t count[3000];
	uint64_t cookie;
	unsigned left;
	bool any;
};

static bool seen_name(void *arg, const struct fs_dirent *e)
{
	struct seen *s = arg;
	char name[256] = { 0 };

	if (!s->left--)
		return false;
	s->any = true;
	s->cookie = e->cookie;
	memcpy(name, e->name, e->len);
	if (name[0] == 'n')
		s->count[atoi(name + 1)]++;
	return true;
}

static void a_directory_that_changes(void)
{
	static const char *const options[] = { "-b 1024", "-b 1024 -O ^dir_index", "-b 4096" };
	static char names[3000][40], others[3000][40];

	for (unsigned n = 0; n < COUNT_OF(options); n++) {
		static struct seen s;
		struct inode *dir;
		unsigned other = 0;
		int rc;

		if (!sim_part(n, COUNT_OF(options)))
			continue;
		begin(n + 10, 32, options[n]);
		run.quiet = true;
		for (unsigned i = 0; i < 600; i++) {
			snprintf(names[i], 40, "n%u-with-a-name-that-is-longer", i);
			run_op(&run, &(struct op){ .kind = OP_CREATE, .a = names[i], .mode = 0644 });
		}
		memset(&s, 0, sizeof(s));
		dir = run.fs->root;
		do {
			s.any = false;
			s.left = 1 + sim_below(20);
			rc = run.fs->ops->readdir(dir, s.cookie, seen_name, &s);
			if (rc)
				sim_fail("readdir returns %d", rc);
			/* Names come, so that blocks are split, and go. */
			for (unsigned i = 0; i < 8 && other < 1200; i++, other++) {
				snprintf(others[other], 40, "other-%u-of-some-length", other);
				run_op(&run, &(struct op){ .kind = OP_CREATE, .a = others[other],
							   .mode = 0644 });
				if (other % 3 == 2)
					run_op(&run, &(struct op){ .kind = OP_UNLINK,
								   .a = others[other - 1] });
			}
		} while (s.any);
		for (unsigned i = 0; i < 600; i++)
			if (s.count[i] != 1)
				sim_fail("readdir has %s %u times", names[i], s.count[i]);
		run_compare(&run);
		end(options[n]);
	}
}

/* ---- One file against a shadow copy: the model is the copy. */

static void as_fsx_does(void)
{
	static const enum op_kind kinds[] = {
		OP_WRITE, OP_WRITE, OP_READ, OP_READ, OP_APPEND, OP_TRUNCATE, OP_PUNCH, OP_ALLOCATE,
		OP_ALLOCATE_KEEP, OP_SEEK, OP_FSYNC, OP_DROP, OP_WAIT, OP_PAGE, OP_REMOUNT,
	};
	unsigned ops = 0;

	for (unsigned n = 0; n < COUNT_OF(disks); n++) {
		if (!sim_part(n, COUNT_OF(disks)))
			continue;
		begin(sim_first_seed + n, 8, disks[n]);
		run.allowed = RUN_ENOSPC;
		run_op(&run, &(struct op){ .kind = OP_CREATE, .a = "a", .mode = 0644 });
		for (unsigned i = 0; i < 600 * sim_times; i++, ops++) {
			struct op op = { .kind = kinds[sim_below(COUNT_OF(kinds))], .a = "a",
					 .at = sim_below(400000), .len = sim_below(70000), .fill = i };

			if (op.kind == OP_WAIT)
				op.at = sim_below(40);
			else if (op.kind == OP_TRUNCATE)
				op.len = sim_below(400000);
			if (op.kind == OP_REMOUNT && sim_below(8))
				op.kind = OP_READ;
			run_op(&run, &op);
		}
		run_compare(&run);
		end(disks[n]);
	}
	sim_note("%u operations", ops);
}

/* ---- Memory and the device fail. */

static void without_memory(void)
{
	unsigned hits = 0, count = sim_count(30);

	for (unsigned i = 0; i < count; i++) {
		struct gen g = { .small = true, .no_remount = true };

		begin(sim_first_seed + i, 4, "-b 1024 -N 64 -J size=1");
		run.allowed = RUN_ENOMEM | RUN_ENOSPC;
		run.quiet = true;
		for (unsigned n = 0; n < 80; n++) {
			struct op op;

			gen_random(&g, &op);
			/* These may have done a part. */
			if (op.kind >= OP_WRITE && op.kind <= OP_ZERO)
				continue;
			sim.fail_each = 12;
			run_op(&run, &op);
			sim.fail_each = 0;
			hits += run.hit != 0;
			run.hit = 0;
		}
		run_compare(&run);
		end("memory failed");
	}
	sim_note("%u sequences, %u errors", count, hits);
}

/* From the nth write on the device fails: no more than errors, and afterwards e2fsck repairs
   nothing that an fsync() had made durable. */
static void a_device_that_fails(void)
{
	unsigned count = sim_count(30), failed = 0;

	for (unsigned i = 0; i < count; i++) {
		struct fs_options o = { 0 };
		struct fs *fs;
		struct inode *in;
		struct gen g = { .small = true, .no_remount = true };
		int rc;

		begin(sim_first_seed + i, 4, "-b 1024 -N 64 -J size=1");
		for (unsigned n = 0; n < gen_setup_count; n++)
			run_op(&run, &gen_setup[n]);
		run.quiet = true;
		if (i % 3 == 0)
			device.fail_write = device.writes + 1 + sim_below(40);
		else if (i % 3 == 1)
			device.fail_read = device.reads + 1 + sim_below(10);
		else
			device.fail_flush = device.flushes + 1 + sim_below(6);
		device.fail_on = true;
		/* The model cannot follow what is half done: only results that make sense. */
		for (unsigned n = 0; n < 60; n++) {
			struct op op;
			struct fs_open open;
			struct fs_vec v = { (char[3000]){ 1 }, 3000 };
			uint64_t at = sim_below(9000);
			char name = 'f' + sim_below(6);

			gen_random(&g, &op);
			rc = run.fs->ops->create(run.fs->root, &name, 1, FS_IFREG | 0644, 0, 0, 0, &in);
			if (rc && rc != -EIO && rc != -EROFS && rc != -EEXIST && rc != -ENOSPC)
				sim_fail("create returns %d", rc);
			if (rc)
				continue;
			fs_open_begin(&open, in);
			run.fs->ops->write(&open, &v, 1, &at, false);
			rc = run.fs->ops->sync(&open, sim_below(2));
			if (rc && rc != -EIO && rc != -EROFS)
				sim_fail("fsync returns %d", rc);
			if (rc == 0 && device.failed && i % 3 != 1)
				sim_fail("fsync returns 0 on a device that fails");
			fs_open_end(&open);
			inode_put(in);
			sim_advance(3 * SECOND);
		}
		failed += device.failed != 0;
		run.fs->ops->unmount(run.fs);
		run.fs = NULL;
		run_end(&run);
		device_end(&device);
		sim_end();
		/* The device works again. */
		rc = image_repair(&image);
		if (rc > 1)
			sim_fail("e2fsck -fy returns %d:\n%s", rc, image_output());
		sim_begin(1);
		device_memory(&device, image.data, image.size);
		rc = ext4_mount(&device.block, &o, &fs);
		if (rc)
			sim_fail("mount afterwards returns %d: %s", rc, o.reason);
		if (fs->ops->lookup(fs->root, "a", 1, &in))
			sim_fail("what was durable is lost");
		if (in->size != 5000)
			sim_fail("what was durable has %" PRIu64 " bytes", in->size);
		inode_put(in);
		rc = fs->ops->unmount(fs);
		device_end(&device);
		image_free(&image);
		sim_end();
	}
	sim_note("%u devices, %u failed", count, failed);
}

/* ---- An error of writing data: once for each descriptor. */

static void an_error_is_told_once(void)
{
	struct fs_open first, second, third;
	struct fs_vec v = { (char[4096]){ 1 }, 4096 };
	struct inode *i;
	uint64_t at = 0;
	int rc[6];

	begin(1, 8, "-b 4096 -O ^has_journal");
	rc[0] = run.fs->ops->create(run.fs->root, "x", 1, FS_IFREG | 0644, 0, 0, 0, &i);
	fs_open_begin(&first, i);
	fs_open_begin(&second, i);
	if (rc[0] || run.fs->ops->write(&first, &v, 1, &at, false) != 4096)
		sim_fail("write");
	if (run.fs->ops->sync(&first, false))
		sim_fail("sync");
	at = 0;
	run.fs->ops->write(&first, &v, 1, &at, false);
	/* Data alone are written by an overwrite. */
	device.fail_write = device.writes + 1;
	rc[0] = run.fs->ops->sync(&first, true);
	device.fail_write = 0;
	rc[1] = run.fs->ops->sync(&first, true);
	rc[2] = run.fs->ops->sync(&second, true);
	rc[3] = run.fs->ops->sync(&second, true);
	fs_open_begin(&third, i);
	rc[4] = run.fs->ops->sync(&third, true);
	if (rc[0] != -EIO || rc[1] || rc[2] != -EIO || rc[3] || rc[4])
		sim_fail("fsync returns %d %d, of another descriptor %d %d, of a new one %d", rc[0], rc[1],
			 rc[2], rc[3], rc[4]);
	fs_open_end(&first);
	fs_open_end(&second);
	fs_open_end(&third);
	inode_put(i);
	run.fs->ops->unmount(run.fs);
	run.fs = NULL;
	run_end(&run);
	device_end(&device);
	image_free(&image);
	sim_end();
}

int main(int argc, char **argv)
{
	static const struct sim_claim claims[] = {
		{ "a disk is filled to its last block, and used again", to_the_last_block },
		{ "a disk is filled to its last inode, and used again", to_the_last_inode },
		{ "readdir has each name once while others come and go", a_directory_that_changes },
		{ "a file is as its shadow copy", as_fsx_does },
		{ "an operation without memory fails and changes nothing", without_memory },
		{ "a device that fails causes errors, and what was durable stays", a_device_that_fails },
		{ "an error of writing is told once to each descriptor", an_error_is_told_once },
	};

	return sim_main(argc, argv, claims, COUNT_OF(claims));
}

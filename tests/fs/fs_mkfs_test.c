/* SPDX-License-Identifier: ISC */
/*
 * Disks of 1 GiB as the user makes them, with mkfs.ext4 and one option at most: they are mounted,
 * written, mounted again, and e2fsck finds them clean.  Those that are not supported are refused
 * with exactly these sentences, and are not written to.
 */
#include "tests/fs/device.h"
#include "tests/fs/image.h"
#include "tests/fs/run.h"
#include "tests/fs/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPERATIONS 120

static const char *new_disk(const char *options)
{
	const char *path = image_file("disk");

	if (image_run("rm -f '%s'; truncate -s 1G '%s'; mkfs.ext4 -q -F %s '%s'", path, path, options,
		      path))
		sim_fail("mkfs.ext4 %s: %s", options, image_output());
	return path;
}

static void clean(const char *path, const char *options)
{
	if (image_run("e2fsck -fn '%s'", path))
		sim_fail("mkfs.ext4 %s: e2fsck complains: %s", options, image_output());
}

/* ---- What is supported. */

static const char *const supported[] = {
	"", "-b 1024", "-O ^64bit,^metadata_csum", "-O ^extent,^64bit", "-O ^has_journal", "-O ^dir_index",
	"-O orphan_file", "-O metadata_csum_seed",
};

static void use(const char *options, uint64_t seed)
{
	const char *path = new_disk(options);
	struct gen g = { .size_max = 300000 };
	struct device d;
	struct run run;

	sim_begin(seed);
	if (device_file(&d, path, false))
		sim_fail("mkfs.ext4 %s: no disk", options);
	device_concurrent(&d);
	run_begin(&run, &d.block, NULL);
	for (unsigned n = 0; n < OPERATIONS; n++) {
		struct op op;

		gen_random(&g, &op);
		run_op(&run, &op);
		if (n == OPERATIONS / 2) {
			run_close(&run);
			run_unmount(&run);
			clean(path, options);
			run_mount(&run);
		}
	}
	run_compare(&run);
	run_end(&run);
	device_end(&d);
	clean(path, options);
	sim_end();
}

static void disks_of_mkfs(void)
{
	unsigned count = 0;

	for (unsigned k = 0; k < COUNT_OF(supported); k++) {
		if (!sim_part(k, COUNT_OF(supported)))
			continue;
		use(supported[k], sim_first_seed + k);
		count++;
	}
	sim_note("%u of %zu", count, COUNT_OF(supported));
}

/* ---- What is not. */

/* From a crash: the log has something. */
static void leave_dirty(const char *path)
{
	struct fs_options o = { 0 };
	struct device d;
	struct inode *i;
	struct fs *fs;
	bool crashed = false;
	char copy[400];

	snprintf(copy, sizeof(copy), "%s", image_file("crashed"));
	if (device_file(&d, path, false) || ext4_mount(&d.block, &o, &fs))
		sim_fail("mount: %s", o.reason);
	if (!fs->ops->create(fs->root, "file", 4, FS_IFREG | 0644, 0, 0, 0, &i)) {
		inode_put(i);
		crashed = !fs->ops->syncfs(fs) && !image_run("cp --sparse=always '%s' '%s'", path, copy);
	}
	fs->ops->unmount(fs);
	device_end(&d);
	if (!crashed || image_run("mv '%s' '%s'", copy, path))
		sim_fail("a crash: %s", image_output());
}

/* As after tune2fs -J device=, of a disk that is not here. */
static void make_external(const char *path)
{
	if (image_run("debugfs -w -R 'feature has_journal' '%s' && "
		      "debugfs -w -R 'set_super_value journal_dev 0x1234' '%s'", path, path))
		sim_fail("%s", image_output());
}

/* As a newer Linux may make it. */
static void add_unknown_feature(const char *path)
{
	if (image_run("debugfs -w -R 'feature FEATURE_I30' '%s'", path))
		sim_fail("%s", image_output());
}

static const struct {
	const char *options, *sentence;
	void (*change)(const char *path);
	bool read_only;
} refused[] = {
	{ "-O casefold", "feature `casefold` is not supported; tune2fs -O ^casefold, or make a new "
	  "file system", NULL, false },
	{ "-O encrypt", "feature `encrypt` is not supported; tune2fs -O ^encrypt, or make a new "
	  "file system", NULL, false },
	{ "-O bigalloc", "feature `bigalloc` is not supported; tune2fs -O ^bigalloc, or make a new "
	  "file system", NULL, false },
	{ "-O ^has_journal", "an external journal is not supported; tune2fs -O ^has_journal",
	  make_external, false },
	{ "-O journal_dev", "this is an external journal, which is not supported", NULL, false },
	{ "", "it has an unknown feature; make a new file system", add_unknown_feature, false },
	{ "", "the disk was not cleanly unmounted and is read-only, so its journal cannot be replayed; "
	  "attach it writable, or run e2fsck", leave_dirty, true },
};

static void sentences(void)
{
	for (unsigned k = 0; k < COUNT_OF(refused); k++) {
		struct fs_options o = { .read_only = refused[k].read_only };
		const char *path = new_disk(refused[k].options);
		struct device d;
		struct fs *fs;

		sim_begin(k);
		if (refused[k].change)
			refused[k].change(path);
		if (device_file(&d, path, refused[k].read_only))
			sim_fail("no disk");
		device_record(&d);
		if (!ext4_mount(&d.block, &o, &fs))
			sim_fail("mkfs.ext4 %s: it is mounted", refused[k].options);
		if (strcmp(o.reason, refused[k].sentence))
			sim_fail("mkfs.ext4 %s: the reason is: %s", refused[k].options, o.reason);
		if (d.event_count)
			sim_fail("mkfs.ext4 %s: it is written to", refused[k].options);
		device_end(&d);
		sim_end();
	}
}

int main(int argc, char **argv)
{
	static const struct sim_claim claims[] = {
		{ "a disk of mkfs.ext4 is written, and clean for e2fsck", disks_of_mkfs },
		{ "another one is refused with its sentence", sentences },
	};

	return sim_main(argc, argv, claims, COUNT_OF(claims));
}

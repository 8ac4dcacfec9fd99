/* SPDX-License-Identifier: ISC */
/*
 * Disks that Linux's tools made: what they wrote is read, what fs/ wrote they find clean, and
 * what is not supported is refused with one sentence.
 */
#include "tests/fs/csum.h"
#include "tests/fs/device.h"
#include "tests/fs/image.h"
#include "tests/fs/run.h"
#include "tests/fs/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- What is refused. */

static const struct {
	const char *options, *feature;
	bool read_only;			/* it is mounted, read-only */
} refused[] = {
	{ "-O casefold", "casefold", false },
	{ "-O encrypt", "encrypt", false },
	{ "-O bigalloc -C 16384", "bigalloc", false },
	{ "-O journal_dev", "journal", false },
	{ "-O ea_inode", "ea_inode", false },
	{ "-O inline_data", "inline_data", true },
	{ "-O verity", "verity", true },
};

static void features_are_refused(void)
{
	unsigned tried = 0;

	for (unsigned i = 0; i < COUNT_OF(refused); i++) {
		struct image image;
		struct device d;
		struct fs_options o = { 0 };
		struct fs *fs;
		int rc;

		if (!sim_part(i, COUNT_OF(refused)))
			continue;
		tried++;
		sim_begin(i);
		image_make(&image, 8 << 20, refused[i].options);
		device_memory(&d, image.data, image.size);
		d.before_write = NULL;
		device_record(&d);
		rc = ext4_mount(&d.block, &o, &fs);
		if (rc == 0 && refused[i].read_only && fs->read_only) {
			fs->ops->unmount(fs);
		} else {
			if (rc == 0)
				sim_fail("mkfs.ext4 %s is mounted", refused[i].options);
			if (!strstr(o.reason, refused[i].feature) || strlen(o.reason) < 20)
				sim_fail("mkfs.ext4 %s: the reason is: %s", refused[i].options, o.reason);
		}
		for (unsigned e = 0; e < d.event_count; e++)
			if (d.events[e].kind == EVENT_WRITE)
				sim_fail("mkfs.ext4 %s: it is written to", refused[i].options);
		device_end(&d);
		image_free(&image);
		sim_end();
	}
	sim_note("%u features", tried);
}

/* A disk with a journal to replay that may not be written. */
static void recovery_needs_writing(void)
{
	struct image image;
	struct device d;
	struct run run;
	struct fs_options o = { 0 };
	struct fs *fs;
	uint8_t *crashed;
	int rc;

	sim_begin(1);
	image_make(&image, 8 << 20, "-b 1024");
	device_memory(&d, image.data, image.size);
	run_begin(&run, &d.block, NULL);
	for (unsigned i = 0; i < gen_setup_count; i++)
		run_op(&run, &gen_setup[i]);
	crashed = malloc(image.size);
	memcpy(crashed, image.data, image.size);
	run_end(&run);
	device_end(&d);

	device_memory(&d, crashed, image.size);
	d.block.read_only = true;
	o.read_only = true;
	rc = ext4_mount(&d.block, &o, &fs);
	if (rc == 0)
		sim_fail("a journal that needs recovery, on a read-only disk: it is mounted");
	if (!strstr(o.reason, "recover") && !strstr(o.reason, "journal"))
		sim_fail("a journal that needs recovery, on a read-only disk: %s", o.reason);
	sim_note("%s", o.reason);
	device_end(&d);
	free(crashed);
	image_free(&image);
	sim_end();
}

/* No file system, and pieces of one. */
static void nonsense_is_refused(void)
{
	struct image image;
	uint8_t *data;

	sim_begin(1);
	image_make(&image, 4 << 20, "-b 1024");
	data = aligned_alloc(4096, image.size);
	for (unsigned i = 0; i < sim_count(400); i++) {
		uint64_t size = i % 3 ? image.size : sim_below(image.size / 512) * UINT64_C(512);
		struct fs_options o = { 0 };
		struct device d;
		struct fs *fs;
		char label[17];
		uint8_t uuid[16];

		memcpy(data, image.data, image.size);
		for (unsigned n = 0; i && n < 1 + i % 5; n++)
			data[1024 + sim_below(1024)] = sim_below(256);
		if (i % 4 == 3)
			memset(data + sim_below(4096), sim_below(256), sim_below(8192));
		device_memory(&d, data, size);
		ext4_probe(&d.block, label, uuid);
		if (ext4_mount(&d.block, &o, &fs) == 0)
			fs->ops->unmount(fs);
		else if (!o.reason[0])
			sim_fail("a mount fails without a reason");
		device_end(&d);
	}
	free(data);
	image_free(&image);
	sim_end();
}

/* ---- Checksums that are wrong. */

static unsigned damaged;

static bool ignore(void *arg, const struct fs_dirent *e)
{
	(void)arg;
	(void)e;
	return true;
}

static void noticed(int64_t rc)
{
	damaged += rc == -EUCLEAN;
	if (rc < 0 && rc != -EUCLEAN && rc != -ENODATA && rc != -EINVAL && rc != -EISDIR &&
	    rc != -ENOENT && rc != -EROFS)
		sim_fail("damage causes error %lld", (long long)rc);
}

/* Everything that the setup made is used, and something is added. */
static void use_all(struct fs *fs)
{
	static const char *const names[] = { "a", "d", "e", "l", "new", "lost+found" };
	const struct fs_ops *ops = fs->ops;

	noticed(ops->readdir(fs->root, 0, ignore, NULL));
	for (unsigned n = 0; n < COUNT_OF(names); n++) {
		uint8_t data[6000];
		struct fs_vec v = { data, sizeof(data) };
		uint64_t at = 4000;
		struct inode *i, *child;
		struct fs_open o;
		int rc = n == 4 ? ops->create(fs->root, "new", 3, FS_IFREG | 0644, 0, 0, 0, &i) :
				  ops->lookup(fs->root, names[n], strlen(names[n]), &i);

		noticed(rc);
		if (rc)
			continue;
		noticed(ops->xattr_get(i, "user.big", data, sizeof(data)));
		if ((i->mode & FS_IFMT) == FS_IFDIR) {
			noticed(ops->readdir(i, 0, ignore, NULL));
			rc = ops->lookup(i, "b", 1, &child);
			noticed(rc);
			if (!rc)
				inode_put(child);
		} else if ((i->mode & FS_IFMT) == FS_IFREG) {
			fs_open_begin(&o, i);
			noticed(ops->read(&o, &v, 1, 0));
			noticed(ops->write(&o, &v, 1, &at, false));
			noticed(ops->sync(&o, false));
			fs_open_end(&o);
		}
		inode_put(i);
	}
	noticed(ops->syncfs(fs));
}

static void wrong_checksums_are_errors(void)
{
	struct image image;
	struct csum c;
	struct device d;
	struct run run;
	uint8_t *data;
	unsigned tried = 0;

	sim_begin(1);
	image_make(&image, 4 << 20, "-b 1024 -N 64 -J size=1");
	device_memory(&d, image.data, image.size);
	run_begin(&run, &d.block, NULL);
	for (unsigned i = 0; i < gen_setup_count; i++)
		run_op(&run, &gen_setup[i]);
	/* More pieces than the inode has, so that there is a block of extents. */
	for (unsigned i = 0; i < 12; i++)
		run_op(&run, &(struct op){ .kind = OP_WRITE, .a = "a", .at = i * 9000, .len = 900 });
	run_op(&run, &(struct op){ .kind = OP_XSET, .a = "a", .b = "user.big", .len = 600 });
	run_end(&run);
	device_end(&d);
	csum_scan(&c, image.data, image.size);
	data = aligned_alloc(4096, image.size);
	for (unsigned n = 0; n < c.count; n++) {
		const struct csum_block *b = &c.blocks[n];
		struct fs_options o = { 0 };
		struct fs *fs;
		int rc;

		/* Of inodes those in use; of the log there is nothing to replay. */
		if (b->kind == CSUM_JOURNAL || b->kind == CSUM_JOURNAL_SUPER ||
		    (b->kind == CSUM_INODE && b->ino != 2 && (b->ino < 12 || b->ino > 16)) ||
		    ((b->kind == CSUM_GROUP || b->kind == CSUM_BLOCK_BITMAP ||
		      b->kind == CSUM_INODE_BITMAP) && b->ino))
			continue;
		memcpy(data, image.data, image.size);
		/* Damage that checks of the values do not find. */
		data[b->at + (b->kind == CSUM_INODE ? 0x08 : b->kind == CSUM_SUPER ? 0x78 :
			      b->kind == CSUM_GROUP ? 0x1e :
			      b->kind == CSUM_INODE_BITMAP ? 64 / 8 - 1 : b->len / 2)] ^= 0x10;
		sim_begin(n);
		device_memory(&d, data, image.size);
		damaged = 0;
		rc = ext4_mount(&d.block, &o, &fs);
		if (rc == 0) {
			use_all(fs);
			rc = fs->ops->unmount(fs);
		}
		damaged += rc == -EUCLEAN;
		if (!damaged)
			sim_fail("metadata of kind %u, inode or group %u: a changed byte is not noticed",
				 b->kind, b->ino);
		tried++;
		device_end(&d);
		sim_end();
	}
	free(c.blocks);
	free(data);
	image_free(&image);
	sim_note("%u blocks", tried);
}

/* ---- A tree that mke2fs and debugfs wrote. */

static const char *const trees[] = {
	"", "-b 1024", "-b 2048", "-b 1024 -O ^64bit,^metadata_csum", "-b 1024 -O ^extent,^64bit",
	"-O ^has_journal", "-b 1024 -O ^dir_index", "-O metadata_csum_seed,orphan_file",
	"-b 1024 -I 128",
};

/* fs/ reads the contents of the folder of this machine. */
static void compare_folder(struct inode *dir, const char *path, unsigned *files)
{
	const struct fs_ops *ops = dir->fs->ops;

	for (unsigned n = 0;; n++) {
		char name[300], whole[700];
		uint8_t *ours, *theirs;
		struct inode *i;
		struct stat s;
		struct fs_open o;
		struct fs_vec v;
		ssize_t got;
		FILE *f;
		int rc;

		snprintf(name, sizeof(name), "%s-%u", n % 3 ? "file" : "a-longer-name-for-a-file", n);
		snprintf(whole, sizeof(whole), "%s/%s", path, name);
		if (lstat(whole, &s))
			break;
		rc = ops->lookup(dir, name, strlen(name), &i);
		if (rc)
			sim_fail("lookup of %s returns %d", name, rc);
		if (i->size != (uint64_t)s.st_size || i->mode != s.st_mode)
			sim_fail("%s: %llu bytes, mode %o", name, (unsigned long long)i->size, i->mode);
		ours = malloc(s.st_size + 1);
		theirs = malloc(s.st_size + 1);
		v = (struct fs_vec){ ours, s.st_size };
		fs_open_begin(&o, i);
		got = ops->read(&o, &v, 1, 0);
		fs_open_end(&o);
		f = fopen(whole, "r");
		if (got != s.st_size || !f || fread(theirs, 1, s.st_size, f) != (size_t)s.st_size ||
		    memcmp(ours, theirs, got))
			sim_fail("%s: its bytes differ (read returns %zd)", name, got);
		fclose(f);
		free(ours);
		free(theirs);
		inode_put(i);
		++*files;
	}
}

static void linux_tools_wrote(void)
{
	unsigned files = 0, count = 0;
	char folder[300];

	snprintf(folder, sizeof(folder), "%s", image_file("tree"));
	mkdir(folder, 0755);
	for (unsigned n = 0; n < 120; n++) {
		char path[600];
		FILE *f;
		unsigned size = n % 14 == 6 ? 700000 : n * 517 % 20000;

		snprintf(path, sizeof(path), "%s/%s-%u", folder,
			 n % 3 ? "file" : "a-longer-name-for-a-file", n);
		f = fopen(path, "w");
		for (unsigned b = 0; b < size; b++)
			/* Holes too. */
			putc(n % 28 == 6 && b / 40000 % 2 ? 0 : op_byte(n, b), f);
		fclose(f);
	}
	for (unsigned t = 0; t < COUNT_OF(trees); t++) {
		char options[400];
		struct image image;
		struct device d;
		struct fs_options o = { 0 };
		struct fs *fs;
		int rc;

		if (!sim_part(t, COUNT_OF(trees)))
			continue;
		count++;
		sim_begin(t);
		snprintf(options, sizeof(options), "%s -d '%s'", trees[t], folder);
		image_make(&image, 16 << 20, options);
		device_memory(&d, image.data, image.size);
		rc = ext4_mount(&d.block, &o, &fs);
		if (rc)
			sim_fail("mkfs.ext4 %s: mount returns %d: %s", trees[t], rc, o.reason);
		compare_folder(fs->root, folder, &files);
		rc = fs->ops->unmount(fs);
		if (rc)
			sim_fail("unmount returns %d", rc);
		image_check(&image, trees[t]);
		device_end(&d);
		image_free(&image);
		sim_end();
	}
	sim_note("%u files on %u disks", files, count);
}

/* ---- What fs/ wrote, debugfs reads. */

static void debugfs_reads(void)
{
	const char *path = image_file("disk"), *out = image_file("out");
	struct image image;
	struct device d;
	struct run run;

	sim_begin(3);
	image_make(&image, 8 << 20, "");
	device_memory(&d, image.data, image.size);
	run_begin(&run, &d.block, NULL);
	for (unsigned i = 0; i < gen_setup_count; i++)
		run_op(&run, &gen_setup[i]);
	run_op(&run, &(struct op){ .kind = OP_CREATE, .a = "big", .mode = 0640 });
	for (unsigned i = 0; i < 60; i++)
		run_op(&run, &(struct op){ .kind = OP_WRITE, .a = "big", .fill = i,
					   .at = sim_below(3000000), .len = sim_below(60000) });
	run_op(&run, &(struct op){ .kind = OP_SYNC });
	run_close(&run);
	run_unmount(&run);
	device_end(&d);
	image_write(&image, path);
	for (uint32_t id = 0; id < run.model.count; id++) {
		static const char *const names[] = { "a", "d/b", "big" };

		for (unsigned n = 0; n < COUNT_OF(names); n++) {
			struct model_inode *i = &run.model.inodes[id];
			FILE *f;

			/* The files in order of their creation. */
			if (!i->exists || (i->mode & FS_IFMT) != FS_IFREG ||
			    i->size != (n == 0 ? 5000 : n == 1 ? 1500 : i->size) ||
			    (n == 2) != (i->size > 5000))
				continue;
			if (image_run("debugfs -R 'dump /%s %s' '%s'", names[n], out, path))
				sim_fail("debugfs: %s", image_output());
			f = fopen(out, "r");
			for (uint64_t at = 0; at < i->size; at++)
				if (!f || getc(f) != model_byte(&run.model, id, at))
					sim_fail("debugfs reads another byte %llu of %s",
						 (unsigned long long)at, names[n]);
			fclose(f);
		}
	}
	run_end(&run);
	image_free(&image);
	sim_end();
}

/* ---- A device without a flush, and one of sectors of 4096 bytes. */

static void other_devices(void)
{
	for (unsigned kind = 0; kind < 2; kind++) {
		struct image image;
		struct device d;
		struct run run;

		sim_begin(kind);
		image_make(&image, 8 << 20, "-b 4096");
		device_memory(&d, image.data, image.size);
		if (kind == 0)
			d.block.no_flush = true;
		else
			d.block.sector_size = 4096;
		run_begin(&run, &d.block, NULL);
		if (kind == 0 && !sim.errors_logged)
			sim_fail("a device without flush is mounted without a warning");
		for (unsigned i = 0; i < gen_setup_count; i++)
			run_op(&run, &gen_setup[i]);
		run_compare(&run);
		run_end(&run);
		device_end(&d);
		image_check(&image, kind ? "sectors of 4096 bytes" : "no flush");
		image_free(&image);
		sim_end();
	}
	/* Blocks that are smaller than a sector cannot be written. */
	{
		struct image image;
		struct device d;
		struct fs_options o = { 0 };
		struct fs *fs;

		sim_begin(9);
		image_make(&image, 8 << 20, "-b 1024");
		device_memory(&d, image.data, image.size);
		d.block.sector_size = 4096;
		if (ext4_mount(&d.block, &o, &fs) == 0)
			sim_fail("blocks of 1024 bytes on sectors of 4096 are mounted");
		device_end(&d);
		image_free(&image);
		sim_end();
	}
}

int main(int argc, char **argv)
{
	static const struct sim_claim claims[] = {
		{ "what is not supported is refused in one sentence, unwritten", features_are_refused },
		{ "a journal that needs recovery on a read-only disk is refused", recovery_needs_writing },
		{ "a disk without a valid file system is refused", nonsense_is_refused },
		{ "metadata with a wrong checksum is an error", wrong_checksums_are_errors },
		{ "a tree that mke2fs wrote is read", linux_tools_wrote },
		{ "debugfs reads what was written", debugfs_reads },
		{ "a device without flush, or with sectors of 4096 bytes", other_devices },
	};

	return sim_main(argc, argv, claims, COUNT_OF(claims));
}

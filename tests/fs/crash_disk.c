/* SPDX-License-Identifier: ISC */
#include "tests/fs/crash_disk.h"

#include "tests/fs/sim.h"
#include "tests/fs/tree.h"

#include <stdlib.h>
#include <string.h>

const char *const disk_options[DISK_KINDS] = {
	"-b 1024 -N 256 -m 0 -J size=1",
	"-b 1024 -N 256 -m 0 -J size=1 -O ^extent,^64bit,^metadata_csum",
	"-b 1024 -N 256 -O ^has_journal",
};

struct disk disk;

/* ---- The device. */

static int write_both(struct block *b, const struct block_vec *vecs, unsigned count, uint64_t at)
{
	void (*f)(void) = disk.on_write;
	bool super;
	int rc;

	disk.on_write = NULL;
	if (f)
		f();
	super = disk.journal && disk.journal->log_blocks &&
		at == journal_block(disk.journal, 0) * BLOCK;
	rc = disk.write(b, vecs, count, at);
	for (unsigned i = 0; i < count && !super; i++) {
		memcpy(disk.late.data + at, vecs[i].data, vecs[i].len);
		at += vecs[i].len;
	}
	disk.super_unflushed |= super;
	disk.unflushed++;
	if (disk.after_write)
		disk.after_write();
	return rc;
}

static int flush(struct block *b)
{
	uint64_t at = disk.super_unflushed ? journal_block(disk.journal, 0) * BLOCK : 0;

	(void)b;
	if (disk.on_flush)
		disk.on_flush();
	if (disk.super_unflushed)
		memcpy(disk.late.data + at, disk.image.data + at, BLOCK);
	disk.super_unflushed = false;
	disk.unflushed = 0;
	return 0;
}

void disk_begin(const char *options, uint64_t size)
{
	struct fs_options o = { 0 };

	sim_begin(sim_first_seed);
	image_make(&disk.image, size, options);
	disk.late = (struct image){ malloc(size), size };
	memcpy(disk.late.data, disk.image.data, size);
	device_memory(&disk.device, disk.image.data, size);
	disk.write = disk.device.block.write;
	disk.device.block.write = write_both;
	disk.device.block.flush = flush;
	if (ext4_mount(&disk.device.block, &o, &disk.fs))
		sim_fail("mount: %s", o.reason);
	disk.journal = &((struct ext4 *)disk.fs)->journal;
	memcpy(disk.late.data, disk.image.data, size);
}

static void disk_free(void)
{
	device_end(&disk.device);
	image_free(&disk.image);
	image_free(&disk.late);
	sim_end();
}

void disk_end(const char *what)
{
	disk.on_write = disk.on_flush = disk.after_write = NULL;
	disk_ok(disk.fs->ops->unmount(disk.fs), "unmount");
	disk_flushed("an unmount");
	disk.journal = NULL;
	image_check(&disk.image, what);
	disk_free();
}

void disk_end_failed(void)
{
	disk.on_write = disk.on_flush = disk.after_write = NULL;
	disk.fs->ops->unmount(disk.fs);
	disk.journal = NULL;
	disk_free();
}

/* ---- Operations. */

void disk_ok(int64_t rc, const char *what)
{
	if (rc < 0)
		sim_fail("%s returns %lld", what, (long long)rc);
}

struct inode *disk_create(const char *name)
{
	struct inode *i;

	disk_ok(disk.fs->ops->create(disk.fs->root, name, strlen(name), FS_IFREG | 0600, 0, 0, 0,
				     &i), "create");
	return i;
}

struct inode *disk_mkdir(const char *name)
{
	struct inode *i;

	disk_ok(disk.fs->ops->mkdir(disk.fs->root, name, strlen(name), 0700, 0, 0, &i), "mkdir");
	return i;
}

void disk_rmdir(const char *name)
{
	disk_ok(disk.fs->ops->rmdir(disk.fs->root, name, strlen(name)), "rmdir");
}

void disk_flushed(const char *what)
{
	if (disk.unflushed)
		sim_fail("after %s, %u writes are not flushed", what, disk.unflushed);
}

void disk_sync(void)
{
	disk_ok(disk.fs->ops->syncfs(disk.fs), "syncfs");
	disk_flushed("syncfs()");
}

bool disk_has(struct fs *fs, const char *name)
{
	struct inode *i;

	if (fs->ops->lookup(fs->root, name, strlen(name), &i))
		return false;
	inode_put(i);
	return true;
}

struct inode *disk_lookup(struct fs *fs, const char *name)
{
	struct inode *i;

	if (fs->ops->lookup(fs->root, name, strlen(name), &i))
		sim_fail("%s is not there", name);
	return i;
}

void disk_write(struct inode *i, const void *data, size_t len, uint64_t at)
{
	struct fs_vec v = { (void *)(uintptr_t)data, len };
	struct fs_open o;

	fs_open_begin(&o, i);
	if (i->fs->ops->write(&o, &v, 1, &at, false) != (ssize_t)len)
		sim_fail("not all is written");
	fs_open_end(&o);
}

void disk_fsync(struct inode *i, bool data_only)
{
	struct fs_open o;

	fs_open_begin(&o, i);
	disk_ok(i->fs->ops->sync(&o, data_only), "fsync");
	fs_open_end(&o);
	disk_flushed("fsync()");
}

/* ---- Crashes. */

void crashed_begin(struct crashed *c, const struct image *from)
{
	*c = (struct crashed){ .image = { malloc(from->size), from->size } };
	memcpy(c->image.data, from->data, from->size);
}

void crashed_try_mount(struct crashed *c)
{
	device_memory(&c->device, c->image.data, c->image.size);
	c->rc = ext4_mount(&c->device.block, &c->options, &c->fs);
}

void crashed_mount(struct crashed *c, const char *what)
{
	crashed_try_mount(c);
	if (c->rc)
		sim_fail("%s: %s", what, c->options.reason);
}

void crashed_end(struct crashed *c, bool whole, const char *what)
{
	struct tree t;

	if (!c->rc && whole) {
		tree_read(&t, c->fs, what);
		tree_free(&t);
	}
	if (!c->rc) {
		disk_ok(c->fs->ops->unmount(c->fs), what);
		if (whole)
			image_check(&c->image, what);
	}
	device_end(&c->device);
	image_free(&c->image);
}

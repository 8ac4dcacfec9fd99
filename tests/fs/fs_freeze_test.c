/* SPDX-License-Identifier: ISC */
/* While a file system is frozen: what changes it waits, and what does not goes on beside it. */
#include "tests/fs/device.h"
#include "tests/fs/image.h"
#include "tests/fs/sim.h"

#include <string.h>

#define SIZE (3 * 4096)
#define LONG_ENOUGH 2000		/* calls of sim_sleep() */

static struct {
	struct image image;
	struct device device;
	struct fs *fs;
	struct inode *inode;
	struct fs_page *page;		/* held, as a mapping has it */
	unsigned change;		/* which of changes[] */
	bool frozen, waits, used, thawed, changed;
} now;

static void ok(int64_t rc, const char *what)
{
	if (rc < 0)
		sim_fail("%s returns %lld", what, (long long)rc);
}

static int truncate_it(void)
{
	return now.fs->ops->truncate(now.inode, SIZE / 2);
}

static int lengthen_it(void)
{
	return now.fs->ops->truncate(now.inode, 2 * SIZE);
}

static int allocate_it(void)
{
	return now.fs->ops->fallocate(now.inode, 0, SIZE, SIZE);
}

static int punch_it(void)
{
	return now.fs->ops->fallocate(now.inode, FS_PUNCH_HOLE | FS_KEEP_SIZE, 4096, 4096);
}

static int write_it(void)
{
	struct fs_vec v = { "new", 3 };
	uint64_t at = 5000;
	struct fs_open o;
	int rc;

	fs_open_begin(&o, now.inode);
	rc = now.fs->ops->write(&o, &v, 1, &at, false);
	fs_open_end(&o);
	return rc;
}

static int (*const changes[])(void) = { truncate_it, lengthen_it, allocate_it, punch_it, write_it };

static void changer(void *arg)
{
	(void)arg;
	while (!now.frozen)
		sim_sleep();
	now.waits = true;
	ok(changes[now.change](), "a change");
	if (!now.thawed)
		sim_fail("change %u does not wait for the thaw", now.change);
	now.changed = true;
}

/* Reads, maps and dirties mapped pages: as lib/process/mapped.c, which has a lock then. */
static void user(void *arg)
{
	char bytes[100];
	struct fs_vec v = { bytes, sizeof(bytes) };
	struct fs_page *page;
	struct fs_open o;

	(void)arg;
	while (!now.waits)
		sim_sleep();
	for (unsigned n = sim_below(100); n; n--)
		sim_sleep();
	fs_open_begin(&o, now.inode);
	if (now.fs->ops->read(&o, &v, 1, 10) != sizeof(bytes))
		sim_fail("read");
	fs_open_end(&o);
	ok(now.fs->ops->page(now.inode, 1, &page), "page");
	now.fs->ops->page_put(now.inode, page);
	ok(now.fs->ops->page_dirty(now.inode, 0, now.page), "page_dirty");
	now.used = true;
}

static void freezer(void *arg)
{
	(void)arg;
	ok(now.fs->ops->freeze(now.fs), "freeze");
	now.frozen = true;
	for (unsigned n = 0; !now.used; n++) {
		if (n == LONG_ENOUGH)
			sim_fail("beside change %u, reading and mapped pages wait for the thaw", now.change);
		sim_sleep();
	}
	now.thawed = true;
	ok(now.fs->ops->thaw(now.fs), "thaw");
}

static void one(unsigned change, uint64_t seed)
{
	void (*const run[])(void *) = { freezer, changer, user };
	void *const args[] = { NULL, NULL, NULL };
	static char data[SIZE];
	struct fs_vec v = { data, SIZE };
	struct fs_options options = { 0 };
	struct fs_open o;
	uint64_t at = 0;

	sim_begin(seed);
	memset(&now, 0, sizeof(now));
	now.change = change;
	image_make(&now.image, 8 << 20, "-b 1024");
	device_memory(&now.device, now.image.data, now.image.size);
	if (ext4_mount(&now.device.block, &options, &now.fs))
		sim_fail("mount: %s", options.reason);
	ok(now.fs->ops->create(now.fs->root, "f", 1, FS_IFREG | 0600, 0, 0, 0, &now.inode), "create");
	fs_open_begin(&o, now.inode);
	ok(now.fs->ops->write(&o, &v, 1, &at, false), "write");
	fs_open_end(&o);
	ok(now.fs->ops->page(now.inode, 0, &now.page), "page");
	sim_threads(run, args, COUNT_OF(run));
	if (!now.changed)
		sim_fail("change %u never ends", change);
	now.fs->ops->page_put(now.inode, now.page);
	inode_put(now.inode);
	ok(now.fs->ops->unmount(now.fs), "unmount");
	image_check(&now.image, "freeze");
	device_end(&now.device);
	image_free(&now.image);
	sim_end();
}

static void others_go_on(void)
{
	for (unsigned change = 0; change < COUNT_OF(changes); change++)
		for (unsigned k = 0; k < sim_count(4); k++)
			one(change, sim_first_seed + k);
}

int main(int argc, char **argv)
{
	static const struct sim_claim claims[] = {
		{ "beside a change that waits for the thaw, others read and map the file", others_go_on },
	};

	return sim_main(argc, argv, claims, COUNT_OF(claims));
}

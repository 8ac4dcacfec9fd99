/* SPDX-License-Identifier: ISC */
/*
 * Disks with anything in their metadata: an error at worst, never memory corruption, and an
 * end.  The input is a list of changes to a real image: a block of metadata, a place in it,
 * bytes; then the checksums of what was changed are made right again, so that the values
 * behind them are looked at.  The images are made by mkfs.ext4 and fs/ at the first call.
 */
#include "tests/fs/csum.h"
#include "tests/fs/device.h"
#include "tests/fs/image.h"
#include "tests/fs/op.h"
#include "tests/fs/run.h"
#include "tests/fs/sim.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const options[] = {
	"-b 1024 -N 64 -J size=1",
	"-b 1024 -N 64 -O ^has_journal,^extent,^64bit,^metadata_csum",
	"-b 4096 -N 64 -O ^has_journal",
	"-b 1024 -N 64 -J size=1 -O metadata_csum_seed,orphan_file",
};

static struct image fresh[COUNT_OF(options)];
static struct csum csums[COUNT_OF(options)];
static uint8_t *work;
static size_t work_size;

static const uint8_t *input;
static size_t left;

static unsigned byte(void)
{
	return left ? left--, *input++ : 0;
}

static unsigned word(void)
{
	unsigned low = byte();

	return low | byte() << 8;
}

static void ignore_output(void)
{
}

/* A tree with a bit of everything; of half of them the journal has transactions. */
static void prepare(unsigned n)
{
	struct device d;
	struct run run;
	uint8_t *copy;
	static char name[200][24];

	sim_begin(n);
	image_make(&fresh[n], 4 << 20, options[n]);
	device_memory(&d, fresh[n].data, fresh[n].size);
	run_begin(&run, &d.block, NULL);
	for (unsigned i = 0; i < gen_setup_count; i++)
		run_op(&run, &gen_setup[i]);
	for (unsigned i = 0; i < 40; i++) {
		struct op op = { .kind = OP_CREATE, .a = name[i], .mode = 0644 };

		memcpy(name[i], "d/a-name-of-a-file--", 20);
		name[i][18] = 'a' + i / 26;
		name[i][19] = 'a' + i % 26;
		run_op(&run, &op);
	}
	run_op(&run, &(struct op){ .kind = OP_XSET, .a = "a", .b = "user.a", .len = 300 });
	run_op(&run, &(struct op){ .kind = OP_ALLOCATE, .a = "d/b", .at = 30000, .len = 9000 });
	for (unsigned i = 0; i < 12; i++)
		run_op(&run, &(struct op){ .kind = OP_WRITE, .a = "a", .at = i * 9000, .len = 900 });
	run_op(&run, &(struct op){ .kind = OP_SYNC });
	copy = malloc(fresh[n].size);
	memcpy(copy, fresh[n].data, fresh[n].size);
	run_end(&run);
	device_end(&d);
	/* As after a crash: with a journal to replay. */
	if (n % 2 == 0)
		memcpy(fresh[n].data, copy, fresh[n].size);
	free(copy);
	/* A valid image stays valid, or the mending proves nothing. */
	csum_scan(&csums[n], fresh[n].data, fresh[n].size);
	csum_mend(&csums[n], fresh[n].data);
	if (n % 2)
		image_check(&fresh[n], "checksums made anew");
	sim_end();
}

/* ---- Using whatever is there. */

struct names {
	char names[12][256];
	uint8_t lens[12];
	unsigned count;
	uint64_t emitted;
};

static bool take(void *arg, const struct fs_dirent *e)
{
	struct names *n = arg;

	if (++n->emitted > 100000)
		sim_fail("readdir has no end");
	if (n->count < COUNT_OF(n->names)) {
		memcpy(n->names[n->count], e->name, e->len);
		n->lens[n->count++] = e->len;
	}
	return true;
}

static unsigned budget;

static void use(struct inode *i, unsigned depth)
{
	const struct fs_ops *ops = i->fs->ops;
	static uint8_t data[20000];
	struct fs_vec v = { data, sizeof(data) };
	struct fs_stat s;
	struct fs_open o;
	struct names *n;
	uint64_t at = 0;

	if (!budget)
		return;
	budget--;
	ops->stat(i, &s);
	ops->readlink(i, (char *)data, sizeof(data));
	if (ops->xattr_list(i, (char *)data, sizeof(data)) > 0) {
		data[255] = '\0';
		ops->xattr_get(i, strdupa((char *)data), data, sizeof(data));
	}
	ops->xattr_set(i, "user.z", "value", 5, 0);
	fs_open_begin(&o, i);
	ops->read(&o, &v, 1, 0);
	ops->read(&o, &v, 1, i->size > 30000 ? i->size - 10000 : 10000);
	ops->seek(i, 0, FS_SEEK_DATA);
	ops->seek(i, 0, FS_SEEK_HOLE);
	v.len = 3000;
	if (depth % 2)
		ops->write(&o, &v, 1, &at, true);
	at = 5000;
	ops->write(&o, &v, 1, &at, false);
	ops->sync(&o, false);
	ops->fallocate(i, FS_PUNCH_HOLE | FS_KEEP_SIZE, 1000, 9000);
	if (budget % 3 == 0)
		ops->truncate(i, 2000);
	fs_open_end(&o);
	if ((i->mode & FS_IFMT) != FS_IFDIR || depth > 4)
		return;
	n = calloc(1, sizeof(*n));
	ops->readdir(i, 0, take, n);
	for (unsigned k = 0; k < n->count; k++) {
		struct inode *child;

		if (!n->lens[k] || n->names[k][0] == '.')
			continue;
		if (ops->lookup(i, n->names[k], n->lens[k], &child) == 0) {
			use(child, depth + 1);
			inode_put(child);
		}
		if (k % 4 == 1)
			ops->unlink(i, n->names[k], n->lens[k]);
		else if (k % 4 == 2)
			ops->rename(i, n->names[k], n->lens[k], i, "renamed", 7, 0);
		else if (k % 4 == 3)
			ops->rmdir(i, n->names[k], n->lens[k]);
	}
	free(n);
	for (char c = 'A'; c < 'D'; c++) {
		struct inode *child;

		if (ops->create(i, &c, 1, FS_IFREG | 0644, 0, 0, 0, &child) == 0)
			inode_put(child);
		c += 'a' - 'A';
		if (ops->mkdir(i, &c, 1, 0755, 0, 0, &child) == 0)
			inode_put(child);
		c -= 'a' - 'A';
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fs_options o = { 0 };
	struct device d;
	struct fs *fs;
	unsigned kind;

	sim_context(ignore_output);
	input = data;
	left = size;
	kind = byte() % COUNT_OF(options);
	if (!fresh[kind].data)
		prepare(kind);
	sim_begin(size);
	if (fresh[kind].size > work_size)
		work = realloc(work, work_size = fresh[kind].size);
	memcpy(work, fresh[kind].data, fresh[kind].size);
	o.read_only = byte() % 4 == 0;
	for (unsigned n = 0; left && n < 30; n++) {
		unsigned area = byte(), which = word(), place = word(), how = byte();
		uint32_t value = word();

		value |= how & 32 ? (uint32_t)word() << 16 : 0;
		csum_change(&csums[kind], work, area, which, place, how, value);
	}
	/* Sometimes they stay wrong. */
	if (size % 8)
		csum_mend(&csums[kind], work);
	device_memory(&d, work, fresh[kind].size);
	d.block.read_only = o.read_only;
	alarm(25);
	if (ext4_mount(&d.block, &o, &fs) == 0) {
		budget = 60;
		use(fs->root, 0);
		sim_advance(40 * SECOND);
		fs->ops->syncfs(fs);
		fs->ops->unmount(fs);
	} else if (!o.reason[0]) {
		sim_fail("a mount fails without a reason");
	}
	alarm(0);
	device_end(&d);
	sim_end();
	return 0;
}

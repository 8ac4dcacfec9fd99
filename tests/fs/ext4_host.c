/* SPDX-License-Identifier: ISC */
#include "tests/fs/ext4_host.h"
#include "tests/fs/host_os.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BAD "build/check/log/ext4-bad.img"	/* what e2fsck does not like */

void fail(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, "\nlast log: %s\n", host_os.last_log);
	abort();
}

/* ---- The device. */

static int disk_read(struct block *b, const struct block_vec *vecs, unsigned count, uint64_t at)
{
	struct disk *d = (struct disk *)b;

	CHECK(count && count <= BLOCK_VECS);
	d->reads++;
	if (d->fail_reads && !--d->fail_reads) {
		d->fail_reads = 1;
		return -EIO;
	}
	for (unsigned i = 0; i < count; i++) {
		CHECK(at + vecs[i].len <= b->size && vecs[i].len % 512 == 0 &&
		      (uintptr_t)vecs[i].data % 512 == 0);
		memcpy(vecs[i].data, d->data + at, vecs[i].len);
		at += vecs[i].len;
	}
	return 0;
}

static struct write *event(struct disk *d)
{
	if (d->count == d->room) {
		d->room = d->room ? d->room * 2 : 64;
		d->writes = realloc(d->writes, d->room * sizeof(*d->writes));
	}
	d->writes[d->count] = (struct write){ .data = NULL };
	return &d->writes[d->count++];
}

static int disk_write(struct block *b, const struct block_vec *vecs, unsigned count, uint64_t at)
{
	struct disk *d = (struct disk *)b;

	CHECK(count && count <= BLOCK_VECS && !b->read_only);
	if (d->fail_writes && !--d->fail_writes) {
		d->fail_writes = 1;
		return -EIO;
	}
	for (unsigned i = 0; i < count; i++) {
		CHECK(at + vecs[i].len <= b->size && vecs[i].len % 512 == 0 &&
		      (uintptr_t)vecs[i].data % 512 == 0);
		memcpy(d->data + at, vecs[i].data, vecs[i].len);
		if (d->recording) {
			struct write *w = event(d);

			w->data = malloc(vecs[i].len);
			w->len = vecs[i].len;
			w->at = at;
			memcpy(w->data, vecs[i].data, w->len);
		}
		d->written += vecs[i].len;
		at += vecs[i].len;
	}
	return 0;
}

static int disk_flush(struct block *b)
{
	struct disk *d = (struct disk *)b;

	if (d->fail_flushes && !--d->fail_flushes) {
		d->fail_flushes = 1;
		return -EIO;
	}
	d->flushes++;
	if (d->recording)
		event(d);
	return 0;
}

static const char *image_path(void)
{
	static char path[64];

	snprintf(path, sizeof(path), "%s/ext4-%d.img",
		 access("/dev/shm", W_OK) ? getenv("TMPDIR") ?: "/tmp" : "/dev/shm", getpid());
	return path;
}

static const struct block functions = { .read = disk_read, .write = disk_write,
					.flush = disk_flush, .sector_size = 512, .name = "xvda" };

static void disk_init(struct disk *d, size_t size)
{
	*d = (struct disk){ .block = functions };
	d->block.size = size;
	d->data = calloc(1, size);
}

/* Most of a disk is zero: those blocks are neither copied nor written. */
static bool is_zero(const uint8_t *block)
{
	return !block[0] && !memcmp(block, block + 1, 4095);
}

static void copy_blocks(uint8_t *to, const uint8_t *from, size_t size)
{
	for (size_t at = 0; at < size; at += 4096)
		if (!is_zero(from + at))
			memcpy(to + at, from + at, 4096);
}

void disk_make(struct disk *d, const char *options, unsigned size)
{
	char command[512];
	int fd;

	snprintf(command, sizeof(command),
		 "PATH=$PATH:/sbin:/usr/sbin; rm -f %s; mkfs.ext4 -q -F %s %s %s %uk > /dev/null",
		 image_path(), strstr(options, "-b ") ? "" : "-b 4096", options, image_path(), size);
	if (system(command))
		fail("%s", command);
	disk_init(d, (size_t)size << 10);
	fd = open(image_path(), O_RDONLY);
	CHECK(fd >= 0 && read(fd, d->data, d->block.size) == (ssize_t)d->block.size);
	close(fd);
	unlink(image_path());
}

void disk_free(struct disk *d)
{
	for (unsigned i = 0; i < d->count; i++)
		free(d->writes[i].data);
	free(d->writes);
	free(d->before);
	free(d->data);
}

void disk_record(struct disk *d)
{
	d->recording = true;
	d->before = calloc(1, d->block.size);
	copy_blocks(d->before, d->data, d->block.size);
}

void disk_replay(const struct disk *d, unsigned n, struct disk *to)
{
	disk_init(to, d->block.size);
	copy_blocks(to->data, d->before, d->block.size);
	for (unsigned i = 0; i < n; i++)
		if (d->writes[i].data)
			memcpy(to->data + d->writes[i].at, d->writes[i].data, d->writes[i].len);
}

void disk_save(const struct disk *d, const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

	CHECK(fd >= 0 && !ftruncate(fd, d->block.size));
	for (size_t at = 0; at < d->block.size; at += 4096)
		if (!is_zero(d->data + at))
			CHECK(pwrite(fd, d->data + at, 4096, at) == 4096);
	close(fd);
}

static char output[65536];

static int run(const char *command)
{
	FILE *p = popen(command, "r");
	size_t n = fread(output, 1, sizeof(output) - 1, p);

	output[n] = 0;
	return pclose(p);
}

void disk_check(const struct disk *d, const char *what)
{
	char command[256];

	disk_save(d, image_path());
	snprintf(command, sizeof(command), "PATH=$PATH:/sbin:/usr/sbin; e2fsck -fn %s 2>&1",
		 image_path());
	if (run(command)) {
		disk_save(d, BAD);
		fail("%s: e2fsck complains:\n%s", what, output);
	}
	unlink(image_path());
}

void disk_copy(const struct disk *d, struct disk *to)
{
	disk_init(to, d->block.size);
	copy_blocks(to->data, d->data, d->block.size);
}

void disk_check_crashed(const struct disk *d, const char *what)
{
	char command[256];
	struct disk copy;
	struct fs *mounted = fs_mounted;
	int rc;

	disk_save(d, image_path());
	snprintf(command, sizeof(command), "PATH=$PATH:/sbin:/usr/sbin; e2fsck -fp %s 2>&1",
		 image_path());
	rc = run(command);
	if (rc && rc != 256) {
		disk_save(d, BAD);
		fail("%s: e2fsck finds after its recovery:\n%s", what, output);
	}
	unlink(image_path());
	disk_copy(d, &copy);
	fs_mounted = NULL;
	unmount_disk(mount_disk(&copy));
	fs_mounted = mounted;
	disk_check(&copy, what);
	disk_free(&copy);
}

const char *disk_debugfs(const struct disk *d, const char *what)
{
	char command[512];

	disk_save(d, image_path());
	snprintf(command, sizeof(command), "PATH=$PATH:/sbin:/usr/sbin; debugfs -R '%s' %s 2>/dev/null",
		 what, image_path());
	CHECK(!run(command));
	unlink(image_path());
	return output;
}

/* ---- Short forms. */

struct fs *mount_disk(struct disk *d)
{
	struct fs_options o = { .read_only = d->block.read_only };
	struct fs *fs;
	int rc = ext4_mount(&d->block, &o, &fs);

	if (rc)
		fail("mount: error %d, %s", -rc, o.reason);
	return fs;
}

void unmount_disk(struct fs *fs)
{
	OK(fs->ops->unmount(fs));
}

struct inode *parent_of(struct fs *fs, const char *path, const char **name)
{
	struct inode *i = inode_get(fs->root), *next;

	for (const char *slash; (slash = strchr(path, '/')); path = slash + 1) {
		int rc = fs->ops->lookup(i, path, slash - path, &next);

		inode_put(i);
		if (rc)
			return NULL;
		i = next;
	}
	*name = path;
	return i;
}

struct inode *at_path(struct fs *fs, const char *path)
{
	const char *name;
	struct inode *dir = parent_of(fs, path, &name), *i;
	int rc;

	if (!dir)
		return NULL;
	rc = fs->ops->lookup(dir, name, strlen(name), &i);
	inode_put(dir);
	if (rc && rc != -ENOENT)
		fail("lookup of %s: error %d", path, -rc);
	return rc ? NULL : i;
}

struct inode *make_file(struct fs *fs, const char *path)
{
	const char *name;
	struct inode *dir = parent_of(fs, path, &name), *i;

	CHECK(dir);
	OK(fs->ops->create(dir, name, strlen(name), FS_IFREG | 0644, 0, 0, 0, &i));
	inode_put(dir);
	return i;
}

void make_dir(struct fs *fs, const char *path)
{
	const char *name;
	struct inode *dir = parent_of(fs, path, &name), *i;

	CHECK(dir);
	OK(fs->ops->mkdir(dir, name, strlen(name), 0755, 0, 0, &i));
	inode_put(i);
	inode_put(dir);
}

int remove_file(struct fs *fs, const char *path)
{
	const char *name;
	struct inode *dir = parent_of(fs, path, &name);
	int rc;

	CHECK(dir);
	rc = fs->ops->unlink(dir, name, strlen(name));
	if (rc == -EISDIR)
		rc = fs->ops->rmdir(dir, name, strlen(name));
	inode_put(dir);
	return rc;
}

int rename_file(struct fs *fs, const char *from, const char *to, unsigned flags)
{
	const char *a, *b;
	struct inode *from_dir = parent_of(fs, from, &a), *to_dir = parent_of(fs, to, &b);
	int rc = fs->ops->rename(from_dir, a, strlen(a), to_dir, b, strlen(b), flags);

	inode_put(from_dir);
	inode_put(to_dir);
	return rc;
}

ssize_t write_at(struct inode *i, const void *from, size_t len, uint64_t at)
{
	struct fs_vec v = { (void *)(uintptr_t)from, len };
	struct fs_open o;
	ssize_t n;

	fs_open_begin(&o, i);
	n = i->fs->ops->write(&o, &v, 1, &at, false);
	fs_open_end(&o);
	return n;
}

ssize_t read_at(struct inode *i, void *to, size_t len, uint64_t at)
{
	struct fs_vec v = { to, len };
	struct fs_open o;
	ssize_t n;

	fs_open_begin(&o, i);
	n = i->fs->ops->read(&o, &v, 1, at);
	fs_open_end(&o);
	return n;
}

int sync_file(struct inode *i, bool data_only)
{
	struct fs_open o;
	int rc;

	fs_open_begin(&o, i);
	rc = i->fs->ops->sync(&o, data_only);
	fs_open_end(&o);
	return rc;
}

void pattern(uint8_t *to, size_t len, unsigned number, uint64_t at)
{
	for (size_t k = 0; k < len; k++) {
		uint64_t x = (at + k) / 8 * 0x9e3779b97f4a7c15ull + number * 0xbf58476d1ce4e5b9ull;

		to[k] = (x ^ x >> 29) >> (at + k) % 8 * 8 | 1;
	}
}

unsigned host_share = 1, host_slice;

bool in_part(unsigned n, unsigned count, unsigned share)
{
	unsigned part = count / share;

	return (n + host_slice) % count < (part ? part : 1);
}

int run_claims(int argc, char **argv, const struct claim *claims, size_t n)
{
	const char *only = NULL, *share = getenv("HOST_SHARE"), *seed = getenv("HOST_SEED");
	int failed = 0, direct = 0;

	if (share && atoi(share) > 0)
		host_share = atoi(share);
	host_slice = seed ? strtoul(seed, NULL, 0) : (unsigned)time(NULL);
	for (int c; (c = getopt(argc, argv, "k:vd")) != -1;) {
		if (c == 'k')
			only = optarg;
		else if (c == 'v')
			host_os.verbose = true;
		else if (c == 'd')
			direct = 1;
		else
			return 2;
	}
	for (size_t k = 0; k < n; k++) {
		int status = 0;
		pid_t child;

		if (only && !strstr(claims[k].text, only))
			continue;
		if (direct) {
			claims[k].test();
			continue;
		}
		fflush(stdout);
		child = fork();
		if (!child) {
			claims[k].test();
			if (host_os.used)
				fail("%zu bytes are left", host_os.used);
			exit(0);
		}
		waitpid(child, &status, 0);
		printf("%s ext4: %s\n", status ? "FAILED" : "ok    ", claims[k].text);
		failed |= status;
	}
	return failed != 0;
}

/* SPDX-License-Identifier: ISC */
#include "tests/files/world.h"
#include "fs/fs.h"
#include "lib/file/mount.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const char *const kind_names[KINDS] = { "tmpfs", "ext4" };

/* ---- What has no inodes: /dev with null, an empty /proc, the image's files. */

static ssize_t null_write(struct file *f, const void *from, size_t len)
{
	(void)f, (void)from;
	return len;
}

static ssize_t null_read(struct file *f, void *to, size_t len)
{
	(void)f, (void)to, (void)len;
	return 0;
}

static int null_stat(struct file *f, struct stat *st)
{
	(void)f;
	st->st_mode = S_IFCHR | 0666;
	st->st_rdev = 1 << 8 | 3;
	return 0;
}

static const struct file_ops null_ops = { .read = null_read, .write = null_write,
					  .stat = null_stat };
static struct file null_file = { .ops = &null_ops, .refs = 1, .flags = O_RDWR };
struct file tty_file = { .ops = &null_ops, .refs = 1, .flags = O_RDWR };

static int dev_stat(const char *path, struct stat *st)
{
	if (strcmp(path, "null") == 0)
		return null_stat(NULL, st);
	st->st_mode = S_IFDIR | 0555;
	return *path ? -ENOENT : 0;
}

static int dev_open(const char *path, int flags, mode_t mode, struct file **f)
{
	(void)flags, (void)mode;
	if (strcmp(path, "null"))
		return *path ? -ENOENT : -EISDIR;
	*f = &null_file;
	return 0;
}

static int dev_list(const char *path, unsigned i, struct dirent *entry)
{
	if (*path || i)
		return 0;
	*entry = (struct dirent){ .d_ino = 2, .d_type = DT_CHR, .d_name = "null" };
	return 1;
}

struct mount dev_mount = { .at = "/dev", .open = dev_open, .stat = dev_stat, .list = dev_list,
			   .next = &proc_mount };

static int proc_stat(const char *path, struct stat *st)
{
	st->st_mode = S_IFDIR | 0555;
	return *path ? -ENOENT : 0;
}

struct mount proc_mount = { .at = "/proc", .stat = proc_stat, .next = &romfs_mount };

struct romfs_entry {
	const char *path, *data;
	uint64_t size;
};
const struct romfs_entry romfs_entries[] = {
	{ "etc", NULL, 0 }, { "etc/hosts", "image", 5 },
};
/* The end must be the next symbol, so it is an alias of the place behind the table. */
__asm__(".globl romfs_end\nromfs_end = romfs_entries + 48");

/* ---- The tree. */

static struct disk *pristine, *disks[3];
static enum kind now;

int text_file(const char *name, const char *text)
{
	int fd = open(name, O_CREAT | O_EXCL | O_WRONLY, 0644);
	ssize_t len = strlen(text);

	return fd < 0 || write(fd, text, len) != len ? -1 : close(fd);
}

static struct fs *make_fs(enum kind kind, unsigned n)
{
	struct fs_options o = { .size_limit = 16 << 20, .root_mode = 0755 };
	struct fs *fs = NULL;
	int rc;

	if (kind == EXT4) {
		if (!pristine)
			pristine = outside_disk("", 8192);
		disks[n] = outside_disk_copy(pristine);
		rc = ext4_mount(outside_block(disks[n]), &o, &fs);
	} else {
		rc = tmpfs_mount(&o, &fs);
	}
	if (rc)
		die("mounting: %d, %s", rc, o.reason);
	return fs;
}

static void attach(struct fs *fs, const char *source, const char *at)
{
	int rc;

	kernel_depth++;
	rc = mount_attach(fs, source, at);
	kernel_depth--;
	if (rc)
		die("mount_attach(%s): %d", at, rc);
}

static void detach(const char *at, const char *what)
{
	int rc;

	kernel_depth++;
	rc = mount_detach(at);
	kernel_depth--;
	if (rc)
		die("%s: mount_detach(%s) afterwards: %d", what, at, rc);
}

static void fill_ro(void)
{
	CHECK(!text_file("/ro/f", "hello") && !mkdir("/ro/d", 0755) && !symlink("f", "/ro/l") &&
	      !mkdir("/ro/full", 0755) && !text_file("/ro/full/x", "x") &&
	      !symlink("none", "/ro/dang"));
}

static void fill(void)
{
	CHECK(!text_file("f", "hello") && !link("f", "f2") && !mkdir("d", 0755));
	CHECK(!mkdir("full", 0755) && !text_file("full/x", "x") && !mkdir("full/sub", 0755));
	CHECK(!symlink("f", "l") && !symlink("d", "ld") && !symlink("full", "lfull"));
	CHECK(!symlink("none", "dang") && !symlink("loop2", "loop1") && !symlink("loop1", "loop2"));
	CHECK(!mkfifo("fifo", 0644) && !symlink("../t/f", "up") && !symlink("/t/d", "abs"));
	CHECK(!mkdir("mnt", 0755));
}

static unsigned descriptors_before;
static int free_before;			/* the lowest descriptor that is not in use */
static size_t memory_before;

void world_begin(enum kind kind)
{
	static bool begun;
	struct fs_options ro = { .read_only = true };
	struct fs *fs;
	int rc;

	if (!begun)
		file_init();
	begun = true;
	now = kind;
	descriptors_before = world_descriptors();
	free_before = dup(0);
	CHECK(free_before > 2 && !close(free_before) && !chdir("/"));
	memory_before = outside_memory();
	attach(make_fs(kind, 0), kind_names[kind], "/t");
	fs = make_fs(kind, 1);
	attach(fs, kind_names[kind], "/ro");
	attach(make_fs(TMPFS, 0), "tmpfs", "/other");
	CHECK(!text_file("/other/f", "other") && !mkdir("/other/d", 0755));
	fill_ro();
	kernel_depth++;
	rc = fs->ops->remount(fs, &ro);
	kernel_depth--;
	CHECK(!rc && !chdir("/t"));
	fill();
	attach(make_fs(TMPFS, 0), "tmpfs", "/t/mnt");
	CHECK(!text_file("mnt/m", "mounted"));
	errno = 0;
}

void world_mount(const char *at, bool mounted)
{
	if (mounted)
		attach(make_fs(TMPFS, 0), "tmpfs", at);
	else
		detach(at, at);
}

void world_root_alone(bool alone)
{
	mounts->lower = alone ? NULL : &romfs_mount;
}

void world_root(bool mounted)
{
	if (mounted)
		attach(make_fs(now, 2), kind_names[now], "/");
	else
		detach("/", "the root");
}

void world_end(const char *what)
{
	if (kernel_depth)
		die("%s: left %d times more in the kernel", what, kernel_depth);
	if (world_descriptors() != descriptors_before)
		die("%s: %u descriptors are open afterwards, %u before", what, world_descriptors(),
		    descriptors_before);
	if (dup(0) != free_before || close(free_before))
		die("%s: a descriptor is not open, but reserved", what);
	CHECK(!chdir("/"));
	detach("/t/mnt", what);
	detach("/t", what);
	detach("/ro", what);
	detach("/other", what);
	for (unsigned n = 0; n < 3; n++) {
		if (!disks[n])
			continue;
		outside_disk_free(disks[n]);
		disks[n] = NULL;
	}
	if (outside_memory() != memory_before)
		die("%s: %zu bytes or blocks are in use afterwards, %zu before", what,
		    outside_memory(), memory_before);
}

unsigned world_descriptors(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	errno = 0;
	return n;
}

/* ---- What tests look at. */

static unsigned long seed = 1;

unsigned below(unsigned n)
{
	seed = seed * 6364136223846793005 + 1442695040888963407;
	return (seed >> 33) % n;
}

ino_t number(const char *name)
{
	struct stat st;

	return lstat(name, &st) ? 0 : st.st_ino;
}

struct stat stat_of(const char *name)
{
	struct stat st;

	CHECK(!lstat(name, &st));
	return st;
}

bool has(const char *name, const char *text)
{
	char data[256];
	int fd = open(name, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, data, sizeof(data));

	if (fd >= 0)
		close(fd);
	return n == (ssize_t)strlen(text) && !memcmp(data, text, n);
}

unsigned names_in(const char *name)
{
	DIR *dir = opendir(name);
	unsigned n = 0;

	CHECK(dir);
	while (readdir(dir))
		n++;
	CHECK(!closedir(dir));
	return n;
}

void run_claims_over(const struct claim *claims, unsigned count, const char *word)
{
	for (enum kind kind = 0; kind < KINDS; kind++)
		for (unsigned i = 0; i < count; i++) {
			if (word && !strstr(claims[i].text, word))
				continue;
			world_begin(kind);
			claims[i].test();
			world_end(claims[i].text);
			say("ok     %s: %s\n", kind_names[kind], claims[i].text);
		}
}

/* ---- The digest. */

static void add(unsigned long *sum, const void *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		*sum = (*sum ^ ((const unsigned char *)data)[i]) * 0x100000001b3;
}

static unsigned long of_data(const char *path)
{
	unsigned long sum = 1;
	char data[512];
	ssize_t n;
	int fd = open(path, O_RDONLY);

	CHECK(fd >= 0);
	while ((n = read(fd, data, sizeof(data))) > 0)
		add(&sum, data, n);
	CHECK(!n && !close(fd));
	return sum;
}

/* The order of names does not count. */
static unsigned long of_names(const char *path)
{
	DIR *dir = opendir(path);
	unsigned long sum = 1;
	struct dirent *e;
	char name[1024];

	CHECK(dir);
	while ((e = readdir(dir))) {
		unsigned long one = 7;

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		format_text(name, sizeof(name), "%s/%s", path, e->d_name);
		add(&one, e->d_name, strlen(e->d_name));
		sum += one ^ world_digest(name);
	}
	CHECK(!closedir(dir));
	return sum;
}

unsigned long world_digest(const char *path)
{
	unsigned long sum = 5;
	struct stat st;
	char to[512];
	int saved = errno;
	ssize_t n;

	if (lstat(path, &st))
		return 0;
	st.st_atim = (struct timespec){ 0 };
	add(&sum, &st, sizeof(st));
	if (S_ISDIR(st.st_mode))
		sum += of_names(path);
	else if (S_ISREG(st.st_mode))
		sum += of_data(path);
	else if (S_ISLNK(st.st_mode) && (n = readlink(path, to, sizeof(to))) > 0)
		add(&sum, to, n);
	errno = saved;
	return sum;
}

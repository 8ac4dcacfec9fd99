/* SPDX-License-Identifier: ISC */
/* ext4: each kind of disk that mkfs.ext4 makes, each operation; e2fsck is the judge. */
#include "tests/fs/ext4_host.h"
#include "tests/fs/host_os.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The kinds of disks that the issue asks for. */
static const char *const kinds[] = {
	"",
	"-b 1024",
	"-b 2048",
	"-O ^64bit,^metadata_csum",
	"-O ^extent,^64bit",
	"-O ^extent,^64bit -b 1024",
	"-O ^has_journal",
	"-O ^dir_index",
	"-O orphan_file",
	"-O metadata_csum_seed",
	"-O ^flex_bg",
	"-O ^resize_inode,meta_bg",
	"-I 128",
	"-O ^metadata_csum,uninit_bg",
	"-O ^huge_file,^large_file,^extra_isize,^dir_nlink,^filetype",
	"-O fast_commit",
	"-O sparse_super2",
};
#define KINDS (sizeof(kinds) / sizeof(*kinds))

static void each_kind(unsigned size, void (*test)(struct disk *d))
{
	for (unsigned k = 0; k < KINDS; k++) {
		struct disk d;

		/* fs_ext4_test has all of them. */
		if (!in_part(k, KINDS, 2 * host_share))
			continue;
		if (host_os.verbose)
			fprintf(stderr, "---- mkfs.ext4 %s\n", kinds[k]);
		disk_make(&d, kinds[k], size);
		test(&d);
		disk_check(&d, kinds[k]);
		disk_free(&d);
	}
}

static void only_mount(struct disk *d)
{
	struct fs *fs = mount_disk(d);
	struct inode *i = at_path(fs, "lost+found");

	CHECK(i && (i->mode & FS_IFMT) == FS_IFDIR);
	inode_put(i);
	unmount_disk(fs);
	fs = mount_disk(d);
	unmount_disk(fs);
}

static void kinds_are_mounted(void)
{
	each_kind(8192, only_mount);
}

#define LARGE (UINT64_C(5) << 30)

static void write_and_read(struct disk *d)
{
	static uint8_t data[300000], back[300000];
	struct fs *fs = mount_disk(d);
	struct inode *i = make_file(fs, "file");
	int rc;

	pattern(data, sizeof(data), 1, 0);
	CHECK(write_at(i, data, sizeof(data), 0) == sizeof(data));
	CHECK(read_at(i, back, sizeof(back), 0) == sizeof(back));
	CHECK(!memcmp(data, back, sizeof(data)));
	OK(sync_file(i, false));
	disk_check_crashed(d, "after fsync");
	inode_put(i);
	i = make_file(fs, "large");
	CHECK(write_at(i, "end", 3, LARGE) == 3);
	inode_put(i);
	i = make_file(fs, "unwritten");
	rc = fs->ops->fallocate(i, 0, 0, 20000);
	CHECK(rc == 0 || rc == -EOPNOTSUPP);
	CHECK(rc || (i->size == 20000 && fs->ops->seek(i, 0, FS_SEEK_DATA) == -ENXIO));
	inode_put(i);
	unmount_disk(fs);
	disk_check(d, "after unmount");
	fs = mount_disk(d);
	i = at_path(fs, "large");
	CHECK(i && i->size == LARGE + 3);
	inode_put(i);
	i = at_path(fs, "file");
	CHECK(i && i->size == sizeof(data));
	memset(back, 0, sizeof(back));
	CHECK(read_at(i, back, sizeof(back), 0) == sizeof(back));
	CHECK(!memcmp(data, back, sizeof(data)));
	inode_put(i);
	OK(remove_file(fs, "file"));
	CHECK(!at_path(fs, "file"));
	unmount_disk(fs);
}

static void files_are_written(void)
{
	each_kind(8192, write_and_read);
}

/* ---- Directories. */

struct seen {
	unsigned count, dots;
	uint64_t last;
	unsigned stop;			/* emit so many at once; 0: all */
	unsigned now;
	uint8_t names[20000];
};

static bool see(void *arg, const struct fs_dirent *x)
{
	struct seen *s = arg;
	char name[256];

	if (s->stop && s->now == s->stop)
		return false;
	s->now++;
	s->last = x->cookie;
	memcpy(name, x->name, x->len);
	name[x->len] = 0;
	if (name[0] == '.') {
		s->dots++;
	} else {
		unsigned k = atoi(name + 5);

		CHECK(k < sizeof(s->names) && !strncmp(name, "name-", 5));
		s->names[k]++;
		s->count++;
	}
	return true;
}

static unsigned list(struct inode *dir, unsigned stop, struct seen *s)
{
	memset(s, 0, sizeof(*s));
	s->stop = stop;
	do {
		s->now = 0;
		OK(dir->fs->ops->readdir(dir, s->last, see, s));
	} while (stop && s->now == stop);
	CHECK(s->dots == 2);
	for (unsigned k = 0; k < sizeof(s->names); k++)
		CHECK(s->names[k] <= 1);
	return s->count;
}

static unsigned names = 3000;

static void name_of(unsigned k, char *path, size_t size)
{
	snprintf(path, size, "dir/name-%u%s", k, k % 3 ? "" : "-and-some-more-of-it-to-fill-the-blocks");
}

static void fill_directory(struct disk *d)
{
	static struct seen s;
	struct fs *fs = mount_disk(d);
	struct inode *dir;
	char path[256];

	make_dir(fs, "dir");
	for (unsigned k = 0; k < names; k++) {
		name_of(k, path, sizeof(path));
		inode_put(make_file(fs, path));
	}
	disk_check_crashed(d, "with a full directory");
	dir = at_path(fs, "dir");
	CHECK(list(dir, 0, &s) == names);
	CHECK(list(dir, 7, &s) == names);
	inode_put(dir);
	unmount_disk(fs);
	disk_check(d, "with a full directory");
	fs = mount_disk(d);
	for (unsigned k = 0; k < names; k++) {
		struct inode *i;

		name_of(k, path, sizeof(path));
		i = at_path(fs, path);
		CHECK(i);
		inode_put(i);
		if (k % 2)
			OK(remove_file(fs, path));
	}
	dir = at_path(fs, "dir");
	CHECK(list(dir, 5, &s) == names / 2);
	FAILS(ENOTEMPTY, remove_file(fs, "dir"));
	for (unsigned k = 0; k < names; k += 2) {
		name_of(k, path, sizeof(path));
		OK(remove_file(fs, path));
	}
	CHECK(list(dir, 0, &s) == 0);
	inode_put(dir);
	OK(remove_file(fs, "dir"));
	unmount_disk(fs);
}

static void directories_grow(void)
{
	static const char *const some[] = { "-b 1024 -N 4000", "-N 4000", "-N 4000 -O ^dir_index",
					    "-b 1024 -N 4000 -O ^metadata_csum,^64bit,^extent",
					    "-b 2048 -N 4000 -O ^has_journal" };

	names /= host_share > 1 ? 3 : 1;
	for (unsigned k = 0; k < sizeof(some) / sizeof(*some); k++) {
		struct disk d;

		if (!in_part(k, sizeof(some) / sizeof(*some), host_share))
			continue;
		disk_make(&d, some[k], 16384);
		fill_directory(&d);
		disk_check(&d, some[k]);
		disk_free(&d);
	}
}

/* ---- Random operations on a few files, against copies in memory. */

#define FILES 4
#define SIZE 600000

static uint8_t copy[FILES][SIZE], got[SIZE];
static size_t sizes[FILES];

static unsigned random_below(unsigned n)
{
	static uint64_t state = 12345;

	state = state * 6364136223846793005ull + 1442695040888963407ull;
	return (state >> 33) % n;
}

static void compare(struct fs *fs, unsigned f)
{
	char name[8] = { 'f', (char)('0' + f) };
	struct inode *i = at_path(fs, name);

	CHECK(i && i->size == sizes[f]);
	CHECK(read_at(i, got, SIZE, 0) == (ssize_t)sizes[f]);
	for (size_t k = 0; k < sizes[f]; k++)
		if (got[k] != copy[f][k])
			fail("file %u, byte %zu: %u, not %u", f, k, got[k], copy[f][k]);
	inode_put(i);
}

static void random_operation(struct fs *fs, unsigned step)
{
	unsigned f = random_below(FILES), at = random_below(SIZE), len = random_below(50000);
	char name[8] = { 'f', (char)('0' + f) };
	struct inode *i = at_path(fs, name);
	int rc;

	if (random_below(3) == 0)
		at = sizes[f];
	if (at + len > SIZE)
		len = SIZE - at;
	switch (random_below(9)) {
	case 0:
	case 1:
	case 2:
		pattern(got, len, step, at);
		CHECK(write_at(i, got, len, at) == (ssize_t)len);
		memcpy(copy[f] + at, got, len);
		if (len && at + len > sizes[f])
			sizes[f] = at + len;
		break;
	case 3:
		OK(fs->ops->truncate(i, at));
		if (at < sizes[f])
			memset(copy[f] + at, 0, SIZE - at);
		sizes[f] = at;
		break;
	case 4:
		if (!len)
			break;
		OK(fs->ops->fallocate(i, FS_PUNCH_HOLE | FS_KEEP_SIZE, at, len));
		memset(copy[f] + at, 0, len);
		break;
	case 5:
		if (!len)
			break;
		rc = fs->ops->fallocate(i, step & 1 ? FS_KEEP_SIZE : 0, at, len);
		CHECK(rc == 0 || rc == -EOPNOTSUPP);
		if (!rc && !(step & 1) && at + len > sizes[f])
			sizes[f] = at + len;
		break;
	case 6:
		OK(sync_file(i, step & 1));
		break;
	case 7: {
		struct fs_open o;

		fs_open_begin(&o, i);
		if (step & 1)
			fs->ops->dont_need(&o, 0, 0);
		else
			OK(fs->ops->write_range(&o, at, len));
		fs_open_end(&o);
		break;
	}
	default:
		compare(fs, f);
	}
	inode_put(i);
}

static void random_files(struct disk *d)
{
	struct fs *fs = mount_disk(d);

	memset(copy, 0, sizeof(copy));
	memset(sizes, 0, sizeof(sizes));
	for (unsigned f = 0; f < FILES; f++) {
		char name[8] = { 'f', (char)('0' + f) };

		inode_put(make_file(fs, name));
	}
	for (unsigned step = 0; step < 600; step++) {
		random_operation(fs, step);
		host_os.clock += 20000000;
		host_os_background();
		if (step % 200 == 100)
			disk_check_crashed(d, "in the middle of random operations");
		if (step % 150 == 149) {
			unmount_disk(fs);
			disk_check(d, "after random operations");
			fs = mount_disk(d);
			for (unsigned f = 0; f < FILES; f++)
				compare(fs, f);
		}
	}
	unmount_disk(fs);
}

static void files_change_randomly(void)
{
	each_kind(8192, random_files);
}

/* ---- The rest. */

static void links_and_attributes(struct disk *d)
{
	struct fs *fs = mount_disk(d);
	struct inode *i, *root = fs->root, *link;
	char target[1000], text[1024];
	struct fs_attr owner;
	struct fs_stat st;

	memset(target, 'x', sizeof(target));
	OK(fs->ops->symlink(root, "short", 5, target, 20, 0, 0, &link));
	CHECK(fs->ops->readlink(link, text, sizeof(text)) == 20);
	inode_put(link);
	OK(fs->ops->symlink(root, "long", 4, target, 900, 0, 0, &link));
	inode_put(link);
	i = make_file(fs, "a");
	OK(fs->ops->link(root, "b", 1, i));
	CHECK(i->nlink == 2);
	FAILS(EEXIST, fs->ops->link(root, "b", 1, i));
	CHECK(fs->ops->xattr_set(i, "user.one", "value", 5, 0) == 0);
	CHECK(fs->ops->xattr_set(i, "user.two", target, 600, FS_XATTR_CREATE) == 0);
	FAILS(EEXIST, fs->ops->xattr_set(i, "user.one", "value", 5, FS_XATTR_CREATE));
	CHECK(fs->ops->xattr_get(i, "user.two", text, sizeof(text)) == 600);
	CHECK(fs->ops->xattr_list(i, text, sizeof(text)) == 18);
	OK(fs->ops->syncfs(fs));
	disk_check_crashed(d, "attributes");
	make_dir(fs, "d");
	make_dir(fs, "d/e");
	OK(rename_file(fs, "d", "d", 0));
	OK(rename_file(fs, "a", "d/a", 0));
	FAILS(EINVAL, rename_file(fs, "d", "d/e/x", 0));
	FAILS(EEXIST, rename_file(fs, "d/a", "long", FS_RENAME_NOREPLACE));
	OK(rename_file(fs, "d/e", "b", FS_RENAME_EXCHANGE));
	OK(rename_file(fs, "b", "moved", 0));
	OK(remove_file(fs, "moved"));
	OK(fs->ops->xattr_set(i, "user.two", NULL, 0, 0));
	FAILS(ENODATA, fs->ops->xattr_get(i, "user.two", text, sizeof(text)));
	/* A file without a name that is in use. */
	OK(remove_file(fs, "d/a"));
	OK(remove_file(fs, "d/e"));
	FAILS(ENOENT, fs->ops->link(root, "again", 5, i));
	CHECK(write_at(i, target, sizeof(target), 5000) == sizeof(target));
	OK(fs->ops->syncfs(fs));
	disk_check_crashed(d, "with an orphan");
	inode_put(i);
	OK(fs->ops->tmpfile(root, 0600, 0, 0, &i));
	CHECK(write_at(i, target, sizeof(target), 0) == sizeof(target));
	OK(fs->ops->syncfs(fs));
	disk_check_crashed(d, "with a temporary file");
	OK(fs->ops->link(root, "named", 5, i));
	inode_put(i);
	OK(fs->ops->create(root, "device", 6, FS_IFCHR | 0600, 1, 2, 5ull << 32 | 300, &i));
	OK(fs->ops->stat(i, &st));
	CHECK(st.rdev_major == 5 && st.rdev_minor == 300 && st.uid == 1 && st.gid == 2);
	owner = (struct fs_attr){ .set = FS_SET_UID | FS_SET_GID, .uid = 70001, .gid = 80002 };
	OK(fs->ops->setattr(i, &owner));
	inode_put(i);
	OK(fs->ops->freeze(fs));
	disk_check(d, "frozen");
	CHECK(strstr(disk_debugfs(d, "ls"), "device"));
	OK(fs->ops->thaw(fs));
	unmount_disk(fs);
	fs = mount_disk(d);
	i = at_path(fs, "device");
	OK(fs->ops->stat(i, &st));
	CHECK(st.uid == 70001 && st.gid == 80002);
	inode_put(i);
	i = at_path(fs, "long");
	CHECK(fs->ops->readlink(i, text, sizeof(text)) == 900);
	inode_put(i);
	OK(remove_file(fs, "long"));
	unmount_disk(fs);
}

static void links_and_attributes_work(void)
{
	each_kind(8192, links_and_attributes);
}

int main(int argc, char **argv)
{
	static const struct claim claims[] = {
		{ "disks of each kind are mounted, and clean afterwards", kinds_are_mounted },
		{ "a file is written, read back, and removed", files_are_written },
		{ "directories grow, are read in pieces, and shrink", directories_grow },
		{ "files change randomly, as their copies in memory", files_change_randomly },
		{ "links, attributes, files without names", links_and_attributes_work },
	};

	return run_claims(argc, argv, claims, sizeof(claims) / sizeof(*claims));
}

/* SPDX-License-Identifier: ISC */
/* fs/tmpfs: the interface of fs/fs.h over memory. */
#include "fs/fs.h"
#include "tests/fs/host_os.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPS (fs->ops)
#define N(name) name, strlen(name)

static struct fs *fs;

static void begin(size_t limit)
{
	struct fs_options o = { .size_limit = limit ? limit : 64 << 20 };

	assert(tmpfs_mount(&o, &fs) == 0);
}

static void end(void)
{
	assert(OPS->unmount(fs) == 0);
	assert(host_os.used == 0);
	host_os.limit = host_os.fail_at = 0;
}

static struct inode *make(struct inode *dir, const char *name)
{
	struct inode *i;

	assert(OPS->create(dir, N(name), FS_IFREG | 0644, 1, 2, 0, &i) == 0);
	return i;
}

static struct inode *make_dir(struct inode *dir, const char *name)
{
	struct inode *i;

	assert(OPS->mkdir(dir, N(name), 0755, 1, 2, &i) == 0);
	return i;
}

static int lookup(struct inode *dir, const char *name)
{
	struct inode *i;
	int rc = OPS->lookup(dir, N(name), &i);

	if (!rc)
		inode_put(i);
	return rc;
}

static uint64_t number(struct inode *dir, const char *name)
{
	struct inode *i;
	uint64_t ino;

	assert(OPS->lookup(dir, N(name), &i) == 0);
	ino = i->ino;
	inode_put(i);
	return ino;
}

static void names_are_made_found_and_removed(void)
{
	struct inode *root, *d, *f, *i;
	struct fs_stat s;

	begin(0);
	root = fs->root;
	d = make_dir(root, "d");
	f = make(d, "f");
	assert(root->nlink == 3 && d->nlink == 2 && f->nlink == 1);
	assert(lookup(root, "d") == 0 && lookup(root, "x") == -ENOENT);
	assert(lookup(f, "x") == -ENOTDIR);
	assert(number(d, "..") == root->ino && number(d, ".") == d->ino);
	assert(number(root, "..") == root->ino);
	assert(OPS->mkdir(root, N("d"), 0755, 0, 0, &i) == -EEXIST);
	assert(OPS->mkdir(root, N("."), 0755, 0, 0, &i) == -EEXIST);
	assert(OPS->create(root, N("l"), FS_IFLNK | 0777, 0, 0, 0, &i) == -EINVAL);
	assert(OPS->rmdir(root, N("d")) == -ENOTEMPTY);
	assert(OPS->rmdir(d, N("f")) == -ENOTDIR && OPS->unlink(root, N("d")) == -EISDIR);
	assert(OPS->rmdir(d, N(".")) == -EINVAL && OPS->rmdir(d, N("..")) == -ENOTEMPTY);
	assert(OPS->link(root, N("f2"), f) == 0 && f->nlink == 2);
	assert(OPS->link(root, N("d2"), d) == -EPERM);
	assert(OPS->unlink(d, N("f")) == 0 && f->nlink == 1);
	assert(OPS->unlink(root, N("f2")) == 0 && f->nlink == 0);
	assert(OPS->link(root, N("f2"), f) == -ENOENT);
	assert(OPS->stat(f, &s) == 0 && s.nlink == 0 && s.mode == (FS_IFREG | 0644) && s.uid == 1);
	inode_put(f);
	assert(OPS->rmdir(root, N("d")) == 0 && d->nlink == 0 && root->nlink == 2);
	assert(OPS->create(d, N("x"), FS_IFREG, 0, 0, 0, &i) == -ENOENT);
	assert(lookup(d, "..") == -ENOENT);
	inode_put(d);
	assert(OPS->symlink(root, N("s"), N("d/f"), 0, 0, &i) == 0);
	char to[10];
	assert(OPS->readlink(i, to, 2) == 2 && !memcmp(to, "d/", 2));
	assert(OPS->readlink(i, to, 10) == 3 && OPS->readlink(root, to, 10) == -EINVAL);
	assert(OPS->unmount(fs) == -EBUSY);
	inode_put(i);
	assert(OPS->tmpfile(root, 0600, 0, 0, &i) == 0 && i->nlink == 0);
	assert(OPS->link(root, N("t"), i) == 0 && i->nlink == 1);
	inode_put(i);
	assert(OPS->tmpfile(root, 0600, 0, 0, &i) == 0);
	inode_put(i);
	end();
}

static int rename_to(struct inode *a, const char *from, struct inode *b, const char *to,
		     unsigned flags)
{
	return OPS->rename(a, N(from), b, N(to), flags);
}

static void rename_is_as_posix_has_it(void)
{
	struct inode *root, *a, *b, *c, *f;

	begin(0);
	root = fs->root;
	a = make_dir(root, "a");
	b = make_dir(a, "b");
	c = make_dir(root, "c");
	f = make(root, "f");
	assert(rename_to(root, "a", b, "x", 0) == -EINVAL);
	assert(rename_to(root, "a", a, "x", 0) == -EINVAL);
	assert(rename_to(a, "b", root, "a", 0) == -ENOTEMPTY);
	assert(rename_to(root, "f", root, "c", 0) == -EISDIR);
	assert(rename_to(root, "c", root, "f", 0) == -ENOTDIR);
	assert(rename_to(root, "c", root, "a", 0) == -ENOTEMPTY);
	assert(rename_to(root, "x", root, "y", 0) == -ENOENT);
	assert(rename_to(root, ".", root, "y", 0) == -EBUSY);
	assert(rename_to(root, "f", root, "c", FS_RENAME_NOREPLACE) == -EEXIST);
	assert(rename_to(root, "f", root, "g", FS_RENAME_EXCHANGE) == -ENOENT);
	assert(rename_to(root, "f", root, "c", 3) == -EINVAL);
	assert(rename_to(root, "f", root, "f", 0) == 0);
	assert(rename_to(root, "a", root, "c", 0) == 0);	/* c was empty */
	assert(c->nlink == 0 && root->nlink == 3 && number(a, "..") == root->ino);
	assert(lookup(root, "a") == -ENOENT && number(root, "c") == a->ino);
	assert(rename_to(a, "b", root, "b", 0) == 0 && a->nlink == 2 && root->nlink == 4);
	assert(number(b, "..") == root->ino);
	assert(rename_to(root, "f", b, "g", 0) == 0);
	assert(rename_to(root, "c", b, "g", FS_RENAME_EXCHANGE) == 0);
	assert(number(b, "g") == a->ino && number(root, "c") == f->ino && number(a, "..") == b->ino);
	assert(root->nlink == 3 && b->nlink == 3);
	assert(rename_to(root, "b", b, "g", FS_RENAME_EXCHANGE) == -EINVAL);
	assert(rename_to(b, "g", root, "b", FS_RENAME_EXCHANGE) == -EINVAL);
	assert(OPS->link(root, N("f2"), f) == 0);
	assert(rename_to(root, "c", root, "f2", 0) == 0 && f->nlink == 2);
	inode_put(a);
	inode_put(b);
	inode_put(c);
	inode_put(f);
	end();
}

/* ---- readdir() */

struct listing {
	unsigned seen[3000];
	unsigned left;
	uint64_t cookie;
};

static bool emit(void *arg, const struct fs_dirent *e)
{
	struct listing *l = arg;

	if (!l->left)
		return false;
	l->left--;
	l->cookie = e->cookie;
	if (e->len > 1 && e->name[0] == 'n')
		l->seen[strtoul(e->name + 1, NULL, 10)]++;
	return true;
}

static void a_directory_is_read_while_it_changes(void)
{
	static struct listing l;
	char name[20];

	begin(0);
	for (int n = 0; n < 1000; n++) {
		snprintf(name, sizeof(name), "n%d.", n);
		inode_put(make(fs->root, name));
	}
	for (int n = 0;; n += 10) {
		uint64_t before = l.cookie;

		l.left = 7;
		assert(OPS->readdir(fs->root, l.cookie, emit, &l) == 0);
		if (l.cookie == before)
			break;
		if (n < 1000) {		/* remove one of each ten, add one, move one */
			snprintf(name, sizeof(name), "n%d.", n);
			assert(OPS->unlink(fs->root, N(name)) == 0);
			snprintf(name, sizeof(name), "n%d.", n + 1000);
			inode_put(make(fs->root, name));
		}
	}
	for (int n = 0; n < 1000; n++)
		assert(n % 10 ? l.seen[n] == 1 : l.seen[n] <= 1);
	end();
}

/* ---- data */

#define SIZE (3 << 20)
static char shadow[SIZE], bytes[SIZE];

static uint64_t below(uint64_t n)
{
	return (os_random() | (uint64_t)os_random() << 32) % n;
}

static ssize_t transfer(struct fs_open *o, bool write, char *p, size_t len, uint64_t at)
{
	size_t a = below(len + 1);
	struct fs_vec v[] = { { p, a }, { NULL, 0 }, { p + a, len - a } };

	return write ? OPS->write(o, v, 3, &at, false) : OPS->read(o, v, 3, at);
}

static void check_seek(struct inode *i, uint64_t at)
{
	int64_t data = OPS->seek(i, at, FS_SEEK_DATA), hole = OPS->seek(i, at, FS_SEEK_HOLE);

	if (at >= i->size) {
		assert(data == -ENXIO && hole == -ENXIO);
		return;
	}
	assert(hole >= (int64_t)at && hole <= (int64_t)i->size);
	if (data == -ENXIO)
		data = i->size;
	assert(data >= (int64_t)at && data <= (int64_t)i->size && (data == (int64_t)at || hole == (int64_t)at));
	for (int64_t n = at; n < data; n++)
		assert(!shadow[n]);
}

static void data_is_what_was_written(void)
{
	struct fs_open o;
	struct inode *i;
	uint64_t size = 0;

	begin(0);
	memset(shadow, 0, SIZE);
	i = make(fs->root, "f");
	fs_open_begin(&o, i);
	inode_put(i);
	for (int n = 0; n < 700; n++) {
		uint64_t at = below(SIZE), len = below(below(4) ? 10000 : SIZE - at + 1);

		if (len > SIZE - at)
			len = SIZE - at;
		switch (below(6)) {
		case 0:
		case 1:
			for (uint64_t k = 0; k < len; k++)
				bytes[k] = n + k;
			assert(transfer(&o, true, bytes, len, at) == (ssize_t)len);
			memcpy(shadow + at, bytes, len);
			if (len && at + len > size)
				size = at + len;
			break;
		case 2:
			if (below(4))
				break;
			assert(OPS->truncate(i, at) == 0);
			if (at < size)
				memset(shadow + at, 0, size - at);
			size = at;
			break;
		case 3:
			if (!len)
				break;
			assert(OPS->fallocate(i, FS_PUNCH_HOLE | FS_KEEP_SIZE, at, len) == 0);
			memset(shadow + at, 0, len);
			break;
		case 4:
			if (!len)
				break;
			assert(OPS->fallocate(i, below(2) ? FS_KEEP_SIZE : 0, at, len) == 0);
			size = i->size;
			break;
		default:
			check_seek(i, at);
			break;
		}
		assert(i->size == size);
		len = below(SIZE);
		at = below(SIZE);
		memset(bytes, 0xee, SIZE);
		len = len > SIZE - at ? SIZE - at : len;
		size_t expected = at >= size ? 0 : len > size - at ? size - at : len;
		assert(transfer(&o, false, bytes, len, at) == (ssize_t)expected);
		assert(!memcmp(bytes, shadow + at, expected));
	}
	assert(OPS->truncate(i, (1ull << 47) + 1) == -EFBIG);
	assert(OPS->truncate(i, 1ull << 47) == 0);
	assert(transfer(&o, true, bytes, 5, (1ull << 47) - 3) == 3);
	assert(OPS->seek(i, SIZE, FS_SEEK_DATA) == (1ll << 47) - 4096);
	assert(transfer(&o, true, bytes, 5, 1ull << 47) == -EFBIG);
	assert(OPS->fallocate(i, 0, 0, 1ull << 40) == -ENOSPC);
	assert(OPS->fallocate(i, 0, 0, 0) == -EINVAL);
	assert(OPS->unlink(fs->root, N("f")) == 0);
	fs_open_end(&o);
	end();
}

static void pages_stay_while_they_are_held(void)
{
	struct fs_page *p, *q;
	struct fs_open o;
	struct inode *i;

	begin(0);
	i = make(fs->root, "f");
	fs_open_begin(&o, i);
	assert(OPS->page(i, 0, &p) == -ENXIO);
	assert(transfer(&o, true, (char[]){ "hello" }, 5, 4094) == 5);
	assert(OPS->page(i, 1, &p) == 0 && OPS->page(i, 1, &q) == 0 && p == q);
	assert(!memcmp(p->data, "llo\0\0", 5));
	assert(transfer(&o, true, (char[]){ "L" }, 1, 4096) == 1);
	assert(*(char *)p->data == 'L');
	assert(OPS->truncate(i, 0) == 0);
	assert(*(char *)p->data == 0);
	assert(OPS->truncate(i, 9000) == 0);
	assert(OPS->page(i, 1, &q) == 0 && q != p);
	OPS->page_put(i, q);
	OPS->page_put(i, p);
	OPS->page_put(i, p);
	fs_open_end(&o);
	inode_put(i);
	end();
}

static void many_pages_are_held(void)
{
	static struct fs_page *pages[3000];
	struct inode *i;

	begin(0);
	i = make(fs->root, "f");
	assert(OPS->truncate(i, 3000 * 4096) == 0);
	for (unsigned k = 0, n = 0; k < 3000; k++, n = k * 7 % 3000) {
		assert(OPS->page(i, n, &pages[n]) == 0);
		*(unsigned *)pages[n]->data = n;
	}
	assert(OPS->truncate(i, 1500 * 4096) == 0);
	for (unsigned k = 0, n = 0; k < 3000; k++, n = k * 11 % 3000) {
		assert(*(unsigned *)pages[n]->data == (n < 1500 ? n : 0));
		OPS->page_put(i, pages[n]);
	}
	inode_put(i);
	end();
}

static void a_full_file_system_loses_nothing(void)
{
	struct fs_statfs s;
	struct fs_open o;
	struct inode *i;
	ssize_t n, all = 0;
	int rc;

	begin(1 << 20);
	i = make(fs->root, "f");
	fs_open_begin(&o, i);
	memset(bytes, 'x', SIZE);
	while ((n = transfer(&o, true, bytes, 30000, all)) > 0)
		all += n;
	assert(n == -ENOSPC && all > 900000 && i->size == (uint64_t)all);
	assert(OPS->statfs(fs, &s) == 0 && s.blocks == 256 && s.free < 1);
	assert(transfer(&o, false, bytes, SIZE, 0) == all && bytes[all - 1] == 'x');
	for (unsigned k = 0;; k++) {
		char name[20];
		struct inode *j;

		snprintf(name, sizeof(name), "n%u", k);
		rc = OPS->create(fs->root, N(name), FS_IFREG, 0, 0, 0, &j);
		if (rc)
			break;
		inode_put(j);
	}
	assert(rc == -ENOSPC);
	assert(OPS->rename(fs->root, N("f"), fs->root, N("n0"), 0) == 0);
	assert(OPS->truncate(i, 0) == 0);
	assert(transfer(&o, true, bytes, 30000, 0) == 30000);
	fs_open_end(&o);
	inode_put(i);
	end();
}

/* Each allocation fails once. */
static void without_memory_there_is_an_error(void)
{
	unsigned failed = 0;

	for (unsigned at = 1; at < 60; at++) {
		struct inode *d, *i;
		struct fs_open o;

		begin(0);
		host_os.fail_at = at;
		if (!OPS->mkdir(fs->root, N("d"), 0755, 0, 0, &d)) {
			for (int n = 0; n < 10; n++) {
				char name[] = { 'a' + n };

				if (OPS->create(d, name, 1, FS_IFREG, 0, 0, 0, &i)) {
					failed++;
					continue;
				}
				fs_open_begin(&o, i);
				if (transfer(&o, true, bytes, 3, 1ull << (2 * n + 10)) != 3)
					failed++;
				if (OPS->xattr_set(i, "user.a", "b", 1, 0))
					failed++;
				fs_open_end(&o);
				inode_put(i);
			}
			inode_put(d);
		}
		host_os.fail_at = 0;
		end();
	}
	assert(failed > 30);
}

static void attributes_are_kept(void)
{
	struct inode *i;
	char to[100];

	begin(0);
	i = make(fs->root, "f");
	assert(OPS->xattr_get(i, "user.a", to, 0) == -ENODATA);
	assert(OPS->xattr_set(i, "trusted.a", "1", 1, 0) == -EOPNOTSUPP);
	assert(OPS->xattr_set(i, "user.a", "1", 1, FS_XATTR_REPLACE) == -ENODATA);
	assert(OPS->xattr_set(i, "user.a", "1", 1, FS_XATTR_CREATE) == 0);
	assert(OPS->xattr_set(i, "user.a", "1", 1, FS_XATTR_CREATE) == -EEXIST);
	assert(OPS->xattr_set(i, "user.bc", "", 0, 0) == 0);
	assert(OPS->xattr_set(i, "user.a", "hello", 5, FS_XATTR_REPLACE) == 0);
	assert(OPS->xattr_get(i, "user.a", to, 0) == 5 && OPS->xattr_get(i, "user.a", to, 4) == -ERANGE);
	assert(OPS->xattr_get(i, "user.a", to, 5) == 5 && !memcmp(to, "hello", 5));
	assert(OPS->xattr_list(i, to, 0) == 15 && OPS->xattr_list(i, to, 14) == -ERANGE);
	assert(OPS->xattr_list(i, to, 15) == 15);
	assert(OPS->xattr_set(i, "user.bc", NULL, 0, 0) == 0);
	assert(OPS->xattr_set(i, "user.bc", NULL, 0, 0) == -ENODATA);
	assert(OPS->xattr_list(i, to, 100) == 7 && !strcmp(to, "user.a"));
	inode_put(i);
	end();
}

static void a_read_only_one_is_not_changed(void)
{
	struct fs_options o = { .read_only = true };
	struct inode *i;

	begin(0);
	inode_put(make(fs->root, "f"));
	assert(OPS->remount(fs, &o) == 0);
	assert(OPS->create(fs->root, N("g"), FS_IFREG, 0, 0, 0, &i) == -EROFS);
	assert(OPS->unlink(fs->root, N("f")) == -EROFS);
	assert(OPS->lookup(fs->root, N("f"), &i) == 0);
	assert(OPS->truncate(i, 5) == -EROFS);
	inode_put(i);
	end();
}

int main(void)
{
	static const struct {
		const char *text;
		void (*test)(void);
	} claims[] = {
		{ "names are made, found and removed", names_are_made_found_and_removed },
		{ "rename() is as POSIX has it", rename_is_as_posix_has_it },
		{ "a directory is read while it changes", a_directory_is_read_while_it_changes },
		{ "data is what was written", data_is_what_was_written },
		{ "pages stay while they are held", pages_stay_while_they_are_held },
		{ "many pages are held", many_pages_are_held },
		{ "a full file system loses nothing", a_full_file_system_loses_nothing },
		{ "without memory there is an error", without_memory_there_is_an_error },
		{ "extended attributes are kept", attributes_are_kept },
		{ "a read-only file system is not changed", a_read_only_one_is_not_changed },
	};

	for (unsigned n = 0; n < sizeof(claims) / sizeof(*claims); n++) {
		claims[n].test();
		printf("ok     tmpfs_test: %s\n", claims[n].text);
	}
	return 0;
}

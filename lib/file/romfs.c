/* SPDX-License-Identifier: ISC */
/*
 * Files in the image: an application's folder files/ is the read-only root of the tree.
 *
 * tools/files generates a table in .rodata, sorted by path. Reading copies from there.
 */
#include "kernel/sched.h"
#include "lib/file/generated.h"
#include "lib/file/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define AT_ONCE 65536			/* bytes per step: others wait meanwhile */

struct romfs_entry {
	const char *path;		/* in the form of a mount's paths */
	const char *data;		/* NULL: a directory */
	uint64_t size;
};

/* Absent in the host's tests. */
const struct generated *generated_find(const struct generated *table, const char *path)
	__attribute__((weak));
int generated_open(const struct generated *g, int flags, struct file **f) __attribute__((weak));
void generated_stat(const struct generated *g, struct stat *st) __attribute__((weak));
extern const struct generated etc_files[] __attribute__((weak));

/* Absent in an image without files. */
extern const struct romfs_entry romfs_entries[] __attribute__((weak));
extern const struct romfs_entry romfs_end[] __attribute__((weak));

struct romfile {
	struct file file;
	const struct romfs_entry *entry;
	off_t at;
};

static const struct romfs_entry root = { "", NULL, 0 };

/* As strcmp() of an entry's path with the first n bytes of `path` and what is behind them. */
static int compare(const struct romfs_entry *e, const char *path, size_t n, const char *behind)
{
	int c = strncmp(e->path, path, n);

	return c ? c : strcmp(e->path + n, behind);
}

/* The first entry that is not before this path. */
static const struct romfs_entry *find(const char *path, size_t n, const char *behind)
{
	const struct romfs_entry *from = romfs_entries, *to = romfs_end;

	while (from != to) {
		const struct romfs_entry *middle = from + (to - from) / 2;

		if (compare(middle, path, n, behind) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

static const struct romfs_entry *lookup(const char *path)
{
	const struct romfs_entry *e = find(path, strlen(path), "");

	if (!*path)
		return &root;
	return e != romfs_end && strcmp(e->path, path) == 0 ? e : NULL;
}

static const void *romfs_bytes(struct file *f, off_t at, size_t *len)
{
	const struct romfs_entry *e = ((struct romfile *)f)->entry;

	*len = (uint64_t)at < e->size ? e->size - at : 0;
	return *len ? e->data + at : NULL;
}

static ssize_t romfs_pread(struct file *f, void *to, size_t len, off_t at)
{
	size_t n;
	const void *from = romfs_bytes(f, at, &n);

	if (len > n)
		len = n;
	for (size_t part, done = 0; done < len; done += part) {
		if (done)
			kernel_pause();
		part = len - done < AT_ONCE ? len - done : AT_ONCE;
		memcpy((char *)to + done, (const char *)from + done, part);
	}
	return len;
}

static ssize_t romfs_read(struct file *f, void *to, size_t len)
{
	struct romfile *r = (struct romfile *)f;
	ssize_t n = romfs_pread(f, to, len, r->at);

	r->at += n;
	return n;
}

static off_t romfs_seek(struct file *f, off_t offset, int whence)
{
	struct romfile *r = (struct romfile *)f;
	off_t from = whence == SEEK_CUR ? r->at :
		     whence == SEEK_END ? (off_t)r->entry->size : 0;

	if (whence != SEEK_SET && whence != SEEK_CUR && whence != SEEK_END)
		return -EINVAL;
	if (__builtin_add_overflow(from, offset, &from) || from < 0)
		return -EINVAL;
	r->at = from;
	return from;
}

static void describe(const struct romfs_entry *e, struct stat *st)
{
	st->st_ino = e == &root ? 1 : e - romfs_entries + 2;
	st->st_mode = e->data ? S_IFREG | 0444 : S_IFDIR | 0555;
	st->st_nlink = e->data ? 1 : 2;
	st->st_size = e->size;
	st->st_blksize = 4096;
	st->st_blocks = (e->size + 511) / 512;
}

static int romfs_fstat(struct file *f, struct stat *st)
{
	describe(((struct romfile *)f)->entry, st);
	return 0;
}

static int romfs_sync(struct file *f)
{
	(void)f;
	return 0;
}

static void romfs_close(struct file *f)
{
	free(f);
}

static const struct file_ops romfs_ops = {
	.read = romfs_read, .pread = romfs_pread, .seek = romfs_seek, .stat = romfs_fstat,
	.sync = romfs_sync, .bytes = romfs_bytes, .close = romfs_close,
};

/* A file of /etc that the image does not have.  With a disk as the root, only that has them. */
static const struct generated *of_etc(const char *path)
{
	if (!generated_find || !etc_files || mount_of_root()->fs)
		return NULL;
	return generated_find(etc_files, path);
}

static int romfs_open(const char *path, int flags, mode_t mode, struct file **f)
{
	const struct romfs_entry *e = lookup(path);
	bool writes = (flags & O_ACCMODE) != O_RDONLY;
	struct romfile *r;

	const struct generated *g = e ? NULL : of_etc(path);

	(void)mode;
	if (g)
		return generated_open(g, flags, f);
	if (!e)
		return flags & O_CREAT ? -EROFS : -ENOENT;
	if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
		return -EEXIST;
	if (!e->data)
		return -EISDIR;
	if (writes || flags & O_TRUNC)
		return -EROFS;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->file.ops = &romfs_ops;
	r->entry = e;
	*f = &r->file;
	return 0;
}

static int romfs_stat(const char *path, struct stat *st)
{
	const struct romfs_entry *e = lookup(path);
	const struct generated *g = e ? NULL : of_etc(path);

	if (g)
		generated_stat(g, st);
	else if (!e)
		return -ENOENT;
	else
		describe(e, st);
	return 0;
}

/* The position at which a list continues: `next` is behind name i - 1 of the folder that begins
   with `first`. */
static struct {
	const struct romfs_entry *first, *next;
	unsigned i;
} last;

static int romfs_list(const char *path, unsigned i, struct dirent *entry)
{
	size_t n = strlen(path);
	const struct romfs_entry *first = find(path, n, n ? "/" : ""), *e = first;
	unsigned k = 0;

	if (first == last.first && i >= last.i) {
		e = last.next;
		k = last.i;
	}
	for (; e != romfs_end && !strncmp(e->path, path, n) && (!n || e->path[n] == '/'); e++) {
		const char *name = e->path + n + (n != 0);

		if (strchr(name, '/') || k++ < i)
			continue;
		last.first = first;
		last.next = e + 1;
		last.i = k;
		*entry = (struct dirent){
			.d_ino = e - romfs_entries + 2, .d_type = e->data ? DT_REG : DT_DIR,
		};
		strncpy(entry->d_name, name, sizeof(entry->d_name) - 1);
		return 1;
	}
	return 0;
}

struct mount romfs_mount = {
	.at = "", .number = 3, .open = romfs_open, .stat = romfs_stat, .list = romfs_list,
};

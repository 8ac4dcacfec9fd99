/* SPDX-License-Identifier: ISC */
/*
 * /proc/xenolith: the guest's statistics (control/command.h) as one JSON object, taken
 * when the file is opened.
 */
#include "control/command.h"
#include "lib/file/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME "xenolith"

struct proc_file {
	struct file file;
	off_t at;
	size_t len;
	char text[];
};

static ssize_t proc_pread(struct file *f, void *to, size_t len, off_t at)
{
	struct proc_file *p = (struct proc_file *)f;

	if ((uint64_t)at >= p->len)
		return 0;
	if (len > p->len - at)
		len = p->len - at;
	memcpy(to, p->text + at, len);
	return len;
}

static ssize_t proc_read(struct file *f, void *to, size_t len)
{
	struct proc_file *p = (struct proc_file *)f;
	ssize_t n = proc_pread(f, to, len, p->at);

	p->at += n;
	return n;
}

static off_t proc_seek(struct file *f, off_t offset, int whence)
{
	struct proc_file *p = (struct proc_file *)f;
	off_t from = whence == SEEK_CUR ? p->at : whence == SEEK_END ? (off_t)p->len : 0;

	if (whence != SEEK_SET && whence != SEEK_CUR && whence != SEEK_END)
		return -EINVAL;
	if (__builtin_add_overflow(from, offset, &from) || from < 0)
		return -EINVAL;
	p->at = from;
	return from;
}

/* As on Linux, the size is known only when the file is read. */
static int proc_stat(const char *path, struct stat *st)
{
	if (*path && strcmp(path, NAME))
		return -ENOENT;
	st->st_ino = *path ? 2 : 1;
	st->st_mode = *path ? S_IFREG | 0444 : S_IFDIR | 0555;
	st->st_nlink = *path ? 1 : 2;
	st->st_blksize = 4096;
	return 0;
}

static int proc_fstat(struct file *f, struct stat *st)
{
	(void)f;
	return proc_stat(NAME, st);
}

static void proc_close(struct file *f)
{
	free(f);
}

static const struct file_ops proc_ops = {
	.read = proc_read, .pread = proc_pread, .seek = proc_seek, .stat = proc_fstat,
	.close = proc_close,
};

/*
 * The first pass determines the length. malloc() may sleep, and the text may then be
 * longer.
 */
static struct proc_file *snapshot(void)
{
	struct json count = { 0 };
	struct proc_file *p = NULL;

	for (;;) {
		struct json j = { 0 };

		command_stats(&j, NULL);
		if (p && j.len + 1 <= count.size) {
			j = (struct json){ .to = p->text, .size = count.size };
			command_stats(&j, NULL);
			if (json_fits(&j) && j.len < count.size) {
				p->text[j.len] = '\n';
				p->len = j.len + 1;
				return p;
			}
		}
		free(p);
		count.size = j.len + 512;
		p = calloc(1, sizeof(*p) + count.size);
		if (!p)
			return NULL;
	}
}

static int proc_open(const char *path, int flags, mode_t mode, struct file **f)
{
	struct proc_file *p;

	(void)mode;
	if (!*path)
		return -EISDIR;
	if (strcmp(path, NAME))
		return flags & O_CREAT ? -EROFS : -ENOENT;
	if ((flags & O_ACCMODE) != O_RDONLY)
		return -EACCES;
	p = snapshot();
	if (!p)
		return -ENOMEM;
	p->file.ops = &proc_ops;
	*f = &p->file;
	return 0;
}

static int proc_list(const char *path, unsigned i, struct dirent *entry)
{
	if (*path || i)
		return 0;
	*entry = (struct dirent){ .d_ino = 2, .d_type = DT_REG };
	strcpy(entry->d_name, NAME);
	return 1;
}

struct mount proc_mount = {
	.at = "/proc", .number = 2, .open = proc_open, .stat = proc_stat, .list = proc_list,
	.next = &romfs_mount,
};

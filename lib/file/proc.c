/* SPDX-License-Identifier: ISC */
/*
 * /proc/xenolith: the guest's statistics (control/command.h) as one JSON object, taken
 * when the file is opened; files of Linux (proc_files.c); and /proc/self/fd/N, the open files.
 */
#include "control/command.h"
#include "kernel/log.h"
#include "lib/file/generated.h"
#include "lib/file/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME "xenolith"
#define FD "self/fd/"

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

/* The open file whose descriptor is the rest of a path, as in /proc/self/fd/2. */
static struct file *descriptor(const char *path)
{
	struct file *f;
	int fd = 0;

	if (strncmp(path, FD, sizeof(FD) - 1) || !path[sizeof(FD) - 1])
		return NULL;
	for (path += sizeof(FD) - 1; *path >= '0' && *path <= '9' && fd < FD_MAX; path++)
		fd = fd * 10 + *path - '0';
	f = *path ? NULL : file_get(fd);
	if (f)
		file_put(f);
	return f;
}

/* An image with /proc has the usual files of /etc, too: romfs.c refers to them weakly. */
static const struct generated *const usual_files __attribute__((used)) = etc_files;

/* As on Linux, the size is known only when the file is read. */
static int proc_stat(const char *path, struct stat *st)
{
	const struct generated *g = generated_find(proc_files, path);
	struct file *f = g ? NULL : descriptor(path);

	if (g)
		generated_stat(g, st);
	else if (!strcmp(path, NAME))
		*st = (struct stat){ .st_mode = S_IFREG | 0444, .st_nlink = 1, .st_blksize = 4096 };
	else if (f)
		return f->ops->stat ? f->ops->stat(f, st) : -EINVAL;
	else
		return -ENOENT;
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
	const struct generated *g = generated_find(proc_files, path);
	struct proc_file *p;

	(void)mode;
	if (g)
		return generated_open(g, flags, f);
	if ((*f = descriptor(path)))
		return 0;
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

static int list_descriptors(unsigned i, struct dirent *entry)
{
	for (int fd = 0; fd < file_limit(); fd++) {
		struct file *f = file_get(fd);

		if (f)
			file_put(f);
		if (!f || i--)
			continue;
		*entry = (struct dirent){ .d_ino = fd + 1, .d_type = DT_LNK };
		format(entry->d_name, sizeof(entry->d_name), "%d", fd);
		return 1;
	}
	return 0;
}

static int proc_list(const char *path, unsigned i, struct dirent *entry)
{
	if (!strcmp(path, "self/fd"))
		return list_descriptors(i, entry);
	if (*path)
		return generated_list(proc_files, path, i, entry);
	if (i)
		return generated_list(proc_files, path, i - 1, entry);
	*entry = (struct dirent){ .d_ino = 2, .d_type = DT_REG };
	strcpy(entry->d_name, NAME);
	return 1;
}

struct mount proc_mount = {
	.at = "/proc", .number = 2, .open = proc_open, .stat = proc_stat, .list = proc_list,
	.next = &romfs_mount,
};

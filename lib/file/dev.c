/* SPDX-License-Identifier: ISC */
/*
 * /dev: devices that programs expect (POSIX.1-2017, base definitions, 10.1; null(4),
 * full(4) and random(4) of Linux), stdin, stdout and stderr, and disks.
 */
#include "kernel/sched.h"
#include "lib/file/blockdev.h"
#include "lib/file/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MEM 1				/* Linux's major number of these devices */
#define AT_ONCE 4096			/* random bytes per step: others wait meanwhile */
#define ZEROES_AT_ONCE 65536

static int zeroes(void *to, size_t len)
{
	for (size_t n, done = 0; done < len; done += n) {
		if (done)
			kernel_pause();
		n = len - done < ZEROES_AT_ONCE ? len - done : ZEROES_AT_ONCE;
		memset((char *)to + done, 0, n);
	}
	return 0;
}

static int random_file(void *to, size_t len)
{
	for (size_t n, done = 0; done < len; done += n) {
		if (done)
			kernel_pause();
		n = len - done < AT_ONCE ? len - done : AT_ONCE;
		if (getrandom((char *)to + done, n, 0) < 0)
			return -EIO;
	}
	return 0;
}

static const struct device {
	const char *name;
	unsigned minor;
	/* Returns 0 or an error; NULL: read() returns 0 */
	int (*fill)(void *to, size_t len);
	bool full;	/* write() fails; otherwise it discards the data */
} devices[] = {
	{ "null", 3, NULL, false },
	{ "zero", 5, zeroes, false },
	{ "full", 7, zeroes, true },
	{ "random", 8, random_file, false },
	{ "urandom", 9, random_file, false },
};

/* ---- operations; there is no file position: as on Linux it is always 0 */

struct dev_file {
	struct file file;
	const struct device *device;
};

static ssize_t dev_pread(struct file *f, void *to, size_t len, off_t at)
{
	const struct device *d = ((struct dev_file *)f)->device;
	int rc;

	(void)at;
	if (!d->fill)
		return 0;
	rc = d->fill(to, len);
	return rc ? rc : (ssize_t)len;
}

static ssize_t dev_read(struct file *f, void *to, size_t len)
{
	return dev_pread(f, to, len, 0);
}

static ssize_t dev_pwrite(struct file *f, const void *from, size_t len, off_t at)
{
	(void)from, (void)at;
	return len && ((struct dev_file *)f)->device->full ? -ENOSPC : (ssize_t)len;
}

static ssize_t dev_write(struct file *f, const void *from, size_t len)
{
	return dev_pwrite(f, from, len, 0);
}

static off_t dev_seek(struct file *f, off_t offset, int whence)
{
	(void)f, (void)offset, (void)whence;
	return 0;
}

static void describe(const struct device *d, struct stat *st)
{
	st->st_mode = S_IFCHR | 0666;
	st->st_nlink = 1;
	st->st_rdev = MEM << 8 | d->minor;
	st->st_blksize = 4096;
}

static int dev_fstat(struct file *f, struct stat *st)
{
	describe(((struct dev_file *)f)->device, st);
	return 0;
}

static void dev_close(struct file *f)
{
	free(f);
}

static const struct file_ops dev_ops = {
	.read = dev_read, .write = dev_write, .pread = dev_pread, .pwrite = dev_pwrite,
	.seek = dev_seek, .stat = dev_fstat, .close = dev_close,
};

/* ---- names */

/* As dup() of descriptor 0, 1 or 2. */
static const char *const standard[] = { "stdin", "stdout", "stderr" };
static const char *const consoles[] = { "console", "tty" };

static const struct device *device_of(const char *name)
{
	for (unsigned i = 0; i < COUNT(devices); i++)
		if (!strcmp(name, devices[i].name))
			return &devices[i];
	return NULL;
}

/*
 * The descriptor holds the file. Returns NULL if there is no such name, or it is closed.
 */
static struct file *standard_of(const char *name)
{
	struct file *f = NULL;

	for (unsigned i = 0; i < COUNT(standard); i++)
		if (!strcmp(name, standard[i]))
			f = file_get(i);
	for (unsigned i = 0; i < COUNT(consoles); i++)
		if (!f && !strcmp(name, consoles[i]))
			return &tty_file;
	if (f)
		file_put(f);
	return f;
}

static int dev_open(const char *path, int flags, mode_t mode, struct file **f)
{
	const struct device *d = device_of(path);
	struct dev_file *opened;

	(void)mode;
	if (!*path)
		return -EISDIR;
	*f = standard_of(path);
	if (!*f && !d)
		return blockdev_open(path, flags, f);
	if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
		return -EEXIST;
	if (*f)
		return 0;
	opened = calloc(1, sizeof(*opened));
	if (!opened)
		return -ENOMEM;
	opened->file.ops = &dev_ops;
	opened->device = d;
	*f = &opened->file;
	return 0;
}

static int dev_stat(const char *path, struct stat *st)
{
	const struct device *d = device_of(path);
	struct file *f = standard_of(path);

	if (f)
		return f->ops->stat ? f->ops->stat(f, st) : -EINVAL;
	if (d)
		describe(d, st);
	else if (*path)
		return blockdev_describe(path, st);
	else
		*st = (struct stat){ .st_mode = S_IFDIR | 0755, .st_nlink = 2 };
	return 0;
}

static int dev_list(const char *path, unsigned i, struct dirent *entry)
{
	if (*path)
		return -ENOTDIR;
	*entry = (struct dirent){ .d_type = DT_CHR };
	if (i < COUNT(devices))
		strcpy(entry->d_name, devices[i].name);
	else if ((i -= COUNT(devices)) < COUNT(standard))
		strcpy(entry->d_name, standard[i]);
	else if ((i -= COUNT(standard)) < COUNT(consoles))
		strcpy(entry->d_name, consoles[i]);
	else
		return blockdev_list(i - COUNT(consoles), entry);
	return 1;
}

struct mount dev_mount = {
	.at = "/dev", .number = 1, .open = dev_open, .stat = dev_stat, .list = dev_list,
	.next = &proc_mount,
};

/* SPDX-License-Identifier: ISC */
#include "lib/file.h"
#include "drivers/console.h"
#include "kernel/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define FD_MAX (1 << 20)

static struct file **table;
static int table_size;

/* Until fd has a place. */
static int grow(int fd)
{
	int bigger = table_size ? table_size : 8;
	struct file **t;

	if (fd >= FD_MAX)
		return -EMFILE;
	while (bigger <= fd)
		bigger *= 2;
	t = realloc(table, bigger * sizeof(*t));
	if (!t)
		return -ENOMEM;
	memset(t + table_size, 0, (bigger - table_size) * sizeof(*t));
	table = t;
	table_size = bigger;
	return 0;
}

static int install_at(struct file *f, int fd)
{
	int rc = fd < table_size ? 0 : grow(fd);

	if (rc)
		return rc;
	table[fd] = f;
	f->refs++;
	return fd;
}

int file_install(struct file *f)
{
	int fd = 0;

	while (fd < table_size && table[fd])
		fd++;
	return install_at(f, fd);
}

struct file *file_get(int fd)
{
	if (fd < 0 || fd >= table_size || !table[fd])
		return NULL;
	table[fd]->refs++;
	return table[fd];
}

void file_put(struct file *f)
{
	if (--f->refs == 0 && f->ops->close)
		f->ops->close(f);
}

int file_close(int fd)
{
	struct file *f;

	if (fd < 0 || fd >= table_size || !table[fd])
		return -EBADF;
	f = table[fd];
	table[fd] = NULL;
	file_put(f);
	return 0;
}

int file_dup(int fd, int at)
{
	struct file *f = file_get(fd);
	int rc;

	if (!f)
		return -EBADF;
	if (at == fd)
		rc = fd;
	else if (at < 0)
		rc = file_install(f);
	else if (at >= FD_MAX)
		rc = -EBADF;
	else {
		file_close(at);
		rc = install_at(f, at);
	}
	file_put(f);
	return rc;
}

void file_watch(struct file *f, struct watcher *w)
{
	w->next = f->watchers;
	w->link = &f->watchers;
	if (w->next)
		w->next->link = &w->next;
	f->watchers = w;
}

void file_unwatch(struct watcher *w)
{
	*w->link = w->next;
	if (w->next)
		w->next->link = w->link;
}

void file_changed(struct file *f)
{
	struct watcher *next;

	for (struct watcher *w = f->watchers; w; w = next) {
		next = w->next;		/* it may end its own watch */
		w->changed(w);
	}
}

static ssize_t tty_read(struct file *f, void *to, size_t len)
{
	(void)f;
	return console_read(to, len);
}

static ssize_t tty_write(struct file *f, const void *from, size_t len)
{
	(void)f;
	return console_write(from, len);
}

static int tty_stat(struct file *f, struct stat *st)
{
	(void)f;
	st->st_mode = S_IFCHR | 0620;
	st->st_blksize = 1024;
	return 0;
}

static off_t tty_seek(struct file *f, off_t offset, int whence)
{
	(void)f, (void)offset, (void)whence;
	return -ESPIPE;
}

static const struct file_ops tty_ops = {
	.read = tty_read, .write = tty_write, .seek = tty_seek, .stat = tty_stat,
};

void file_init(void)
{
	static struct file tty = { .ops = &tty_ops, .flags = O_RDWR };

	for (int fd = 0; fd < 3; fd++)
		if (file_install(&tty) != fd)
			panic("no memory for standard input and output");
}

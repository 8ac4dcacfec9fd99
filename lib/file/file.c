/* SPDX-License-Identifier: ISC */
#include "lib/file/file.h"
#include "kernel/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WORD 64

static int max = FD_MAX;		/* new descriptors are below it */

static struct file **table;
static struct word {			/* a bit for each entry of the table */
	uint64_t taken, cloexec;
} *words;
static int table_size;			/* a multiple of WORD */
static int lowest;			/* all descriptors below it are in use */

/* Enlarges the table to include fd. */
static int grow(int fd)
{
	int bigger = table_size ? table_size : WORD;
	struct file **t;
	struct word *w;

	if (fd >= max)
		return -EMFILE;
	while (bigger <= fd)
		bigger *= 2;
	w = realloc(words, bigger / WORD * sizeof(*w));
	if (!w)
		return -ENOMEM;
	words = w;
	t = realloc(table, bigger * sizeof(*t));
	if (!t)
		return -ENOMEM;
	memset(w + table_size / WORD, 0, (bigger - table_size) / WORD * sizeof(*w));
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
	words[fd / WORD].taken |= 1ull << fd % WORD;
	words[fd / WORD].cloexec &= ~(1ull << fd % WORD);
	f->refs++;
	return fd;
}

static void uninstall(int fd)
{
	table[fd] = NULL;
	words[fd / WORD].taken &= ~(1ull << fd % WORD);
	if (fd < lowest)
		lowest = fd;
}

static int free_from(int from)
{
	uint64_t below = (1ull << from % WORD) - 1;

	for (int w = from / WORD; w < table_size / WORD; w++, below = 0) {
		uint64_t bits = words[w].taken | below;

		if (~bits)
			return w * WORD + __builtin_ctzll(~bits);
	}
	return from > table_size ? from : table_size;
}

int file_install_from(struct file *f, int from)
{
	int fd = free_from(from > lowest ? from : lowest);

	return fd < max ? install_at(f, fd) : -EMFILE;
}

int file_install(struct file *f)
{
	int fd = file_install_from(f, lowest);

	if (fd >= 0)
		lowest = fd + 1;
	return fd;
}

int file_reserve(void)
{
	int fd = free_from(lowest), rc = fd >= max ? -EMFILE : fd < table_size ? 0 : grow(fd);

	if (rc)
		return rc;
	words[fd / WORD].taken |= 1ull << fd % WORD;
	lowest = fd + 1;
	return fd;
}

void file_unreserve(int fd)
{
	if (!table[fd])			/* dup2() may have opened it meanwhile */
		uninstall(fd);
}

int file_install_reserved(struct file *f, int fd)
{
	return table[fd] ? file_install(f) : install_at(f, fd);
}

int file_set_cloexec(int fd, bool on)
{
	uint64_t bit = 1ull << (unsigned)fd % WORD;

	if (fd >= 0 && on)
		words[fd / WORD].cloexec |= bit;
	else if (fd >= 0)
		words[fd / WORD].cloexec &= ~bit;
	return fd;
}

bool file_cloexec(int fd)
{
	return words[fd / WORD].cloexec >> fd % WORD & 1;
}

/* Entries of the table above the limit count as taken. */
void file_set_max(int to)
{
	for (int fd = to < max ? to : max; fd < table_size; fd++)
		if (fd >= to)
			words[fd / WORD].taken |= 1ull << fd % WORD;
		else if (!table[fd])
			words[fd / WORD].taken &= ~(1ull << fd % WORD);
	max = to;
	lowest = 0;
}

struct file *file_get(int fd)
{
	if (fd < 0 || fd >= table_size || !table[fd])
		return NULL;
	table[fd]->refs++;
	return table[fd];
}

int file_limit(void)
{
	return table_size;
}

bool file_has(int fd, const struct file *f)
{
	return fd >= 0 && fd < table_size && table[fd] == f;
}

void file_put(struct file *f)
{
	struct watcher *w;

	if (--f->refs)
		return;
	if (f->lock)
		file_unlock(f);
	if (range_unlock)
		range_unlock(f, true);
	while ((w = f->watchers)) {
		file_unwatch(w);
		w->closed(w);
	}
	if (f->ops->close)
		f->ops->close(f);
}

int file_close(int fd)
{
	struct file *f;

	if (fd < 0 || fd >= table_size || !table[fd])
		return -EBADF;
	f = table[fd];
	uninstall(fd);
	if (range_unlock)
		range_unlock(f, false);
	file_put(f);
	return 0;
}

int file_dup(int fd, int at)
{
	struct file *f = file_get(fd), *old;
	int rc;

	if (!f)
		return -EBADF;
	if (at == fd)
		rc = fd;
	else if (at < 0 || at >= max)
		rc = -EBADF;
	else {
		/* Closing may sleep, so it must not be done while the entry is in use. */
		old = at < table_size ? table[at] : NULL;
		rc = install_at(f, at);
		if (rc >= 0 && old) {
			if (range_unlock)
				range_unlock(old, false);
			file_put(old);
		}
	}
	file_put(f);
	return rc;
}

int file_dup_from(int fd, int from)
{
	struct file *f = file_get(fd);
	int rc;

	if (!f)
		return -EBADF;
	rc = from < 0 || from >= max ? -EINVAL : file_install_from(f, from);
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
	for (struct watcher *w = f->watchers; w; w = w->next)
		w->changed(w);
}

void file_init(void)
{
	for (int fd = 0; fd < 3; fd++)
		if (file_install(&tty_file) != fd)
			panic("not enough memory for standard input and output");
}

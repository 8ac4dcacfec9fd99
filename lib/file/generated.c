/* SPDX-License-Identifier: ISC */
#include "lib/file/generated.h"
#include "kernel/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_SIZE 16384			/* bytes of a file at most */

void text_add(struct text *t, const char *fmt, ...)
{
	size_t room = t->size - t->len, n;
	va_list args;

	va_start(args, fmt);
	n = vformat(t->to + t->len, room, fmt, args);
	va_end(args);
	t->len += n < room ? n : room - 1;
}

const struct generated *generated_find(const struct generated *table, const char *path)
{
	for (; table->path; table++)
		if (strcmp(table->path, path) == 0)
			return table;
	return NULL;
}

int generated_list(const struct generated *table, const char *path, unsigned i, struct dirent *entry)
{
	size_t n = strlen(path);

	for (const struct generated *g = table; g->path; g++) {
		const char *name = g->path + n + (n != 0);

		if (strncmp(g->path, path, n) || (n && g->path[n] != '/') || !*g->path ||
		    strchr(name, '/') || i--)
			continue;
		*entry = (struct dirent){ .d_ino = g - table + 1,
					  .d_type = g->make ? DT_REG : DT_DIR };
		strcpy(entry->d_name, name);
		return 1;
	}
	return 0;
}

/* As on Linux, the size is known only when the file is read. */
void generated_stat(const struct generated *g, struct stat *st)
{
	st->st_mode = g->make ? S_IFREG | 0444 : S_IFDIR | 0555;
	st->st_nlink = g->make ? 1 : 2;
	st->st_blksize = 4096;
}

/* ---- An open file. */

struct made {
	struct file file;
	const struct generated *what;
	off_t at;
	size_t len;
	char text[];
};

static ssize_t made_pread(struct file *f, void *to, size_t len, off_t at)
{
	struct made *m = (struct made *)f;

	if ((uint64_t)at >= m->len)
		return 0;
	if (len > m->len - at)
		len = m->len - at;
	memcpy(to, m->text + at, len);
	return len;
}

static ssize_t made_read(struct file *f, void *to, size_t len)
{
	struct made *m = (struct made *)f;
	ssize_t n = made_pread(f, to, len, m->at);

	m->at += n;
	return n;
}

static off_t made_seek(struct file *f, off_t offset, int whence)
{
	struct made *m = (struct made *)f;
	off_t from = whence == SEEK_CUR ? m->at : whence == SEEK_END ? (off_t)m->len : 0;

	if (whence != SEEK_SET && whence != SEEK_CUR && whence != SEEK_END)
		return -EINVAL;
	if (__builtin_add_overflow(from, offset, &from) || from < 0)
		return -EINVAL;
	m->at = from;
	return from;
}

static int made_stat(struct file *f, struct stat *st)
{
	generated_stat(((struct made *)f)->what, st);
	return 0;
}

static void made_close(struct file *f)
{
	free(f);
}

static const struct file_ops made_ops = {
	.read = made_read, .pread = made_pread, .seek = made_seek, .stat = made_stat,
	.close = made_close,
};

int generated_open(const struct generated *g, int flags, struct file **f)
{
	struct made *m, *smaller;
	struct text t = { .size = TEXT_SIZE };

	if (!g->make)
		return -EISDIR;
	if ((flags & O_ACCMODE) != O_RDONLY || flags & O_TRUNC)
		return -EACCES;
	m = malloc(sizeof(*m) + TEXT_SIZE);
	if (!m)
		return -ENOMEM;
	*m = (struct made){ .file.ops = &made_ops, .what = g };
	t.to = m->text;
	g->make(&t);
	m->len = t.len;
	smaller = realloc(m, sizeof(*m) + m->len);
	*f = &(smaller ? smaller : m)->file;
	return 0;
}

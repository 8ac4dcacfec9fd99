/* SPDX-License-Identifier: ISC */
/*
 * Directory streams (POSIX.1-2017: opendir, readdir, telldir ...).
 *
 * A stream has three parts: the names of the file system, those of the lower layer or of a
 * mount without inodes, and mount points.  A name that an earlier part has is not repeated.
 * The value of telldir() is a cookie of the file system, or the beginning of another part and
 * an index.
 */
#include "fs/lock.h"
#include "kernel/sched.h"
#include "lib/file/path.h"
#include "lib/file/text.h"
#include "lib/result.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOWER LONG_MIN			/* negative: cookies are not */
#define POINTS (LONG_MIN / 2)

struct record {				/* in the buffer */
	uint64_t ino;
	long behind;			/* where reading continues */
	uint8_t type, len;
	char name[];
};

struct __dir {
	int fd;
	long here;			/* behind the last name that was returned */
	struct rwlock busy;
	size_t used, at;		/* of the buffer */
	struct dirent entry;
	_Alignas(struct record) char buffer[4096];
};

static size_t record_size(size_t len)
{
	size_t align = _Alignof(struct record);

	return (sizeof(struct record) + len + align - 1) / align * align;
}

static bool take(void *arg, const struct fs_dirent *e)
{
	DIR *dir = arg;
	struct record *r = (struct record *)(dir->buffer + dir->used);
	size_t size = record_size(e->len);

	if (size > sizeof(dir->buffer) - dir->used)
		return false;
	*r = (struct record){ e->ino, e->cookie, IFTODT(e->type), e->len };
	memcpy(r->name, e->name, e->len);
	dir->used += size;
	return true;
}

/* Whether the file system has a name, which the other parts must not repeat. */
static bool is_above(const struct place *p, const char *name)
{
	struct inode *i;

	if (!p->inode || place_ops(p)->lookup(p->inode, name, strlen(name), &i))
		return false;
	inode_put(i);
	return true;
}

/* Takes one name of the second or third part, from `from` on.  Returns false at the end. */
static bool take_text(DIR *dir, const struct place *p, long from,
		      int (*list)(const struct mount *, const char *, unsigned, struct dirent *))
{
	struct dirent e;

	for (long i = dir->here - from; list(p->mount, p->path, i, &e) > 0; i++) {
		struct fs_dirent x = {
			e.d_ino, from + i + 1, DTTOIF(e.d_type), strlen(e.d_name), e.d_name,
		};

		if (!is_above(p, e.d_name))
			return take(dir, &x);
	}
	return false;
}

static int fill(DIR *dir, const struct place *p)
{
	int rc = 0;

	dir->used = dir->at = 0;
	if (dir->here >= 0 && p->inode)
		rc = place_ops(p)->readdir(p->inode, dir->here, take, dir);
	if (rc || dir->used || !p->path)
		return rc;
	if (dir->here >= 0)
		dir->here = LOWER;
	if (dir->here < POINTS && !take_text(dir, p, LOWER, text_list))
		dir->here = POINTS;
	if (!dir->used)
		take_text(dir, p, POINTS, text_list_mounts);
	return 0;
}

/* Stores the next name in dir->entry.  Returns 1, or 0 at the end. */
static int next(DIR *dir)
{
	struct file *f = file_get(dir->fd);
	const struct place *p = f ? file_place(f) : NULL;
	const struct record *r;
	struct place now;
	int rc = p ? 0 : -EBADF;

	if (p && dir->at == dir->used && !(rc = place_copy(&now, p))) {
		rc = place_raise(&now);
		if (!rc)
			rc = fill(dir, &now);
		place_put(&now);
	}
	if (!rc && dir->at < dir->used) {
		r = (const struct record *)(dir->buffer + dir->at);
		dir->at += record_size(r->len);
		dir->here = r->behind;
		dir->entry = (struct dirent){ .d_ino = r->ino, .d_type = r->type };
		memcpy(dir->entry.d_name, r->name, r->len);
		rc = 1;
	}
	if (f)
		file_put(f);
	return rc;
}

struct dirent *readdir(DIR *dir)
{
	int rc;

	kernel_enter();
	lock_write(&dir->busy);
	rc = next(dir);
	unlock_write(&dir->busy);
	kernel_leave();
	if (rc < 0)
		errno = -rc;
	return rc > 0 ? &dir->entry : NULL;
}

int readdir_r(DIR *dir, struct dirent *entry, struct dirent **result)
{
	int saved = errno, error;

	errno = 0;
	*result = readdir(dir);
	error = errno;
	errno = saved;
	if (*result) {
		*entry = **result;
		*result = entry;
	}
	return error;
}

long telldir(DIR *dir)
{
	return dir->here;
}

void seekdir(DIR *dir, long at)
{
	dir->here = at;
	dir->used = dir->at = 0;
}

void rewinddir(DIR *dir)
{
	seekdir(dir, 0);
}

int dirfd(DIR *dir)
{
	return dir->fd;
}

DIR *fdopendir(int fd)
{
	struct file *f;
	DIR *dir = NULL;
	int rc = -EBADF;

	kernel_enter();
	f = file_get(fd);
	if (f) {
		rc = file_place(f) && place_is_directory(file_place(f)) ? 0 : -ENOTDIR;
		file_put(f);
	}
	kernel_leave();
	if (!result(rc))
		dir = calloc(1, sizeof(*dir));
	if (dir)
		dir->fd = fd;
	return dir;
}

DIR *opendir(const char *name)
{
	int fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (fd >= 0 && !dir)
		close(fd);
	return dir;
}

int closedir(DIR *dir)
{
	int fd = dir->fd;

	free(dir);
	return close(fd);
}

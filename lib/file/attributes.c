/* SPDX-License-Identifier: ISC */
/*
 * Functions that change what files have besides their data (POSIX.1-2017: chmod, chown,
 * utimensat, truncate and their forms).  Files without an inode are read-only.
 */
#define _GNU_SOURCE
#include "kernel/clock.h"
#include "kernel/sched.h"
#include "lib/file/mapped.h"
#include "lib/file/path.h"
#include "lib/file/stat.h"
#include "lib/result.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/time.h>
#include <unistd.h>
#include <utime.h>

/*
 * A file that gets an owner or a group loses set-user-ID, and set-group-ID if the group may execute
 * it: as on Linux, also if root calls.
 */
static struct fs_attr with_new_owner(unsigned mode, const struct fs_attr *a)
{
	unsigned lost = mode & (mode & S_IXGRP ? 06000 : 04000);
	struct fs_attr both = *a;

	if (lost) {
		both.set |= FS_SET_MODE;
		both.mode = mode & 07777 & ~lost;
	}
	return both;
}

static int set(const struct place *p, const struct fs_attr *a)
{
	struct fs_attr both;

	if (!p->inode)
		return -EROFS;
	if (a->set & ~(FS_SET_UID | FS_SET_GID) || (p->inode->mode & FS_IFMT) == FS_IFDIR)
		return place_ops(p)->setattr(p->inode, a);
	both = with_new_owner(p->inode->mode, a);
	return place_ops(p)->setattr(p->inode, &both);
}

/* Changes the object of a name. */
static int set_at(int fd, const char *name, unsigned how, const struct fs_attr *a)
{
	struct place at;
	int rc;

	kernel_enter();
	rc = place_resolve(&at, fd, name, how);
	if (!rc) {
		rc = set(&at, a);
		place_put(&at);
	}
	kernel_leave();
	return result(rc);
}

/* The place of an open file; *p is NULL if it has none, so that it is read-only. */
static int place_of(struct file *f, const struct place **p)
{
	struct stat st = { 0 };

	*p = file_place(f);
	if (*p)
		return 0;
	return f->ops->stat ? f->ops->stat(f, &st) : -EINVAL;
}

static int set_open(int fd, const struct fs_attr *a)
{
	const struct place *p;
	struct file *f;
	int rc = -EBADF;

	kernel_enter();
	f = file_get(fd);
	if (f) {
		rc = place_of(f, &p);
		if (!rc)
			rc = p ? set(p, a) : -EROFS;
		file_put(f);
	}
	kernel_leave();
	return result(rc);
}

static unsigned how_of(int flags)
{
	return (flags & AT_SYMLINK_NOFOLLOW ? PATH_NOFOLLOW : 0) |
	       (flags & AT_EMPTY_PATH ? PATH_EMPTY : 0);
}

/* ---- Mode. */

static struct fs_attr mode_attr(mode_t mode)
{
	return (struct fs_attr){ .set = FS_SET_MODE, .mode = mode & 07777 };
}

int fchmodat(int fd, const char *name, mode_t mode, int flags)
{
	struct fs_attr a = mode_attr(mode);
	struct stat st;

	if (flags & ~AT_SYMLINK_NOFOLLOW)
		return result(-EINVAL);
	if (flags && fstatat(fd, name, &st, flags))
		return -1;
	if (flags && S_ISLNK(st.st_mode))
		return result(-EOPNOTSUPP);
	return set_at(fd, name, how_of(flags), &a);
}

int chmod(const char *name, mode_t mode)
{
	return fchmodat(AT_FDCWD, name, mode, 0);
}

int fchmod(int fd, mode_t mode)
{
	struct fs_attr a = mode_attr(mode);

	return set_open(fd, &a);
}

/* ---- Owner. */

static struct fs_attr owner_attr(uid_t owner, gid_t group)
{
	struct fs_attr a = { .uid = owner, .gid = group };

	a.set = (owner == (uid_t)-1 ? 0 : FS_SET_UID) | (group == (gid_t)-1 ? 0 : FS_SET_GID);
	return a;
}

int fchownat(int fd, const char *name, uid_t owner, gid_t group, int flags)
{
	struct fs_attr a = owner_attr(owner, group);

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return result(-EINVAL);
	return set_at(fd, name, how_of(flags), &a);
}

int chown(const char *name, uid_t owner, gid_t group)
{
	return fchownat(AT_FDCWD, name, owner, group, 0);
}

int lchown(const char *name, uid_t owner, gid_t group)
{
	return fchownat(AT_FDCWD, name, owner, group, AT_SYMLINK_NOFOLLOW);
}

int fchown(int fd, uid_t owner, gid_t group)
{
	struct fs_attr a = owner_attr(owner, group);

	return set_open(fd, &a);
}

/* ---- Times. */

#define SECONDS_MAX (INT64_MAX / NSEC - 1)	/* of fs_time */

static int one_time(const struct timespec *t, fs_time now, unsigned bit, struct fs_attr *a,
		    fs_time *to)
{
	if (t && t->tv_nsec == UTIME_OMIT)
		return 0;
	a->set |= bit;
	*to = now;
	if (!t || t->tv_nsec == UTIME_NOW)
		return 0;
	if (t->tv_nsec < 0 || t->tv_nsec >= NSEC)
		return -EINVAL;
	*to = (t->tv_sec > SECONDS_MAX ? SECONDS_MAX :
	       t->tv_sec < -SECONDS_MAX ? -SECONDS_MAX : t->tv_sec) * NSEC + t->tv_nsec;
	return 0;
}

/* times NULL: now.  a->set == 0: nothing changes, also not the time of the change; as on Linux, not
   even the file is looked for. */
static int times_attr(const struct timespec times[2], struct fs_attr *a)
{
	fs_time now = clock_wall();
	int rc;

	*a = (struct fs_attr){ 0 };
	rc = one_time(times, now, FS_SET_ATIME, a, &a->atime);
	return rc ? rc : one_time(times ? &times[1] : NULL, now, FS_SET_MTIME, a, &a->mtime);
}

int futimens(int fd, const struct timespec times[2])
{
	struct fs_attr a;
	int rc = times_attr(times, &a);

	return rc || !a.set ? result(rc) : set_open(fd, &a);
}

int utimensat(int fd, const char *name, const struct timespec times[2], int flags)
{
	struct fs_attr a = { 0 };
	int rc = flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) ? -EINVAL : times_attr(times, &a);

	if (rc || !a.set)
		return result(rc);
	return name ? set_at(fd, name, how_of(flags), &a) : set_open(fd, &a);
}

int utimes(const char *name, const struct timeval times[2])
{
	struct timespec t[2];

	for (int i = 0; times && i < 2; i++) {
		if (times[i].tv_usec < 0 || times[i].tv_usec >= 1000000)
			return result(-EINVAL);
		t[i] = (struct timespec){ times[i].tv_sec, times[i].tv_usec * 1000 };
	}
	return utimensat(AT_FDCWD, name, times ? t : NULL, 0);
}

int utime(const char *name, const struct utimbuf *times)
{
	struct timespec t[2];

	if (times)
		t[0] = (struct timespec){ .tv_sec = times->actime },
		t[1] = (struct timespec){ .tv_sec = times->modtime };
	return utimensat(AT_FDCWD, name, times ? t : NULL, 0);
}

/* ---- Size. */

static int set_size(const struct place *p, off_t size)
{
	int rc;

	if (!p->inode)
		return place_is_directory(p) ? -EISDIR : -EROFS;
	if ((p->inode->mode & FS_IFMT) == FS_IFDIR)
		return -EISDIR;
	if ((p->inode->mode & FS_IFMT) != FS_IFREG)
		return -EINVAL;
	rc = place_ops(p)->truncate(p->inode, size);
	mapped_refresh(p->inode, size, MAPPED_REST);
	return rc;
}

int truncate(const char *name, off_t size)
{
	struct place at;
	int rc;

	if (size < 0)
		return result(-EINVAL);
	kernel_enter();
	rc = place_resolve(&at, AT_FDCWD, name, 0);
	if (!rc) {
		rc = set_size(&at, size);
		place_put(&at);
	}
	kernel_leave();
	return result(rc);
}

/* A disk has a fixed size; files without a place cannot be written. */
static int set_open_size(struct file *f, off_t size)
{
	const struct place *p;
	int rc = place_of(f, &p);

	if (rc)
		return rc;
	return !p || (f->flags & O_ACCMODE) == O_RDONLY || size < 0 ? -EINVAL : set_size(p, size);
}

int ftruncate(int fd, off_t size)
{
	struct file *f;
	int rc = -EBADF;

	kernel_enter();
	f = file_get(fd);
	if (f) {
		rc = set_open_size(f, size);
		file_put(f);
	}
	kernel_leave();
	return result(rc);
}

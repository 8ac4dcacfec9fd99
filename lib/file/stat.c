/* SPDX-License-Identifier: ISC */
/* The stat family (POSIX.1-2017). */
#define _GNU_SOURCE
#include "kernel/sched.h"
#include "lib/file/stat.h"
#include "lib/file/text.h"
#include "lib/result.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int place_stat(const struct place *p, struct stat *st)
{
	struct fs_stat s;
	int rc;

	memset(st, 0, sizeof(*st));
	if (!p->inode)
		return text_stat(p->mount, p->path, st);
	rc = place_ops(p)->stat(p->inode, &s);
	if (rc)
		return rc;
	st->st_dev = p->mount->number;
	st->st_ino = s.ino;
	st->st_mode = s.mode;
	st->st_nlink = s.nlink;
	st->st_uid = s.uid;
	st->st_gid = s.gid;
	st->st_rdev = stat_device(s.rdev_major, s.rdev_minor);
	st->st_size = s.size;
	st->st_blksize = s.block_size;
	st->st_blocks = s.blocks;
	st->st_atim = stat_time(s.atime);
	st->st_mtim = stat_time(s.mtime);
	st->st_ctim = stat_time(s.ctime);
	return 0;
}

static int describe(int fd, const char *name, unsigned how, struct stat *st)
{
	struct place at;
	int rc = place_resolve(&at, fd, name, how);

	if (rc)
		return rc;
	rc = place_stat(&at, st);
	place_put(&at);
	return rc;
}

static int stat_at(int fd, const char *name, unsigned how, struct stat *st)
{
	int rc;

	kernel_enter();
	rc = describe(fd, name, how, st);
	kernel_leave();
	return result(rc);
}

int stat(const char *restrict name, struct stat *restrict st)
{
	return stat_at(AT_FDCWD, name, 0, st);
}

int lstat(const char *restrict name, struct stat *restrict st)
{
	return stat_at(AT_FDCWD, name, PATH_NOFOLLOW, st);
}

int fstatat(int fd, const char *restrict name, struct stat *restrict st, int flags)
{
	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return result(-EINVAL);
	if (flags & AT_EMPTY_PATH && !*name && fd != AT_FDCWD)
		return fstat(fd, st);
	return stat_at(fd, name, (flags & AT_SYMLINK_NOFOLLOW ? PATH_NOFOLLOW : 0) |
		       (flags & AT_EMPTY_PATH ? PATH_EMPTY : 0), st);
}

/* The program is the superuser: it may read and write everything, as far as the mount can. */
static int may(const struct place *p, int how)
{
	struct stat st;
	int rc = place_stat(p, &st);

	if (rc)
		return rc;
	if (how & W_OK && (p->inode ? p->mount->fs->read_only : !(st.st_mode & S_IWUSR)))
		return -EROFS;
	return how & X_OK && !(st.st_mode & 0111) ? -EACCES : 0;
}

int faccessat(int fd, const char *name, int how, int flags)
{
	struct place at;
	int rc;

	if (how & ~(R_OK | W_OK | X_OK) || flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW))
		return result(-EINVAL);
	kernel_enter();
	rc = place_resolve(&at, fd, name, flags & AT_SYMLINK_NOFOLLOW ? PATH_NOFOLLOW : 0);
	if (!rc) {
		rc = may(&at, how);
		place_put(&at);
	}
	kernel_leave();
	return result(rc);
}

int access(const char *name, int how)
{
	return faccessat(AT_FDCWD, name, how, 0);
}

/* SPDX-License-Identifier: ISC */
/* open() and openat() (POSIX.1-2017), with O_TMPFILE, O_DIRECT and O_NOFOLLOW as on Linux. */
#define _GNU_SOURCE
#include "kernel/sched.h"
#include "lib/file/mapped.h"
#include "lib/file/names.h"
#include "lib/file/path.h"
#include "lib/file/pipe.h"
#include "lib/result.h"
#include "lib/thread/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <unistd.h>

#define TRIES 10

/* So an image with open() has what mounts file systems before main(). */
static void (*const start)(void) __attribute__((used)) = mounts_start;

static bool writes(int flags)
{
	return (flags & O_ACCMODE) != O_RDONLY;
}

/* An object that exists. */
static int open_found(const struct path *p, int flags, mode_t mode, struct file **f)
{
	const struct place *at = &p->at;
	struct stat st;
	int rc = place_stat(at, &st);

	if (rc)
		return rc;
	if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
		return -EEXIST;
	if (S_ISLNK(st.st_mode))
		return flags & O_DIRECTORY ? -ENOTDIR : -ELOOP;
	if (S_ISDIR(st.st_mode))
		return writes(flags) || flags & (O_CREAT | O_TRUNC) ? -EISDIR : dirfile_open(at, f);
	if (flags & O_DIRECTORY)
		return -ENOTDIR;
	if (!at->inode)
		return flags & O_DIRECT ? -EINVAL :
		       place_lower(at)->open(at->path, flags, mode, f);
	if (S_ISFIFO(st.st_mode))
		return fifo_open(at, flags, f);
	if (!S_ISREG(st.st_mode))
		return -ENXIO;		/* there is no device behind it */
	if (at->mount->fs->read_only && (writes(flags) || flags & O_TRUNC))
		return -EROFS;
	rc = fsfile_open(at, f);
	if (!rc && flags & O_TRUNC) {
		rc = place_ops(at)->truncate(at->inode, 0);
		mapped_refresh(at->inode, 0, MAPPED_REST);
		if (rc)
			(*f)->ops->close(*f);
	}
	return rc;
}

static int create(struct path *p, mode_t mode)
{
	struct inode *inode;
	int rc;

	rc = names_upper(&p->dir);
	if (!rc)
		rc = place_ops(&p->dir)->create(p->dir.inode, p->name, p->len,
						S_IFREG | (mode & 07777 & ~names_mask), 0, 0, 0,
						&inode);
	return rc ? rc : names_made(p, inode);
}

static int open_unnamed(int fd, const char *name, int flags, mode_t mode, struct file **f)
{
	struct place dir, at;
	struct inode *inode;
	int rc;

	if (!writes(flags))
		return -EINVAL;
	rc = place_resolve(&dir, fd, name, 0);
	if (rc)
		return rc;
	rc = names_upper(&dir);
	if (!rc)
		rc = place_ops(&dir)->tmpfile(dir.inode, S_IFREG | (mode & 07777 & ~names_mask),
					      0, 0, &inode);
	if (!rc) {
		at = (struct place){ dir.mount, inode, NULL };
		rc = fsfile_open(&at, f);
		inode_put(inode);
	}
	place_put(&dir);
	return rc;
}

static int open_named(int fd, const char *name, int flags, mode_t mode, struct file **f)
{
	bool exclusive = (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL);
	unsigned how = (flags & O_CREAT ? PATH_MAKE | PATH_CREATE : 0) |
		       (flags & O_NOFOLLOW || exclusive ? PATH_NOFOLLOW : 0);
	struct path p;
	int rc = 0;

	/* Another thread may create the file between path_resolve() and create(). */
	for (unsigned tries = 0; tries < TRIES; tries++) {
		rc = path_resolve(&p, fd, name, how);
		if (rc)
			return rc;
		if (place_is(&p.at))
			rc = open_found(&p, flags, mode, f);
		else if (!(rc = create(&p, mode)))
			rc = fsfile_open(&p.at, f);
		path_put(&p);
		if (rc != -EEXIST || exclusive)
			break;
	}
	return rc;
}

static int open_at(int fd, const char *name, int flags, mode_t mode, struct file **f)
{
	if ((flags & O_ACCMODE) == O_ACCMODE || flags & O_EXEC)
		return -EINVAL;
	if ((flags & O_TMPFILE) == O_TMPFILE)
		return open_unnamed(fd, name, flags, mode, f);
	if (flags & O_CREAT && flags & O_DIRECTORY)
		return -EINVAL;
	return open_named(fd, name, flags, mode, f);
}

/* The descriptor is reserved first, so that a file is not created for nothing. */
static int install(int fd, const char *name, int flags, mode_t mode)
{
	int at = file_reserve(), rc;
	struct file *f = NULL;

	if (at < 0)
		return at;
	rc = open_at(fd, name, flags, mode, &f);
	if (rc) {
		file_unreserve(at);
		return rc;
	}
	/* O_EXCL of an unnamed file: it cannot get a name (linkat()). */
	if (!f->refs)
		f->flags = flags & ~(O_CREAT | O_TRUNC | O_NOCTTY |
				     ((flags & O_TMPFILE) == O_TMPFILE ? 0 : O_EXCL));
	f->refs++;		/* until it has a descriptor, or could not get one */
	rc = file_set_cloexec(file_install_reserved(f, at), flags & O_CLOEXEC);
	file_put(f);
	return rc;
}

static int open_once(int fd, const char *name, int flags, mode_t mode)
{
	int rc;

	kernel_enter();
	rc = install(fd, name, flags, mode);
	kernel_leave();
	return rc;
}

int openat(int fd, const char *name, int flags, ...)
{
	mode_t mode = 0;
	va_list args;

	va_start(args, flags);
	if (flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE)
		mode = va_arg(args, int);
	va_end(args);
	return result(RESTARTED(open_once(fd, name, flags, mode)));
}

int open(const char *name, int flags, ...)
{
	mode_t mode = 0;
	va_list args;

	va_start(args, flags);
	if (flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE)
		mode = va_arg(args, int);
	va_end(args);
	return openat(AT_FDCWD, name, flags, mode);
}

/* SPDX-License-Identifier: ISC */
/* sync() of POSIX.1-2017; syncfs() and sync_file_range() of Linux. */
#define _GNU_SOURCE
#include "kernel/sched.h"
#include "lib/file/mapped.h"
#include "lib/file/path.h"
#include "lib/result.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static int sync_mount(struct mount *m)
{
	int rc, error;

	m->users++;			/* it stays mounted, and in the list */
	error = mapped_collect_all(m->fs);
	rc = m->fs->ops->syncfs(m->fs);
	m->users--;
	return rc ? rc : error;
}

/* An error is returned by fsync() of each file, and by syncfs(). */
void sync(void)
{
	kernel_enter();
	for (struct mount *m = mounts; m; m = m->next)
		if (m->fs)
			sync_mount(m);
	kernel_leave();
}

int syncfs(int fd)
{
	const struct place *at;
	struct file *f;
	int rc = -EBADF;

	kernel_enter();
	f = file_get(fd);
	if (f) {
		at = file_place(f);
		rc = at && at->mount->fs ? sync_mount(at->mount) : 0;
		file_put(f);
	}
	kernel_leave();
	return result(rc);
}

static int sync_range(struct file *f, off_t at, off_t len, unsigned flags)
{
	struct fs_open *o = file_fs_open(f);
	struct stat st = { 0 };
	off_t end;

	if (flags & ~(SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
		      SYNC_FILE_RANGE_WAIT_AFTER))
		return -EINVAL;
	if (at < 0 || len < 0 || __builtin_add_overflow(at, len, &end))
		return -EINVAL;
	if (f->ops->stat)
		f->ops->stat(f, &st);
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode) && !S_ISDIR(st.st_mode))
		return -ESPIPE;
	if (!o || !S_ISREG(st.st_mode) || !flags)
		return 0;		/* nothing of it is written later */
	return o->inode->fs->ops->write_range(o, at, len ? len : INT64_MAX - at);
}

int sync_file_range(int fd, off_t at, off_t len, unsigned flags)
{
	struct file *f;
	int rc = -EBADF;

	kernel_enter();
	f = file_get(fd);
	if (f) {
		rc = sync_range(f, at, len, flags);
		file_put(f);
	}
	kernel_leave();
	return result(rc);
}

/* SPDX-License-Identifier: ISC */
/* Properties of a file system (POSIX.1-2017, <sys/statvfs.h>). */
#ifndef XENOLITH_SYS_STATVFS_H
#define XENOLITH_SYS_STATVFS_H

#include <sys/cdefs.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct statvfs {
	unsigned long f_bsize;		/* bytes: the preferred size of I/O */
	unsigned long f_frsize;		/* bytes: the unit of the next three */
	fsblkcnt_t f_blocks;
	fsblkcnt_t f_bfree;
	fsblkcnt_t f_bavail;		/* f_bfree without the reserve of the superuser */
	fsfilcnt_t f_files;
	fsfilcnt_t f_ffree;
	fsfilcnt_t f_favail;
	unsigned long f_fsid;
	unsigned long f_flag;
	unsigned long f_namemax;	/* bytes */
};

/* f_flag */
#define ST_RDONLY	1
#define ST_NOSUID	2

/* EBADF, or the errors of path resolution, EIO. May sleep. */
int statvfs(const char *__restrict name, struct statvfs *__restrict to);
int fstatvfs(int fd, struct statvfs *to);

#ifdef __cplusplus
}
#endif

#endif

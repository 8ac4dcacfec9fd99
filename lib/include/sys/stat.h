/* SPDX-License-Identifier: ISC */
/* newlib's <sys/stat.h>, and what it declares only for some systems. */
#ifndef XENOLITH_SYS_STAT_H
#define XENOLITH_SYS_STAT_H

#include_next <sys/stat.h>

#ifdef __cplusplus
extern "C" {
#endif

#undef S_BLKSIZE
#define S_BLKSIZE	512		/* the unit of st_blocks */

#if __POSIX_VISIBLE >= 200809
/* As tv_nsec for utimensat() and futimens(). */
#define UTIME_NOW	(-2L)
#define UTIME_OMIT	(-1L)
#endif

int lstat(const char *__restrict path, struct stat *__restrict to);
int mknod(const char *path, mode_t mode, dev_t device);

#ifdef __cplusplus
}
#endif

#endif

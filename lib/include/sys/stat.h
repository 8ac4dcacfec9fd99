/* SPDX-License-Identifier: ISC */
/* newlib's <sys/stat.h>, and functions that it declares only for some systems. */
#ifndef XENOLITH_SYS_STAT_H
#define XENOLITH_SYS_STAT_H

#include_next <sys/stat.h>

int lstat(const char *__restrict path, struct stat *__restrict to);
int mknod(const char *path, mode_t mode, dev_t device);

#endif

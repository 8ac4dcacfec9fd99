/* SPDX-License-Identifier: ISC */
/* <utime.h> (POSIX.1-2017). newlib's declares the function only for some systems. */
#ifndef _UTIME_H
#define _UTIME_H

#include <sys/utime.h>

int utime(const char *name, const struct utimbuf *times);

#endif

/* SPDX-License-Identifier: ISC */
/* POSIX <utime.h>.  newlib's declares the function only for systems that it knows. */
#ifndef _UTIME_H
#define _UTIME_H

#include <sys/utime.h>

int utime(const char *name, const struct utimbuf *times);

#endif

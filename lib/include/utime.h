/* SPDX-License-Identifier: ISC */
/* <utime.h> (POSIX.1-2017). newlib's declares the function only for some systems. */
#ifndef _UTIME_H
#define _UTIME_H

#include <sys/cdefs.h>
#include <sys/utime.h>

__BEGIN_DECLS

int utime(const char *name, const struct utimbuf *times);

__END_DECLS

#endif

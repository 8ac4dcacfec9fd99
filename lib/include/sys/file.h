/* SPDX-License-Identifier: ISC */
/* newlib's <sys/file.h>, and flock(2) of 4.4BSD, which may sleep. */
#ifndef XENOLITH_SYS_FILE_H
#define XENOLITH_SYS_FILE_H

#include <sys/cdefs.h>

#include_next <sys/file.h>

#ifndef LOCK_SH
#define LOCK_SH	1
#define LOCK_EX	2
#define LOCK_NB	4
#define LOCK_UN	8
#endif

__BEGIN_DECLS

int flock(int fd, int how);

__END_DECLS

#endif

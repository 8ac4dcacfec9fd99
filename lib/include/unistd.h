/* SPDX-License-Identifier: ISC */
/* newlib's <unistd.h>, and functions that it declares only for some systems. */
#ifndef XENOLITH_UNISTD_H
#define XENOLITH_UNISTD_H

#include_next <unistd.h>

#if __GNU_VISIBLE
#ifdef __cplusplus
extern "C" {
#endif
int syncfs(int fd);			/* EBADF, EIO; may sleep */
#ifdef __cplusplus
}
#endif
#endif

#endif

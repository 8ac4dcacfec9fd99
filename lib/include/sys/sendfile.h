/* SPDX-License-Identifier: ISC */
/* As on Linux. */
#ifndef XENOLITH_SYS_SENDFILE_H
#define XENOLITH_SYS_SENDFILE_H

#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A file linked into the image goes to a TCP socket without being copied there. */
ssize_t sendfile(int to, int from, off_t *at, size_t count);

#ifdef __cplusplus
}
#endif

#endif

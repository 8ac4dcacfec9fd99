/* SPDX-License-Identifier: ISC */
/* sendfile() as on Linux. Sleeps like write(). */
#ifndef XENOLITH_SYS_SENDFILE_H
#define XENOLITH_SYS_SENDFILE_H

#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Files in the image are sent by TCP without a copy. */
ssize_t sendfile(int to, int from, off_t *at, size_t count);

#ifdef __cplusplus
}
#endif

#endif

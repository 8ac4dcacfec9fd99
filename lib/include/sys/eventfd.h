/* SPDX-License-Identifier: ISC */
/* eventfd as on Linux (eventfd(2)). Reads and writes sleep unless EFD_NONBLOCK is set. */
#ifndef XENOLITH_SYS_EVENTFD_H
#define XENOLITH_SYS_EVENTFD_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EFD_SEMAPHORE	00000001
#define EFD_NONBLOCK	00004000
#define EFD_CLOEXEC	02000000

typedef uint64_t eventfd_t;

int eventfd(unsigned count, int flags);
int eventfd_read(int fd, eventfd_t *value);
int eventfd_write(int fd, eventfd_t value);

#ifdef __cplusplus
}
#endif

#endif

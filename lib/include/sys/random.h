/* SPDX-License-Identifier: ISC */
/* Numbers nobody can guess (getrandom(2) of Linux; flags change nothing, none ever waits). */
#ifndef XENOLITH_SYS_RANDOM_H
#define XENOLITH_SYS_RANDOM_H

#include <sys/types.h>

#define GRND_NONBLOCK	1
#define GRND_RANDOM	2
#define GRND_INSECURE	4

ssize_t getrandom(void *to, size_t len, unsigned flags);

/* At most 256 bytes: 0, or -1 with EIO for more. */
int getentropy(void *to, size_t len);

#endif

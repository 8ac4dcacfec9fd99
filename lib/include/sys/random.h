/* SPDX-License-Identifier: ISC */
/*
 * Random numbers for keys, as Linux's getrandom(2), but no call waits: where there is no source
 * of such numbers (a CPU without RDRAND, and no seed= on the command line) the calls fail
 * with EIO, unless GRND_INSECURE asks for numbers that are good for less.
 */
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

/* SPDX-License-Identifier: ISC */
/*
 * Random numbers for keys, as getrandom(2) of Linux, but no call sleeps: without an
 * entropy source (a CPU without RDRAND, and no seed= on the command line) the calls fail
 * with EIO. With GRND_INSECURE they return numbers that are not suitable for keys.
 */
#ifndef XENOLITH_SYS_RANDOM_H
#define XENOLITH_SYS_RANDOM_H

#include <sys/cdefs.h>
#include <sys/types.h>

#define GRND_NONBLOCK	1
#define GRND_RANDOM	2
#define GRND_INSECURE	4

__BEGIN_DECLS

ssize_t getrandom(void *to, size_t len, unsigned flags);

/* At most 256 bytes. Returns 0, or -1 with EIO for more. */
int getentropy(void *to, size_t len);

__END_DECLS

#endif

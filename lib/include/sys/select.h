/* SPDX-License-Identifier: ISC */
/*
 * <sys/select.h> (POSIX.1-2017), instead of newlib's, whose sets have 64 descriptors.
 * select() and pselect() sleep.
 */
#ifndef _SYS_SELECT_H
#define _SYS_SELECT_H

#include <sys/_sigset.h>
#include <sys/_timeval.h>
#include <sys/cdefs.h>
#include <sys/timespec.h>

#ifndef _SIGSET_T_DECLARED
#define _SIGSET_T_DECLARED
typedef __sigset_t sigset_t;
#endif

#ifndef FD_SETSIZE
#define FD_SETSIZE	1024
#endif
#define NFDBITS		(8 * (int)sizeof(fd_mask))

typedef unsigned long fd_mask;

typedef struct fd_set {
	fd_mask fds_bits[(FD_SETSIZE + 63) / 64];
} fd_set;

#define __FD_BIT(fd)	(1ul << (fd) % NFDBITS)
#define FD_SET(fd, set)		((void)((set)->fds_bits[(fd) / NFDBITS] |= __FD_BIT(fd)))
#define FD_CLR(fd, set)		((void)((set)->fds_bits[(fd) / NFDBITS] &= ~__FD_BIT(fd)))
#define FD_ISSET(fd, set)	(((set)->fds_bits[(fd) / NFDBITS] & __FD_BIT(fd)) != 0)
#define FD_ZERO(set)		((void)__builtin_memset((set), 0, sizeof(*(set))))

__BEGIN_DECLS

int select(int n, fd_set *in, fd_set *out, fd_set *except, struct timeval *timeout);
int pselect(int n, fd_set *in, fd_set *out, fd_set *except, const struct timespec *timeout,
	    const sigset_t *mask);

__END_DECLS

#endif

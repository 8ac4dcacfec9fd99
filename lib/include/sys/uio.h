/* SPDX-License-Identifier: ISC */
/* Scatter-gather I/O (POSIX.1-2017, <sys/uio.h>). The calls sleep as read() and write() do. */
#ifndef XENOLITH_SYS_UIO_H
#define XENOLITH_SYS_UIO_H

#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define UIO_MAXIOV	1024
#ifndef IOV_MAX
#define IOV_MAX		UIO_MAXIOV
#endif

struct iovec {
	void *iov_base;
	size_t iov_len;
};

ssize_t readv(int fd, const struct iovec *iov, int count);
ssize_t writev(int fd, const struct iovec *iov, int count);
ssize_t preadv(int fd, const struct iovec *iov, int count, off_t at);
ssize_t pwritev(int fd, const struct iovec *iov, int count, off_t at);

#ifdef __cplusplus
}
#endif

#endif

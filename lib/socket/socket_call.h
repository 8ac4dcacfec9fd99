/* SPDX-License-Identifier: ISC */
/* The common part of calls on sockets, for socket.c and socket_message.c. */
#ifndef LIB_SOCKET_SOCKET_CALL_H
#define LIB_SOCKET_SOCKET_CALL_H

#include "lib/result.h"
#include "lib/socket/socket.h"
#include "lib/thread/signals.h"
#include "net/net.h"

#include <errno.h>

/*
 * Enters the kernel, evaluates `call` with the socket s of fd, sends packets, and leaves
 * the kernel. The result is that of the call, or -1 with errno.
 */
#define WITH_SOCKET(fd, call)							\
	result(RESTARTED(({							\
		struct file *f = NULL;						\
		struct socket *s;						\
		ssize_t rc_;							\
		kernel_enter();							\
		f = file_get(fd);						\
		s = f ? socket_of(f) : NULL;					\
		rc_ = !f ? -EBADF : !s ? -ENOTSOCK : (call);			\
		if (f)								\
			file_put(f);						\
		net_push();							\
		kernel_leave();							\
		rc_;								\
	})))

/* Calls an operation, if the protocol has it. */
#define CAN(s, op, ...) ((s)->ops->op ? (s)->ops->op(s, ##__VA_ARGS__) : -EOPNOTSUPP)

#endif

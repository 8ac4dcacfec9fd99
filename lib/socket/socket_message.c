/* SPDX-License-Identifier: ISC */
/* Calls that send and receive (POSIX.1-2017, <sys/socket.h>; sendmmsg() as on Linux). */
#include "kernel/clock.h"
#include "lib/file/rights.h"
#include "lib/socket/socket_call.h"
#include "lib/thread/clocks.h"

static ssize_t send_to(struct socket *s, struct message *m, const struct sockaddr *name,
		       socklen_t len)
{
	int rc;

	/* POSIX allows a connection to ignore the address, and programs pass one. */
	m->address = s->domain == AF_UNIX && len ? name : NULL;
	m->address_len = len;
	if (name && len && s->type != SOCK_STREAM && s->domain != AF_UNIX) {
		rc = sockaddr_read(s, name, len, &m->name);
		if (rc)
			return rc;
		m->named = true;
	}
	return socket_transfer(s, true, m);
}

static ssize_t recv_from(struct socket *s, struct message *m, struct sockaddr *name,
			 socklen_t *len)
{
	bool local = s->domain == AF_UNIX && s->type != SOCK_STREAM;
	ssize_t rc;

	m->from = name;
	m->from_len = len;
	rc = socket_transfer(s, false, m);
	if (rc >= 0 && m->named)
		sockaddr_write(s, &m->name, name, len);
	else if (rc >= 0 && len && !local)
		*len = 0;
	return rc;
}

/* Without a buffer for control messages. */
static ssize_t recv_plain(struct socket *s, struct message *m, struct sockaddr *name,
			  socklen_t *len)
{
	ssize_t rc = recv_from(s, m, name, len);

	rights_put(m->rights);
	return rc;
}

ssize_t sendto(int fd, const void *data, size_t len, int flags, const struct sockaddr *name,
	       socklen_t name_len)
{
	struct iovec v = { (void *)data, len };
	struct message m = { .iov = &v, .count = 1, .flags = flags };

	return WITH_SOCKET(fd, send_to(s, &m, name, name_len));
}

ssize_t send(int fd, const void *data, size_t len, int flags)
{
	return sendto(fd, data, len, flags, NULL, 0);
}

ssize_t recvfrom(int fd, void *to, size_t len, int flags, struct sockaddr *name,
		 socklen_t *name_len)
{
	struct iovec v = { to, len };
	struct message m = { .iov = &v, .count = 1, .flags = flags };

	return WITH_SOCKET(fd, recv_plain(s, &m, name, name_len));
}

ssize_t recv(int fd, void *to, size_t len, int flags)
{
	return recvfrom(fd, to, len, flags, NULL, NULL);
}

static ssize_t send_message(struct socket *s, struct message *m, const struct msghdr *h)
{
	ssize_t rc = socket_cmsg_read(s, h, m);

	if (!rc)
		rc = send_to(s, m, h->msg_name, h->msg_namelen);
	rights_put(m->rights);
	m->rights = NULL;	/* the call may begin again */
	return rc;
}

ssize_t sendmsg(int fd, const struct msghdr *h, int flags)
{
	struct message m = { .iov = h->msg_iov, .count = h->msg_iovlen, .flags = flags };

	return WITH_SOCKET(fd, send_message(s, &m, h));
}

static ssize_t recv_message(struct socket *s, struct message *m, struct msghdr *h)
{
	ssize_t rc = recv_from(s, m, h->msg_name, &h->msg_namelen);

	if (rc >= 0)
		socket_cmsg_write(s, h, m);
	rights_put(m->rights);
	return rc;
}

ssize_t recvmsg(int fd, struct msghdr *h, int flags)
{
	struct message m = { .iov = h->msg_iov, .count = h->msg_iovlen, .flags = flags };

	return WITH_SOCKET(fd, recv_message(s, &m, h));
}

int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
	unsigned i;
	ssize_t n = 0;

	for (i = 0; i < count; i++) {
		n = sendmsg(fd, &messages[i].msg_hdr, flags);
		if (n < 0)
			break;
		messages[i].msg_len = n;
	}
	return i || !count ? (int)i : -1;
}

/*
 * As on Linux, the timeout is checked after each message, and an error is returned only
 * if no message was received.
 */
int recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags,
	     struct timespec *timeout)
{
	uint64_t deadline = NEVER;
	unsigned i;
	ssize_t n;

	if (timeout && (!timespec_valid(timeout) || timeout->tv_sec < 0))
		return result(-EINVAL);
	if (timeout)
		deadline = socket_deadline(timespec_ns(timeout));
	for (i = 0; i < count && (!i || clock_now() < deadline); i++) {
		n = recvmsg(fd, &messages[i].msg_hdr, flags & ~MSG_WAITFORONE);
		if (n < 0)
			return i ? (int)i : -1;
		messages[i].msg_len = n;
		if (flags & MSG_WAITFORONE)
			flags |= MSG_DONTWAIT;
	}
	return i;
}

int sockatmark(int fd)
{
	return WITH_SOCKET(fd, 0);
}

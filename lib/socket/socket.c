/* SPDX-License-Identifier: ISC */
/* Calls on sockets (POSIX.1-2017, <sys/socket.h>; accept4() as on Linux). */
#include "lib/socket/socket_call.h"

#include <fcntl.h>
#include <netinet/in.h>

/* ---- socket() and accept() */

/* lib/socket/local_name.c, in images of programs that include <sys/un.h> */
struct socket *local_socket_new(int type) __attribute__((weak));
int local_socket_bind(struct socket *s, const struct sockaddr *name, socklen_t len)
	__attribute__((weak));
int local_socket_connect(struct socket *s, const struct sockaddr *name, socklen_t len,
			 bool may_sleep) __attribute__((weak));
int local_socket_name(struct socket *s, bool peer, struct sockaddr *name, socklen_t *len)
	__attribute__((weak));

static bool has_names(const struct socket *s)
{
	return s->domain == AF_UNIX && local_socket_name;
}

static struct socket *make(int domain, int type, int protocol, int *rc)
{
	if (type & ~0xf) {		/* an unknown flag */
		*rc = -EINVAL;
		return NULL;
	}
	if (domain == AF_UNIX && local_socket_new) {
		*rc = protocol && protocol != PF_UNIX ? -EPROTONOSUPPORT : -ENOMEM;
		if (type != SOCK_STREAM && type != SOCK_DGRAM && type != SOCK_SEQPACKET)
			*rc = -ESOCKTNOSUPPORT;
		return *rc == -ENOMEM ? local_socket_new(type) : NULL;
	}
	if (domain != AF_INET && domain != AF_INET6) {
		*rc = -EAFNOSUPPORT;
		return NULL;
	}
	*rc = -EPROTONOSUPPORT;
	switch (type) {
	case SOCK_STREAM:
		if (protocol && protocol != IPPROTO_TCP)
			return NULL;
		*rc = -ENOMEM;
		return tcp_socket_new(domain);
	case SOCK_DGRAM:
		if (protocol && protocol != IPPROTO_UDP)
			return NULL;
		*rc = -ENOMEM;
		return udp_socket_new(domain);
	case SOCK_RAW:
		if (protocol <= 0 || protocol > 255)
			return NULL;
		*rc = -ENOMEM;
		return raw_socket_new(domain, protocol);
	}
	*rc = -ESOCKTNOSUPPORT;
	return NULL;
}

/* Assigns a descriptor to a new socket; frees the socket if there is none. */
static int install(struct socket *s, int flags)
{
	int fd;

	s->file.flags |= flags & SOCK_NONBLOCK ? O_NONBLOCK : 0;
	s->file.refs = 1;
	fd = file_set_cloexec(file_install(&s->file), flags & SOCK_CLOEXEC);
	file_put(&s->file);
	return fd;
}

int socket(int domain, int type, int protocol)
{
	int flags = type & (SOCK_NONBLOCK | SOCK_CLOEXEC), rc;
	struct socket *s = NULL;

	kernel_enter();
	rc = domain == AF_UNIX ? 0 : net_init();
	if (!rc)
		s = make(domain, type & ~flags, protocol, &rc);
	if (s)
		rc = install(s, flags);
	kernel_leave();
	return result(rc);
}

/*
 * The descriptor is reserved first, as on Linux: without one the connection stays in the
 * queue.
 */
static int accept_one(struct socket *s, struct endpoint *peer, int flags, struct socket **accepted)
{
	struct socket *connection;
	int fd = file_reserve(), rc;

	if (fd < 0)
		return fd;
	rc = CAN(s, accept, socket_may_sleep(s, 0), &connection);
	if (rc) {
		file_unreserve(fd);
		return rc;
	}
	if (!has_names(s))
		connection->ops->name(connection, true, peer);
	*accepted = connection;
	connection->file.flags |= flags & SOCK_NONBLOCK ? O_NONBLOCK : 0;
	connection->file.refs = 1;
	fd = file_install_reserved(&connection->file, fd);
	file_set_cloexec(fd, flags & SOCK_CLOEXEC);
	file_put(&connection->file);
	return fd;
}

static int accept_named(struct socket *s, struct sockaddr *name, socklen_t *len, int flags)
{
	struct endpoint peer;
	struct socket *c = NULL;
	int fd = accept_one(s, &peer, flags, &c);

	if (fd >= 0 && name && has_names(s))
		local_socket_name(c, true, name, len);
	else if (fd >= 0 && name)
		sockaddr_write(s, &peer, name, len);
	return fd;
}

int accept4(int fd, struct sockaddr *name, socklen_t *len, int flags)
{
	if (flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC))
		return result(-EINVAL);
	return WITH_SOCKET(fd, accept_named(s, name, len, flags));
}

int accept(int fd, struct sockaddr *name, socklen_t *len)
{
	return accept4(fd, name, len, 0);
}

static int bind_to(struct socket *s, const struct sockaddr *name, socklen_t len)
{
	struct endpoint e;
	int rc;

	if (has_names(s))
		return local_socket_bind(s, name, len);
	rc = sockaddr_read(s, name, len, &e);
	return rc ? rc : CAN(s, bind, &e);
}

int bind(int fd, const struct sockaddr *name, socklen_t len)
{
	return WITH_SOCKET(fd, bind_to(s, name, len));
}

int listen(int fd, int backlog)
{
	return WITH_SOCKET(fd, CAN(s, listen, backlog < 0 ? SOMAXCONN : backlog));
}

static int connect_to(struct socket *s, const struct sockaddr *name, socklen_t len)
{
	struct endpoint e;
	int rc;

	if (name && len >= sizeof(sa_family_t) && name->sa_family == AF_UNSPEC)
		return CAN(s, disconnect);
	if (has_names(s))
		return local_socket_connect(s, name, len, socket_may_sleep(s, 0));
	rc = sockaddr_read(s, name, len, &e);
	if (rc)
		return rc;
	/* As on other systems, the unspecified address means loopback. */
	if (ip_addr_isany(&e.ip))
		ip_addr_set_loopback(IP_IS_V6(&e.ip), &e.ip);
	return CAN(s, connect, &e, socket_may_sleep(s, 0));
}

int connect(int fd, const struct sockaddr *name, socklen_t len)
{
	return WITH_SOCKET(fd, connect_to(s, name, len));
}

int shutdown(int fd, int how)
{
	return WITH_SOCKET(fd, how < SHUT_RD || how > SHUT_RDWR ? -EINVAL :
			       CAN(s, shutdown, how));
}

static int name_of(struct socket *s, bool peer, struct sockaddr *name, socklen_t *len)
{
	struct endpoint e;
	int rc;

	if (has_names(s))
		return local_socket_name(s, peer, name, len);
	rc = CAN(s, name, peer, &e);
	if (!rc)
		sockaddr_write(s, &e, name, len);
	return rc;
}

int getsockname(int fd, struct sockaddr *name, socklen_t *len)
{
	return WITH_SOCKET(fd, name_of(s, false, name, len));
}

int getpeername(int fd, struct sockaddr *name, socklen_t *len)
{
	return WITH_SOCKET(fd, name_of(s, true, name, len));
}

int getsockopt(int fd, int level, int option, void *value, socklen_t *len)
{
	return WITH_SOCKET(fd, socket_getopt(s, level, option, value, len));
}

int setsockopt(int fd, int level, int option, const void *value, socklen_t len)
{
	return WITH_SOCKET(fd, socket_setopt(s, level, option, value, len));
}

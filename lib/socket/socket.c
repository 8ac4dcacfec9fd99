/* SPDX-License-Identifier: ISC */
/* The calls on sockets (POSIX.1-2017, <sys/socket.h>; accept4, sendmmsg as on Linux). */
#include "kernel/clock.h"
#include "lib/file/rights.h"
#include "lib/socket/socket.h"
#include "lib/thread/time.h"
#include "net/config.h"
#include "net/net.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <lwip/netif.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>

static const struct file_ops socket_file_ops;

static int result(ssize_t rc)
{
	errno = -rc;
	return -1;
}

static struct socket *socket_of(struct file *f)
{
	return f->ops == &socket_file_ops ? (struct socket *)f : NULL;
}

bool socket_is_local(const struct file *f)
{
	return f->ops == &socket_file_ops && ((const struct socket *)f)->domain == AF_UNIX;
}

/* Enter the kernel with the socket of fd, call, let out what was sent, leave. */
#define WITH_SOCKET(fd, call)							\
	({									\
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
		rc_ < 0 ? result(rc_) : rc_;					\
	})

/* What a protocol can do; the others it cannot. */
#define CAN(s, op, ...) ((s)->ops->op ? (s)->ops->op(s, ##__VA_ARGS__) : -EOPNOTSUPP)

/* ---- for the protocols */

void socket_init(struct socket *s, const struct socket_ops *ops, int domain, int type,
		 int protocol)
{
	s->file = (struct file){ .ops = &socket_file_ops, .flags = O_RDWR };
	s->ops = ops;
	s->domain = domain;
	s->type = type;
	s->protocol = protocol;
	s->o.rcv_timeout = s->o.snd_timeout = NEVER;
	s->o.mcast_ttl = 1;
	s->o.mcast_loop = true;
}

void socket_readable(struct socket *s)
{
	wake(&s->readers);
	file_changed(&s->file);
}

void socket_writable(struct socket *s)
{
	wake(&s->writers);
	file_changed(&s->file);
}

int socket_error(struct socket *s)
{
	int error = s->error;

	s->error = 0;
	return -error;
}

uint64_t socket_deadline(uint64_t timeout)
{
	return timeout == NEVER ? NEVER : clock_now() + timeout;
}

int socket_errno(err_t err)
{
	switch (err) {
	case ERR_OK:
		return 0;
	case ERR_MEM:
	case ERR_BUF:
		return -ENOBUFS;
	case ERR_TIMEOUT:
		return -ETIMEDOUT;
	case ERR_RTE:
	case ERR_IF:
		return -ENETUNREACH;
	case ERR_INPROGRESS:
		return -EINPROGRESS;
	case ERR_WOULDBLOCK:
		return -EAGAIN;
	case ERR_USE:
		return -EADDRINUSE;
	case ERR_ALREADY:
		return -EALREADY;
	case ERR_ISCONN:
		return -EISCONN;
	case ERR_CONN:
	case ERR_CLSD:
		return -ENOTCONN;
	case ERR_ABRT:
		return -ECONNABORTED;
	case ERR_RST:
		return -ECONNRESET;
	}
	return -EINVAL;
}

uint8_t socket_ip_type(const struct socket *s)
{
	return s->domain == AF_INET ? IPADDR_TYPE_V4 :
	       s->v6only ? IPADDR_TYPE_V6 : IPADDR_TYPE_ANY;
}

bool socket_is_ours(const ip_addr_t *ip)
{
	struct netif *netif;

	if (IP_IS_V4(ip) && ip_addr_isloopback(ip))
		return true;
	NETIF_FOREACH(netif)
		if (IP_IS_V6(ip) ? netif_get_ip6_addr_match(netif, ip_2_ip6(ip)) >= 0 :
		    ip4_addr_cmp(netif_ip4_addr(netif), ip_2_ip4(ip)))
			return true;
	return false;
}

bool socket_is_broadcast(const ip_addr_t *ip)
{
	struct netif *netif;

	if (IP_IS_V6(ip))
		return false;
	NETIF_FOREACH(netif)
		if (ip4_addr_isbroadcast(ip_2_ip4(ip), netif))
			return true;
	return ip4_addr_get_u32(ip_2_ip4(ip)) == INADDR_BROADCAST;
}

static unsigned version(const struct endpoint *to)
{
	return IP_IS_V6(&to->ip) ? 6 : 4;
}

bool socket_is_up(const struct endpoint *to)
{
	if (ip_addr_isloopback(&to->ip) || ip_addr_ismulticast(&to->ip))
		return true;
	if (IP_IS_V6(&to->ip) && ip6_addr_islinklocal(ip_2_ip6(&to->ip)))
		return true;
	return config_up(version(to));
}

bool socket_comes_up(const struct endpoint *to)
{
	return config_awaited(version(to));
}

int socket_wait_up(const struct endpoint *to)
{
	return socket_is_up(to) ? 0 :
	       net_wait_up(version(to), clock_now() + NET_PATIENCE);
}

void cursor_put(struct cursor *c, const void *from, size_t len)
{
	while (len) {
		size_t n = c->iov->iov_len - c->at;

		n = n < len ? n : len;
		memcpy((char *)c->iov->iov_base + c->at, from, n);
		from = (const char *)from + n;
		len -= n;
		c->at += n;
		if (len) {
			c->iov++;
			c->at = 0;
		}
	}
}

void cursor_get(struct cursor *c, void *to, size_t len)
{
	while (len) {
		size_t n = c->iov->iov_len - c->at;

		n = n < len ? n : len;
		memcpy(to, (const char *)c->iov->iov_base + c->at, n);
		to = (char *)to + n;
		len -= n;
		c->at += n;
		if (len) {
			c->iov++;
			c->at = 0;
		}
	}
}

/* ---- as files */

static bool patient(const struct socket *s, int flags)
{
	return !(s->file.flags & O_NONBLOCK) && !(flags & MSG_DONTWAIT);
}

static ssize_t total(const struct iovec *iov, size_t count)
{
	size_t size = 0;

	if (count > IOV_MAX)
		return -EMSGSIZE;
	for (size_t i = 0; i < count; i++)
		if (__builtin_add_overflow(size, iov[i].iov_len, &size) || size > SSIZE_MAX)
			return -EINVAL;
	return size;
}

#define FOR_ALL (MSG_DONTWAIT | MSG_NOSIGNAL | MSG_WAITALL)
#define FOR_SEND (FOR_ALL | MSG_EOR)
#define FOR_RECV (FOR_ALL | MSG_PEEK | MSG_TRUNC | MSG_CMSG_CLOEXEC)

/* No flag is ignored: 0, or what Linux says where there is nothing of the kind. */
static int flags_refused(const struct socket *s, bool out, int flags)
{
	bool stream = s->type == SOCK_STREAM, local = s->domain == AF_UNIX;

	if (out)
		return flags & ~(FOR_SEND | (stream ? MSG_MORE : 0)) ? -EOPNOTSUPP : 0;
	if (flags & MSG_OOB && stream && !local)
		return -EINVAL;		/* urgent data is read in its place */
	if (flags & MSG_ERRQUEUE && !local)
		return -EAGAIN;		/* no IP_RECVERR: nothing is queued */
	return flags & ~FOR_RECV ? -EOPNOTSUPP : 0;
}

static ssize_t transfer(struct socket *s, bool out, struct message *m)
{
	ssize_t size = total(m->iov, m->count);

	if (size < 0)
		return size;
	size = flags_refused(s, out, m->flags) ?: size;
	if (size < 0)
		return size;
	m->size = size;
	m->patient = patient(s, m->flags);
	return out ? s->ops->send(s, m) : s->ops->recv(s, m);
}

static ssize_t socket_readv(struct file *f, const struct iovec *iov, int count)
{
	struct message m = { .iov = iov, .count = count };
	ssize_t rc = transfer((struct socket *)f, false, &m);

	rights_put(m.rights);
	net_push();
	return rc;
}

static ssize_t socket_writev(struct file *f, const struct iovec *iov, int count)
{
	struct message m = { .iov = iov, .count = count };
	ssize_t rc = transfer((struct socket *)f, true, &m);

	net_push();
	return rc;
}

static ssize_t socket_read(struct file *f, void *to, size_t len)
{
	return socket_readv(f, &(struct iovec){ to, len }, 1);
}

static ssize_t socket_write(struct file *f, const void *from, size_t len)
{
	return socket_writev(f, &(struct iovec){ (void *)from, len }, 1);
}

static off_t socket_seek(struct file *f, off_t offset, int whence)
{
	(void)f, (void)offset, (void)whence;
	return -ESPIPE;
}

static int socket_stat(struct file *f, struct stat *st)
{
	(void)f;
	st->st_mode = S_IFSOCK | 0777;
	st->st_blksize = 4096;
	return 0;
}

static int socket_ioctl(struct file *f, unsigned long request, void *arg)
{
	struct socket *s = (struct socket *)f;
	size_t n;

	switch (request) {
	case FIONREAD:
		n = s->ops->readable ? s->ops->readable(s) : 0;
		*(int *)arg = n < INT_MAX ? n : INT_MAX;
		return 0;
	case TIOCOUTQ:
		if (!s->ops->unacked)
			return -ENOTTY;
		*(int *)arg = s->ops->unacked(s);
		return 0;
	case FIONBIO:
		f->flags = *(int *)arg ? f->flags | O_NONBLOCK : f->flags & ~O_NONBLOCK;
		return 0;
	}
	return -ENOTTY;
}

static unsigned socket_ready(struct file *f)
{
	struct socket *s = (struct socket *)f;

	return s->ops->ready(s);
}

static void socket_close(struct file *f)
{
	struct socket *s = (struct socket *)f;

	socket_groups_leave(s);
	s->ops->close(s);
	net_push();
}

static ssize_t socket_send_bytes(struct file *f, const void *from, size_t len)
{
	struct socket *s = (struct socket *)f;
	ssize_t rc = CAN(s, send_bytes, from, len);

	net_push();
	return rc;
}

static ssize_t socket_send_file(struct file *f, struct file *from, off_t at, size_t len)
{
	struct socket *s = (struct socket *)f;
	ssize_t rc = CAN(s, send_file, from, at, len);

	net_push();
	return rc;
}

static const struct file_ops socket_file_ops = {
	.read = socket_read, .write = socket_write,
	.readv = socket_readv, .writev = socket_writev,
	.send_bytes = socket_send_bytes, .send_file = socket_send_file,
	.seek = socket_seek, .stat = socket_stat, .ioctl = socket_ioctl,
	.ready = socket_ready, .close = socket_close,
};

/* ---- making them */

static struct socket *make(int domain, int type, int protocol, int *rc)
{
	if (type & ~0xf) {		/* a flag that is none */
		*rc = -EINVAL;
		return NULL;
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
	*rc = -EPROTOTYPE;		/* newlib has no ESOCKTNOSUPPORT */
	return NULL;
}

/* A descriptor for it; it is closed if there is none. */
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
	rc = net_init();
	if (!rc)
		s = make(domain, type & ~flags, protocol, &rc);
	if (s)
		rc = install(s, flags);
	kernel_leave();
	return rc < 0 ? result(rc) : rc;
}

/* First the descriptor, as on Linux: who gets none leaves the connection in the queue. */
static int accept_one(struct socket *s, struct endpoint *peer, int flags)
{
	struct socket *connection;
	int fd = file_reserve(), rc;

	if (fd < 0)
		return fd;
	rc = CAN(s, accept, patient(s, 0), &connection);
	if (rc) {
		file_unreserve(fd);
		return rc;
	}
	connection->ops->name(connection, true, peer);
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
	int fd = accept_one(s, &peer, flags);

	if (fd >= 0 && name)
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
	int rc = sockaddr_read(s, name, len, &e);

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
	rc = sockaddr_read(s, name, len, &e);
	if (rc)
		return rc;
	/* As everywhere else, to nowhere is to ourselves. */
	if (ip_addr_isany(&e.ip))
		ip_addr_set_loopback(IP_IS_V6(&e.ip), &e.ip);
	return CAN(s, connect, &e, patient(s, 0));
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
	int rc = CAN(s, name, peer, &e);

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

/* ---- data */

static ssize_t send_to(struct socket *s, struct message *m, const struct sockaddr *name,
		       socklen_t len)
{
	int rc;

	/* POSIX lets a connection ignore it, and programs pass what they got. */
	if (name && len && s->type != SOCK_STREAM) {
		rc = sockaddr_read(s, name, len, &m->name);
		if (rc)
			return rc;
		m->named = true;
	}
	return transfer(s, true, m);
}

static ssize_t recv_from(struct socket *s, struct message *m, struct sockaddr *name,
			 socklen_t *len)
{
	ssize_t rc = transfer(s, false, m);

	if (rc >= 0 && m->named)
		sockaddr_write(s, &m->name, name, len);
	else if (rc >= 0 && len)
		*len = 0;
	return rc;
}

/* Without a place for control messages. */
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

/* As on Linux the time is looked at after each message; what has come counts before an error. */
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

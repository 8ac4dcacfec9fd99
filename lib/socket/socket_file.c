/* SPDX-License-Identifier: ISC */
/*
 * The common part of all protocols: errors, addresses, deadlines, and the socket as a
 * file.
 */
#include "kernel/clock.h"
#include "lib/file/rights.h"
#include "lib/socket/interface.h"
#include "lib/socket/socket_call.h"
#include "net/config.h"

#include <fcntl.h>
#include <limits.h>
#include <lwip/netif.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>

static const struct file_ops socket_file_ops;

struct socket *socket_of(struct file *f)
{
	return f->ops == &socket_file_ops ? (struct socket *)f : NULL;
}

bool socket_is_local(const struct file *f)
{
	return f->ops == &socket_file_ops && ((const struct socket *)f)->domain == AF_UNIX;
}

/* ---- for the protocols: errors, addresses, deadlines */

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

bool socket_is_own_address(const ip_addr_t *ip)
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

bool socket_has_source(const struct endpoint *to)
{
	if (ip_addr_isloopback(&to->ip) || ip_addr_ismulticast(&to->ip))
		return true;
	if (IP_IS_V6(&to->ip) && ip6_addr_islinklocal(ip_2_ip6(&to->ip)))
		return true;
	return config_up(version(to));
}

bool socket_source_pending(const struct endpoint *to)
{
	return config_pending(version(to));
}

int socket_wait_source(const struct endpoint *to)
{
	return socket_has_source(to) ? 0 :
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

/* ---- file operations */

bool socket_may_sleep(const struct socket *s, int flags)
{
	return !(s->file.flags & O_NONBLOCK) && !(flags & MSG_DONTWAIT);
}

static ssize_t total_size(const struct iovec *iov, size_t count)
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

/*
 * Returns 0 if all flags are supported, otherwise Linux's error for a socket without the
 * feature. No flag is ignored.
 */
static int flags_refused(const struct socket *s, bool out, int flags)
{
	bool stream = s->type == SOCK_STREAM, local = s->domain == AF_UNIX;

	if (out)
		return flags & ~(FOR_SEND | (stream ? MSG_MORE : 0)) ? -EOPNOTSUPP : 0;
	if (flags & MSG_OOB && stream && !local)
		return -EINVAL;		/* urgent data is received in-band */
	if (flags & MSG_ERRQUEUE && !local)
		return -EAGAIN;		/* no IP_RECVERR: the error queue is empty */
	return flags & ~FOR_RECV ? -EOPNOTSUPP : 0;
}

ssize_t socket_transfer(struct socket *s, bool out, struct message *m)
{
	ssize_t size = total_size(m->iov, m->count);

	if (size < 0)
		return size;
	size = flags_refused(s, out, m->flags) ?: size;
	if (size < 0)
		return size;
	m->size = size;
	m->may_sleep = socket_may_sleep(s, m->flags);
	return out ? s->ops->send(s, m) : s->ops->recv(s, m);
}

static ssize_t socket_readv(struct file *f, const struct iovec *iov, int count)
{
	struct message m = { .iov = iov, .count = count };
	ssize_t rc = socket_transfer((struct socket *)f, false, &m);

	rights_put(m.rights);
	net_push();
	return rc;
}

static ssize_t socket_writev(struct file *f, const struct iovec *iov, int count)
{
	struct message m = { .iov = iov, .count = count };
	ssize_t rc = socket_transfer((struct socket *)f, true, &m);

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
	return interface_ioctl(request, arg);
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

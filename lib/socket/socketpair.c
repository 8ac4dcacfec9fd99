/* SPDX-License-Identifier: ISC */
/* socketpair() (POSIX.1-2017), and local streams: each is made of two pipes. */
#include "lib/file/rights.h"
#include "lib/result.h"
#include "lib/socket/local.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>

static struct local *local_of(struct socket *s)
{
	return (struct local *)s;
}

/* ---- descriptors in transit */

#define DEEPEST 4	/* nesting of sockets in sockets: Linux's MAX_RECURSION_LEVEL */

static unsigned searches;

static bool refers_to(struct file *f, const struct file *what, unsigned depth);

static bool list_refers_to(const struct rights *r, const struct file *what, unsigned depth)
{
	for (size_t i = 0; i < r->count; i++)
		if (refers_to(r->files[i], what, depth + 1))
			return true;
	return false;
}

/*
 * Whether unread data of f refers to `what`, or the nesting is too deep. A search visits
 * each socket once.
 */
static bool refers_to(struct file *f, const struct file *what, unsigned depth)
{
	struct local *l = socket_is_local(f) ? (struct local *)f : NULL;
	const struct packet *at = NULL;
	const struct rights *r;

	if (f == what || depth > DEEPEST)
		return true;
	if (l && l->visited == searches)
		return false;
	if (l)
		l->visited = searches;
	for (struct local *q = l ? l->first : NULL; q; q = q->next)
		if (refers_to(&q->s.file, what, depth + 1))
			return true;
	for (r = l && l->in ? l->in->rights : NULL; r; r = r->next)
		if (list_refers_to(r, what, depth))
			return true;
	if (l)
		while ((r = local_message_rights(l, &at)) || at)
			if (r && list_refers_to(r, what, depth))
				return true;
	return false;
}

bool local_makes_cycle(const struct file *reader, const struct message *m)
{
	searches++;
	for (size_t i = 0; reader && m->rights && i < m->rights->count; i++)
		if (refers_to(m->rights->files[i], reader, 0))
			return true;
	return false;
}

/* The part of the stream that fits carries the descriptors. */
static void attach_rights(struct pipe *p, struct message *m)
{
	struct rights **last = &p->rights;
	size_t n = m->size < pipe_room(p) ? m->size : pipe_room(p);

	while (*last)
		last = &(*last)->next;
	m->rights->begin = p->consumed + p->len;
	m->rights->end = m->rights->begin + n;
	*last = m->rights;
	m->rights = NULL;
}

/* Takes the first descriptors, if their bytes are being read. */
static void detach_rights(struct pipe *p, struct message *m)
{
	m->rights = p->rights;
	p->rights = p->rights->next;
	m->rights->next = NULL;
}

/* Returns the number of bytes sent; an error only if it is 0. */
static ssize_t write_stream(struct local *l, struct message *m, const char *from, size_t len,
		   uint64_t deadline)
{
	size_t done = 0;
	int rc;

	while (done < len) {
		if (!pipe_room(l->out) && !pipe_broken(l->out) && !m->may_sleep)
			return done ? (ssize_t)done : -EAGAIN;
		rc = pipe_wait_room(l->out, 1, deadline);
		if (rc <= 0)
			return done ? (ssize_t)done : rc ? rc : -EAGAIN;
		if (pipe_broken(l->out))
			return done ? (ssize_t)done : -EPIPE;
		/* another thread may have sent what completes a cycle */
		if (local_makes_cycle(l->out->reader, m))
			return done ? (ssize_t)done : -ETOOMANYREFS;
		if (m->rights)
			attach_rights(l->out, m);
		done += pipe_put(l->out, from + done, len - done);
	}
	return done;
}

static ssize_t local_send(struct socket *s, struct message *m)
{
	uint64_t deadline = socket_deadline(s->o.snd_timeout);
	ssize_t done = 0, n;

	if (local_makes_cycle(local_of(s)->out->reader, m))
		return -ETOOMANYREFS;
	for (size_t i = 0; i < m->count; i++) {
		n = write_stream(local_of(s), m, m->iov[i].iov_base, m->iov[i].iov_len, deadline);
		if (n < 0)
			return done ? done : n;
		done += n;
		if ((size_t)n < m->iov[i].iov_len)
			break;
	}
	return done;
}

static ssize_t local_recv(struct socket *s, struct message *m)
{
	struct pipe *p = local_of(s)->in;
	struct cursor to = { .iov = m->iov };
	uint64_t deadline = socket_deadline(s->o.rcv_timeout);
	bool peek = m->flags & MSG_PEEK, all = m->flags & MSG_WAITALL && !peek;
	size_t done = 0, n;
	int rc = 0;
	uint64_t limit = UINT64_MAX;	/* end of the bytes that were sent with m->rights */
	const char *from;

	while (done < m->size && p->consumed + (peek ? done : 0) < limit) {
		if (p->len > (peek ? done : 0)) {
			uint64_t at = p->consumed + (peek ? done : 0);

			from = pipe_bytes(p, peek ? done : 0, &n);
			n = n < m->size - done ? n : m->size - done;
			if (p->rights && limit == UINT64_MAX) {
				uint64_t end = p->rights->end;

				n = n < end - at ? n : end - at;
				if (at + n > p->rights->begin) {
					limit = end;
					peek ? (void)(m->rights = rights_copy(p->rights)) :
					       detach_rights(p, m);
				}
			}
			n = n < limit - at ? n : limit - at;
			cursor_put(&to, from, n);
			if (!peek)
				pipe_drop(p, n);
			done += n;
		} else if (pipe_ended(p) || p->read_ended) {
			rc = done ? 0 : socket_error(s);
			break;
		} else if (done && !all) {
			break;
		} else {
			rc = m->may_sleep ? pipe_wait_bytes(p, 1, deadline) : 0;
			if (rc <= 0)
				return done ? (ssize_t)done : rc ? rc : -EAGAIN;
		}
	}
	return done ? (ssize_t)done : rc;
}

static ssize_t local_send_bytes(struct socket *s, const void *from, size_t len)
{
	struct message m = { .may_sleep = !(s->file.flags & O_NONBLOCK) };

	return write_stream(local_of(s), &m, from, len, socket_deadline(s->o.snd_timeout));
}

static int local_connect(struct socket *s, const struct endpoint *to, bool may_sleep)
{
	(void)s, (void)to, (void)may_sleep;
	return -EISCONN;
}

static int local_shutdown(struct socket *s, int how)
{
	struct local *l = local_of(s);

	if (how != SHUT_RD) {
		l->out->write_ended = true;
		pipe_changed(l->out);
	}
	if (how != SHUT_WR) {
		l->in->read_ended = true;
		pipe_changed(l->in);
	}
	return 0;
}

/* Those of socketpair() have no names. */
static int local_name(struct socket *s, bool peer, struct endpoint *to)
{
	if (peer && !local_of(s)->in->writer)
		return -ENOTCONN;
	*to = (struct endpoint){ 0 };
	return 0;
}

static size_t local_readable(struct socket *s)
{
	return local_of(s)->in->len;
}

static unsigned local_ready(struct socket *s)
{
	const struct pipe *in = local_of(s)->in, *out = local_of(s)->out;
	bool no_more = pipe_ended(in) || in->read_ended;
	unsigned events = s->error ? POLLERR : 0;

	if (in->len || no_more)
		events |= POLLIN | POLLRDNORM;
	if (no_more)
		events |= POLLRDHUP;
	if (no_more && pipe_broken(out))
		events |= POLLHUP;
	if (pipe_broken(out) || pipe_room(out) >= PIPE_ATOMIC)
		events |= POLLOUT | POLLWRNORM;
	return events;
}

static void local_close(struct socket *s)
{
	struct local *l = local_of(s);
	struct rights *unread = l->in->rights;

	if (l->in->len && l->in->writer)	/* unread data is lost */
		((struct socket *)l->in->writer)->error = ECONNRESET;
	l->in->rights = NULL;
	l->in->reader = NULL;
	pipe_changed(l->in);
	l->out->writer = NULL;
	pipe_changed(l->out);
	if (local_socket_unbind)
		local_socket_unbind(l);
	free(l);
	rights_put(unread);
}

const struct socket_ops local_socket_ops = {
	.connect = local_connect, .send = local_send, .recv = local_recv,
	.send_bytes = local_send_bytes, .shutdown = local_shutdown, .name = local_name,
	.readable = local_readable, .ready = local_ready, .close = local_close,
};

static void set_up(struct local *l, struct pipe *in, struct pipe *out)
{
	l->s.ops = &local_socket_ops;
	l->connected = true;
	l->in = in;
	l->out = out;
	in->reader = &l->s.file;
	out->writer = &l->s.file;
}

int local_join(struct local *a, struct local *b)
{
	struct pipe *p = calloc(1, sizeof(*p)), *q = calloc(1, sizeof(*q));

	if (p && q) {
		set_up(a, p, q);
		set_up(b, q, p);
		return 0;
	}
	free(p);
	free(q);
	return -ENOMEM;
}

static struct local *new_local(int type, int flags)
{
	struct local *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	socket_init(&l->s, &local_socket_ops, AF_UNIX, type, 0);
	l->s.o.rcvbuf = l->s.o.sndbuf = PIPE_SIZE;
	l->s.file.flags |= flags;
	l->s.file.refs = 1;
	return l;
}

static int join(struct local *a, struct local *b)
{
	if (a->s.type == SOCK_STREAM)
		return local_join(a, b);
	local_message_join(a, b);
	return 0;
}

static int make(int type, int flags, bool cloexec, int fds[2])
{
	struct local *a = new_local(type, flags), *b = new_local(type, flags);

	if (a && b && !join(a, b))
		return pipe_install(&a->s.file, &b->s.file, cloexec, fds);
	free(a);
	free(b);
	return -ENOMEM;
}

int socketpair(int domain, int type, int protocol, int fds[2])
{
	int kind = type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC), rc;

	if (domain != AF_UNIX)
		return result(-EOPNOTSUPP);
	if (protocol && protocol != PF_UNIX)
		return result(-EPROTONOSUPPORT);
	if (kind != SOCK_STREAM && kind != SOCK_DGRAM && kind != SOCK_SEQPACKET)
		return result(-ESOCKTNOSUPPORT);
	kernel_enter();
	rc = make(kind, type & SOCK_NONBLOCK ? O_NONBLOCK : 0, type & SOCK_CLOEXEC, fds);
	kernel_leave();
	return result(rc);
}

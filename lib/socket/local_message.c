/* SPDX-License-Identifier: ISC */
/*
 * Local sockets whose messages have limits (unix(7)): SOCK_DGRAM and SOCK_SEQPACKET.
 *
 * Each socket has a queue of the messages that were sent to it; a sender waits while it is full.
 * Sockets refer to their peer, so all of them are on a list, where close() finds those that refer
 * to the closed one.
 */
#include "lib/file/rights.h"
#include "lib/socket/local.h"
#include "lib/thread/signals.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#define QUEUED_MOST 10				/* Linux's net.unix.max_dgram_qlen */
#define LARGEST (208 * 1024 - 32)		/* bytes: Linux's default SO_SNDBUF */

struct packet {
	struct packet *next;
	struct rights *rights;
	struct local_name from;			/* len 0: the sender has no name */
	size_t len;
	char data[];
};

static struct local *sockets;
static struct waitq room;			/* wakes when a message was taken, or a socket closed */

static struct local *local_of(struct socket *s)
{
	return (struct local *)s;
}

static bool is_open(const struct local *what)
{
	for (const struct local *l = sockets; l; l = l->next_message)
		if (l == what)
			return true;
	return false;
}

/* As on Linux: between two that are connected to each other only memory is limited. */
static bool full(const struct local *from, const struct local *to)
{
	return to->to == from ? to->bytes > LARGEST : to->queued > QUEUED_MOST;
}

static size_t size_of(const struct packet *p)
{
	return sizeof(*p) + p->len;
}

static bool is_packet(const struct local *l)
{
	return l->s.type == SOCK_SEQPACKET;
}

/* Nothing more can arrive. */
static bool ended(const struct local *l)
{
	return l->shut_rd || (is_packet(l) && !l->to);
}

/* Those that send to l may have room. */
static void notify_senders(const struct local *l)
{
	wake(&room);
	for (struct local *q = sockets; q; q = q->next_message)
		if (q->to == l)
			socket_writable(&q->s);
}

/* ---- Sending. */

static int find_target(struct local *l, const struct message *m, struct local **to)
{
	if (l->s.type == SOCK_DGRAM && m->address)
		return local_socket_find ?
		       local_socket_find(m->address, m->address_len, SOCK_DGRAM, to) : -EOPNOTSUPP;
	*to = l->to;
	if (!l->connected)
		return -ENOTCONN;
	if (l->to)
		return 0;
	if (is_packet(l))
		return -EPIPE;
	l->connected = false;
	return -ECONNREFUSED;
}

int local_may_send(const struct local *from, const struct local *to)
{
	if (to->shut_rd)
		return -EPIPE;
	return to->to && to->to != from ? -EPERM : 0;
}

/* Waits until the target's queue is not full, and sets *to. */
static int wait_target(struct local *l, const struct message *m, struct local **to)
{
	uint64_t deadline = socket_deadline(l->s.o.snd_timeout);
	int rc;

	for (;;) {
		rc = l->shut_wr ? -EPIPE : find_target(l, m, to);
		if (!rc)
			rc = local_may_send(l, *to);
		if (!rc && local_makes_cycle(&(*to)->s.file, m))
			rc = -ETOOMANYREFS;
		if (rc || !full(l, *to))
			return rc;
		if (!m->may_sleep)
			return -EAGAIN;
		rc = wait_or_signal(&room, deadline, signal_way(deadline),
				    !is_open(*to) || !full(l, *to) || (*to)->shut_rd || l->shut_wr);
		if (rc <= 0)
			return rc ? rc : -EAGAIN;
	}
}

static ssize_t message_send(struct socket *s, struct message *m)
{
	struct local *l = local_of(s), *to;
	struct cursor from = { .iov = m->iov };
	struct packet *p, **last;
	int rc;

	if (m->size > LARGEST)
		return -EMSGSIZE;
	p = malloc(sizeof(*p) + m->size);
	if (!p)
		return -ENOBUFS;
	cursor_get(&from, p->data, m->size);
	rc = wait_target(l, m, &to);
	if (rc) {
		free(p);
		return rc;
	}
	p->next = NULL;
	p->rights = m->rights;
	p->from = l->name;
	p->len = m->size;
	m->rights = NULL;
	for (last = &to->packets; *last; last = &(*last)->next)
		;
	*last = p;
	to->queued++;
	to->bytes += size_of(p);
	socket_readable(&to->s);
	return m->size;
}

/* ---- Receiving. */

static int wait_packet(struct local *l, const struct message *m)
{
	uint64_t deadline = socket_deadline(l->s.o.rcv_timeout);
	int rc;

	if (is_packet(l) && !l->connected)
		return -ENOTCONN;
	while (!l->packets && !l->s.error && !ended(l)) {
		if (!m->may_sleep)
			return -EAGAIN;
		rc = wait_or_signal(&l->s.readers, deadline, signal_way(deadline),
				    l->packets || l->s.error || ended(l));
		if (rc <= 0)
			return rc ? rc : -EAGAIN;
	}
	return l->s.error ? socket_error(&l->s) : l->packets ? 1 : 0;
}

static ssize_t message_recv(struct socket *s, struct message *m)
{
	struct local *l = local_of(s);
	struct cursor to = { .iov = m->iov };
	struct packet *p;
	size_t n;
	ssize_t rc = wait_packet(l, m);

	if (rc == 0 && m->from_len)
		*m->from_len = 0;
	if (rc <= 0)
		return rc;
	p = l->packets;
	n = p->len < m->size ? p->len : m->size;
	cursor_put(&to, p->data, n);
	if (n < p->len)
		m->result |= MSG_TRUNC;
	if (s->type == SOCK_DGRAM && m->from && m->from_len && p->from.len)
		local_name_write(&p->from, m->from, m->from_len);
	else if (m->from_len)
		*m->from_len = 0;
	rc = m->flags & MSG_TRUNC ? p->len : n;
	if (m->flags & MSG_PEEK) {
		m->rights = p->rights ? rights_copy(p->rights) : NULL;
		return rc;
	}
	m->rights = p->rights;
	l->packets = p->next;
	l->queued--;
	l->bytes -= size_of(p);
	free(p);
	notify_senders(l);
	return rc;
}

/* ---- Connecting. */

void local_message_join(struct local *a, struct local *b)
{
	local_message_start(a);
	local_message_start(b);
	a->to = b;
	b->to = a;
	a->connected = b->connected = true;
}

static int message_connect(struct socket *s, const struct endpoint *to, bool may_sleep)
{
	(void)s, (void)to, (void)may_sleep;
	return -EISCONN;
}

static int message_disconnect(struct socket *s)
{
	struct local *l = local_of(s);

	if (is_packet(l))
		return -EINVAL;
	l->to = NULL;
	l->connected = false;
	l->peer = (struct local_name){ 0 };
	return 0;
}

/* The other end of a packet socket sees it, too. */
static int message_shutdown(struct socket *s, int how)
{
	struct local *l = local_of(s), *peer = is_packet(l) ? l->to : NULL;

	if (is_packet(l) && !l->connected)
		return -ENOTCONN;
	l->shut_rd |= how != SHUT_WR;
	l->shut_wr |= how != SHUT_RD;
	if (peer) {
		peer->shut_rd |= l->shut_wr;
		peer->shut_wr |= l->shut_rd;
		socket_readable(&peer->s);
		socket_writable(&peer->s);
	}
	socket_readable(s);
	notify_senders(l);
	return 0;
}

/* ---- The socket as a file. */

/* Those of socketpair() have no names. */
static int message_name(struct socket *s, bool peer, struct endpoint *to)
{
	if (peer && !local_of(s)->connected)
		return -ENOTCONN;
	*to = (struct endpoint){ 0 };
	return 0;
}

static size_t message_readable(struct socket *s)
{
	const struct packet *p = local_of(s)->packets;

	return p ? p->len : 0;
}

static unsigned message_ready(struct socket *s)
{
	const struct local *l = local_of(s);
	unsigned events = s->error ? POLLERR : 0;

	if (l->packets || ended(l))
		events |= POLLIN | POLLRDNORM;
	if (ended(l))
		events |= POLLRDHUP;
	if (is_packet(l) && !l->to)
		events |= POLLHUP;
	if (!l->to || !full(l, l->to))
		events |= POLLOUT | POLLWRNORM;
	return events;
}

static void leave_peers(struct local *l)
{
	for (struct local *q = sockets; q; q = q->next_message) {
		if (q->to != l)
			continue;
		q->to = NULL;
		if (is_packet(q) && l->packets)	/* unread messages are lost */
			q->s.error = ECONNRESET;
		socket_readable(&q->s);
		socket_writable(&q->s);
	}
}

static void message_close(struct socket *s)
{
	struct local *l = local_of(s), **link = &sockets;
	struct packet *unread = l->packets, *p;

	while (*link != l)
		link = &(*link)->next_message;
	*link = l->next_message;
	leave_peers(l);
	if (local_socket_unbind)
		local_socket_unbind(l);
	wake(&room);
	free(l);
	while ((p = unread)) {
		unread = p->next;
		rights_put(p->rights);
		free(p);
	}
}

struct rights *local_message_rights(const struct local *l, const struct packet **at)
{
	*at = *at ? (*at)->next : l->packets;
	return *at ? (*at)->rights : NULL;
}

static const struct socket_ops message_ops = {
	.connect = message_connect, .disconnect = message_disconnect, .send = message_send,
	.recv = message_recv, .shutdown = message_shutdown, .name = message_name,
	.readable = message_readable, .ready = message_ready, .close = message_close,
};

void local_message_start(struct local *l)
{
	l->s.ops = &message_ops;
	l->next_message = sockets;
	sockets = l;
}

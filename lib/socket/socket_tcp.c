/* SPDX-License-Identifier: ISC */
/* TCP sockets on lwIP's raw interface: creation, connect(), shutdown() and readiness. */
#include "kernel/trace.h"
#include "lib/socket/socket_tcp.h"
#include "lib/thread/signals.h"
#include "net/icmp.h"
#include "net/net.h"
#include "net/tcp.h"

#include <errno.h>
#include <lwip/priv/tcp_priv.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>

#define PRIORITY TCP_PRIO_NORMAL
#define SNDBUF_LEAST 16384

struct tcp_socket *tcp_socket_alloc(int domain)
{
	struct tcp_socket *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	socket_init(&t->s, &tcp_socket_ops, domain, SOCK_STREAM, IPPROTO_TCP);
	t->s.o.rcvbuf = TCP_WND;
	t->s.o.sndbuf = TCP_SND_BUF;
	return t;
}

void tcp_socket_free(struct tcp_socket *t)
{
	tcp_socket_discard(t);
	tcp_socket_remove_unacked(t, t->unacked);
	sendbuf_free(&t->out);
	free(t);
}

/* ---- lwIP's pcb */

static void failed(void *arg, err_t err);
static void icmp_error(struct tcp_pcb *pcb, int error, bool hard);

void tcp_socket_attach(struct tcp_socket *t, struct tcp_pcb *pcb)
{
	t->pcb = pcb;
	tcp_arg(pcb, t);
	tcp_recv(pcb, tcp_socket_received);
	tcp_sent(pcb, tcp_socket_sent);
	tcp_err(pcb, failed);
	icmp_tcp_error = icmp_error;
}

void tcp_socket_detach(struct tcp_socket *t)
{
	struct tcp_pcb *pcb = t->pcb;

	trace(TRACE_TCP_LET_GO, pcb->local_port, pcb->remote_port);
	t->pcb = NULL;
	tcp_arg(pcb, NULL);
	tcp_recv(pcb, NULL);
	tcp_sent(pcb, NULL);
	tcp_err(pcb, NULL);
	tcp_poll(pcb, NULL, 0);
}

void tcp_socket_abort(struct tcp_socket *t)
{
	struct tcp_pcb *pcb = t->pcb;

	tcp_socket_detach(t);
	tcp_abort(pcb);
}

static int pcb_new(struct tcp_socket *t)
{
	struct tcp_pcb *pcb;

	if (t->pcb)
		return 0;
	pcb = tcp_new_ip_type(socket_ip_type(&t->s));
	if (!pcb)
		return -ENOBUFS;
	tcp_setprio(pcb, PRIORITY);
	tcp_socket_attach(t, pcb);
	tcp_socket_apply(&t->s);
	return 0;
}

struct socket *tcp_socket_new(int domain)
{
	struct tcp_socket *t = tcp_socket_alloc(domain);

	tcp_socket_close_at_shutdown();
	if (!t || !pcb_new(t))
		return &t->s;
	tcp_socket_free(t);
	return NULL;
}

/* lwIP's error callback; the pcb is already freed. */
static void failed(void *arg, err_t err)
{
	struct tcp_socket *t = arg;

	trace(TRACE_TCP_FAILED, -err, 0);
	t->pcb = NULL;
	if (!t->filling)
		sendbuf_free(&t->out);
	tcp_socket_remove_unacked(t, t->unacked);
	if (t->orphan) {
		tcp_socket_orphan_over(t);
		return;
	}
	if (err == ERR_RST)
		t->s.error = t->connecting ? ECONNREFUSED : ECONNRESET;
	else if (err != ERR_CLSD)
		t->s.error = t->soft_error ? t->soft_error : ETIMEDOUT;
	t->eof = true;
	t->connecting = false;
	wake(&t->s.writers);
	socket_readable(&t->s);
}

/*
 * As on Linux, each error ends a connection attempt (RFC 5461, 4.1), but not an
 * established connection (RFC 1122, 4.2.3.9; RFC 5927): the error is reported if the
 * connection times out.
 */
static void icmp_error(struct tcp_pcb *pcb, int error, bool hard)
{
	struct tcp_socket *t = pcb->callback_arg;

	(void)hard;
	if (pcb->errf != failed)
		return;
	t->soft_error = error;
	if (pcb->state == SYN_SENT)
		tcp_abandon(pcb, 0);
}

/* ---- bind and connect */

static bool family_fits(const struct tcp_socket *t, const struct endpoint *e)
{
	uint8_t type = IP_GET_TYPE(&t->pcb->local_ip);

	return type == IPADDR_TYPE_ANY || type == IP_GET_TYPE(&e->ip) ||
	       (t->s.domain == AF_INET6 && ip_addr_isany(&t->pcb->local_ip) && !t->s.v6only);
}

static int tcp_socket_bind(struct socket *s, const struct endpoint *name)
{
	struct tcp_socket *t = tcp_of(s);
	ip_addr_t ip = name->ip;
	err_t err;
	int rc = pcb_new(t);

	if (rc)
		return rc;
	if (t->pcb->state != CLOSED || t->pcb->local_port)
		return -EINVAL;
	if (!ip_addr_isany(&ip) && !socket_is_own_address(&ip))
		return -EADDRNOTAVAIL;
	if (ip_addr_isany(&ip) && IP_IS_V6(&ip) && !s->v6only)
		IP_SET_TYPE_VAL(ip, IPADDR_TYPE_ANY);
	tcp_socket_apply(s);
	err = tcp_bind(t->pcb, &ip, name->port);
	return err == ERR_BUF ? -EADDRINUSE : socket_errno(err);
}

void tcp_socket_established(struct tcp_socket *t)
{
	trace(TRACE_TCP_ESTABLISHED, t->pcb->local_port, t->pcb->remote_port);
	t->connected = true;
	tcp_established(t->pcb, t->s.o.rcvbuf);
}

static err_t connected(void *arg, struct tcp_pcb *pcb, err_t err)
{
	struct tcp_socket *t = arg;

	(void)err;
	t->connecting = false;
	t->soft_error = 0;
	t->local = (struct endpoint){ pcb->local_ip, pcb->local_port };
	tcp_socket_established(t);
	socket_writable(&t->s);
	return ERR_OK;
}

/* Called when there is a source address. */
static int begin(struct tcp_socket *t, const struct endpoint *to)
{
	int rc = pcb_new(t);
	err_t err;

	if (rc)
		return rc;
	if (!family_fits(t, to))
		return -ENETUNREACH;
	tcp_socket_apply(&t->s);
	t->remote = *to;
	t->eof = t->shut_rd = t->shut_wr = false;
	t->soft_error = 0;
	err = tcp_connect(t->pcb, &to->ip, to->port, connected);
	if (err == ERR_USE)
		return -EADDRNOTAVAIL;
	if (err != ERR_OK)
		return err == ERR_BUF ? -EADDRNOTAVAIL : socket_errno(err);
	t->connecting = true;
	t->local = (struct endpoint){ t->pcb->local_ip, t->pcb->local_port };
	return 0;
}

/* The thread of a connect() that waits for an address.  It holds a reference. */
static void begin_later(void *arg)
{
	struct tcp_socket *t = arg;
	int rc = socket_wait_source(&t->remote);

	t->waits_for_address = false;
	if (!rc && t->connecting && t->s.file.refs > 1)
		rc = begin(t, &t->remote);
	if (rc && t->connecting) {
		t->s.error = -rc;
		t->connecting = false;
		t->eof = true;
		wake(&t->s.writers);
		socket_readable(&t->s);
	}
	file_put(&t->s.file);
	net_push();
}

static int begin_or_defer(struct tcp_socket *t, const struct endpoint *to)
{
	if (socket_has_source(to))
		return begin(t, to);
	if (!socket_source_pending(to))
		return -ENETUNREACH;
	t->remote = *to;
	t->local = (struct endpoint){ 0 };
	if (!t->waits_for_address) {	/* else shutdown() has ended the connect() before */
		if (!thread_start("connect", THREAD_KERNEL, STACK_KERNEL, begin_later, t, NULL))
			return -ENETUNREACH;
		t->s.file.refs++;
	}
	t->waits_for_address = t->connecting = true;
	return 0;
}

static int tcp_socket_connect(struct socket *s, const struct endpoint *to, bool may_sleep)
{
	struct tcp_socket *t = tcp_of(s);
	int rc = socket_error(s);
	bool first = !t->connecting;
	uint64_t deadline;

	if (rc)
		return rc;
	if (t->pcb && t->pcb->state == LISTEN)
		return -EISCONN;
	if (t->connected) {
		rc = t->connect_unreported ? 0 : -EISCONN;
		t->connect_unreported = false;
		return rc;
	}
	if (!first && !may_sleep)
		return -EALREADY;
	if (first) {
		if (ip_addr_ismulticast(&to->ip))
			return -ENETUNREACH;
		if (!to->port)
			return -ECONNREFUSED;
		rc = begin_or_defer(t, to);
		if (rc)
			return rc;
		t->connect_unreported = true;
	}
	net_push();
	/* Over loopback it may have failed already; Linux reports that later. */
	if (!may_sleep && (t->connecting || (first && s->error)))
		return -EINPROGRESS;
	deadline = socket_deadline(s->o.snd_timeout);
	rc = wait_or_signal(&s->writers, deadline, signal_way(deadline), !t->connecting);
	if (rc <= 0)
		return rc ? rc : -EINPROGRESS;
	t->connect_unreported = false;
	return socket_error(s);
}

/* ---- state */

static int tcp_socket_name(struct socket *s, bool peer, struct endpoint *to)
{
	const struct tcp_socket *t = tcp_of(s);

	if (peer && !t->connected)
		return -ENOTCONN;
	if (peer)
		*to = t->remote;
	else if (t->connected || t->connecting || !t->pcb)
		*to = t->local;
	else
		*to = (struct endpoint){ t->pcb->local_ip, t->pcb->local_port };
	return 0;
}

/* As on Linux connect() then fails with ECONNRESET, and the socket may connect again. */
static void stop_connecting(struct tcp_socket *t)
{
	t->soft_error = ECONNRESET;
	if (t->pcb && t->pcb->state == SYN_SENT) {
		tcp_abandon(t->pcb, 0);
		return;
	}
	t->s.error = ECONNRESET;
	t->eof = true;
	t->connecting = false;
	wake(&t->s.writers);
	socket_readable(&t->s);
}

static int tcp_socket_shutdown(struct socket *s, int how)
{
	struct tcp_socket *t = tcp_of(s);

	/* As on Linux, where programs end accept() this way. */
	if (t->pcb && t->pcb->state == LISTEN && how != SHUT_WR) {
		tcp_socket_unlisten(t);
		socket_readable(s);
		return 0;
	}
	if (t->connecting) {
		stop_connecting(t);
		return 0;
	}
	if (!t->connected)
		return -ENOTCONN;
	if (how != SHUT_WR)
		t->shut_rd = true;	/* as on Linux, received data can still be read */
	if (how != SHUT_RD && !t->shut_wr) {
		t->shut_wr = true;
		if (t->pcb)
			tcp_shutdown(t->pcb, 0, 1);
		wake(&s->writers);
	}
	socket_readable(s);
	return 0;
}

/* If memory is full, each socket has a minimum. */
static size_t sndbuf(const struct tcp_socket *t)
{
	return tcp_socket_memory_full() && t->s.o.sndbuf > SNDBUF_LEAST ? SNDBUF_LEAST :
	       t->s.o.sndbuf;
}

size_t tcp_socket_room(const struct tcp_socket *t)
{
	size_t room;

	if (!t->pcb || t->unacked >= sndbuf(t))
		return 0;
	room = sndbuf(t) - t->unacked;
	if (t->pcb->snd_queuelen >= TCP_SND_QUEUELEN - 64)
		return 0;
	return room < t->pcb->snd_buf ? room : t->pcb->snd_buf;
}

/*
 * Writable only if a quarter of the buffer is free, so that threads are not woken for a
 * few bytes.
 */
bool tcp_socket_writable(struct tcp_socket *t)
{
	size_t worth = sndbuf(t) / 4;
	bool fine = tcp_socket_room(t) >= worth &&
		    t->pcb->snd_queuelen < TCP_SND_QUEUELEN * 3 / 4;

	t->was_full |= !fine;
	return fine;
}

static unsigned tcp_socket_ready(struct socket *s)
{
	struct tcp_socket *t = tcp_of(s);
	unsigned events = s->error ? POLLERR : 0;

	if (t->pcb && t->pcb->state == LISTEN)
		return events | (t->first ? POLLIN | POLLRDNORM : 0);
	if (t->connecting)
		return events;
	if (!t->connected)
		return events | POLLOUT | POLLWRNORM | POLLHUP |
		       (t->eof ? POLLIN | POLLRDNORM | POLLRDHUP : 0);
	if (t->rx_len || t->eof || t->shut_rd)
		events |= POLLIN | POLLRDNORM;
	if (t->eof || t->shut_rd)
		events |= POLLRDHUP;
	if (!t->pcb || ((t->eof || t->shut_rd) && t->shut_wr))
		events |= POLLHUP;
	if (!t->pcb || t->shut_wr || tcp_socket_writable(t))
		events |= POLLOUT | POLLWRNORM;
	return events;
}

static size_t tcp_socket_readable(struct socket *s)
{
	return tcp_of(s)->rx_len;
}

static size_t tcp_socket_unacked(struct socket *s)
{
	return tcp_of(s)->unacked;
}

const struct socket_ops tcp_socket_ops = {
	.bind = tcp_socket_bind, .connect = tcp_socket_connect,
	.listen = tcp_socket_listen, .accept = tcp_socket_accept,
	.send = tcp_socket_send, .recv = tcp_socket_recv,
	.send_bytes = tcp_socket_send_bytes, .send_file = tcp_socket_send_file,
	.shutdown = tcp_socket_shutdown, .name = tcp_socket_name,
	.apply = tcp_socket_apply, .setopt = tcp_socket_setopt, .getopt = tcp_socket_getopt,
	.info = tcp_socket_info,
	.readable = tcp_socket_readable, .unacked = tcp_socket_unacked,
	.ready = tcp_socket_ready, .close = tcp_socket_close,
};

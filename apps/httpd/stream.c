/* SPDX-License-Identifier: ISC */
#include "apps/httpd/stream.h"

#include "apps/httpd/tls.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define PIECE 65536			/* text that is encrypted for one send() */

#define WIRE 16384

static char *clear;			/* PIECE bytes */
static char *wire;			/* WIRE bytes that a client sent */

bool stream_start(void)
{
	clear = malloc(PIECE);
	wire = malloc(WIRE);
	return clear && wire;
}

bool stream_open(struct connection *c)
{
	c->tls = server.tls->open();
	for (int i = 0; !c->tls && i < RESETS_MAX && connection_make_room(c); i++)
		c->tls = server.tls->open();
	return c->tls;
}

void stream_free(struct connection *c)
{
	if (c->tls)
		server.tls->free(c->tls);
	c->tls = NULL;
}

int stream_flush(struct connection *c)
{
	const char *at;
	size_t len;

	while (c->tls && (len = server.tls->pending(c->tls, &at)) > 0) {
		ssize_t n = send(c->fd, at, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return 0;
		if (n <= 0)
			return -1;
		server.tls->sent(c->tls, n);
		c->sent += n;
	}
	return 1;
}

static ssize_t fail(int error)
{
	errno = error;
	return -1;
}

/*
 * Messages that TLS sends by itself are sent first: a client that does not read its answers is not
 * read either, so they do not grow.
 */
ssize_t stream_recv(struct connection *c, void *to, size_t len)
{
	ssize_t n;
	int flushed;

	if (!c->tls)
		return recv(c->fd, to, len, 0);
	for (;;) {
		flushed = stream_flush(c);
		if (flushed <= 0)
			return fail(flushed ? ECONNRESET : EAGAIN);
		n = server.tls->read(c->tls, to, len);
		if (n > 0)
			return n;
		flushed = stream_flush(c);
		if (n != -EAGAIN)
			return n ? fail(EPROTO) : 0;
		if (flushed <= 0)
			return fail(flushed ? ECONNRESET : EAGAIN);
		n = recv(c->fd, wire, WIRE, 0);
		if (n <= 0)
			return n;
		if (server.tls->feed(c->tls, wire, n))
			return fail(ENOMEM);
	}
}

/* The text and the body in one piece of memory. */
static ssize_t gather(struct span text, const struct body *body, off_t at, size_t most)
{
	size_t n = text.len < PIECE ? text.len : PIECE;
	ssize_t more;

	memcpy(clear, text.at, n);
	if (n < text.len || !most)
		return n;
	if (most > PIECE - n)
		most = PIECE - n;
	if (body->data) {
		memcpy(clear + n, body->data + at, most);
		return n + most;
	}
	do
		more = pread(body->fd, clear + n, most, body->at + at);
	while (more < 0 && errno == EINTR);
	return n || more > 0 ? (ssize_t)n + (more > 0 ? more : 0) : more;
}

ssize_t stream_send(struct connection *c, struct span text, const struct body *body, off_t at,
		    size_t most)
{
	int flushed = stream_flush(c), rc;
	ssize_t n;

	if (flushed <= 0)
		return fail(flushed ? ECONNRESET : EAGAIN);
	n = gather(text, body, at, most);
	if (n <= 0)
		return n;
	rc = server.tls->write(c->tls, clear, n);
	if (rc)
		return fail(-rc);
	return stream_flush(c) < 0 ? fail(ECONNRESET) : n;
}

void stream_send_once(struct connection *c, struct span text)
{
	if (!c->tls) {
		send(c->fd, text.at, text.len, MSG_NOSIGNAL);
	} else if (!server.tls->write(c->tls, text.at, text.len)) {
		server.tls->end(c->tls);
		stream_flush(c);
	}
}

int stream_end(struct connection *c)
{
	if (c->tls && !c->ended)
		server.tls->end(c->tls);
	c->ended = true;
	return stream_flush(c);
}

/* Text that TLS holds causes no event of the socket; a socket with space causes one at once. */
uint32_t stream_wants(struct connection *c, uint32_t events)
{
	const char *at;

	if (!c->tls || !(events & EPOLLIN))
		return events;
	if (server.tls->pending(c->tls, &at))
		return EPOLLOUT;
	return server.tls->has_text(c->tls) ? EPOLLIN | EPOLLOUT : events;
}

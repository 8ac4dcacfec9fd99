/* SPDX-License-Identifier: ISC */
/*
 * The bytes of a connection: those of its socket, or of TLS over it.
 *
 * Functions return the number of bytes, 0 at the end, or -1 with errno, as recv() and send(). After
 * EAGAIN, stream_wants() says what to wait for.
 */
#ifndef HTTPD_STREAM_H
#define HTTPD_STREAM_H

#include "apps/httpd/server.h"

/* Before the first TLS connection. Returns false if there is no memory. */
bool stream_start(void);

/* Sets c->tls for a new connection of the TLS port. Returns false if there is no memory. */
bool stream_open(struct connection *c);
void stream_free(struct connection *c);

ssize_t stream_recv(struct connection *c, void *to, size_t len);

/* With TLS only: text, and at most `most` bytes of a body behind it, of which n were taken. */
ssize_t stream_send(struct connection *c, struct span text, const struct body *body, off_t at,
		    size_t most);

/* Sends what TLS has to send: 1: all; 0: it waits for the socket; -1: the connection is broken. */
int stream_flush(struct connection *c);

/* Sends what the socket takes of a last response; the rest is lost. */
void stream_send_once(struct connection *c, struct span text);

/* Ends the output, which tells the client that it has all. As stream_flush(), and may be called again. */
int stream_end(struct connection *c);

/* The events for which the next call must wait, if `events` are those of the plain connection. */
uint32_t stream_wants(struct connection *c, uint32_t events);

#endif

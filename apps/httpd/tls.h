/* SPDX-License-Identifier: ISC */
/*
 * TLS as a connection uses it (stream.h): bytes in, bytes out, no sockets.
 *
 * The server has no TLS of its own: main() passes these functions, or NULL. apps/httpsd has
 * OpenSSL's.
 *
 * Data from the client is passed to feed(); read() and write() are of the text that TLS
 * protects; pending() is what must be sent to the client, which sent() removes. No function waits.
 * The longest one is a step of a handshake, which has one signature.
 */
#ifndef HTTPD_TLS_H
#define HTTPD_TLS_H

#include "apps/httpd/options.h"

#include <stdbool.h>
#include <sys/types.h>

struct tls;

struct tls_methods {
	/*
	 * Checks that there are random numbers, and loads the certificates. Returns false after a
	 * message on standard error.
	 */
	bool (*start)(const struct options *o);
	/*
	 * Loads the certificates again if their files have changed; now: even if not. Called at most
	 * once per second when a client connects, and after SIGHUP. If that fails, there is a message, and
	 * the old ones stay.
	 */
	void (*reload)(bool now);

	struct tls *(*open)(void);		/* NULL: no memory */
	void (*free)(struct tls *t);

	/* 0; or -ENOMEM, and the connection must be closed. */
	int (*feed)(struct tls *t, const void *data, size_t len);
	/*
	 * > 0: bytes; 0: the client has ended the stream; -EAGAIN: more must be fed; another number:
	 * the client broke the protocol. After each, also after an error, there may be pending bytes.
	 */
	ssize_t (*read)(struct tls *t, void *to, size_t len);
	/* Takes all bytes and returns 0, or fails as read() does; before the handshake: -EAGAIN. */
	int (*write)(struct tls *t, const void *data, size_t len);
	/* Text, or what was fed, that read() may return without more. */
	bool (*has_text)(struct tls *t);
	/* Ends the stream: the client knows that it is complete. */
	void (*end)(struct tls *t);

	size_t (*pending)(struct tls *t, const char **at);
	void (*sent)(struct tls *t, size_t n);
};

#endif

/* SPDX-License-Identifier: ISC */
/*
 * Local sockets (unix(7)): socketpair.c has their connections, each made of two pipes; local_name.c
 * those that are bound to names, listen and connect.  Kernel code.
 */
#ifndef LIB_SOCKET_LOCAL_H
#define LIB_SOCKET_LOCAL_H

#include "lib/file/pipe.h"
#include "lib/socket/socket.h"

#include <sys/un.h>

/* A path without its NUL, or an abstract name, which begins with one; len 0: none. */
struct local_name {
	unsigned len;
	char text[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

struct local {
	struct socket s;
	unsigned visited;		/* number of the last search of refers_to() */
	struct pipe *in, *out;		/* NULL: not connected */

	/* local_name.c */
	struct local_name name, peer;
	uint64_t dev, ino;		/* of the file, if the name is a path */
	struct local *next_bound;
	unsigned backlog, queued;	/* backlog above 0: it listens */
	struct local *first;		/* connections that were not accepted, in their order */
	struct local *next;		/* in such a queue; these have no references */
};

extern const struct socket_ops local_socket_ops;

/* Makes both ends of a connection, which have been allocated.  Returns 0 or -ENOMEM. */
int local_join(struct local *a, struct local *b);

/*
 * In local_name.c, for programs that include <sys/un.h>: make a socket; 0 or -errno of bind(),
 * connect(), getsockname() and getpeername().  They may sleep.
 */
struct socket *local_socket_new(void);
int local_socket_bind(struct socket *s, const struct sockaddr *name, socklen_t len);
int local_socket_connect(struct socket *s, const struct sockaddr *name, socklen_t len, bool may_sleep);
int local_socket_name(struct socket *s, bool peer, struct sockaddr *name, socklen_t *len);
void local_socket_unbind(struct local *l);

#endif

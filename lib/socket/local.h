/* SPDX-License-Identifier: ISC */
/*
 * Local sockets (unix(7)): socketpair.c has connections of streams, each made of two pipes;
 * local_message.c datagrams and packets; local_name.c names, listening and connecting.  Kernel code.
 */
#ifndef LIB_SOCKET_LOCAL_H
#define LIB_SOCKET_LOCAL_H

#include "lib/file/pipe.h"
#include "lib/socket/socket.h"

#include <sys/un.h>

/* Of a path without its NUL, or an abstract name, which begins with one; len 0: none. */
struct local_name {
	unsigned len;
	char text[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

struct packet;

struct local {
	struct socket s;
	unsigned visited;		/* number of the last search of refers_to() */
	bool connected;
	struct pipe *in, *out;		/* of a stream that is connected */

	/* local_name.c */
	struct local_name name, peer;
	uint64_t dev, ino;		/* of the file, if the name is a path */
	struct local *next_bound;
	unsigned backlog;		/* above 0: it listens */
	unsigned queued;		/* connections that were not accepted; or messages */
	struct local *first;		/* such connections, in their order */
	struct local *next;		/* in such a queue; these have no references */

	/* local_message.c */
	struct local *to;		/* the peer; NULL: not connected, or it was closed */
	struct packet *packets;		/* the queue of received messages */
	size_t bytes;			/* memory of them */
	bool shut_rd, shut_wr;
	struct local *next_message;
};

extern const struct socket_ops local_socket_ops;

/* Makes both ends of a connection, which have been allocated.  Returns 0 or -ENOMEM. */
int local_join(struct local *a, struct local *b);

/*
 * Whether unread data of `reader` would refer to itself with the message's descriptors: close()
 * could not free them.
 */
bool local_makes_cycle(const struct file *reader, const struct message *m);

/* In local_message.c: make an allocated socket one for messages; and connect two of them. */
void local_message_start(struct local *l);
void local_message_join(struct local *a, struct local *b);

/* 0; -EPIPE; -EPERM if the destination is connected to another socket. */
int local_may_send(const struct local *from, const struct local *to);

/*
 * Of the message after *at (NULL: of the first): its descriptors, or NULL.  Sets *at, to NULL after the last
 * message.
 */
struct rights *local_message_rights(const struct local *l, const struct packet **at);

/*
 * In local_name.c, for programs that include <sys/un.h>: make a socket; 0 or -errno of bind(),
 * connect(), getsockname() and getpeername().  They may sleep.
 */
struct socket *local_socket_new(int type);
int local_socket_bind(struct socket *s, const struct sockaddr *name, socklen_t len);
int local_socket_connect(struct socket *s, const struct sockaddr *name, socklen_t len, bool may_sleep);
int local_socket_name(struct socket *s, bool peer, struct sockaddr *name, socklen_t *len);
void local_socket_unbind(struct local *l) __attribute__((weak));
/* The bound socket of this type; 0, -ECONNREFUSED, -EPROTOTYPE or another error. */
int local_socket_find(const struct sockaddr *name, socklen_t len, int type, struct local **to)
	__attribute__((weak));
void local_name_write(const struct local_name *from, struct sockaddr *to, socklen_t *len)
	__attribute__((weak));

#endif

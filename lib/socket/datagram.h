/* SPDX-License-Identifier: ISC */
/* The common part of UDP and raw sockets: a queue of received datagrams. */
#ifndef LIB_SOCKET_DATAGRAM_H
#define LIB_SOCKET_DATAGRAM_H

#include "lib/socket/socket.h"

#include <lwip/pbuf.h>

struct datagram;

struct dgram_socket {
	struct socket s;
	union {
		struct udp_pcb *udp;
		struct raw_pcb *raw;
	};
	bool connected, shut_rd, shut_wr;
	struct endpoint remote;
	struct datagram *first, *last;
	size_t queued;			/* bytes of data, and of memory */
	uint64_t dropped;
	bool refused;			/* not writable: the network's queue was full */
	struct dgram_socket *next_refused;
};

static inline struct dgram_socket *dgram_of(struct socket *s)
{
	return (struct dgram_socket *)s;
}

struct dgram_socket *dgram_new(const struct socket_ops *ops, int domain, int type,
			       int protocol);
void dgram_free(struct dgram_socket *d);

/* Queues a datagram, in lwIP's callback. Takes ownership of p. */
void dgram_received(struct dgram_socket *d, struct pbuf *p, const struct endpoint *from);

ssize_t dgram_recv(struct socket *s, struct message *m);
unsigned dgram_ready(struct socket *s);
size_t dgram_readable(struct socket *s);
int dgram_shutdown(struct socket *s, int how);

/* Returns a pbuf with the message, for sending; NULL: -errno is in *rc. */
struct pbuf *dgram_pbuf(struct message *m, pbuf_layer layer, size_t most, int *rc);

/*
 * One attempt to send. Returns 0 and lwIP's result, or -errno. Each attempt uses a new
 * pbuf: lwIP leaves its headers in a pbuf that it could not send, and asserts that no
 * fragment of an earlier attempt refers to it ("p->ref == 1").
 */
typedef int dgram_attempt(struct dgram_socket *d, struct message *m,
			  const struct endpoint *to, err_t *err);

/*
 * Repeats attempts until lwIP accepts the message. Returns 0 and the last result, or
 * -errno. If the call may sleep, it waits for an address and for space in the network's
 * queue; otherwise it returns -EAGAIN. -ENOBUFS: no memory, or the queue is too short for
 * the message.
 */
int dgram_send(struct dgram_socket *d, struct message *m, const struct endpoint *to,
	       dgram_attempt *attempt, err_t *err);

/* Determines the destination of a message. Returns 0 or -errno. */
int dgram_target(struct dgram_socket *d, const struct message *m, struct endpoint *to);

/* Determines the source address, for a socket that is not bound to one. */
void dgram_source(const struct endpoint *to, ip_addr_t *local);

#endif

/* SPDX-License-Identifier: ISC */
/* TCP connections and listeners: socket_tcp*.c. */
#ifndef LIB_SOCKET_SOCKET_TCP_H
#define LIB_SOCKET_SOCKET_TCP_H

#include "lib/socket/socket.h"
#include "lib/thread/mutex.h"
#include "net/sendbuf.h"

#include <lwip/tcp.h>

struct tcp_socket {
	struct socket s;
	struct tcp_pcb *pcb;		/* NULL: the connection has ended, or only lwIP has it */
	bool connecting, connected;	/* connected: also after the connection has ended */
	bool waits_for_address;		/* the thread of connect() waits for one */
	bool connect_unreported;	/* connect() has not returned 0 for the connection yet */
	int soft_error;			/* last ICMP error since the last acknowledgment */
	bool eof;			/* FIN received */
	bool shut_rd, shut_wr;
	struct endpoint local, remote;	/* addresses of the connection */

	/* Received data: a list of lwIP's pbufs without valid total lengths. */
	struct pbuf *rx, *rx_last;
	size_t rx_skip;			/* bytes of the first pbuf that were read */
	size_t rx_len;
	size_t rx_cost;			/* memory in bytes */
	unsigned rx_count;		/* pbufs */
	size_t rx_room;			/* free bytes in the last pbuf, to join small ones */

	/* Unacknowledged data. One thread sends at a time. */
	struct sendbuf out;
	size_t unacked;
	bool was_full;			/* a call or poll() has reported that it is full */
	bool filling;			/* a file is being read into `out` */
	struct mutex sending;

	/* A listener's queue of connections to accept; the next one in the queue. */
	struct tcp_socket *first, *last, *next;
	unsigned queued, backlog;
	struct tcp_socket *listener;
	struct tcp_socket *beside;	/* the ring of listeners that share its pcb (SO_REUSEPORT) */

	/* Closed by the application, with data to send. */
	bool orphan;
};

static inline struct tcp_socket *tcp_of(struct socket *s)
{
	return (struct tcp_socket *)s;
}

/* ---- socket_tcp.c */

struct tcp_socket *tcp_socket_alloc(int domain);
void tcp_socket_free(struct tcp_socket *t);	/* its pcb is NULL */

/* Sets lwIP's callbacks to those of t. */
void tcp_socket_attach(struct tcp_socket *t, struct tcp_pcb *pcb);
/* Removes them: lwIP finishes the connection alone. */
void tcp_socket_detach(struct tcp_socket *t);
/* Resets the connection. */
void tcp_socket_abort(struct tcp_socket *t);

/* The connection is established: sets its window according to SO_RCVBUF. */
void tcp_socket_established(struct tcp_socket *t);

/* Bytes that may be sent now. */
size_t tcp_socket_room(const struct tcp_socket *t);
bool tcp_socket_writable(struct tcp_socket *t);

/* ---- socket_tcp_info.c */

void tcp_socket_info(struct socket *s, struct tcp_info *to);

/* ---- socket_tcp_option.c */

/* Applies the options to the pcb. */
void tcp_socket_apply(struct socket *s);
int tcp_socket_setopt(struct socket *s, int level, int option, const void *value, size_t len);
int tcp_socket_getopt(struct socket *s, int level, int option, int *value);

/* ---- socket_tcp_rx.c */

ssize_t tcp_socket_recv(struct socket *s, struct message *m);
void tcp_socket_discard(struct tcp_socket *t);	/* frees received data */
/*
 * If the connection is closed in both directions and all data is acknowledged, leaves the
 * pcb to lwIP.
 */
void tcp_socket_finish(struct tcp_socket *t);
/* callback of lwIP */
err_t tcp_socket_received(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err);

/* ---- socket_tcp_tx.c */

ssize_t tcp_socket_send(struct socket *s, struct message *m);
ssize_t tcp_socket_send_bytes(struct socket *s, const void *from, size_t len);
ssize_t tcp_socket_send_file(struct socket *s, struct file *f, off_t at, size_t len);
/* Count bytes that were given to lwIP, and bytes that are acknowledged or discarded. */
void tcp_socket_add_unacked(struct tcp_socket *t, size_t n);
void tcp_socket_remove_unacked(struct tcp_socket *t, size_t n);
bool tcp_socket_memory_full(void);
bool tcp_socket_all_acked(uint64_t deadline);	/* of all connections; sleeps */
/* callback of lwIP */
err_t tcp_socket_sent(void *arg, struct tcp_pcb *pcb, u16_t len);

/* ---- socket_listen.c */

int tcp_socket_listen(struct socket *s, unsigned backlog);
int tcp_socket_accept(struct socket *s, bool may_sleep, struct socket **connection);
void tcp_socket_unlisten(struct tcp_socket *t);

/* ---- socket_close.c */

void tcp_socket_close(struct socket *s);
void tcp_socket_orphan_over(struct tcp_socket *t);
/* From now on, connections are closed with FIN at the guest's end. */
void tcp_socket_close_at_shutdown(void);

#endif

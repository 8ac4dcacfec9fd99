/* SPDX-License-Identifier: ISC */
/* TCP connections and listeners: socket_tcp*.c. */
#ifndef LIB_SOCKET_SOCKET_TCP_H
#define LIB_SOCKET_SOCKET_TCP_H

#include "lib/socket/socket.h"
#include "lib/thread/mutex.h"
#include "net/sendbuf.h"

#include <lwip/tcp.h>

/* RFC 6298, 2.1; lwIP has RFC 1122's 3 s. */
#define TCP_SOCKET_FIRST_RTO (1000 / TCP_SLOW_INTERVAL)

struct tcp_socket {
	struct socket s;
	struct tcp_pcb *pcb;		/* NULL: it is over, or lwIP's alone */
	bool connecting, connected;	/* connected: once */
	bool waits_for_address;		/* the thread of a connect() does */
	bool untold;			/* connect() has not said yet that it is connected */
	int soft_error;			/* what ICMP said since the last acknowledgment */
	bool eof;			/* the peer sends no more */
	bool shut_rd, shut_wr;
	struct endpoint local, remote;	/* of a connection */

	/* Received: lwIP's pbufs, a list without total lengths. */
	struct pbuf *rx, *rx_last;
	size_t rx_skip;			/* of the first, taken already */
	size_t rx_len;
	size_t rx_cost;			/* memory that it takes */
	unsigned rx_count;		/* pbufs */
	size_t rx_room;			/* in the last one, for small ones to join it */

	/* Sent and not acknowledged.  One sends at a time. */
	struct sendbuf out;
	size_t unacked;
	bool was_full;			/* somebody was told so */
	bool began;			/* its first bytes are on their way */
	bool filling;			/* a file is being read into `out` */
	uint32_t rto_end, rto_acked;	/* the last timeout that is over, and by which ack */
	struct mutex sending;

	/* A listener's connections, to be accepted; or the next one of them. */
	struct tcp_socket *first, *last, *next;
	unsigned queued, backlog;
	struct tcp_socket *listener;

	/* Closed by the application, with data to send. */
	bool orphan;
};

static inline struct tcp_socket *tcp_of(struct socket *s)
{
	return (struct tcp_socket *)s;
}

/* ---- socket_tcp.c */

struct tcp_socket *tcp_socket_alloc(int domain);
void tcp_socket_free(struct tcp_socket *t);	/* its pcb is gone, or lwIP's alone */

/* lwIP's callbacks are ours from now on. */
void tcp_socket_attach(struct tcp_socket *t, struct tcp_pcb *pcb);
/* And not any more: lwIP ends the connection by itself. */
void tcp_socket_detach(struct tcp_socket *t);
/* Reset. */
void tcp_socket_abort(struct tcp_socket *t);

/* The connection is there: its window is what SO_RCVBUF says. */
void tcp_socket_established(struct tcp_socket *t);

/* How many more bytes may be sent now. */
size_t tcp_socket_room(const struct tcp_socket *t);
bool tcp_socket_writable(struct tcp_socket *t);

/* ---- socket_tcp_option.c */

/* Options, to its pcb. */
void tcp_socket_apply(struct socket *s);
int tcp_socket_setopt(struct socket *s, int level, int option, const void *value, size_t len);
int tcp_socket_getopt(struct socket *s, int level, int option, int *value);

/* ---- socket_tcp_rx.c */

ssize_t tcp_socket_recv(struct socket *s, struct message *m);
void tcp_socket_discard(struct tcp_socket *t);	/* what was received */
/* If both directions are closed and all is acknowledged, leaves the pcb to lwIP. */
void tcp_socket_over(struct tcp_socket *t);
/* lwIP's */
err_t tcp_socket_received(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err);

/* ---- socket_tcp_tx.c */

ssize_t tcp_socket_send(struct socket *s, struct message *m);
ssize_t tcp_socket_send_bytes(struct socket *s, const void *from, size_t len);
ssize_t tcp_socket_send_file(struct socket *s, struct file *f, off_t at, size_t len);
/* Bytes have been given to lwIP; and are not there any more. */
void tcp_socket_holds(struct tcp_socket *t, size_t n);
void tcp_socket_lets_go(struct tcp_socket *t, size_t n);
bool tcp_socket_memory_full(void);
bool tcp_socket_all_acked(uint64_t deadline);	/* of all connections; sleeps until then */
/* lwIP's */
err_t tcp_socket_sent(void *arg, struct tcp_pcb *pcb, u16_t len);

/* ---- socket_listen.c */

int tcp_socket_listen(struct socket *s, unsigned backlog);
int tcp_socket_accept(struct socket *s, bool patient, struct socket **connection);
void tcp_socket_unlisten(struct tcp_socket *t);

/* ---- socket_close.c */

void tcp_socket_close(struct socket *s);
void tcp_socket_orphan_over(struct tcp_socket *t);
void tcp_socket_end_in_order(void);	/* from now on the guest's end is one for peers too */

#endif

/* SPDX-License-Identifier: ISC */
/*
 * The receiving half of TCP sockets.
 *
 * Data stays in lwIP's pbufs until it is read. Reading opens the window.
 */
#include "kernel/trace.h"
#include "lib/socket/socket_tcp.h"
#include "lib/thread/signals.h"
#include "net/net.h"
#include "net/netif.h"
#include "net/rx_memory.h"
#include "net/tcp.h"
#include "net/tcp_orphan.h"

#include <errno.h>
#include <lwip/priv/tcp_priv.h>

#define RX_LEAST 16384	/* bytes that each socket may have even if memory is full */
#define RX_COST (3 * RX_LEAST)		/* memory of RX_LEAST bytes in frames of 1,500 */
#define MANY 64				/* pbufs in the queue; beyond it, small ones are joined */
#define SMALL 512
#define JOINED 4096

/* Including its page, even if it has only one byte of data. */
static size_t memory_of(const struct pbuf *p)
{
	size_t of_link = vif_pbuf_size(p);

	return of_link ? of_link : RX_MEMORY_PBUF + (size_t)p->len;
}

/*
 * A vif's pbuf is counted by net/netif_rx.c until it is freed; others are counted here.
 */
static size_t cost(const struct pbuf *p)
{
	return p->flags & PBUF_FLAG_IS_CUSTOM ? 0 : RX_MEMORY_PBUF + p->len;
}

static void append(struct tcp_socket *t, struct pbuf *p)
{
	if (t->rx)
		t->rx_last->next = p;
	else
		t->rx = p;
	for (; ; p = p->next) {
		rx_memory_add(cost(p));
		t->rx_cost += memory_of(p);
		t->rx_count++;
		t->rx_last = p;
		if (!p->next)
			break;
	}
	t->rx_room = 0;
}

static void drop_first(struct tcp_socket *t)
{
	struct pbuf *p = t->rx;

	rx_memory_remove(cost(p));
	t->rx_cost -= memory_of(p);
	t->rx_count--;
	t->rx = p->next;
	t->rx_skip = 0;
	if (!t->rx)
		t->rx_room = 0;
	p->next = NULL;
	pbuf_free(p);
}

/* Copies a small pbuf into the last one, so that single bytes do not take a pbuf each. */
static bool append_copy(struct tcp_socket *t, struct pbuf *p)
{
	size_t n = p->tot_len;

	if (t->rx_count < MANY || n > SMALL)
		return false;
	if (t->rx_room < n) {
		struct pbuf *q = pbuf_alloc(PBUF_RAW, JOINED, PBUF_RAM);

		if (!q)
			return false;
		q->len = 0;
		append(t, q);
		t->rx_room = JOINED;
	}
	pbuf_copy_partial(p, (char *)t->rx_last->payload + t->rx_last->len, n, 0);
	t->rx_last->len += n;
	t->rx_room -= n;
	rx_memory_add(n);
	t->rx_cost += n;
	pbuf_free(p);
	return true;
}

/*
 * The connection is closed in both directions and all data acknowledged: lwIP continues
 * alone.
 */
void tcp_socket_finish(struct tcp_socket *t)
{
	if (t->pcb && t->eof && t->shut_wr && !t->unacked) {
		tcp_orphan_begin(t->pcb);
		tcp_socket_detach(t);
	}
}

err_t tcp_socket_received(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err)
{
	struct tcp_socket *t = arg;
	size_t n;

	(void)err;
	if (!p) {
		trace(TRACE_TCP_PEER_ENDED, pcb->local_port, pcb->remote_port);
		t->eof = true;
		tcp_socket_finish(t);
		socket_readable(&t->s);
		return ERR_OK;
	}
	n = p->tot_len;
	/* lwIP keeps the data and calls again, except in TIME_WAIT. */
	if (rx_memory_full() && (t->rx_len > RX_LEAST || t->rx_cost > RX_COST) &&
	    pcb->state != TIME_WAIT)
		return ERR_MEM;
	if (!append_copy(t, p))
		append(t, p);
	t->rx_len += n;
	socket_readable(&t->s);
	return ERR_OK;
}

static void advance_window(struct tcp_socket *t, size_t n)
{
	struct tcp_pcb *pcb = t->pcb;

	t->rx_len -= n;
	if (pcb && n)
		tcp_read(pcb, n);
	if (pcb && pcb->refused_data)
		tcp_process_refused_data(pcb);
}

void tcp_socket_discard(struct tcp_socket *t)
{
	while (t->rx)
		drop_first(t);
	advance_window(t, t->rx_len);
}

/* With MSG_TRUNC the data is discarded, as on Linux. */
static size_t read_queue(struct tcp_socket *t, struct cursor *to, size_t want, int flags)
{
	size_t done = 0, skip = t->rx_skip, n;
	struct pbuf *p = t->rx, *next;

	while (p && done < want) {
		n = p->len - skip < want - done ? p->len - skip : want - done;
		if (!(flags & MSG_TRUNC))
			cursor_put(to, (char *)p->payload + skip, n);
		done += n;
		skip += n;
		if (skip < p->len)
			break;
		next = p->next;
		skip = 0;
		if (!(flags & MSG_PEEK))
			drop_first(t);
		p = next;
	}
	if (!(flags & MSG_PEEK)) {
		t->rx_skip = skip;
		advance_window(t, done);
	}
	return done;
}

static bool ended(const struct tcp_socket *t)
{
	return t->s.error || t->eof || t->shut_rd || !t->pcb;
}

ssize_t tcp_socket_recv(struct socket *s, struct message *m)
{
	struct tcp_socket *t = tcp_of(s);
	uint64_t deadline = m->may_sleep ? socket_deadline(s->o.rcv_timeout) : 0;
	struct cursor to = { .iov = m->iov };
	bool peek = m->flags & MSG_PEEK;
	size_t done = 0, need = 1;
	int rc;

	if (!t->connected && !t->connecting && !s->error)
		return -ENOTCONN;
	if (!m->size)
		return 0;
	if (m->flags & MSG_WAITALL)
		need = !peek || m->size < s->o.rcvbuf / 2 ? m->size : s->o.rcvbuf / 2;
	for (;;) {
		if (!peek || t->rx_len >= need || ended(t) || !m->may_sleep)
			done += read_queue(t, &to, m->size - done, m->flags);
		if (done >= need || (done && peek))
			return done;
		if (ended(t))
			return done ? (ssize_t)done : socket_error(s);
		if (!m->may_sleep)
			return done ? (ssize_t)done : -EAGAIN;
		net_push();
		rc = wait_or_signal(&s->readers, deadline, signal_way(deadline),
				    t->rx_len >= (peek ? need : 1) || ended(t));
		if (rc <= 0)
			return done ? (ssize_t)done : rc ? rc : -EAGAIN;
	}
}

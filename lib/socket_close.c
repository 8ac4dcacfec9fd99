/* SPDX-License-Identifier: ISC */
/*
 * The end of TCP sockets, and what is left of connections that nobody holds any more.
 *
 * A connection that is closed with data unread is reset (RFC 2525, 2.17).  One with data
 * to send becomes an orphan: it goes on until all is acknowledged, but not for ever, and not
 * many of them.  Then lwIP has it alone, in FIN_WAIT, LAST_ACK or TIME_WAIT, which it
 * limits in time; that there are not too many in TIME_WAIT is seen to here.
 */
#include "kernel/clock.h"
#include "kernel/shutdown.h"
#include "lib/socket_tcp.h"
#include "net/net.h"

#include <fcntl.h>
#include <lwip/priv/tcp_priv.h>

#define POLL_INTERVAL 4			/* of lwIP's 500 ms */
#define ORPHAN_POLLS 30			/* a minute without an acknowledgment */
#define ORPHANS_MOST 256
#define ORPHANS_LEAST 8			/* where memory for what is sent is full */
#define TIME_WAIT_MOST 256
#define LOOK_EVERY 64			/* closed connections */
#define LAST_PATIENCE (2 * NSEC_PER_SEC)

static struct tcp_socket *orphans;	/* the youngest first */
static unsigned orphan_count;

static void leave_orphans(struct tcp_socket *t)
{
	*t->orphan_link = t->orphan_next;
	if (t->orphan_next)
		t->orphan_next->orphan_link = t->orphan_link;
	t->orphan_link = NULL;
	orphan_count--;
}

void tcp_socket_orphan_over(struct tcp_socket *t)
{
	leave_orphans(t);
	if (t->pcb)
		tcp_socket_detach(t);
	tcp_socket_free(t);
}

void tcp_socket_orphan_goes_on(struct tcp_socket *t)
{
	t->patience = ORPHAN_POLLS;
}

static err_t poll_orphan(void *arg, struct tcp_pcb *pcb)
{
	struct tcp_socket *t = arg;

	(void)pcb;
	if (t->patience--)
		return ERR_OK;
	leave_orphans(t);
	tcp_socket_abort(t);
	tcp_socket_free(t);
	return ERR_ABRT;
}

static void limit_orphans(void)
{
	struct tcp_socket *t = orphans;

	if (orphan_count <= (tcp_socket_memory_full() ? ORPHANS_LEAST : ORPHANS_MOST))
		return;
	while (t->orphan_next)
		t = t->orphan_next;
	leave_orphans(t);
	tcp_socket_abort(t);
	tcp_socket_free(t);
}

static void become_orphan(struct tcp_socket *t)
{
	t->patience = ORPHAN_POLLS;
	t->orphan_next = orphans;
	t->orphan_link = &orphans;
	if (orphans)
		orphans->orphan_link = &t->orphan_next;
	orphans = t;
	orphan_count++;
	tcp_recv(t->pcb, NULL);
	tcp_poll(t->pcb, poll_orphan, POLL_INTERVAL);
}

/*
 * Every segment of a new connection is compared with those in TIME_WAIT: the oldest, which
 * are the last of lwIP's list, go.
 */
static void limit_time_wait(void)
{
	static unsigned closed;
	struct tcp_pcb *pcb = tcp_tw_pcbs, *next;

	if (++closed % LOOK_EVERY)
		return;
	for (unsigned n = 1; pcb && n < TIME_WAIT_MOST; n++)
		pcb = pcb->next;
	if (!pcb)
		return;
	next = pcb->next;
	pcb->next = NULL;
	while ((pcb = next)) {
		next = pcb->next;
		memp_free(MEMP_TCP_PCB, pcb);
	}
}

/* Wait as long as SO_LINGER says: all is acknowledged, or reset. */
static bool linger(struct tcp_socket *t)
{
	uint64_t time = t->s.o.linger_time * NSEC_PER_SEC;

	if (!time || t->s.file.flags & O_NONBLOCK)
		return true;
	net_push();
	wait_until_deadline(&t->s.writers, clock_now() + time, !t->pcb || !t->unacked);
	return t->pcb;
}

static bool wants_reset(const struct tcp_socket *t)
{
	return t->rx_len || t->pcb->refused_data ||
	       (t->s.o.linger && !t->s.o.linger_time);
}

static void close_connection(struct tcp_socket *t)
{
	struct tcp_pcb *pcb = t->pcb;

	if (t->s.o.linger && !wants_reset(t)) {
		tcp_output(pcb);
		if (!linger(t)) {
			tcp_socket_free(t);
			return;
		}
	}
	if (wants_reset(t)) {		/* something may have come meanwhile */
		tcp_socket_abort(t);
		tcp_socket_free(t);
		return;
	}
	pcb->rcv_wnd = TCP_WND_MAX(pcb);	/* all was read: lwIP need not reset it */
	if (t->unacked) {
		become_orphan(t);
		tcp_close(pcb);
		limit_orphans();
	} else {
		tcp_socket_detach(t);
		tcp_close(pcb);
		tcp_socket_free(t);
	}
	limit_time_wait();
}

void tcp_socket_close(struct socket *s)
{
	struct tcp_socket *t = tcp_of(s);

	if (t->pcb && t->pcb->state == LISTEN)
		tcp_socket_unlisten(t);
	else if (t->pcb && t->connected) {
		close_connection(t);
		return;
	} else if (t->pcb)
		tcp_socket_abort(t);
	tcp_socket_free(t);
}

/*
 * The end of a process closes its files, so peers are told that nothing more comes.  What
 * an application sent before it ended still arrives; who ends it from outside does not wait
 * for that.
 */
static void close_all(const struct shutdown_order *order)
{
	uint64_t deadline = clock_now() + LAST_PATIENCE;

	for (struct tcp_pcb *pcb = tcp_active_pcbs; pcb; pcb = pcb->next)
		tcp_shutdown(pcb, 0, 1);
	net_push();
	if (order->status != STATUS_ASKED)
		tcp_socket_all_acked(deadline < order->deadline ? deadline : order->deadline);
}

static bool connected(void)
{
	return tcp_active_pcbs;
}

void tcp_socket_end_in_order(void)
{
	static struct shutdown_hook hook = {
		.name = "sockets", .run = close_all, .busy = connected,
	};
	static bool done;

	if (!done)
		shutdown_hook(&hook);
	done = true;
}

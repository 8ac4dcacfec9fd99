/* SPDX-License-Identifier: ISC */
/*
 * Closing of TCP sockets, and connections that remain without a socket.
 *
 * A connection that is closed with unread data is reset (RFC 2525, 2.17). One with data
 * to send becomes an orphan until all data is acknowledged. After that only lwIP has it,
 * in FIN_WAIT, LAST_ACK or TIME_WAIT. net/tcp_orphan.h limits the number and the time of
 * both. The number of those in TIME_WAIT is limited here.
 */
#include "kernel/clock.h"
#include "kernel/param.h"
#include "kernel/shutdown.h"
#include "lib/socket/socket_tcp.h"
#include "net/net.h"
#include "net/tcp_orphan.h"

#include <fcntl.h>
#include <lwip/priv/tcp_priv.h>

#define ORPHANS_LEAST 8			/* allowed if memory for unacknowledged data is full */
#define TIME_WAIT_MOST 256
#define CHECK_EVERY 64			/* closed connections between two checks */
#define LAST_PATIENCE (2 * NSEC_PER_SEC)
#define DRAIN (1 * NSEC_PER_SEC)
#define MOMENT (NSEC_PER_SEC / 5)	/* time in which progress is expected */

void tcp_socket_orphan_over(struct tcp_socket *t)
{
	if (t->pcb)
		tcp_socket_detach(t);
	tcp_socket_free(t);
}

static void become_orphan(struct tcp_socket *t)
{
	t->orphan = true;
	tcp_recv(t->pcb, NULL);
}

/*
 * Each segment of a new connection is compared with all in TIME_WAIT, so the oldest are
 * removed: the last ones of lwIP's list.
 */
static void limit_time_wait(void)
{
	struct tcp_pcb *pcb = tcp_tw_pcbs, *next;

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

/* A check costs a step for each connection. */
static void limit_closed(void)
{
	static unsigned closed;

	if (++closed % CHECK_EVERY)
		return;
	tcp_orphans_limit(tcp_socket_memory_full() ? ORPHANS_LEAST : ORPHANS_MOST);
	limit_time_wait();
}

/*
 * Waits as SO_LINGER requires. Returns true if all data is acknowledged or the connection
 * was reset.
 */
static bool linger(struct tcp_socket *t)
{
	uint64_t time = t->s.o.linger_time * NSEC_PER_SEC;

	if (!time || t->s.file.flags & O_NONBLOCK)
		return true;
	net_push();
	wait_until_deadline(&t->s.writers, clock_now() + time, !t->pcb || !t->unacked);
	return t->pcb;
}

static bool needs_reset(const struct tcp_socket *t)
{
	return t->rx_len || t->pcb->refused_data || (t->s.o.linger && !t->s.o.linger_time);
}

static void close_connection(struct tcp_socket *t)
{
	struct tcp_pcb *pcb = t->pcb;

	if (t->s.o.linger && !needs_reset(t)) {
		tcp_output(pcb);
		if (!linger(t)) {
			tcp_socket_free(t);
			return;
		}
	}
	if (needs_reset(t)) {		/* data may have arrived meanwhile */
		tcp_socket_abort(t);
		tcp_socket_free(t);
		return;
	}
	/* All data was read: keeps lwIP from sending a reset */
	pcb->rcv_wnd = TCP_WND_MAX(pcb);
	tcp_orphan_begin(pcb);
	if (t->unacked) {
		become_orphan(t);
		tcp_close(pcb);
	} else {
		tcp_socket_detach(t);
		tcp_close(pcb);
		tcp_socket_free(t);
	}
	limit_closed();
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

/* ---- the end of the guest */

/* New connections are refused with a reset, so that clients can try elsewhere. */
static void refuse_connections(void)
{
	struct tcp_pcb *pcb;

	while ((pcb = tcp_listen_pcbs.pcbs))
		TCP_RMV(&tcp_listen_pcbs.pcbs, pcb);
}

/* A value that changes when data is sent or received. */
static uint32_t progress_sum(void)
{
	uint32_t sum = 0;

	for (struct tcp_pcb *pcb = tcp_active_pcbs; pcb; pcb = pcb->next)
		sum += pcb->rcv_nxt + pcb->snd_lbb + pcb->local_port;
	return sum;
}

/* The application continues with its connections as long as data is sent or received. */
static void drain(uint64_t deadline)
{
	uint32_t before;

	do {
		before = progress_sum();
		net_push();
		thread_sleep(clock_now() + MOMENT < deadline ? clock_now() + MOMENT : deadline);
	} while (tcp_active_pcbs && clock_now() < deadline &&
		 (progress_sum() != before || !tcp_socket_all_acked(0)));
}

PARAM(drain, "drain=DURATION");

/*
 * Shutdown: no new connections, existing ones may finish until the deadline, a FIN is
 * sent to the peers, and data that was sent before is delivered.
 */
static void close_all(const struct shutdown_order *order)
{
	uint64_t limit = order->deadline, patience = order->runs ? param_duration("drain", DRAIN) : 0;

	refuse_connections();
	if (patience && tcp_active_pcbs)
		drain(clock_now() + patience < limit ? clock_now() + patience : limit);
	for (struct tcp_pcb *pcb = tcp_active_pcbs; pcb; pcb = pcb->next)
		tcp_shutdown(pcb, 0, 1);
	net_push();
	patience = clock_now() + LAST_PATIENCE;
	tcp_socket_all_acked(patience < limit ? patience : limit);
}

static bool connected(void)
{
	return tcp_active_pcbs;
}

void tcp_socket_close_at_shutdown(void)
{
	static struct shutdown_hook hook = {
		.name = "sockets", .run = close_all, .busy = connected,
	};
	static bool done;

	if (!done)
		shutdown_hook(&hook);
	done = true;
}

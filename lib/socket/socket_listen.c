/* SPDX-License-Identifier: ISC */
/*
 * Listening sockets: a queue of established connections for accept().
 *
 * While the queue has space lwIP accepts as many half-open connections as it can count,
 * so the queue may become longer than the backlog by this number. Other SYNs are dropped,
 * and the client retransmits them.
 *
 * Listeners with SO_REUSEPORT and the same address share a pcb, and take connections by turns.  Its
 * callback argument is the one whose turn it is.
 *
 * If the number of half-open connections is at its limit, a SYN is answered with a SYN
 * cookie (net/syn_cookie.h), which needs no memory.
 */
#include "kernel/log.h"
#include "lib/socket/socket_tcp.h"
#include "lib/thread/signals.h"
#include "lib/ready.h"
#include "net/net.h"

#include <errno.h>
#include <lwip/priv/tcp_priv.h>
#include <stdlib.h>

#define HALF_OPEN_MOST 255		/* lwIP counts them in 8 bits */
#define RESERVE (64 * 1024)	/* bytes: with less free memory no connection is accepted */

/* The listener, or one beside it, whose queue has space; or NULL. */
static struct tcp_socket *with_space(struct tcp_socket *t)
{
	struct tcp_socket *l = t;

	do {
		if (l->queued < l->backlog)
			return l;
		l = l->beside;
	} while (l != t);
	return NULL;
}

/* lwIP's macro cannot set the backlog to 0. */
static void update_backlog(struct tcp_socket *t)
{
	struct tcp_pcb_listen *pcb = (struct tcp_pcb_listen *)t->pcb;

	if (pcb)
		pcb->backlog = with_space(t) ? HALF_OPEN_MOST : 0;
}

static bool memory_is_short(void)
{
	void *p = malloc(RESERVE);

	free(p);
	return !p;
}

/* Called for a new pcb, after a SYN or the ACK of a SYN cookie. */
static err_t half_open(u8_t id, struct tcp_pcb_listen *listener, struct tcp_pcb *pcb)
{
	(void)id, (void)listener, (void)pcb;
	return memory_is_short() ? ERR_MEM : ERR_OK;
}

static void queue(struct tcp_socket *t, struct tcp_socket *connection)
{
	if (t->last)
		t->last->next = connection;
	else
		t->first = connection;
	t->last = connection;
	t->queued++;
	update_backlog(t);
}

static void unqueue(struct tcp_socket *t, struct tcp_socket *connection)
{
	struct tcp_socket *before = NULL;

	for (struct tcp_socket *c = t->first; c != connection; c = c->next)
		before = c;
	if (before)
		before->next = connection->next;
	else
		t->first = connection->next;
	if (t->last == connection)
		t->last = before;
	connection->next = NULL;
	connection->listener = NULL;
	t->queued--;
	update_backlog(t);
}

static err_t accepted(void *arg, struct tcp_pcb *pcb, err_t err)
{
	struct tcp_socket *t, *c;

	(void)arg;	/* the listener whose turn it was when the SYN came may be closed */
	if (!pcb || err != ERR_OK || !pcb->listener || !pcb->listener->callback_arg)
		return ERR_VAL;
	t = pcb->listener->callback_arg;
	t = with_space(t) ? : t;
	tcp_arg(t->pcb, t->beside);
	c = tcp_socket_alloc(t->s.domain);
	if (!c) {
		tcp_abort(pcb);
		return ERR_ABRT;
	}
	c->s.v6only = t->s.v6only;
	c->s.o = t->s.o;
	c->listener = t;
	c->local = (struct endpoint){ pcb->local_ip, pcb->local_port };
	c->remote = (struct endpoint){ pcb->remote_ip, pcb->remote_port };
	tcp_socket_attach(c, pcb);
	tcp_socket_established(c);
	tcp_socket_apply(&c->s);
	queue(t, c);
	socket_readable(&t->s);
	return ERR_OK;
}

/*
 * A connection that fails before it is accepted stays in the queue, as on Linux: accept()
 * returns it, and the first call on it returns the error.
 */
int tcp_socket_accept(struct socket *s, bool may_sleep, struct socket **connection)
{
	struct tcp_socket *t = tcp_of(s), *c;
	uint64_t deadline;
	int rc;

	if (may_sleep)
		ready_reached();
	if (!t->pcb || t->pcb->state != LISTEN)
		return -EINVAL;
	if (!t->first && !may_sleep)
		return -EAGAIN;
	if (!t->first) {
		net_push();
		deadline = socket_deadline(s->o.rcv_timeout);
		rc = wait_or_signal(&s->readers, deadline, signal_way(deadline),
				    t->first || !t->pcb);
		if (rc <= 0)
			return rc ? rc : -EAGAIN;
		if (!t->first)
			return -EINVAL;	/* after shutdown() */
	}
	c = t->first;
	unqueue(t, c);
	*connection = &c->s;
	return 0;
}

/* A listener that shares its address with t, which is not listening yet; or NULL. */
static struct tcp_socket *find_beside(const struct tcp_socket *t)
{
	for (struct tcp_pcb_listen *l = tcp_listen_pcbs.listen_pcbs; l; l = l->next) {
		struct tcp_socket *other = l->callback_arg;

		if (other && other->s.o.reuseport && l->local_port == t->pcb->local_port &&
		    l->netif_idx == t->pcb->netif_idx &&
		    IP_GET_TYPE(&l->local_ip) == IP_GET_TYPE(&t->pcb->local_ip) &&
		    ip_addr_cmp(&l->local_ip, &t->pcb->local_ip))
			return other;
	}
	return NULL;
}

static void listen_beside(struct tcp_socket *t, struct tcp_socket *other)
{
	tcp_close(t->pcb);		/* it is bound only */
	t->pcb = other->pcb;
	t->beside = other->beside;
	other->beside = t;
	update_backlog(t);
}

/* Without a vif there is only loopback. */
static void warn_if_unreachable(const ip_addr_t *address, unsigned port)
{
	static bool warned;

	if (warned || ip_addr_isloopback(address) || (netif_list && netif_list->next))
		return;
	warned = true;
	log_warning("socket: port %u has a listener, but the domain has no network interface"
		    " (NET= of make, --net, vif= in xl.cfg)", port);
}

int tcp_socket_listen(struct socket *s, unsigned backlog)
{
	static const struct tcp_ext_arg_callbacks callbacks = { .passive_open = half_open };
	struct tcp_socket *t = tcp_of(s);
	struct endpoint any = { .port = 0 };
	struct tcp_socket *other;
	struct tcp_pcb *pcb;
	err_t err;
	int rc = 0;

	if (t->connecting || t->connected || !t->pcb)
		return -EINVAL;
	t->backlog = backlog < 1 ? 1 : backlog > SOMAXCONN ? SOMAXCONN : backlog;
	if (t->pcb->state == LISTEN) {
		update_backlog(t);
		return 0;
	}
	if (!t->pcb->local_port) {
		IP_SET_TYPE_VAL(any.ip, socket_ip_type(s) == IPADDR_TYPE_V4 ?
				IPADDR_TYPE_V4 : IPADDR_TYPE_V6);
		rc = s->ops->bind(s, &any);
	}
	if (rc)
		return rc;
	other = s->o.reuseport ? find_beside(t) : NULL;
	if (other) {
		listen_beside(t, other);
		return 0;
	}
	tcp_ext_arg_set_callbacks(t->pcb, 0, &callbacks);
	pcb = tcp_listen_with_backlog_and_err(t->pcb, 1, &err);
	if (!pcb)
		return socket_errno(err);
	ready_listens = true;
	t->pcb = pcb;
	t->beside = t;
	tcp_arg(pcb, t);
	tcp_accept(pcb, accepted);
	update_backlog(t);
	warn_if_unreachable(&pcb->local_ip, pcb->local_port);
	return 0;
}

void tcp_socket_unlisten(struct tcp_socket *t)
{
	struct tcp_pcb *pcb = t->pcb;
	struct tcp_socket *before = t, *c;

	while (before->beside != t)
		before = before->beside;
	before->beside = t->beside;
	t->beside = t;
	t->pcb = NULL;
	tcp_arg(pcb, before == t ? NULL : before);
	if (before == t)
		tcp_close(pcb);
	else
		update_backlog(before);
	while ((c = t->first)) {
		unqueue(t, c);
		if (c->pcb)
			tcp_socket_abort(c);
		tcp_socket_free(c);
	}
}

/* SPDX-License-Identifier: ISC */
#include "lib/socket/datagram.h"
#include "lib/thread/signals.h"
#include "net/net.h"
#include "net/rx_memory.h"

#include <errno.h>
#include <lwip/ip.h>
#include <lwip/netif.h>
#include <poll.h>
#include <stdlib.h>

#define RCVBUF (256 * 1024)
#define ATTEMPTS 100	/* to send a message whose fragments may exceed the queue */
#define COST 256			/* bytes of overhead of a datagram */

struct datagram {
	struct datagram *next;
	struct pbuf *p;
	struct endpoint from;
	ip_addr_t to;
	uint8_t netif;
};

/* Sockets whose last datagram was refused, and which are not writable. */
static struct dgram_socket *refused;

static void all_writable(void)
{
	struct dgram_socket *d;

	while ((d = refused)) {
		refused = d->next_refused;
		d->refused = false;
		socket_writable(&d->s);
	}
}

static void forget_refused(struct dgram_socket *d)
{
	struct dgram_socket **p = &refused;

	if (!d->refused)
		return;
	while (*p != d)
		p = &(*p)->next_refused;
	*p = d->next_refused;
	d->refused = false;
}

/*
 * lwIP had no memory or space for the message (ERR_MEM); attempts: how many were made.
 * Returns 0 to try again, or -errno.
 */
static int no_room(struct dgram_socket *d, const struct message *m, unsigned attempt,
		   uint64_t deadline)
{
	net_push();
	if (!net_is_full())
		return attempt ? -ENOBUFS : 0;
	if (attempt == ATTEMPTS)
		return -ENOBUFS;
	if (m->may_sleep) {
		int rc = wait_or_signal(&net_room, deadline, signal_way(deadline),
					!net_is_full());

		return rc > 0 ? 0 : rc ? rc : -EAGAIN;
	}
	if (!d->refused) {
		d->next_refused = refused;
		refused = d;
		d->refused = true;
		net_has_room = all_writable;
	}
	return -EAGAIN;
}

int dgram_send(struct dgram_socket *d, struct message *m, const struct endpoint *to,
	       dgram_attempt *attempt, err_t *err)
{
	uint64_t deadline = socket_deadline(d->s.o.snd_timeout);
	int rc = attempt(d, m, to, err);

	if (!rc && *err == ERR_RTE && m->may_sleep && !socket_wait_source(to))
		rc = attempt(d, m, to, err);
	for (unsigned i = 0; !rc && *err == ERR_MEM; i++) {
		rc = no_room(d, m, i, deadline);
		if (!rc)
			rc = attempt(d, m, to, err);
	}
	return rc;
}

struct dgram_socket *dgram_new(const struct socket_ops *ops, int domain, int type,
			       int protocol)
{
	struct dgram_socket *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	socket_init(&d->s, ops, domain, type, protocol);
	d->s.o.rcvbuf = d->s.o.sndbuf = RCVBUF;
	return d;
}

/* A vif's pbuf is counted by net/netif_rx.c; copies are counted here. */
static size_t cost_of_copy(const struct pbuf *p)
{
	size_t cost = 0;

	for (; p; p = p->next)
		if (!(p->flags & PBUF_FLAG_IS_CUSTOM))
			cost += RX_MEMORY_PBUF + (size_t)p->len;
	return cost;
}

static void drop_first(struct dgram_socket *d)
{
	struct datagram *g = d->first;

	rx_memory_remove(cost_of_copy(g->p));
	d->queued -= g->p->tot_len + COST;
	d->first = g->next;
	if (!d->first)
		d->last = NULL;
	pbuf_free(g->p);
	free(g);
}

void dgram_free(struct dgram_socket *d)
{
	forget_refused(d);
	while (d->first)
		drop_first(d);
	free(d);
}

void dgram_received(struct dgram_socket *d, struct pbuf *p, const struct endpoint *from)
{
	size_t cost = p->tot_len + COST;
	struct datagram *g = NULL;

	if (!d->shut_rd && d->queued + cost <= d->s.o.rcvbuf)
		g = malloc(sizeof(*g));
	if (!g) {
		d->dropped++;
		pbuf_free(p);
		return;
	}
	*g = (struct datagram){
		.p = p, .from = *from, .to = *ip_current_dest_addr(),
		.netif = netif_get_index(ip_current_input_netif()),
	};
	if (d->last)
		d->last->next = g;
	else
		d->first = g;
	d->last = g;
	d->queued += cost;
	rx_memory_add(cost_of_copy(p));
	socket_readable(&d->s);
}

/*
 * The message is truncated to the buffers; with MSG_TRUNC its length is returned, as on
 * Linux.
 */
static ssize_t dequeue(struct dgram_socket *d, struct message *m)
{
	struct cursor to = { .iov = m->iov };
	struct datagram *g = d->first;
	size_t len = g->p->tot_len, n = len < m->size ? len : m->size, left = n;

	for (struct pbuf *p = g->p; p && left; p = p->next) {
		size_t part = p->len < left ? p->len : left;

		cursor_put(&to, p->payload, part);
		left -= part;
	}
	m->named = true;
	m->name = g->from;
	m->has_local = true;
	m->local = g->to;
	m->netif = g->netif;
	m->result = n < len ? MSG_TRUNC : 0;
	if (!(m->flags & MSG_PEEK))
		drop_first(d);
	return m->flags & MSG_TRUNC ? len : n;
}

ssize_t dgram_recv(struct socket *s, struct message *m)
{
	struct dgram_socket *d = dgram_of(s);
	uint64_t deadline;
	int rc = socket_error(s);

	if (rc)
		return rc;
	if (!d->first && !d->shut_rd) {
		if (!m->may_sleep)
			return -EAGAIN;
		net_push();
		deadline = socket_deadline(s->o.rcv_timeout);
		rc = wait_or_signal(&s->readers, deadline, signal_way(deadline),
				    d->first || d->shut_rd || s->error);
		if (rc <= 0)
			return rc ? rc : -EAGAIN;
	}
	return d->first ? dequeue(d, m) : socket_error(s);
}

unsigned dgram_ready(struct socket *s)
{
	const struct dgram_socket *d = dgram_of(s);
	unsigned events = d->refused && net_is_full() ? 0 : POLLOUT | POLLWRNORM;

	if (d->first || d->shut_rd)
		events |= POLLIN | POLLRDNORM;
	if (d->shut_rd)
		events |= POLLRDHUP;
	if (d->shut_rd && d->shut_wr)
		events |= POLLHUP;
	return events | (s->error ? POLLERR : 0);
}

size_t dgram_readable(struct socket *s)
{
	const struct dgram_socket *d = dgram_of(s);

	return d->first ? d->first->p->tot_len : 0;
}

int dgram_shutdown(struct socket *s, int how)
{
	struct dgram_socket *d = dgram_of(s);

	/* Sleeping threads are woken in any case, as on Linux (inet_shutdown()). */
	d->shut_rd |= how != SHUT_WR;
	d->shut_wr |= how != SHUT_RD;
	socket_readable(s);
	return d->connected ? 0 : -ENOTCONN;
}

struct pbuf *dgram_pbuf(struct message *m, pbuf_layer layer, size_t most, int *rc)
{
	struct cursor from = { .iov = m->iov };
	struct pbuf *p;

	*rc = m->size > most ? -EMSGSIZE : -ENOBUFS;
	if (m->size > most)
		return NULL;
	p = pbuf_alloc(layer, m->size, PBUF_RAM);
	if (p) {
		cursor_get(&from, p->payload, m->size);
		*rc = 0;
	}
	return p;
}

int dgram_target(struct dgram_socket *d, const struct message *m, struct endpoint *to)
{
	int rc = socket_error(&d->s);

	if (rc)
		return rc;
	if (d->shut_wr)
		return -EPIPE;
	if (!m->named && !d->connected)
		return -EDESTADDRREQ;
	*to = m->named ? m->name : d->remote;
	if (ip_addr_isany(&to->ip))
		ip_addr_set_loopback(IP_IS_V6(&to->ip), &to->ip);
	return 0;
}

void dgram_source(const struct endpoint *to, ip_addr_t *local)
{
	ip_addr_t none = *IP_ADDR_ANY;
	struct netif *netif;
	const ip_addr_t *ours;

	if (IP_IS_V6(&to->ip))
		none = *IP6_ADDR_ANY;
	netif = ip_route(&none, &to->ip);
	ours = netif ? ip_netif_get_local_ip(netif, &to->ip) : NULL;
	if (ours)
		*local = *ours;
}

/* SPDX-License-Identifier: ISC */
/* UDP sockets on lwIP's raw interface. */
#include "lib/socket/datagram.h"
#include "net/icmp.h"
#include "net/net.h"

#include <errno.h>
#include <lwip/netif.h>
#include <lwip/udp.h>
#include <netinet/in.h>
#include <string.h>

#define MOST_V4 (65535 - 20 - 8)
#define MOST_V6 (65535 - 40 - 8)	/* bytes: lwIP counts a packet's in 16 bits */

static void received(void *arg, struct udp_pcb *pcb, struct pbuf *p, const ip_addr_t *from,
		    u16_t port)
{
	(void)pcb;
	dgram_received(arg, p, &(struct endpoint){ *from, port });
}

/* As on Linux: only connected sockets get errors, and only permanent ones. */
static void icmp_error(struct udp_pcb *pcb, int error, bool hard)
{
	struct dgram_socket *d = pcb->recv_arg;

	if (pcb->recv != received || !hard)
		return;
	d->s.error = error;
	socket_readable(&d->s);
}

static void apply(struct socket *s)
{
	struct udp_pcb *pcb = dgram_of(s)->udp;

	pcb->so_options = s->o.so;
	if (s->o.reuseport)
		pcb->so_options |= SOF_REUSEADDR;
	pcb->ttl = s->o.ttl ? s->o.ttl : UDP_TTL;
	pcb->tos = s->o.tos;
	udp_set_multicast_ttl(pcb, s->o.mcast_ttl);
	udp_set_multicast_netif_index(pcb, s->o.mcast_if);
	if (s->o.mcast_loop)
		udp_set_flags(pcb, UDP_FLAGS_MULTICAST_LOOP);
	else
		udp_clear_flags(pcb, UDP_FLAGS_MULTICAST_LOOP);
	if (!pcb->local_port && !dgram_of(s)->connected) {
		IP_SET_TYPE_VAL(pcb->local_ip, socket_ip_type(s));
		IP_SET_TYPE_VAL(pcb->remote_ip, socket_ip_type(s));
	}
}

struct socket *udp_socket_new(int domain)
{
	struct dgram_socket *d = dgram_new(&udp_socket_ops, domain, SOCK_DGRAM, IPPROTO_UDP);

	if (!d)
		return NULL;
	d->udp = udp_new_ip_type(socket_ip_type(&d->s));
	if (!d->udp) {
		dgram_free(d);
		return NULL;
	}
	udp_recv(d->udp, received, d);
	icmp_udp_error = icmp_error;
	apply(&d->s);
	return &d->s;
}

static int udp_socket_bind(struct socket *s, const struct endpoint *name)
{
	struct udp_pcb *pcb = dgram_of(s)->udp;
	ip_addr_t ip = name->ip;

	if (pcb->local_port)
		return -EINVAL;
	if (!ip_addr_isany(&ip) && !ip_addr_ismulticast(&ip) && !socket_is_own_address(&ip))
		return -EADDRNOTAVAIL;
	if (ip_addr_isany(&ip) && IP_IS_V6(&ip) && !s->v6only)
		IP_SET_TYPE_VAL(ip, IPADDR_TYPE_ANY);
	return socket_errno(udp_bind(pcb, &ip, name->port));
}

static int udp_socket_connect(struct socket *s, const struct endpoint *to, bool may_sleep)
{
	struct dgram_socket *d = dgram_of(s);
	int rc = may_sleep ? socket_wait_source(to) : 0;

	if (rc)
		return rc;
	if (socket_is_broadcast(&to->ip) && !(s->o.so & SOF_BROADCAST))
		return -EACCES;
	rc = socket_errno(udp_connect(d->udp, &to->ip, to->port));
	if (rc)
		return rc;
	d->connected = true;
	d->remote = *to;
	return 0;
}

static int udp_socket_disconnect(struct socket *s)
{
	struct dgram_socket *d = dgram_of(s);

	udp_disconnect(d->udp);
	IP_SET_TYPE_VAL(d->udp->remote_ip, socket_ip_type(s));
	d->connected = d->shut_rd = d->shut_wr = false;
	return 0;
}

static err_t send_pbuf(struct dgram_socket *d, const struct message *m, struct pbuf *p,
		       const struct endpoint *to)
{
	struct netif *netif;

	if (!m->has_local)
		return udp_sendto(d->udp, p, &to->ip, to->port);
	netif = m->netif ? netif_get_by_index(m->netif) : ip_route(&m->local, &to->ip);
	if (!netif)
		return ERR_RTE;
	if (ip_addr_isany(&m->local))
		return udp_sendto_if(d->udp, p, &to->ip, to->port, netif);
	return udp_sendto_if_src(d->udp, p, &to->ip, to->port, netif, &m->local);
}

static int send_one(struct dgram_socket *d, struct message *m, const struct endpoint *to,
		    err_t *err)
{
	int rc;
	struct pbuf *p = dgram_pbuf(m, PBUF_TRANSPORT, IP_IS_V6(&to->ip) ? MOST_V6 : MOST_V4, &rc);

	if (!p)
		return rc;
	*err = send_pbuf(d, m, p, to);
	pbuf_free(p);
	return 0;
}

static ssize_t udp_socket_send(struct socket *s, struct message *m)
{
	struct dgram_socket *d = dgram_of(s);
	struct endpoint to;
	err_t err = ERR_OK;
	int rc = dgram_target(d, m, &to);

	if (rc)
		return rc;
	if (!to.port)
		return -EINVAL;
	if (m->has_local && !ip_addr_isany(&m->local) && IP_IS_V6(&m->local) != IP_IS_V6(&to.ip))
		return -EINVAL;
	if (socket_is_broadcast(&to.ip) && !(s->o.so & SOF_BROADCAST))
		return -EACCES;
	rc = dgram_send(d, m, &to, send_one, &err);
	return rc ? rc : err == ERR_OK ? (ssize_t)m->size :
	       err == ERR_VAL ? -EAFNOSUPPORT : socket_errno(err);
}

static int udp_socket_name(struct socket *s, bool peer, struct endpoint *to)
{
	const struct dgram_socket *d = dgram_of(s);

	if (peer && !d->connected)
		return -ENOTCONN;
	*to = peer ? d->remote : (struct endpoint){ d->udp->local_ip, d->udp->local_port };
	if (!peer && d->connected && ip_addr_isany(&to->ip))
		dgram_source(&d->remote, &to->ip);
	return 0;
}

static void udp_socket_close(struct socket *s)
{
	udp_remove(dgram_of(s)->udp);
	dgram_free(dgram_of(s));
}

const struct socket_ops udp_socket_ops = {
	.bind = udp_socket_bind, .connect = udp_socket_connect,
	.disconnect = udp_socket_disconnect, .send = udp_socket_send, .recv = dgram_recv,
	.shutdown = dgram_shutdown, .name = udp_socket_name, .apply = apply,
	.readable = dgram_readable, .ready = dgram_ready, .close = udp_socket_close,
};

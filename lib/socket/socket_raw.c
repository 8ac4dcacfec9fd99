/* SPDX-License-Identifier: ISC */
/*
 * Raw sockets on lwIP's raw interface, as for ping. As on Linux a received packet
 * includes its IPv4 header, but no IPv6 header (RFC 3542, 3), and lwIP processes it too.
 */
#include "lib/socket/datagram.h"
#include "net/net.h"

#include <errno.h>
#include <lwip/ip.h>
#include <lwip/raw.h>
#include <netinet/in.h>
#include <stddef.h>

#define MOST (65535 - 40)
#define ICMPV6_CHECKSUM 2		/* its offset in the packet */

static u8_t received(void *arg, struct raw_pcb *pcb, struct pbuf *p, const ip_addr_t *from)
{
	struct pbuf *copy = pbuf_clone(PBUF_RAW, PBUF_RAM, p);

	(void)pcb;
	if (copy && IP_IS_V6(from))
		pbuf_remove_header(copy, ip_current_header_tot_len());
	if (copy)
		dgram_received(arg, copy, &(struct endpoint){ *from, 0 });
	return 0;
}

static void apply(struct socket *s)
{
	struct raw_pcb *pcb = dgram_of(s)->raw;

	pcb->so_options = s->o.so;
	pcb->ttl = s->o.ttl ? s->o.ttl : RAW_TTL;
	pcb->tos = s->o.tos;
	raw_set_multicast_netif_index(pcb, s->o.mcast_if);
	raw_set_multicast_ttl(pcb, s->o.mcast_ttl);
	if (s->o.mcast_loop)
		raw_set_flags(pcb, RAW_FLAGS_MULTICAST_LOOP);
	else
		raw_clear_flags(pcb, RAW_FLAGS_MULTICAST_LOOP);
}

struct socket *raw_socket_new(int domain, int protocol)
{
	struct dgram_socket *d = dgram_new(&raw_socket_ops, domain, SOCK_RAW, protocol);

	if (!d)
		return NULL;
	d->raw = raw_new_ip_type(domain == AF_INET ? IPADDR_TYPE_V4 : IPADDR_TYPE_V6, protocol);
	if (!d->raw) {
		dgram_free(d);
		return NULL;
	}
	if (protocol == IPPROTO_ICMPV6) {
		d->raw->chksum_reqd = 1;
		d->raw->chksum_offset = ICMPV6_CHECKSUM;
	}
	raw_recv(d->raw, received, d);
	apply(&d->s);
	return &d->s;
}

static int raw_socket_bind(struct socket *s, const struct endpoint *name)
{
	return socket_errno(raw_bind(dgram_of(s)->raw, &name->ip));
}

static int raw_socket_connect(struct socket *s, const struct endpoint *to, bool may_sleep)
{
	struct dgram_socket *d = dgram_of(s);
	int rc = may_sleep ? socket_wait_source(to) : 0;

	if (!rc)
		rc = socket_errno(raw_connect(d->raw, &to->ip));
	if (rc)
		return rc;
	d->connected = true;
	d->remote = (struct endpoint){ to->ip, 0 };
	return 0;
}

static int raw_socket_disconnect(struct socket *s)
{
	raw_disconnect(dgram_of(s)->raw);
	dgram_of(s)->connected = false;
	return 0;
}

static int send_one(struct dgram_socket *d, struct message *m, const struct endpoint *to,
		    err_t *err)
{
	int rc;
	struct pbuf *p = dgram_pbuf(m, PBUF_IP, MOST, &rc);

	if (!p)
		return rc;
	*err = raw_sendto(d->raw, p, &to->ip);
	pbuf_free(p);
	return 0;
}

static ssize_t raw_socket_send(struct socket *s, struct message *m)
{
	struct dgram_socket *d = dgram_of(s);
	struct endpoint to;
	err_t err = ERR_OK;
	int rc = dgram_target(d, m, &to);

	if (rc)
		return rc;
	if (socket_is_broadcast(&to.ip) && !(s->o.so & SOF_BROADCAST))
		return -EACCES;
	/* As on Linux. lwIP asserts that there is space for the checksum. */
	if (d->raw->chksum_reqd && m->size < ICMPV6_CHECKSUM + 2)
		return -EINVAL;
	rc = dgram_send(d, m, &to, send_one, &err);
	return rc ? rc : err == ERR_OK ? (ssize_t)m->size : socket_errno(err);
}

static int raw_socket_name(struct socket *s, bool peer, struct endpoint *to)
{
	const struct dgram_socket *d = dgram_of(s);

	if (peer && !d->connected)
		return -ENOTCONN;
	*to = peer ? d->remote : (struct endpoint){ d->raw->local_ip, 0 };
	return 0;
}

static void raw_socket_close(struct socket *s)
{
	raw_remove(dgram_of(s)->raw);
	dgram_free(dgram_of(s));
}

const struct socket_ops raw_socket_ops = {
	.bind = raw_socket_bind, .connect = raw_socket_connect,
	.disconnect = raw_socket_disconnect, .send = raw_socket_send, .recv = dgram_recv,
	.shutdown = dgram_shutdown, .name = raw_socket_name, .apply = apply,
	.readable = dgram_readable, .ready = dgram_ready, .close = raw_socket_close,
};

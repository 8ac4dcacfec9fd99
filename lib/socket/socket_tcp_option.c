/* SPDX-License-Identifier: ISC */
/* Options of TCP sockets: stored in the socket, and applied to lwIP's pcb. */
#include "lib/socket/socket_tcp.h"

#include <errno.h>
#include <lwip/priv/tcp_priv.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

void tcp_socket_apply(struct socket *s)
{
	struct tcp_socket *t = tcp_of(s);
	struct tcp_pcb *pcb = t->pcb;

	if (!pcb)
		return;
	pcb->so_options = s->o.so;
	if (s->o.reuseport)
		pcb->so_options |= SOF_REUSEADDR;
	pcb->ttl = s->o.ttl ? s->o.ttl : TCP_TTL;
	pcb->tos = s->o.tos;
	if (pcb->state == LISTEN)	/* a struct tcp_pcb_listen has no further fields */
		return;
	if (pcb->state == CLOSED) {
		if (!pcb->local_port)
			IP_SET_TYPE_VAL(pcb->local_ip, socket_ip_type(s));
		IP_SET_TYPE_VAL(pcb->remote_ip, socket_ip_type(s));
	}
	if (s->o.nodelay)
		tcp_nagle_disable(pcb);
	else
		tcp_nagle_enable(pcb);
	if (s->o.keep_idle)
		pcb->keep_idle = s->o.keep_idle * 1000;
	if (s->o.keep_interval)
		pcb->keep_intvl = s->o.keep_interval * 1000;
	if (s->o.keep_count)
		pcb->keep_cnt = s->o.keep_count;
	if (!s->o.cork && t->connected)
		tcp_output(pcb);
}

int tcp_socket_setopt(struct socket *s, int level, int option, const void *value,
			     size_t len)
{
	int n;

	if (level != IPPROTO_TCP)
		return -ENOPROTOOPT;
	if (len < sizeof(n))
		return -EINVAL;
	memcpy(&n, value, sizeof(n));
	switch (option) {
	case TCP_NODELAY:
		s->o.nodelay = n;
		break;
	case TCP_CORK:
		s->o.cork = n;
		break;
	case TCP_KEEPIDLE:
	case TCP_KEEPINTVL:
		if (n < 1 || n > 32767)
			return -EINVAL;
		*(option == TCP_KEEPIDLE ? &s->o.keep_idle : &s->o.keep_interval) = n;
		break;
	case TCP_KEEPCNT:
		if (n < 1 || n > 127)
			return -EINVAL;
		s->o.keep_count = n;
		break;
	case TCP_DEFER_ACCEPT:
	case TCP_QUICKACK:
	case TCP_USER_TIMEOUT:
	case TCP_FASTOPEN:
		/* These features do not exist; switching them off succeeds. */
		return n ? -ENOPROTOOPT : 0;
	default:
		return -ENOPROTOOPT;
	}
	tcp_socket_apply(s);
	return 0;
}

int tcp_socket_getopt(struct socket *s, int level, int option, int *value)
{
	const struct tcp_socket *t = tcp_of(s);
	const struct tcp_pcb *pcb = t->pcb && t->pcb->state != LISTEN ? t->pcb : NULL;

	if (level == SOL_SOCKET && option == SO_ACCEPTCONN) {
		*value = t->pcb && t->pcb->state == LISTEN;
		return 0;
	}
	if (level != IPPROTO_TCP)
		return -ENOPROTOOPT;
	switch (option) {
	case TCP_NODELAY:
		*value = s->o.nodelay;
		return 0;
	case TCP_CORK:
		*value = s->o.cork;
		return 0;
	case TCP_MAXSEG:
		*value = pcb ? tcp_mss(pcb) : 536;
		return 0;
	case TCP_KEEPIDLE:
		*value = s->o.keep_idle ? s->o.keep_idle : TCP_KEEPIDLE_DEFAULT / 1000;
		return 0;
	case TCP_KEEPINTVL:
		*value = s->o.keep_interval ? s->o.keep_interval :
			 TCP_KEEPINTVL_DEFAULT / 1000;
		return 0;
	case TCP_KEEPCNT:
		*value = s->o.keep_count ? s->o.keep_count : TCP_KEEPCNT_DEFAULT;
		return 0;
	case TCP_DEFER_ACCEPT:
	case TCP_QUICKACK:
	case TCP_USER_TIMEOUT:
	case TCP_FASTOPEN:
		*value = 0;
		return 0;
	}
	return -ENOPROTOOPT;
}

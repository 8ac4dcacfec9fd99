/* SPDX-License-Identifier: ISC */
/* getsockopt() and setsockopt() for options that all sockets have. Values are Linux's. */
#define _GNU_SOURCE
#include "kernel/clock.h"
#include "lib/socket/socket.h"

#include <errno.h>
#include <lwip/ip.h>
#include <lwip/netif.h>
#include <lwip/tcp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>
#include <sys/time.h>

#define BUFFER_LEAST 4096

static int get_int(const void *value, size_t len, int *n)
{
	if (len < sizeof(*n)) {
		if (len < 1)
			return -EINVAL;
		*n = *(const unsigned char *)value;
		return 0;
	}
	memcpy(n, value, sizeof(*n));
	return 0;
}

static void apply(struct socket *s)
{
	if (s->ops->apply)
		s->ops->apply(s);
}

static int set_timeout(uint64_t *timeout, const void *value, size_t len)
{
	struct timeval tv;

	if (len < sizeof(tv))
		return -EINVAL;
	memcpy(&tv, value, sizeof(tv));
	if (tv.tv_usec < 0 || tv.tv_usec >= 1000000)
		return -EDOM;
	*timeout = tv.tv_sec < 0 ? 0 : tv.tv_sec * NSEC_PER_SEC + tv.tv_usec * 1000;
	if (tv.tv_sec >= 1ll << 32 || (!tv.tv_sec && !tv.tv_usec))
		*timeout = NEVER;
	return 0;
}

static int set_linger(struct socket *s, const void *value, size_t len)
{
	struct linger l;

	if (len < sizeof(l))
		return -EINVAL;
	memcpy(&l, value, sizeof(l));
	s->o.linger = l.l_onoff;
	s->o.linger_time = l.l_linger < 0 ? 0 : l.l_linger;
	return 0;
}

static int set_flag(struct socket *s, uint8_t flag, int on)
{
	s->o.so = on ? s->o.so | flag : s->o.so & ~flag;
	apply(s);
	return 0;
}

static size_t clamp(int n, size_t most)
{
	return n < BUFFER_LEAST ? BUFFER_LEAST : (size_t)n < most ? (size_t)n : most;
}

static int set_socket(struct socket *s, int option, const void *value, size_t len)
{
	int n, rc;

	if (option == SO_RCVTIMEO)
		return set_timeout(&s->o.rcv_timeout, value, len);
	if (option == SO_SNDTIMEO)
		return set_timeout(&s->o.snd_timeout, value, len);
	if (option == SO_LINGER)
		return set_linger(s, value, len);
	if (len < sizeof(n))
		return -EINVAL;
	rc = get_int(value, len, &n);
	if (rc)
		return rc;
	switch (option) {
	case SO_REUSEADDR:
		return set_flag(s, SOF_REUSEADDR, n);
	case SO_KEEPALIVE:
		return set_flag(s, SOF_KEEPALIVE, n);
	case SO_BROADCAST:
		return set_flag(s, SOF_BROADCAST, n);
	case SO_REUSEPORT:
		s->o.reuseport = n;
		apply(s);
		return 0;
	case SO_SNDBUF:
		s->o.sndbuf = clamp(n, TCP_SND_BUF);
		return 0;
	case SO_RCVBUF:
		s->o.rcvbuf = clamp(n, TCP_WND);
		return 0;
	case SO_OOBINLINE:		/* urgent data is always in-band */
		s->o.oobinline = n;
		return 0;
	case SO_DEBUG:
	case SO_DONTROUTE:
		return n ? -ENOPROTOOPT : 0;
	case SO_RCVLOWAT:		/* 0 is changed to 1, as on Linux */
		return n >> 1 ? -ENOPROTOOPT : 0;
	}
	return -ENOPROTOOPT;
}

/* ---- IPv4 and IPv6 */

static int set_multicast_if(struct socket *s, const void *value, size_t len)
{
	struct ip_mreqn m = { 0 };
	struct netif *netif;

	if (len >= sizeof(struct ip_mreq))
		memcpy(&m, value, len < sizeof(m) ? len : sizeof(m));
	else if (len >= sizeof(m.imr_address))
		memcpy(&m.imr_address, value, sizeof(m.imr_address));
	else
		return -EINVAL;
	s->o.mcast_if = 0;
	NETIF_FOREACH(netif)
		if (m.imr_ifindex ? netif_get_index(netif) == m.imr_ifindex :
		    netif_ip4_addr(netif)->addr == m.imr_address.s_addr)
			s->o.mcast_if = netif_get_index(netif);
	if (!s->o.mcast_if && (m.imr_ifindex || m.imr_address.s_addr))
		return -EADDRNOTAVAIL;
	apply(s);
	return 0;
}

static int set_byte(struct socket *s, uint8_t *to, int n, int least, int most, int usual)
{
	if (n == -1)
		n = usual;
	if (n < least || n > most)
		return -EINVAL;
	*to = n;
	apply(s);
	return 0;
}

/* The two ECN bits are TCP's (RFC 3168), as on Linux. */
static uint8_t without_ecn(const struct socket *s, int tos)
{
	return s->type == SOCK_STREAM ? (tos & ~3) | (s->o.tos & 3) : tos;
}

static int set_ip(struct socket *s, int option, const void *value, size_t len)
{
	int n = 0, rc;

	if (option == IP_ADD_MEMBERSHIP || option == IP_DROP_MEMBERSHIP)
		return socket_group_v4(s, option == IP_ADD_MEMBERSHIP, value, len);
	if (option == IP_MULTICAST_IF)		/* as on Linux */
		return s->type == SOCK_STREAM ? -EINVAL : set_multicast_if(s, value, len);
	rc = get_int(value, len, &n);
	if (rc)
		return rc;
	switch (option) {
	case IP_TOS:
		s->o.tos = without_ecn(s, n);
		apply(s);
		return 0;
	case IP_TTL:
		return set_byte(s, &s->o.ttl, n, 1, 255, 0);
	case IP_MULTICAST_TTL:
		if (s->type == SOCK_STREAM)
			return -EINVAL;
		return set_byte(s, &s->o.mcast_ttl, n, 0, 255, 1);
	case IP_MULTICAST_LOOP:
		s->o.mcast_loop = n;
		apply(s);
		return 0;
	case IP_PKTINFO:
		if (s->type != SOCK_DGRAM)
			return n ? -ENOPROTOOPT : 0;
		s->pktinfo = n;
		return 0;
	case IP_MTU_DISCOVER:		/* IP_PMTUDISC_DONT: datagrams are fragmented */
	case IP_RECVERR:
		return n ? -ENOPROTOOPT : 0;
	}
	return -ENOPROTOOPT;
}

static int set_ipv6(struct socket *s, int option, const void *value, size_t len)
{
	struct endpoint bound;
	int n = 0;

	if (s->domain != AF_INET6)
		return -ENOPROTOOPT;
	if (option == IPV6_JOIN_GROUP || option == IPV6_LEAVE_GROUP)
		return socket_group_v6(s, option == IPV6_JOIN_GROUP, value, len);
	if (len < sizeof(n))
		return -EINVAL;
	memcpy(&n, value, sizeof(n));
	if (s->type == SOCK_STREAM &&
	    (option == IPV6_MULTICAST_HOPS || option == IPV6_MULTICAST_IF))
		return -ENOPROTOOPT;
	switch (option) {
	case IPV6_V6ONLY:
		if (!s->ops->name(s, false, &bound) && bound.port)
			return -EINVAL;
		s->v6only = n;
		apply(s);
		return 0;
	case IPV6_UNICAST_HOPS:
		return set_byte(s, &s->o.ttl, n, 1, 255, 0);
	case IPV6_MULTICAST_HOPS:
		return set_byte(s, &s->o.mcast_ttl, n, 0, 255, 1);
	case IPV6_MULTICAST_LOOP:
		if (n != !!n)
			return -EINVAL;
		s->o.mcast_loop = n;
		apply(s);
		return 0;
	case IPV6_MULTICAST_IF:
		if (n > 0 && (n > UINT8_MAX || !netif_get_by_index(n)))
			return -ENODEV;
		return set_byte(s, &s->o.mcast_if, n, 0, 255, 0);
	case IPV6_TCLASS:
		return set_byte(s, &s->o.tos, n < 0 || n > 255 ? n : without_ecn(s, n), 0, 255, 0);
	case IPV6_RECVPKTINFO:
		if (s->type != SOCK_DGRAM)
			return n ? -ENOPROTOOPT : 0;
		s->pktinfo6 = n;
		return 0;
	}
	return -ENOPROTOOPT;
}

int socket_setopt(struct socket *s, int level, int option, const void *value, size_t len)
{
	if (!value)
		return -EFAULT;
	if (s->domain == AF_UNIX && level != SOL_SOCKET)
		return -EOPNOTSUPP;
	switch (level) {
	case SOL_SOCKET:
		return set_socket(s, option, value, len);
	case IPPROTO_IP:
		return set_ip(s, option, value, len);
	case IPPROTO_IPV6:
		return set_ipv6(s, option, value, len);
	}
	return s->ops->setopt ? s->ops->setopt(s, level, option, value, len) : -ENOPROTOOPT;
}

/* ---- getsockopt() */

static int put_value(void *value, socklen_t *len, const void *from, size_t size)
{
	if (*len > size)
		*len = size;
	memcpy(value, from, *len);
	return 0;
}

static int put_timeout(uint64_t timeout, void *value, socklen_t *len)
{
	struct timeval tv = { 0 };

	if (timeout != NEVER) {
		tv.tv_sec = timeout / NSEC_PER_SEC;
		tv.tv_usec = timeout % NSEC_PER_SEC / 1000;
	}
	return put_value(value, len, &tv, sizeof(tv));
}

static int get_socket(struct socket *s, int option, int *n)
{
	switch (option) {
	case SO_TYPE:
		*n = s->type;
		return 0;
	case SO_DOMAIN:
		*n = s->domain;
		return 0;
	case SO_PROTOCOL:
		*n = s->protocol;
		return 0;
	case SO_ERROR:
		*n = -socket_error(s);
		return 0;
	case SO_REUSEADDR:
		*n = !!(s->o.so & SOF_REUSEADDR);
		return 0;
	case SO_REUSEPORT:
		*n = s->o.reuseport;
		return 0;
	case SO_KEEPALIVE:
		*n = !!(s->o.so & SOF_KEEPALIVE);
		return 0;
	case SO_BROADCAST:
		*n = !!(s->o.so & SOF_BROADCAST);
		return 0;
	case SO_SNDBUF:
		*n = s->o.sndbuf;
		return 0;
	case SO_RCVBUF:
		*n = s->o.rcvbuf;
		return 0;
	case SO_RCVLOWAT:
	case SO_SNDLOWAT:
		*n = 1;
		return 0;
	case SO_ACCEPTCONN:
		*n = 0;
		if (s->ops->getopt)
			s->ops->getopt(s, SOL_SOCKET, option, n);
		return 0;
	case SO_OOBINLINE:
		*n = s->o.oobinline;
		return 0;
	case SO_DEBUG:
	case SO_DONTROUTE:
		*n = 0;
		return 0;
	}
	return -ENOPROTOOPT;
}

static int get_ip(const struct socket *s, int option, int *n)
{
	const struct netif *netif = s->o.mcast_if ? netif_get_by_index(s->o.mcast_if) : NULL;

	switch (option) {
	case IP_TOS:
		*n = s->o.tos;
		return 0;
	case IP_TTL:
		*n = s->o.ttl ? s->o.ttl : IP_DEFAULT_TTL;
		return 0;
	case IP_MULTICAST_TTL:
		*n = s->o.mcast_ttl;
		return 0;
	case IP_MULTICAST_LOOP:
		*n = s->o.mcast_loop;
		return 0;
	case IP_MULTICAST_IF:		/* its address, or 0.0.0.0 */
		*n = netif ? (int)netif_ip4_addr(netif)->addr : 0;
		return 0;
	case IP_PKTINFO:
		*n = s->pktinfo;
		return 0;
	case IP_MTU_DISCOVER:
	case IP_RECVERR:
		*n = 0;
		return 0;
	}
	return -ENOPROTOOPT;
}

static int get_ipv6(const struct socket *s, int option, int *n)
{
	switch (s->domain == AF_INET6 ? option : -1) {
	case IPV6_V6ONLY:
		*n = s->v6only;
		return 0;
	case IPV6_UNICAST_HOPS:
		*n = s->o.ttl ? s->o.ttl : IP_DEFAULT_TTL;
		return 0;
	case IPV6_MULTICAST_HOPS:
		*n = s->o.mcast_ttl;
		return 0;
	case IPV6_MULTICAST_LOOP:
		*n = s->o.mcast_loop;
		return 0;
	case IPV6_MULTICAST_IF:
		*n = s->o.mcast_if;
		return 0;
	case IPV6_TCLASS:
		*n = s->o.tos;
		return 0;
	case IPV6_RECVPKTINFO:
		*n = s->pktinfo6;
		return 0;
	}
	return -ENOPROTOOPT;
}

int socket_getopt(struct socket *s, int level, int option, void *value, socklen_t *len)
{
	struct linger l = { s->o.linger, s->o.linger_time };
	int n = 0, rc = -ENOPROTOOPT;

	if (s->domain == AF_UNIX && level != SOL_SOCKET)
		return -EOPNOTSUPP;
	if (level == SOL_SOCKET && option == SO_RCVTIMEO)
		return put_timeout(s->o.rcv_timeout, value, len);
	if (level == SOL_SOCKET && option == SO_SNDTIMEO)
		return put_timeout(s->o.snd_timeout, value, len);
	if (level == SOL_SOCKET && option == SO_LINGER)
		return put_value(value, len, &l, sizeof(l));
	if (level == SOL_SOCKET && option == SO_PEERCRED && s->domain == AF_UNIX) {
		struct ucred self = { getpid(), geteuid(), getegid() };

		return put_value(value, len, &self, sizeof(self));
	}
	if (level == IPPROTO_TCP && option == TCP_INFO && s->ops->info) {
		struct tcp_info info;

		s->ops->info(s, &info);
		return put_value(value, len, &info, sizeof(info));
	}
	if (level == SOL_SOCKET)
		rc = get_socket(s, option, &n);
	else if (level == IPPROTO_IP)
		rc = get_ip(s, option, &n);
	else if (level == IPPROTO_IPV6)
		rc = get_ipv6(s, option, &n);
	else if (s->ops->getopt)
		rc = s->ops->getopt(s, level, option, &n);
	return rc ? rc : put_value(value, len, &n, sizeof(n));
}

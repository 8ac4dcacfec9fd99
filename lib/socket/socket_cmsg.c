/* SPDX-License-Identifier: ISC */
/*
 * Control messages of sendmsg() and recvmsg(): SCM_RIGHTS for socketpair() (unix(7)), and
 * the local address of a datagram (IP_PKTINFO of ip(7), IPV6_PKTINFO of RFC 3542, 6).
 * Other control messages are refused with EINVAL.
 */
#include "lib/file/rights.h"
#include "lib/socket/socket.h"

#include <errno.h>
#include <lwip/netif.h>
#include <netinet/in.h>
#include <string.h>

/* ---- sent */

/* The source: an address, an interface, or both. */
static int set_source(struct message *m, const ip_addr_t *ip, unsigned index)
{
	if (index && (index > UINT8_MAX || !netif_get_by_index(index)))
		return -ENODEV;
	if (!ip_addr_isany(ip) && !socket_is_own_address(ip))
		return -EINVAL;
	m->local = *ip;
	m->netif = index;
	m->has_local = !ip_addr_isany(ip) || index;
	return 0;
}

static int read_v4(struct message *m, const struct cmsghdr *c)
{
	ip_addr_t ip = IPADDR4_INIT(0);
	struct in_pktinfo info;

	if (c->cmsg_type != IP_PKTINFO || c->cmsg_len != CMSG_LEN(sizeof(info)))
		return -EINVAL;
	memcpy(&info, CMSG_DATA(c), sizeof(info));
	ip4_addr_set_u32(ip_2_ip4(&ip), info.ipi_spec_dst.s_addr);
	return info.ipi_ifindex < 0 ? -ENODEV : set_source(m, &ip, info.ipi_ifindex);
}

static int read_v6(struct message *m, const struct cmsghdr *c)
{
	ip_addr_t ip = IPADDR6_INIT(0, 0, 0, 0);
	struct in6_pktinfo info;

	if (c->cmsg_type != IPV6_PKTINFO || c->cmsg_len != CMSG_LEN(sizeof(info)))
		return -EINVAL;
	memcpy(&info, CMSG_DATA(c), sizeof(info));
	memcpy(ip_2_ip6(&ip)->addr, &info.ipi6_addr, sizeof(info.ipi6_addr));
	if (IN6_IS_ADDR_V4MAPPED(&info.ipi6_addr))
		ip_addr_set_ip4_u32_val(ip, info.ipi6_addr.s6_addr32[3]);
	return set_source(m, &ip, info.ipi6_ifindex);
}

static int read_one(struct socket *s, struct message *m, const struct cmsghdr *c)
{
	if (s->domain == AF_UNIX && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		return rights_add(&m->rights, (const int *)CMSG_DATA(c),
				  (c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
	if (s->type == SOCK_DGRAM && c->cmsg_level == IPPROTO_IP)
		return read_v4(m, c);
	if (s->type == SOCK_DGRAM && s->domain == AF_INET6 && c->cmsg_level == IPPROTO_IPV6)
		return read_v6(m, c);
	return -EINVAL;
}

int socket_cmsg_read(struct socket *s, const struct msghdr *h, struct message *m)
{
	const struct cmsghdr *c;
	size_t left;
	int rc = 0;

	if (h->msg_controllen && !h->msg_control)
		return -EFAULT;
	for (c = CMSG_FIRSTHDR(h); c && !rc; c = CMSG_NXTHDR(h, c)) {
		left = (const char *)h->msg_control + h->msg_controllen - (const char *)c;
		rc = c->cmsg_len < CMSG_LEN(0) || c->cmsg_len > left ? -EINVAL :
								       read_one(s, m, c);
	}
	return rc;
}

/* ---- received */

/*
 * Begins a control message. Returns the place for its data, and how much fits, or NULL.
 */
static void *begin(struct msghdr *h, size_t *used, int level, int type, size_t *len)
{
	size_t left = h->msg_controllen - *used;
	struct cmsghdr c = { .cmsg_level = level, .cmsg_type = type };
	char *at = (char *)h->msg_control + *used;

	if (!h->msg_control || left < CMSG_LEN(0)) {
		h->msg_flags |= MSG_CTRUNC;
		return NULL;
	}
	if (*len > left - CMSG_LEN(0)) {
		h->msg_flags |= MSG_CTRUNC;
		*len = left - CMSG_LEN(0);
	}
	c.cmsg_len = CMSG_LEN(*len);
	memcpy(at, &c, sizeof(c));
	*used += CMSG_SPACE(*len) < left ? CMSG_SPACE(*len) : left;
	return at + CMSG_LEN(0);
}

static void put(struct msghdr *h, size_t *used, int level, int type, const void *from,
		size_t len)
{
	void *to = begin(h, used, level, type, &len);

	if (to)
		memcpy(to, from, len);
}

static void put_v4(struct msghdr *h, size_t *used, const struct message *m)
{
	struct netif *netif = netif_get_by_index(m->netif);
	uint32_t to = ip4_addr_get_u32(ip_2_ip4(&m->local));
	struct in_pktinfo info = {
		.ipi_ifindex = m->netif, .ipi_addr.s_addr = to, .ipi_spec_dst.s_addr = to,
	};

	/* A multicast address cannot be the source of a reply. */
	if (netif && !socket_is_own_address(&m->local))
		info.ipi_spec_dst.s_addr = netif_ip4_addr(netif)->addr;
	put(h, used, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
}

static void put_v6(struct msghdr *h, size_t *used, const struct message *m)
{
	struct in6_pktinfo info = { .ipi6_ifindex = m->netif };

	if (IP_IS_V6(&m->local)) {
		memcpy(&info.ipi6_addr, ip_2_ip6(&m->local)->addr, sizeof(info.ipi6_addr));
	} else {
		info.ipi6_addr.s6_addr16[5] = 0xffff;
		info.ipi6_addr.s6_addr32[3] = ip4_addr_get_u32(ip_2_ip4(&m->local));
	}
	put(h, used, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
}

/* Installs as many descriptors as fit. */
static void put_rights(struct msghdr *h, size_t *used, struct rights *r, bool cloexec)
{
	size_t left = h->msg_control ? h->msg_controllen - *used : 0;
	size_t room = left > CMSG_LEN(0) ? (left - CMSG_LEN(0)) / sizeof(int) : 0, n, len;
	int fds[RIGHTS_MAX];

	n = rights_install(r, fds, room);
	for (size_t i = 0; i < n; i++)
		file_set_cloexec(fds[i], cloexec);
	if (n < r->count)
		h->msg_flags |= MSG_CTRUNC;
	len = n * sizeof(int);
	if (n)
		memcpy(begin(h, used, SOL_SOCKET, SCM_RIGHTS, &len), fds, len);
}

void socket_cmsg_write(struct socket *s, struct msghdr *h, struct message *m)
{
	size_t used = 0;

	h->msg_flags = m->result | (m->flags & MSG_CMSG_CLOEXEC);
	if (m->has_local && s->pktinfo6)
		put_v6(h, &used, m);
	if (m->has_local && s->pktinfo && IP_IS_V4(&m->local))
		put_v4(h, &used, m);
	if (m->rights)
		put_rights(h, &used, m->rights, m->flags & MSG_CMSG_CLOEXEC);
	h->msg_controllen = used;
}

/* SPDX-License-Identifier: ISC */
#include "net/dns_servers.h"

#include "kernel/clock.h"
#include "kernel/sched.h"
#include "net/config.h"
#include "net/net.h"
#include "net/netif.h"

#include <lwip/dns.h>
#include <lwip/ip.h>

#include <string.h>

static struct server {
	enum dns_source source;
	unsigned vif;
	ip_addr_t address;
} servers[DNS_SERVERS_MAX];
static unsigned count;
static uint64_t began;			/* time of the start of the network */

static bool possible(enum dns_source source, const ip_addr_t *a)
{
	if (ip_addr_isany(a) || ip_addr_ismulticast(a))
		return false;
	if (IP_IS_V4(a) && ip4_addr_get_u32(ip_2_ip4(a)) == IPADDR_BROADCAST)
		return false;
	return source == DNS_SOURCE_COMMAND_LINE || !ip_addr_isloopback(a);
}

static bool is_of(const struct server *s, enum dns_source source, unsigned vif)
{
	return s->source == source && s->vif == vif;
}

static void remove_all(enum dns_source source, unsigned vif)
{
	unsigned left = 0;

	for (unsigned i = 0; i < count; i++)
		if (!is_of(&servers[i], source, vif))
			servers[left++] = servers[i];
	count = left;
}

static bool is_before(const struct server *a, const struct server *b)
{
	return a->source != b->source ? a->source < b->source : a->vif <= b->vif;
}

/*
 * Inserts a server behind those of its source and vif. If the table is full, the last
 * server is removed.
 */
static void add(const struct server *s)
{
	unsigned at = count;

	while (at && !is_before(&servers[at - 1], s))
		at--;
	if (at == DNS_SERVERS_MAX)
		return;
	if (count == DNS_SERVERS_MAX)
		count--;
	memmove(servers + at + 1, servers + at, (count - at) * sizeof(*servers));
	servers[at] = *s;
	count++;
}

void dns_servers_set(enum dns_source source, unsigned vif, const ip_addr_t *list, unsigned n)
{
	remove_all(source, vif);
	for (unsigned i = 0; i < n; i++)
		if (possible(source, &list[i]))
			add(&(struct server){ source, vif, list[i] });
	wake(&config_changed);
}

unsigned dns_servers_get(enum dns_source first, enum dns_source last, ip_addr_t *to)
{
	unsigned n = 0;

	for (unsigned i = 0; i < count; i++) {
		enum dns_source source = servers[i].source;
		unsigned same = 0;

		if (source < first || source > last)
			continue;
		while (same < n && !ip_addr_eq(&to[same], &servers[i].address))
			same++;
		if (same == n)
			to[n++] = servers[i].address;
	}
	return n;
}

static bool ip4_pending(void)
{
	for (const struct vif *l = vifs; l; l = l->next)
		if (l->pending4 && ip4_addr_isany(netif_ip4_addr(&l->netif)))
			return true;
	return false;
}

/*
 * A DHCP server's reply may be late, but a network may have no router that announces a
 * DNS server: the wait for one is limited.
 */
bool dns_servers_wait(uint64_t deadline)
{
	uint64_t routers = began + NET_PATIENCE;

	if (count)
		return true;
	if (ip4_pending())
		wait_until_deadline(&config_changed, deadline, count || !ip4_pending());
	if (!count && config_pending(6) && clock_now() < routers)
		wait_until_deadline(&config_changed, routers < deadline ? routers : deadline,
				    count);
	return count;
}

/* ---- functions of lwIP's dns.h, which its Router Advertisement code calls */

void dns_init(void)
{
	began = clock_now();
}

void dns_tmr(void)			/* referred to by lwIP's table of timers */
{
}

static unsigned current_vif(void)
{
	for (const struct vif *l = vifs; l; l = l->next)
		if (&l->netif == ip_current_input_netif())
			return l->id;
	return 0;
}

/* Returns the servers of a source and vif except one. */
static unsigned others(enum dns_source source, unsigned vif, const ip_addr_t *without,
		       ip_addr_t *to)
{
	unsigned n = 0;

	for (unsigned i = 0; i < count; i++)
		if (is_of(&servers[i], source, vif) &&
		    !ip_addr_eq(&servers[i].address, without))
			to[n++] = servers[i].address;
	return n;
}

/*
 * A Router Advertisement may repeat or add servers (RFC 8106, 5.3.1). The last
 * DNS_MAX_SERVERS are kept.
 */
static void add_router_server(const ip_addr_t *address)
{
	ip_addr_t list[DNS_SERVERS_MAX + 1];
	unsigned vif = current_vif(), n = others(DNS_SOURCE_ROUTER, vif, address, list);

	list[n++] = *address;
	if (n > DNS_MAX_SERVERS)
		dns_servers_set(DNS_SOURCE_ROUTER, vif, list + 1, n - 1);
	else
		dns_servers_set(DNS_SOURCE_ROUTER, vif, list, n);
}

void dns_setserver(u8_t n, const ip_addr_t *address)
{
	ip_addr_t list[DNS_SERVERS_MAX];
	unsigned vif = current_vif(), left;

	if (!address) {			/* NULL removes the n-th server, of any vif */
		const ip_addr_t gone = *dns_getserver(n);

		left = others(DNS_SOURCE_ROUTER, vif, &gone, list);
		dns_servers_set(DNS_SOURCE_ROUTER, vif, list, left);
	} else {
		add_router_server(address);
	}
}

/* Returns the n-th server that routers announced. */
const ip_addr_t *dns_getserver(u8_t n)
{
	for (unsigned i = 0; i < count; i++)
		if (servers[i].source == DNS_SOURCE_ROUTER && !n--)
			return &servers[i].address;
	return IP_ADDR_ANY;
}

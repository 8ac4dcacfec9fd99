/* SPDX-License-Identifier: ISC */
/* Lookup of names and addresses: /etc/hosts, the DNS servers, the search list. */
#include "lib/netdb/resolve.h"

#include "kernel/clock.h"
#include "kernel/sched.h"
#include "lib/netdb/query.h"
#include "net/dns_servers.h"
#include "net/net.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PORT 53

static void add_server(struct lookup *l, const struct address *a)
{
	struct sockaddr_in6 *to = &l->servers[l->nservers];

	if (l->nservers == QUERY_SERVERS_MAX)
		return;
	*to = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(PORT) };
	if (a->family == AF_INET6) {
		to->sin6_addr = a->v6;
		to->sin6_scope_id = a->scope;
	} else {
		to->sin6_addr.s6_addr32[2] = htonl(0xffff);
		to->sin6_addr.s6_addr32[3] = a->v4.s_addr;
	}
	l->nservers++;
}

static void add_servers(struct lookup *l, enum dns_source first, enum dns_source last)
{
	ip_addr_t list[DNS_SERVERS_MAX];
	unsigned n = dns_servers_get(first, last, list);

	for (unsigned i = 0; i < n; i++) {
		struct address a = { .family = IP_IS_V6(&list[i]) ? AF_INET6 : AF_INET };

		if (a.family == AF_INET) {
			a.v4.s_addr = ip4_addr_get_u32(ip_2_ip4(&list[i]));
		} else {
			memcpy(&a.v6, ip_2_ip6(&list[i])->addr, sizeof(a.v6));
			a.scope = ip6_addr_zone(ip_2_ip6(&list[i]));
		}
		add_server(l, &a);
	}
}

/*
 * Collects the servers of the command line, the image and the network. Waits for an
 * address and a server. Returns 0 or EAI_*.
 */
static int collect_servers(struct lookup *l, const struct conf *c)
{
	int rc;

	kernel_enter();
	rc = net_init();
	if (!rc) {
		net_wait_up(0, clock_now() + NET_PATIENCE);
		if (!c->count)
			dns_servers_wait(clock_now() + NET_PATIENCE);
		add_servers(l, DNS_SOURCE_COMMAND_LINE, DNS_SOURCE_COMMAND_LINE);
		for (unsigned i = 0; i < c->count; i++)
			add_server(l, &c->servers[i]);
		add_servers(l, DNS_SOURCE_DHCP, DNS_SOURCE_ROUTER);
	}
	kernel_leave();
	return rc ? EAI_MEMORY : l->nservers ? 0 : EAI_AGAIN;
}

static void end(struct lookup *l)
{
	for (unsigned i = 0; i < l->count; i++)
		free(l->questions[i].addresses);
	free(l);
}

static struct lookup *lookup_new(struct conf *c, int *error)
{
	struct lookup *l = calloc(1, sizeof(*l));

	*error = EAI_MEMORY;
	if (!l)
		return NULL;
	conf_read(c);
	l->timeout = c->timeout;
	l->attempts = c->attempts;
	*error = collect_servers(l, c);
	if (!*error)
		return l;
	free(l);
	return NULL;
}

bool addresses_add(struct addresses *f, const struct address *a)
{
	struct address *list = f->list;

	if (!(f->count & (f->count - 1)))	/* a power of 2, or 0: the array is full */
		list = realloc(list, (f->count ? 2 * f->count : 1) * sizeof(*list));
	if (!list)
		return false;
	f->list = list;
	list[f->count++] = *a;
	return true;
}

static int take_addresses(const struct lookup *l, struct addresses *f)
{
	for (unsigned i = 0; i < l->count; i++) {
		const struct question *q = &l->questions[i];
		size_t size = q->type == DNSMSG_A ? 4 : 16;
		struct address a = { .family = q->type == DNSMSG_A ? AF_INET : AF_INET6 };

		if (q->answer.count)
			strcpy(f->name, q->answer.name);
		for (unsigned n = 0; n < q->answer.count; n++) {
			memcpy(&a.v6, (char *)q->addresses + n * size, size);
			if (!addresses_add(f, &a))
				return EAI_MEMORY;
		}
	}
	return 0;
}

static bool is_host(const char *name)
{
	uint8_t query[DNSMSG_QUERY_MAX];

	return dnsmsg_query(query, 0, name, DNSMSG_A, false);
}

static unsigned dots(const char *name)
{
	unsigned n = 0;

	for (; *name; name++)
		n += *name == '.';
	return n;
}

/*
 * As in resolv.conf(5): a name with at least ndots dots is first queried as it is, then
 * with each domain of the search list. For other names it is the other way round. A name
 * that ends with a dot is queried only as it is.
 */
static int search(struct lookup *l, const struct conf *c, const char *name)
{
	bool whole = name[strlen(name) - 1] == '.', first = whole || dots(name) >= c->ndots;
	int error = first ? query_name(l, name) : EAI_NONAME, none = error;
	char longer[2 * DNSMSG_NAME_MAX];

	for (unsigned i = 0; i < c->searches && !whole; i++) {
		if (error != EAI_NONAME && error != EAI_NODATA)
			return error;
		snprintf(longer, sizeof(longer), "%s.%s", name, c->search[i]);
		error = is_host(longer) ? query_name(l, longer) : EAI_NONAME;
		none = error == EAI_NODATA ? error : none;
	}
	if (!first && (error == EAI_NONAME || error == EAI_NODATA)) {
		error = query_name(l, name);
		none = error == EAI_NODATA ? error : none;
	}
	return error == EAI_NONAME ? none : error;
}

int resolve(const char *name, bool want4, bool want6, struct addresses *f)
{
	struct conf c;
	struct lookup *l;
	int error;

	if (!is_host(name))
		return EAI_NONAME;
	if (!hosts_lookup(name, want4, want6, f))
		return EAI_MEMORY;
	if (f->count)
		return 0;
	l = lookup_new(&c, &error);
	if (!l)
		return error;
	if (want6)
		query_add(l, DNSMSG_AAAA);
	if (want4)
		query_add(l, DNSMSG_A);
	error = search(l, &c, name);
	if (!error)
		error = take_addresses(l, f);
	end(l);
	return error;
}

int resolve_address(const struct address *a, char name[DNSMSG_NAME_MAX])
{
	const uint8_t *b = a->family == AF_INET ? (const uint8_t *)&a->v4 : a->v6.s6_addr;
	char text[80], *at = text;
	struct conf c;
	struct lookup *l;
	int error;

	if (hosts_name(a, name))
		return 0;
	if (a->family == AF_INET)
		snprintf(text, sizeof(text), "%u.%u.%u.%u.in-addr.arpa.", b[3], b[2], b[1], b[0]);
	for (int i = 15; a->family == AF_INET6 && i >= 0; i--)
		at += sprintf(at, "%x.%x.%s", b[i] & 15, b[i] >> 4, i ? "" : "ip6.arpa.");
	l = lookup_new(&c, &error);
	if (!l)
		return error;
	query_add(l, DNSMSG_PTR);
	error = query_name(l, text);
	if (!error)
		strcpy(name, l->questions[0].answer.name);
	end(l);
	return error;
}

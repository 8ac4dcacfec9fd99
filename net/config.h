/* SPDX-License-Identifier: ISC */
/*
 * Addresses, by the kernel command line:
 *
 *	ip=dhcp						the default
 *	ip=10.0.0.2/24,gateway=10.0.0.1,dns=10.0.0.1	dns: up to three times
 *	ip=10.0.0.2/32,gateway=10.1.0.1			a gateway may be off the subnet
 *	ip=off
 *	ip6=auto					the default: what routers say (SLAAC)
 *	ip6=2001:db8::2/64,gateway=fe80::1,dns=2001:db8::1
 *	ip6=off
 *	hostname=NAME					for DHCP; else the domain's name
 *
 * These are for vif0; for others they are vif1.ip=, vif1.ip6= and so on.
 */
#ifndef NET_CONFIG_H
#define NET_CONFIG_H

#include "kernel/sched.h"

#include <lwip/dns.h>
#include <lwip/ip_addr.h>
#include <lwip/netif.h>

#include <stdbool.h>

struct link;

struct ip_config {
	enum { CONFIG_AUTO, CONFIG_OFF, CONFIG_STATIC } how;
	ip_addr_t address;
	unsigned prefix;		/* bits */
	bool has_gateway;
	ip_addr_t gateway;
	ip_addr_t dns[DNS_MAX_SERVERS];
	unsigned dns_count;
};

/* text: NULL or what is after `ip=` (version 4) or `ip6=` (6).  NULL, or what is wrong. */
const char *config_parse(const char *text, unsigned version, struct ip_config *c);

/* Begin with a device's configuration; and when it has a carrier. */
void config_start(struct link *l);
void config_link_up(struct link *l);
void config_link_down(struct link *l);

/* Something about its addresses is new. */
void config_address(struct link *l);

/* The bits of the prefix of an IPv6 address. */
unsigned config_prefix6(const struct netif *netif, int i);

/* The name we have: NULL: none. */
const char *config_name(void);

/* Whether there is an address of that version (4, 6; 0: either), and whether one may come. */
bool config_up(unsigned version);
bool config_awaited(unsigned version);
extern struct waitq config_changed;

#endif

/* SPDX-License-Identifier: ISC */
/*
 * Configuration of the network by the kernel command line:
 *
 *	ip=dhcp						the default
 *	ip=10.0.0.2/24,gateway=10.0.0.1,dns=10.0.0.1	dns: up to three times
 *	ip=10.0.0.2/32,gateway=10.1.0.1			a gateway may be off the subnet
 *	ip=off
 *	ip6=auto					the default: SLAAC
 *	ip6=2001:db8::2/64,gateway=fe80::1,dns=2001:db8::1
 *	ip6=off
 *	hostname=NAME					for DHCP; default: the domain's name
 *
 * These options are for vif0; those of other vifs are vif1.ip=, vif1.ip6= and so on.
 */
#ifndef NET_CONFIG_H
#define NET_CONFIG_H

#include "kernel/sched.h"

#include <lwip/dns.h>
#include <lwip/ip_addr.h>
#include <lwip/netif.h>

#include <stdbool.h>

struct vif;

struct ip_config {
	enum { CONFIG_AUTO, CONFIG_OFF, CONFIG_STATIC } how;
	ip_addr_t address;
	unsigned prefix;		/* bits */
	bool has_gateway;
	ip_addr_t gateway;
	ip_addr_t dns[DNS_MAX_SERVERS];
	unsigned dns_count;
};

/*
 * Parses the value of `ip=` (version 4) or `ip6=` (6); text is NULL if the option is
 * absent. Returns NULL, or a message that describes the error.
 */
const char *config_parse(const char *text, unsigned version, struct ip_config *c);

/*
 * config_start() configures a new device. The others are called when its carrier changes.
 */
void config_start(struct vif *l);
void config_link_up(struct vif *l);
void config_link_down(struct vif *l);

/*
 * In a copy of a guest, which has other options: sets the addresses that they name.  Weak: in images
 * with a network.
 */
void config_again(void) __attribute__((weak));

/* Call this when an address has changed: logs it, and wakes config_changed. */
void config_address(struct vif *l);

/* Prefix length in bits of IPv6 address i. */
unsigned config_prefix6(const struct netif *netif, int i);

/* The host name, or NULL. It is read by config_start(). */
const char *config_name(void);

/*
 * Whether there is an address of this version (4, 6; 0: either), and whether one may
 * still be assigned.
 */
bool config_up(unsigned version);
bool config_pending(unsigned version);
extern struct waitq config_changed;

#endif

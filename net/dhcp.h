/* SPDX-License-Identifier: ISC */
/*
 * A DHCP client (RFC 2131) for each vif that is configured by DHCP.
 *
 * Options that it uses: mask (1), routers (3) or classless routes (121, RFC 3442, or
 * Microsoft's 249), DNS servers (6), MTU (26), lease time, T1 and T2 (51, 58, 59). Other
 * options are ignored.
 */
#ifndef NET_DHCP_H
#define NET_DHCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vif;

/* Sets l->dhcp; the client starts when there is a carrier. Returns 0 or -ENOMEM. */
int dhcp_start(struct vif *l);

/* The device has got a carrier, or has lost it. */
void dhcp_carrier(struct vif *l, bool up);

/*
 * dhcp_run() performs what is due. dhcp_next() returns the time of the next action, or
 * NEVER.
 */
void dhcp_run(uint64_t now);
uint64_t dhcp_next(void);

/* Registers the DNS servers of the vif's lease (net/dns_servers.h). */
void dhcp_update_dns(const struct vif *l);

/*
 * Converts a host name for option 12: at most 63 bytes and the NUL, of letters, digits,
 * and hyphens and dots between them (RFC 1123, 2.1). A longer name is cut. Returns false
 * if the name is not valid.
 */
#define DHCP_NAME_MAX 63
bool dhcp_name(const char *name, char to[DHCP_NAME_MAX + 1]);

#endif

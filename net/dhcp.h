/* SPDX-License-Identifier: ISC */
/*
 * A DHCP client (RFC 2131) for each vif that is configured by DHCP.
 *
 * It takes of a lease: address and mask, routers (3) or classless routes (121, RFC 3442, or
 * Microsoft's 249), DNS servers (6), MTU (26), and the times (51, 58, 59).  Other options
 * are ignored.
 */
#ifndef NET_DHCP_H
#define NET_DHCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct link;

/* Begin, without a carrier: l->dhcp is set.  0 or -ENOMEM. */
int dhcp_start(struct link *l);

/* The device has a carrier again, or has none. */
void dhcp_carrier(struct link *l, bool up);

/* Do what is due; and when something will be, or NEVER. */
void dhcp_run(uint64_t now);
uint64_t dhcp_next(void);

/* The DNS servers of the vif's lease are those to ask (net/servers.h). */
void dhcp_use_servers(const struct link *l);

/*
 * What a server is told of a name: at most 63 bytes and the NUL, of letters, digits,
 * hyphens and dots between them (RFC 1123, 2.1).  A longer name is cut.  False: nothing.
 */
#define DHCP_NAME_MAX 63
bool dhcp_name(const char *name, char to[DHCP_NAME_MAX + 1]);

#endif

/* SPDX-License-Identifier: ISC */
/* Names to addresses, by the DNS servers that DHCP, a router or the command line told. */
#ifndef NET_RESOLVE_H
#define NET_RESOLVE_H

#include <lwip/ip_addr.h>

#include <stdint.h>

#define RESOLVE_MAX 2			/* an IPv6 and an IPv4 address */

/*
 * The addresses of a name, of that version (4, 6; 0: both, IPv6 first), or of the numbers it
 * may be: how many, at most RESOLVE_MAX.  Sleeps, and calls net_push().  -ENOENT: there is
 * no such name or it has no such address; -EAGAIN: no server answered in time;
 * -EINVAL: not a name; -ENOMEM.
 */
int resolve(const char *name, unsigned version, ip_addr_t *to, uint64_t deadline);

/* Questions that are not answered yet; for net/timers.c. */
unsigned resolve_pending(void);

#endif

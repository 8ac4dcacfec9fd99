/* SPDX-License-Identifier: ISC */
/*
 * ICMP errors about what we sent, for sockets (RFC 1122, 4.1.3.3 and 4.2.3.9; RFC 4443, 2.4).
 *
 * lwIP drops them.  Anybody can send one, so it counts only if what it quotes is of a connection
 * of ours, and of TCP a segment that is not acknowledged (RFC 5927, 4.1).
 */
#ifndef NET_ICMP_H
#define NET_ICMP_H

#include <stdbool.h>

struct tcp_pcb;
struct udp_pcb;

/*
 * error: an errno, as Linux has it of each code; hard: it will not go away by itself.  Both may
 * end their pcb.  Those of a user that has not come yet are NULL.
 */
extern void (*icmp_tcp_error)(struct tcp_pcb *pcb, int error, bool hard);
extern void (*icmp_udp_error)(struct udp_pcb *pcb, int error, bool hard);

/* By net_init(): 0 or -ENOMEM. */
int icmp_init(void);

#endif

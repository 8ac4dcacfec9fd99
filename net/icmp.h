/* SPDX-License-Identifier: ISC */
/*
 * ICMP errors for sockets (RFC 1122, 4.1.3.3 and 4.2.3.9; RFC 4443, 2.4).
 *
 * lwIP drops them. Anyone can send one, so it counts only if it quotes a packet of an
 * existing connection, and for TCP a segment that is not acknowledged (RFC 5927, 4.1).
 */
#ifndef NET_ICMP_H
#define NET_ICMP_H

#include <stdbool.h>

struct tcp_pcb;
struct udp_pcb;

/*
 * error: the errno that Linux uses for the code; hard: whether the error is permanent.
 * The functions may end the pcb. Each pointer is NULL until a user sets it.
 */
extern void (*icmp_tcp_error)(struct tcp_pcb *pcb, int error, bool hard);
extern void (*icmp_udp_error)(struct udp_pcb *pcb, int error, bool hard);

/* Called by net_init(). Returns 0 or -ENOMEM. */
int icmp_init(void);

#endif

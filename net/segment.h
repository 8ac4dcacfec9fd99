/* SPDX-License-Identifier: ISC */
/* What lwIP is given of TCP: net/lwip/hooks.h has the rest. */
#ifndef NET_SEGMENT_H
#define NET_SEGMENT_H

struct tcp_pcb;

/*
 * A connection has just been made: whatever its peer said of segment sizes and windows, lwIP
 * may be given bytes to send now.
 */
void segment_least(struct tcp_pcb *pcb);

/* lwIP has taken a packet: to be called after each. */
void segment_done(void);

#endif

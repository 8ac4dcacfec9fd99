/* SPDX-License-Identifier: ISC */
/* How small the segments of a TCP connection may be. */
#ifndef NET_SEGMENT_H
#define NET_SEGMENT_H

struct tcp_pcb;

/*
 * A connection has just been made: whatever its peer said of segment sizes and windows, lwIP
 * may be given bytes to send now.
 */
void segment_least(struct tcp_pcb *pcb);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * TCP connections that nobody holds any more and that are not over: in FIN_WAIT, CLOSING or
 * LAST_ACK, with data to send or only a FIN.  lwIP alone would keep them as long as it sends
 * again, 12 minutes, and a slow reader in LAST_ACK for only a minute.
 */
#ifndef NET_ORPHAN_H
#define NET_ORPHAN_H

#define ORPHANS_MOST 256

struct tcp_pcb;

/* To be called before tcp_close(): from now on the connection has a minute, and another one
   for each acknowledgment of something new. */
void orphan_begin(struct tcp_pcb *pcb);

/* The peer has acknowledged something new. */
void orphan_progress(struct tcp_pcb *pcb);

/* Reset those whose time is over, and of more than so many those that are silent longest. */
void orphans_limit(unsigned most);

#endif

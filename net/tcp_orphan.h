/* SPDX-License-Identifier: ISC */
/*
 * Orphans: TCP connections that no socket refers to and that have not ended: in FIN_WAIT,
 * CLOSING or LAST_ACK, with data to send or only a FIN. lwIP alone would keep them while
 * it retransmits, for 12 minutes, and would give a slow reader in LAST_ACK only one
 * minute.
 */
#ifndef NET_TCP_ORPHAN_H
#define NET_TCP_ORPHAN_H

#define ORPHANS_MOST 256

struct tcp_pcb;

/*
 * Call this before tcp_close(). The connection may exist for a minute, and for another
 * one after each acknowledgment of new data.
 */
void tcp_orphan_begin(struct tcp_pcb *pcb);

/* The peer has acknowledged new data. */
void tcp_orphan_progress(struct tcp_pcb *pcb);

/*
 * Resets orphans without progress for a minute, and if more than `most` remain, those
 * that have been silent longest.
 */
void tcp_orphans_limit(unsigned most);

#endif

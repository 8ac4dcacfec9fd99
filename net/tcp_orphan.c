/* SPDX-License-Identifier: ISC */
#include "net/tcp_orphan.h"

#include <lwip/priv/tcp_priv.h>

#include <stdbool.h>

#define PATIENCE (60000 / TCP_SLOW_INTERVAL)

/*
 * lwIP does not use tmr of a closed connection; it holds the time of the last progress.
 */
void tcp_orphan_progress(struct tcp_pcb *pcb)
{
	if (pcb->flags & TF_RXCLOSED)
		pcb->tmr = tcp_ticks;
}

void tcp_orphan_begin(struct tcp_pcb *pcb)
{
	tcp_set_flags(pcb, TF_RXCLOSED);
	pcb->tmr = tcp_ticks;
}

/* In FIN_WAIT_2 lwIP's own timer of 20 s applies. */
static bool late(const struct tcp_pcb *pcb)
{
	return pcb->state != FIN_WAIT_2 && tcp_ticks - pcb->tmr > PATIENCE;
}

/*
 * lwIP moves a connection to the front of the list when it receives a segment, so the
 * last ones have been silent longest.
 */
void tcp_orphans_limit(unsigned most)
{
	struct tcp_pcb *next;
	unsigned n = 0;

	for (struct tcp_pcb *pcb = tcp_active_pcbs; pcb; pcb = next) {
		next = pcb->next;
		if (!(pcb->flags & TF_RXCLOSED) ||
		    (pcb->state != FIN_WAIT_1 && pcb->state != FIN_WAIT_2 &&
		     pcb->state != CLOSING && pcb->state != LAST_ACK))
			continue;
		if (late(pcb) || ++n > most)
			tcp_abort(pcb);
	}
}

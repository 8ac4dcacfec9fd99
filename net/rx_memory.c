/* SPDX-License-Identifier: ISC */
#include "net/rx_memory.h"

#include "net/lwip/arch/cc.h"

#include <lwip/priv/tcp_priv.h>

#include <assert.h>

#define FULL_SHARE 4			/* divisor: received data may take this part of memory */

static size_t total, full = SIZE_MAX;
static bool discarded;	/* out-of-order data was discarded; none is stored until there is room */

void rx_memory_init(size_t memory)
{
	full = memory / FULL_SHARE;
}

void rx_memory_add(size_t bytes)
{
	total += bytes;
}

void rx_memory_remove(size_t bytes)
{
	assert(bytes <= total);
	total -= bytes;
}

size_t rx_memory_bytes(void)
{
	return total;
}

bool rx_memory_full(void)
{
	return total > full;
}

bool rx_memory_exhausted(void)
{
	return total / 3 > full / 2;
}

/*
 * RFC 9293, 3.10.7.4 makes storing out-of-order data optional. The peer retransmits what
 * is discarded, so it is discarded before data that an application waits for.
 */
void rx_memory_make_room(void)
{
	if (discarded)
		discarded = total > full - full / 8;
	if (discarded || !rx_memory_full())
		return;
	discarded = true;
	for (struct tcp_pcb *pcb = tcp_active_pcbs; pcb; pcb = pcb->next)
		tcp_free_ooseq(pcb);
}

/* lwIP's hook, called after out-of-order data was added to a connection's queue. */
uint32_t net_ooseq_limit(void)
{
	return discarded || rx_memory_full() ? 0 : UINT32_MAX;
}

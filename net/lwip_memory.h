/* SPDX-License-Identifier: ISC */
/* Memory for lwIP: net/lwip/arch/cc.h has the functions that lwIP calls. */
#ifndef NET_LWIP_MEMORY_H
#define NET_LWIP_MEMORY_H

#include <stdbool.h>

/* Whether there are unused blocks. */
bool net_memory_unused(void);

/*
 * Returns blocks to the heap that were not needed since the last call. Called every few
 * seconds.
 */
void net_memory_tick(void);

#endif

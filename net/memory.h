/* SPDX-License-Identifier: ISC */
/* Memory for lwIP: net/lwip/arch/cc.h has the functions that lwIP calls. */
#ifndef NET_MEMORY_H
#define NET_MEMORY_H

#include <stdbool.h>

/* Whether there are unused pieces. */
bool net_memory_unused(void);

/* Every few seconds: give back the pieces that were not needed since the last time. */
void net_memory_tick(void);

#endif

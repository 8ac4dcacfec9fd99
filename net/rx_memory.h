/* SPDX-License-Identifier: ISC */
/*
 * The total memory of received data: in lwIP (reassembly, out of order) and in sockets.
 */
#ifndef NET_RX_MEMORY_H
#define NET_RX_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#define RX_MEMORY_PBUF 128		/* bytes of overhead of a pbuf */

void rx_memory_init(size_t memory);
void rx_memory_add(size_t bytes);
void rx_memory_remove(size_t bytes);

/* Current total in bytes. */
size_t rx_memory_bytes(void);

/*
 * A quarter of memory is used: out-of-order data is not stored, and sockets accept
 * little.
 */
bool rx_memory_full(void);

/* Three eighths of memory are used: no data is accepted. */
bool rx_memory_exhausted(void);

/*
 * Called before a frame is processed: discards out-of-order data if the total is too
 * large.
 */
void rx_memory_make_room(void);

#endif

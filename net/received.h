/* SPDX-License-Identifier: ISC */
/*
 * The total memory of received data: in lwIP (reassembly, out of order) and in sockets.
 */
#ifndef NET_RECEIVED_H
#define NET_RECEIVED_H

#include <stdbool.h>
#include <stddef.h>

#define RECEIVED_PBUF 128		/* bytes of overhead of a pbuf */

void received_init(size_t memory);
void received_add(size_t bytes);
void received_remove(size_t bytes);

/* Current total in bytes. */
size_t received_bytes(void);

/*
 * A quarter of memory is used: out-of-order data is not stored, and sockets accept
 * little.
 */
bool received_full(void);

/* Three eighths of memory are used: no data is accepted. */
bool received_exhausted(void);

/*
 * Called before a frame is processed: discards out-of-order data if the total is too
 * large.
 */
void received_make_room(void);

#endif

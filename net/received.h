/* SPDX-License-Identifier: ISC */
/*
 * One account of the memory that received data takes, wherever it is: in lwIP, complete or
 * not, in order or not, and in sockets.
 */
#ifndef NET_RECEIVED_H
#define NET_RECEIVED_H

#include <stdbool.h>
#include <stddef.h>

#define RECEIVED_PBUF 128		/* bytes that a pbuf takes beside its own */

void received_init(size_t memory);
void received_add(size_t bytes);
void received_remove(size_t bytes);

/* Bytes now. */
size_t received_bytes(void);

/* A quarter of memory: no out-of-order data is kept, and a socket gets little more. */
bool received_full(void);

/* Three eighths: no data is accepted. */
bool received_exhausted(void);

/* Before a frame is taken: out-of-order data is discarded if the account is full. */
void received_make_room(void);

#endif

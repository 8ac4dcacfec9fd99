/* SPDX-License-Identifier: ISC */
/* Internal declarations of netif.c, netif_rx.c and netif_tx.c. */
#ifndef NET_NETIF_INTERNAL_H
#define NET_NETIF_INTERNAL_H

#include "net/netif.h"

/* ---- netif.c */

/*
 * Limits the MTUs of lwIP's destination cache to those of the vifs.  Call it after an IPv6
 * packet was received, which may have changed one.
 */
void vif_check_path_mtu(void);

/* ---- netif_rx.c: of struct netfront_user */

void vif_receive(void *user, struct rx_page *frame, const struct offload *o);
void vif_received(void *user);		/* a batch of frames has been received */

/* lwIP is processing a received frame: what it sends now is a reply. */
extern bool vif_replying;

/* ---- netif_tx.c */

/*
 * lwIP's linkoutput: queues a packet. Returns ERR_OK, ERR_IF (no carrier) or ERR_MEM (the
 * queue is full, or no memory).
 */
err_t vif_enqueue(struct netif *netif, struct pbuf *p);

/* Of struct netfront_user: the device has space for a frame again. */
void vif_room(void *user);

/* Lets connections send whose output was stopped by a full queue. */
void vif_resume(void);

/* Frees all queued packets. */
void vif_clear_queue(struct vif *l);

#endif

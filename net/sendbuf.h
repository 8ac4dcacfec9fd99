/* SPDX-License-Identifier: ISC */
/*
 * What a TCP connection has sent and its peer has not acknowledged, in memory that its
 * backend may read: one copy, the socket's own, is all the guest makes.
 *
 *	struct sendbuf b = { 0 };
 *	void *to = sendbuf_reserve(&b, len, &n);	room for n bytes, 1 <= n <= len
 *	memcpy(to, from, n);				or read a file into it; may sleep
 *	err = sendbuf_commit(&b, pcb, n, flags);	tcp_write() of them
 *	...
 *	sendbuf_acked(&b, len);				lwIP's sent callback
 *	sendbuf_free(&b);				when the pcb is gone
 *
 * Small writes, and all of them when the lent memory is used up, are copied by lwIP
 * into memory of its own: the caller sees no difference.  One writer at a time.
 */
#ifndef NET_SENDBUF_H
#define NET_SENDBUF_H

#include <lwip/tcp.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sendbuf_run;

/* Zero is empty. */
struct sendbuf {
	struct sendbuf_run *first, *last;
	void *bounce;			/* where lent memory was not to be had */
	size_t bounce_size;
	bool bounced;			/* what is reserved is there */
	bool no_lent;			/* as sendbuf_route() found */
	struct sendbuf_run *reserved;	/* or in this run */
};

/*
 * Before bytes are reserved: lent memory is used only if the connection's packets go to the
 * backend that may read it, and not to another one, nor to ourselves.
 */
void sendbuf_route(struct sendbuf *b, const struct tcp_pcb *pcb);

/*
 * Where the next bytes may be written: *got of them, as many as come in one piece but not
 * more than want (> 0) and 65535.  NULL: no memory at all.  Reserving again forgets what
 * was reserved and not committed.
 */
void *sendbuf_reserve(struct sendbuf *b, size_t want, size_t *got);

/*
 * The first n of the bytes reserved are what comes next in the connection; flags:
 * TCP_WRITE_FLAG_MORE or 0.  As tcp_write(): ERR_OK; ERR_MEM: nothing was done, the send
 * buffer or the queue is full: the sent callback says when to try again; ERR_CONN.  The bytes stay
 * reserved when it fails.
 */
err_t sendbuf_commit(struct sendbuf *b, struct tcp_pcb *pcb, size_t n, uint8_t flags);

/*
 * Both, with memcpy() in between, for as much as tcp_sndbuf() takes: *done says how much,
 * and the result is that of the last tcp_write().
 */
err_t sendbuf_write(struct sendbuf *b, struct tcp_pcb *pcb, const void *from, size_t len,
		    uint8_t flags, size_t *done);

/* As sendbuf_commit(), of bytes that never change: they are not copied here. */
err_t sendbuf_refer(struct sendbuf *b, struct tcp_pcb *pcb, const void *from, size_t n,
		    uint8_t flags);

/* The peer has so many more bytes. */
void sendbuf_acked(struct sendbuf *b, size_t len);

/* The connection is over; what is still on its way to a backend is kept until it is sent. */
void sendbuf_free(struct sendbuf *b);

/* ---- for net/net.c and net/netif.c */

/* Take memory and lend it to a backend; before the first device is opened. */
void sendbuf_init(size_t memory);

/* A packet with these bytes waits to be sent: if they are lent, they stay.  And does not. */
void sendbuf_hold(const void *data, size_t len);
void sendbuf_release(const void *data, size_t len);

void sendbuf_usage(uint32_t *pages, uint32_t *used);

#endif

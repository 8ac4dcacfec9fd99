/* SPDX-License-Identifier: ISC */
/*
 * The send buffer of a TCP connection: data that is sent and not acknowledged, in memory
 * that the backend may read.  So the guest copies data only once, in send().
 *
 *	struct sendbuf b = { 0 };
 *	void *to = sendbuf_reserve(&b, len, &n);	space for n bytes, 1 <= n <= len
 *	memcpy(to, from, n);				or read a file into it; may sleep
 *	err = sendbuf_commit(&b, pcb, n, flags);	tcp_write() of them
 *	...
 *	sendbuf_acked(&b, len);				in lwIP's sent callback
 *	sendbuf_free(&b);				when the pcb has ended
 *
 * lwIP copies small writes to its own memory, and all writes when there is no lent memory
 * left.  Only one thread may write at a time.  No function sleeps.
 */
#ifndef NET_SENDBUF_H
#define NET_SENDBUF_H

#include <lwip/tcp.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sendbuf_run;

/* A zeroed struct is empty. */
struct sendbuf {
	struct sendbuf_run *first, *last;
	void *bounce;			/* used without lent memory */
	size_t bounce_size;
	bool bounced;			/* the reserved bytes are in bounce */
	bool no_lent;			/* set by sendbuf_route() */
	struct sendbuf_run *reserved;	/* otherwise they are in this run */
};

/*
 * Call this before bytes are reserved. Lent memory is used only if the connection's
 * packets go to the backend that may read it.
 */
void sendbuf_route(struct sendbuf *b, const struct tcp_pcb *pcb);

/*
 * Returns a place for the next bytes, and in *got how many are contiguous: at most want
 * (> 0) and 65535. NULL: no memory. A second call discards reserved bytes that were not
 * committed.
 */
void *sendbuf_reserve(struct sendbuf *b, size_t want, size_t *got);

/*
 * Sends the first n reserved bytes; flags: TCP_WRITE_FLAG_MORE or 0. Returns what
 * tcp_write() returns: ERR_OK; ERR_MEM if the send buffer or the queue is full (try again
 * in the sent callback); ERR_CONN. After an error the bytes are still reserved.
 */
err_t sendbuf_commit(struct sendbuf *b, struct tcp_pcb *pcb, size_t n, uint8_t flags);

/*
 * Reserves, copies and commits as much as tcp_sndbuf() allows. Returns the result of the
 * last tcp_write(), and the number of bytes in *done.
 */
err_t sendbuf_write(struct sendbuf *b, struct tcp_pcb *pcb, const void *from, size_t len,
		    uint8_t flags, size_t *done);

/* As sendbuf_commit(), for bytes that never change: they are not copied. */
err_t sendbuf_refer(struct sendbuf *b, struct tcp_pcb *pcb, const void *from, size_t n,
		    uint8_t flags);

/* The peer has acknowledged len more bytes. */
void sendbuf_acked(struct sendbuf *b, size_t len);

/* The connection has ended. Pages that a backend still reads are released later. */
void sendbuf_free(struct sendbuf *b);

/* ---- for net/net.c and net/netif_tx.c */

/*
 * Allocates memory and grants it to backends. Called before the first device is opened.
 */
void sendbuf_init(size_t memory);

/*
 * Counts a queued packet with these bytes, so that lent pages are not reused; and the end
 * of it.
 */
void sendbuf_ref(const void *data, size_t len);
void sendbuf_unref(const void *data, size_t len);

void sendbuf_usage(uint32_t *pages, uint32_t *used);

#endif

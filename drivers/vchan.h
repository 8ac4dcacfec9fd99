/* SPDX-License-Identifier: ISC */
/*
 * vchan: a pair of byte streams between two domains (xen/io/libxenvchan.h).
 *
 * The server lends the rings and says under a path of xenstore which they are; the client
 * maps them.  It speaks with libxenvchan (tools/libs/vchan of Xen), either side.
 *
 * A server outlives its clients, one after another.  What was sent to one that has gone,
 * and what it sent and nobody read before the next read() returned 0, no other sees: a
 * session ends as a file does, and behind its end comes the next.  A peer that breaks the
 * protocol costs this channel only: -EPROTO, and a server may vchan_renew().
 *
 * How sessions are told apart: a client sets cli_live to 1, and to 0 when it goes (Linux
 * does it for one that dies).  Only a server reads it, so ours marks what it has seen: 1
 * becomes 3, and 0, once the rings are clean, 2.  So a client that came while its
 * predecessor's end was not noticed is noticed itself, and sent away (-ECONNRESET): whose
 * bytes those are nobody can know.  All of this holds between two clients in the time in
 * which the guest does not run at all.
 *
 * Kernel code only.  Any number of threads may use a channel at once, but its end is one
 * thread's.
 */
#ifndef DRIVERS_VCHAN_H
#define DRIVERS_VCHAN_H

#include "drivers/border/stream.h"
#include "kernel/evtchn.h"
#include "kernel/gnttab.h"

/* Rings of 1 << order bytes.  Two of 10 or of 11 do not fit a page, nor 10 with 20. */
#define VCHAN_ORDER_MIN 10
#define VCHAN_ORDER_MAX 20
#define VCHAN_PATH_MAX 256

struct vchan_interface;

enum vchan_state {
	VCHAN_NONE,
	VCHAN_WAITING,			/* a server without a client */
	VCHAN_OPEN,
	VCHAN_ENDED,			/* the peer has gone; some may be left to read */
};

struct vchan {
	struct stream in, out;
	struct evtchn port;
	enum vchan_state state;
	int error;			/* for good: -EPROTO, -ECONNRESET */
	uint32_t end;			/* VCHAN_ENDED: in.at goes so far */
	unsigned session;		/* a server's: how many have ended */
	uint8_t __shared *peer_live, *our_live;
	uint8_t __shared *peer_asks, *we_ask;	/* VCHAN_NOTIFY_* */

	bool server;
	domid_t peer;
	uint8_t read_order, write_order;
	struct vchan_interface __shared *page;
	void *pages[3];			/* a server's: that one, its read ring, its write ring */
	grant_ref_t *refs;		/* of all of them, in this order */
	unsigned nrefs;
	struct gnttab_map maps[3];	/* a client's: the same */
	char path[VCHAN_PATH_MAX];
};

/*
 * Serve a domain at a path of ours, made for it alone to read: 0, -EINVAL (orders),
 * -ENAMETOOLONG, -ENOMEM, -ENOSPC (grants, ports), or what xenstore says.  Sleeps, as do
 * the next three.
 */
int vchan_serve(struct vchan *v, domid_t peer, const char *path, unsigned read_order,
		 unsigned write_order);

/*
 * Be a domain's client: 0; -ENOENT, nobody serves there; -EBUSY, somebody else is its
 * client; -EPROTO, what it says makes no sense; -EACCES, it does not lend what it says.
 */
int vchan_join(struct vchan *v, domid_t peer, const char *path);

/* The end, from our side; nobody else uses it.  A zeroed one may be closed too. */
void vchan_close(struct vchan *v);

/* A server after an error: another channel of the same rings.  0 or -errno: close it. */
int vchan_renew(struct vchan *v);

/*
 * A server is done with its client: what that left unread is dropped if it has gone; else,
 * it takes nothing or lies, it has the channel taken away.  Sleeps; errors as vchan_renew().
 */
int vchan_dismiss(struct vchan *v);

/*
 * Some bytes, at once: how many, at least 1; -EAGAIN, and the peer will ring when that
 * changes; or v->error.  Also, of a read, 0: the end of a session (a server's next read is
 * the next one's, a client's 0 again); of a write, -EPIPE: the peer has gone, and so it
 * stays until a read has said 0, and -ENOTCONN: the next has not come.
 */
ssize_t vchan_try_read(struct vchan *v, void *to, size_t len);
ssize_t vchan_try_write(struct vchan *v, const void *from, size_t len);

/*
 * The same, asleep until then or the deadline (-ETIMEDOUT).  A write is of all of it; if
 * it stops half-way: how many were written.
 */
ssize_t vchan_read(struct vchan *v, void *to, size_t len, uint64_t deadline);
ssize_t vchan_write(struct vchan *v, const void *from, size_t len, uint64_t deadline);

/* Which of them would not say -EAGAIN now; what is not among them, the peer will ring for. */
#define VCHAN_READABLE 1u
#define VCHAN_WRITABLE 2u
#define VCHAN_GONE 4u			/* VCHAN_ENDED, or an error */
unsigned vchan_ready(struct vchan *v);

/* Notice who came or went, for who is told of events and does neither read nor write. */
void vchan_look(struct vchan *v);

/* For vchan.c and vchan_setup.c: the rings are there, and the peer or will be. */
void vchan_begin(struct vchan *v, uint8_t __shared *left, uint8_t __shared *right);

#endif

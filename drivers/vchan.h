/* SPDX-License-Identifier: ISC */
/*
 * vchan: a pair of byte streams between two domains (xen/io/libxenvchan.h).
 *
 * The server grants the rings and publishes them below a path in xenstore; the client
 * maps them.  Both sides are compatible with libxenvchan (tools/libs/vchan of Xen).
 *
 * A server serves one client after another.  Data belongs to one session: a new client
 * never sees data that was sent to, or not read from, the previous one.  A read returns 0
 * at the end of a session; the next read belongs to the next client.  If a peer violates
 * the protocol, only this channel fails, with -EPROTO; a server may call vchan_renew().
 *
 * A client sets cli_live to 1, and to 0 when it leaves (Linux does this for a client that
 * dies). Only a server reads it, so this server marks what it has seen: 1 becomes 3, and
 * 0 becomes 2 when the rings are clean.  So it notices a client that came before the end
 * of its predecessor was noticed, and dismisses it (-ECONNRESET), since its bytes cannot
 * be told apart.  A client that comes and leaves while the guest does not run at all is
 * not noticed.
 *
 * Kernel code only.  Any number of threads may use a channel at once, but only one thread
 * may close it.
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
	VCHAN_ENDED,			/* the peer has left; there may be bytes to read */
};

struct vchan {
	struct stream in, out;
	struct evtchn port;
	enum vchan_state state;
	int error;			/* final: -EPROTO, -ECONNRESET */
	uint32_t end;			/* in VCHAN_ENDED: the last value of in.at */
	unsigned session;		/* of a server: how many have ended */
	uint8_t __shared *peer_live, *our_live;
	uint8_t __shared *peer_notify, *our_notify;	/* VCHAN_NOTIFY_* */

	bool server;
	domid_t peer;
	uint8_t read_order, write_order;
	struct vchan_interface __shared *page;
	void *pages[3];			/* of a server: that page, read ring, write ring */
	grant_ref_t *refs;		/* of all of them, in this order */
	unsigned nrefs;
	struct gnttab_map maps[3];	/* of a client: the same */
	struct vchan *next;		/* of all channels */
	char path[VCHAN_PATH_MAX];
};

/*
 * Serves a domain at a path of this domain, which only that domain may read.  Returns 0;
 * -EINVAL (orders), -ENAMETOOLONG, -ENOMEM, -ENOSPC (grants, ports), or an error of
 * xenstore.  Sleeps, as do the next three.
 */
int vchan_serve(struct vchan *v, domid_t peer, const char *path, unsigned read_order,
		 unsigned write_order);

/*
 * Becomes a domain's client.  Returns 0; -ENOENT if there is no server; -EBUSY if it has
 * a client; -EPROTO if the server's data is invalid; -EACCES if its grants cannot be
 * mapped.
 */
int vchan_join(struct vchan *v, domid_t peer, const char *path);

/* Closes the channel, which no other thread uses.  A zeroed one may be closed, too. */
void vchan_close(struct vchan *v);

/*
 * A server after an error: makes another channel with the same rings.  Returns 0 or
 * -errno; then close it.
 */
int vchan_renew(struct vchan *v);

/*
 * A server dismisses its client: drops unread bytes if the client has left; otherwise
 * renews the channel.  Sleeps; errors as vchan_renew().
 */
int vchan_dismiss(struct vchan *v);

/*
 * Move some bytes without sleeping.  Return how many, at least 1; -EAGAIN, and the peer
 * will notify when that changes; or v->error.  A read also returns 0 at the end of a
 * session (a server's next read is the next session's, a client's returns 0 again). A
 * write also returns -EPIPE if the peer has left, until a read has returned 0, and
 * -ENOTCONN before the next client comes.
 */
ssize_t vchan_try_read(struct vchan *v, void *to, size_t len);
ssize_t vchan_try_write(struct vchan *v, const void *from, size_t len);

/*
 * The same, but sleep until then or the deadline (-ETIMEDOUT; in ns of clock_now()). A
 * write writes all bytes; if it is interrupted, it returns how many were written.
 */
ssize_t vchan_read(struct vchan *v, void *to, size_t len, uint64_t deadline);
ssize_t vchan_write(struct vchan *v, const void *from, size_t len, uint64_t deadline);

/*
 * Returns which of these would not return -EAGAIN now.  The peer will notify for the
 * others.  Does not sleep.
 */
#define VCHAN_READABLE 1u
#define VCHAN_WRITABLE 2u
#define VCHAN_GONE 4u			/* VCHAN_ENDED, or an error */
unsigned vchan_ready(struct vchan *v);

/*
 * Updates v->state, without sleeping.  For callers that handle events and neither read nor
 * write.
 */
void vchan_update(struct vchan *v);

/*
 * After a suspend: a channel whose pages or grants are lost has failed with -ECONNRESET.  These are
 * all channels in a restored domain.  Does not sleep.
 */
void vchan_release(bool restored);

/*
 * For vchan.c and vchan_setup.c: sets up both streams, whose rings exist, and the state.  Does
 * not sleep.
 */
void vchan_begin(struct vchan *v, uint8_t __shared *left, uint8_t __shared *right);

#endif

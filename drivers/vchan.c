/* SPDX-License-Identifier: ISC */
/* The bytes and the sessions of a channel; vchan_setup.c has its setup and end. */
#include "drivers/vchan.h"
#include "kernel/log.h"

#include <assert.h>
#include <errno.h>
#include <xen/io/libxenvchan.h>

/* Values of *_live: those of the protocol, and the server's marks (see vchan.h). */
#define GONE 0
#define HERE 1
#define AWAITED 2
#define SEEN 3

/*
 * Long writes are published in pieces, so that a peer on another processor reads the
 * first one while the second is written.
 */
#define PIECE (64 * 1024)

static size_t min(size_t a, size_t b)
{
	return a < b ? a : b;
}

void vchan_begin(struct vchan *v, uint8_t __shared *left, uint8_t __shared *right)
{
	struct vchan_interface __shared *p = v->page;
	uint32_t in = 1u << v->read_order, out = 1u << v->write_order;

	if (v->server) {
		stream_open(&v->in, left, in, &p->left.cons, &p->left.prod);
		stream_open(&v->out, right, out, &p->right.prod, &p->right.cons);
		v->peer_live = &p->cli_live;
		v->our_live = &p->srv_live;
		v->our_notify = &p->cli_notify;
		v->peer_notify = &p->srv_notify;
	} else {
		stream_open(&v->in, right, in, &p->right.cons, &p->right.prod);
		stream_open(&v->out, left, out, &p->left.prod, &p->left.cons);
		v->peer_live = &p->srv_live;
		v->our_live = &p->cli_live;
		v->our_notify = &p->srv_notify;
		v->peer_notify = &p->cli_notify;
	}
	v->error = 0;
	v->state = v->server ? VCHAN_WAITING : VCHAN_OPEN;
}

/* Threads that sleep are woken, too. */
static int fail(struct vchan *v, int error)
{
	if (!v->error) {
		log_warning("vchan: %s, domain %u: %s", v->path, v->peer,
			    error == -EPROTO ? "protocol error" :
			    "a client replaced another one");
		v->error = error;
		wake(&v->port.waiters);
	}
	return v->error;
}

/*
 * The bytes that the client has sent are its last ones, and those that it has not read
 * are dropped.  Only then the server accepts another client.  One that is there already
 * may have seen data that was not for it.
 */
static void end_session(struct vchan *v)
{
	ssize_t left = stream_readable(&v->in);

	v->state = VCHAN_ENDED;
	v->end = v->in.at + (left > 0 ? left : 0);
	if (!v->server)
		return;
	stream_rewind(&v->out);
	if (!shared_byte_swap(v->peer_live, GONE, AWAITED))
		fail(v, -ECONNRESET);
}

static void check_client(struct vchan *v)
{
	uint8_t live = shared_byte_load(v->peer_live);

	if (live == AWAITED)
		return;
	if (live == HERE && shared_byte_swap(v->peer_live, HERE, SEEN)) {
		v->state = VCHAN_OPEN;
	} else if (live == GONE && stream_readable(&v->in) == 0) {
		/* It mapped the page, and unmapped it. */
		shared_byte_swap(v->peer_live, GONE, AWAITED);
	} else if (live == GONE || live == HERE) {
		end_session(v);
	} else {
		fail(v, -EPROTO);
	}
}

void vchan_update(struct vchan *v)
{
	uint8_t live;

	if (v->error)
		return;
	if (v->state == VCHAN_WAITING)
		check_client(v);
	if (v->state != VCHAN_OPEN)
		return;
	live = shared_byte_load(v->peer_live);
	if (live == (v->server ? SEEN : HERE))
		return;
	if (live == GONE)
		end_session(v);
	else
		fail(v, live == HERE ? -ECONNRESET : -EPROTO);
}

/*
 * Returns how much can be read; 0 at the end of a session.  If the client is still there
 * when it is checked after the ring, the bytes in the ring are its own.
 */
static ssize_t readable(struct vchan *v)
{
	if (v->state != VCHAN_ENDED) {
		ssize_t n = stream_readable(&v->in);

		vchan_update(v);
		if (n < 0)
			fail(v, n);
		if (!v->error && v->state != VCHAN_ENDED)
			return n > 0 && v->state == VCHAN_OPEN ? n : -EAGAIN;
	}
	return v->error ? v->error : (ssize_t)(v->end - v->in.at);
}

static ssize_t writable(struct vchan *v)
{
	ssize_t n = stream_writable(&v->out);

	vchan_update(v);
	if (n < 0)
		fail(v, n);
	if (v->error)
		return v->error;
	if (v->state == VCHAN_ENDED)
		return -EPIPE;
	return n > 0 && v->state == VCHAN_OPEN ? n : -EAGAIN;
}

/* Asks the peer to notify, and checks again for what it did before. */
static ssize_t ask_notify(struct vchan *v, uint8_t bit, ssize_t (*again)(struct vchan *v))
{
	shared_byte_or(v->our_notify, bit);
	return again(v);
}

/*
 * Notifies the peer after an index was moved, if it asked for that.  The peer asks before
 * it checks the index, and this side checks after it moved the index.
 */
static void notify_peer(struct vchan *v, uint8_t bit)
{
	shared_fence();
	if (!(shared_byte_load(v->peer_notify) & bit))
		return;
	shared_byte_and(v->peer_notify, ~bit);
	evtchn_notify(&v->port);
}

ssize_t vchan_try_read(struct vchan *v, void *to, size_t len)
{
	ssize_t n;

	if (len == 0)
		return 0;
	n = readable(v);
	if (n == -EAGAIN)
		n = ask_notify(v, VCHAN_NOTIFY_WRITE, readable);
	if (n == 0 && v->server) {
		v->state = VCHAN_WAITING;
		v->session++;
	}
	if (n <= 0)
		return n;
	n = stream_read(&v->in, to, min(len, n));
	if (n <= 0)			/* it was there just now */
		return fail(v, -EPROTO);
	notify_peer(v, VCHAN_NOTIFY_READ);
	return n;
}

ssize_t vchan_try_write(struct vchan *v, const void *from, size_t len)
{
	size_t done = 0;
	ssize_t n;

	if (len == 0)
		return 0;
	n = writable(v);
	if (n == -EAGAIN)
		n = ask_notify(v, VCHAN_NOTIFY_READ, writable);
	if (n == -EAGAIN && v->state == VCHAN_WAITING)
		return -ENOTCONN;
	while (n > 0 && done < len) {
		n = stream_write(&v->out, (const char *)from + done, min(len - done, PIECE));
		if (n <= 0)
			break;
		done += n;
		notify_peer(v, VCHAN_NOTIFY_WRITE);
	}
	if (n == -EPROTO)
		fail(v, n);
	return done ? (ssize_t)done : n;
}

ssize_t vchan_read(struct vchan *v, void *to, size_t len, uint64_t deadline)
{
	ssize_t n = -EAGAIN;

	wait_until_deadline(&v->port.waiters, deadline,
			    (evtchn_take(&v->port),
			     (n = vchan_try_read(v, to, len)) != -EAGAIN));
	return n == -EAGAIN ? -ETIMEDOUT : n;
}

ssize_t vchan_write(struct vchan *v, const void *from, size_t len, uint64_t deadline)
{
	unsigned session = v->session;
	size_t done = 0;
	ssize_t n = 0;

	while (done < len && n >= 0) {
		wait_until_deadline(&v->port.waiters, deadline,
				    (evtchn_take(&v->port), v->session != session) ||
				    (n = vchan_try_write(v, (const char *)from + done,
							 len - done)) != -EAGAIN);
		if (v->session != session)	/* another thread has read the end of the session */
			n = -EPIPE;
		if (n > 0)
			done += n;
	}
	if (done && n != -EPIPE)
		return done;
	return n == -EAGAIN ? -ETIMEDOUT : n;
}

unsigned vchan_ready(struct vchan *v)
{
	ssize_t in = readable(v), out = writable(v);

	if (in == -EAGAIN)
		in = ask_notify(v, VCHAN_NOTIFY_WRITE, readable);
	if (out == -EAGAIN)
		out = ask_notify(v, VCHAN_NOTIFY_READ, writable);
	return (in != -EAGAIN ? VCHAN_READABLE : 0) |
	       (out != -EAGAIN ? VCHAN_WRITABLE : 0) |
	       (v->error || v->state == VCHAN_ENDED ? VCHAN_GONE : 0);
}

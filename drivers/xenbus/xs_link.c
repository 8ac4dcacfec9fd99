/* SPDX-License-Identifier: ISC */
/* Over 500 lines: all functions work on one state, that of the connection. */
#include "drivers/border/stream.h"
#include "drivers/xenbus/xs_link.h"
#include "kernel/arch.h"
#include "kernel/clock.h"
#include "kernel/evtchn.h"
#include "kernel/log.h"
#include "kernel/sched.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * Limit of requests without a reply, for the case that xenstored never replies.  It stops
 * reading at 20 (its quota for outstanding requests).
 */
#define IN_FLIGHT_MAX 64

struct xs_request {
	struct xs_request *next;
	struct waitq waiters;
	bool done;
	bool abandoned;			/* no thread waits: free it when it is done */
	bool wants_reply;
	int error;
	char *reply;
	size_t reply_len;
	uint32_t begun;			/* of XS_TRANSACTION_START: the transaction */
	struct xs_request *end;		/* and the request that ends it if no thread waits */
	size_t written, size;		/* of the following bytes */
	struct xsd_sockmsg hdr;
	char payload[];
};

static struct {
	struct xenstore_domain_interface __shared *page;
	struct stream out, in;
	struct evtchn port;
	int error;			/* why there is no connection */
	struct thread *first;		/* the only thread that may send requests at first */
	bool everybody;
	bool answered;			/* at least once */
	unsigned unexpected;
	uint32_t next_id;
	struct xs_request *queue, **queue_end;	/* to be written */
	struct xs_request *sent;
	unsigned in_flight;
	size_t got;			/* of `message` */
} conn = { .error = -ENODEV, .queue_end = &conn.queue };

/* The message that is being received. */
static struct {
	struct xsd_sockmsg hdr;
	char body[XENSTORE_PAYLOAD_MAX + 1];
} message;

void xs_link_unexpected(const char *what)
{
	/* Before the first reply it is for an earlier user of the ring. */
	if (!conn.answered) {
		log_debug("xenstore: %s, for an earlier user of the ring", what);
		return;
	}
	conn.unexpected++;
	if ((conn.unexpected & (conn.unexpected - 1)) == 0)
		log_warning("xenstore: unexpected message: %s (%u so far)", what, conn.unexpected);
}

static void complete(struct xs_request *r, int error)
{
	r->error = error;
	r->done = true;
	wake(&r->waiters);
	if (r->abandoned) {
		free(r->end);
		free(r);
	}
}

/* The stream cannot be used any more: fails all requests and watches. */
static void fail(const char *why)
{
	struct xs_request *r;

	if (conn.error)
		return;
	log_error("xenstore: connection lost: %s", why);
	conn.error = -EIO;
	while ((r = conn.queue)) {
		conn.queue = r->next;
		complete(r, -EIO);
	}
	while ((r = conn.sent)) {
		conn.sent = r->next;
		complete(r, -EIO);
	}
	xs_watch_fail(-EIO);
	wake(&conn.port.waiters);	/* the reader ends */
}

/* Writes as much of the queue as fits.  Returns whether xenstored was notified. */
static bool send_queued(void)
{
	struct xs_request *r;
	ssize_t n = 0, moved = 0;

	while (!conn.error && (r = conn.queue) && conn.in_flight < IN_FLIGHT_MAX) {
		n = stream_write(&conn.out, (char *)&r->hdr + r->written,
				 r->size - r->written);
		if (n <= 0)
			break;
		moved += n;
		r->written += n;
		if (r->written < r->size)
			continue;	/* the rest, at the beginning of the ring */
		conn.queue = r->next;
		if (!conn.queue)
			conn.queue_end = &conn.queue;
		r->next = conn.sent;
		conn.sent = r;
		conn.in_flight++;
	}
	if (moved)
		evtchn_notify(&conn.port);
	if (n < 0)
		fail("invalid index in the request ring");
	return moved;
}

/* Queues a request, whose payload is complete. */
static void submit(struct xs_request *r, uint32_t type, uint32_t tx)
{
	r->hdr.type = type;
	r->hdr.tx_id = tx;
	r->hdr.req_id = conn.next_id++;
	*conn.queue_end = r;
	conn.queue_end = &r->next;
	send_queued();
}

static void fill(struct xs_request *r, const struct xs_piece *pieces, unsigned n)
{
	*r = (struct xs_request){ .size = sizeof(r->hdr) };
	for (unsigned i = 0; i < n; i++) {
		memcpy(r->payload + r->hdr.len, pieces[i].data, pieces[i].len);
		r->hdr.len += pieces[i].len;
	}
	r->size += r->hdr.len;
}

static size_t total(const struct xs_piece *pieces, unsigned n)
{
	size_t len = 0;

	for (unsigned i = 0; i < n; i++)
		len += pieces[i].len;
	return len;
}

struct xs_request *xs_link_prepare(const struct xs_piece *pieces, unsigned n)
{
	struct xs_request *r = malloc(sizeof(*r) + total(pieces, n));

	if (r)
		fill(r, pieces, n);
	return r;
}

/* The caller leaves.  A request that xenstored has seen must stay until its reply. */
static int abandon(struct xs_request *r)
{
	struct xs_request **p = &conn.queue;

	r->abandoned = true;
	if (r->written)
		return -ETIMEDOUT;
	while (*p != r)
		p = &(*p)->next;
	*p = r->next;
	if (!*p)
		conn.queue_end = p;
	complete(r, -ETIMEDOUT);
	return -ETIMEDOUT;
}

/* Returns 0 or -errno.  Sleeps.  After -ETIMEDOUT r is no longer the caller's. */
static int run(struct xs_request *r, uint32_t type, uint32_t tx, uint64_t deadline)
{
	submit(r, type, tx);
	if (!wait_until_deadline(&r->waiters, deadline, r->done))
		return abandon(r);
	return r->error;
}

void xs_link_admit(struct thread *only)
{
	conn.first = only;
	conn.everybody = !only;
}

/* Whether a request may be sent: 0 or -errno. */
static int ready(uint64_t deadline)
{
	if (conn.error)
		return conn.error;
	if (!conn.everybody && current != conn.first)
		return -ENODEV;
	return deadline != NEVER && clock_now() >= deadline ? -ETIMEDOUT : 0;
}

bool xs_link_held;
struct waitq xs_link_changed;

void xs_link_hold_on(uint64_t deadline)
{
	if (xs_link_held)
		wait_until_deadline(&xs_link_changed, deadline, !xs_link_held);
}

bool xs_link_quiet(void)
{
	return !conn.queue && !conn.sent;
}

ssize_t xs_link_call(uint32_t type, uint32_t tx, uint64_t deadline,
		     const struct xs_piece *pieces, unsigned n, char **reply)
{
	struct xs_request *r;
	ssize_t rc;

	if (!tx)
		xs_link_hold_on(deadline);
	rc = ready(deadline);
	if (rc)
		return rc;
	if (total(pieces, n) > XENSTORE_PAYLOAD_MAX)
		return -E2BIG;
	r = xs_link_prepare(pieces, n);
	if (!r)
		return -ENOMEM;
	r->wants_reply = reply;
	rc = run(r, type, tx, deadline);
	if (rc == -ETIMEDOUT)
		return rc;
	if (rc == 0)
		rc = r->reply_len;
	if (reply)
		*reply = r->reply;
	free(r);
	return rc;
}

void xs_link_post(struct xs_request *r, uint32_t type, uint32_t tx)
{
	if (conn.error) {
		free(r);
		return;
	}
	r->abandoned = true;
	submit(r, type, tx);
}

int xs_link_begin(uint64_t deadline, uint32_t *tx, struct xs_request **end)
{
	static const struct xs_piece start = { "", 1 }, undo = { "F", 2 };
	struct xs_request *r;
	int rc = ready(deadline);

	if (rc)
		return rc;
	r = xs_link_prepare(&start, 1);
	*end = xs_link_prepare(&undo, 1);
	rc = -ENOMEM;
	if (r && *end) {
		r->end = *end;
		rc = run(r, XS_TRANSACTION_START, 0, deadline);
		if (rc == -ETIMEDOUT)
			return rc;
		*tx = r->begun;
	}
	free(r);
	if (rc)
		free(*end);
	return rc;
}

void xs_link_last_words(const struct xs_piece *pieces, unsigned n, uint64_t ns)
{
	static _Alignas(struct xs_request) char memory[sizeof(struct xs_request) + 256];
	struct xs_request *last = (struct xs_request *)memory;
	uint64_t end = clock_now() + ns;

	if (conn.error || last->size || total(pieces, n) > 256)
		return;
	fill(last, pieces, n);
	submit(last, XS_WRITE, 0);
	while (!conn.error && clock_now() < end &&
	       (conn.queue || stream_writable(&conn.out) != (ssize_t)conn.out.size)) {
		send_queued();
		xen_sched_yield();	/* dom0 may need this processor */
	}
}

/* The protocol transmits errno by name (xs_wire.h). */
static int error_number(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(xsd_errors) / sizeof(xsd_errors[0]); i++)
		if (len == strlen(xsd_errors[i].errstring) + 1 &&
		    memcmp(name, xsd_errors[i].errstring, len) == 0)
			return -xsd_errors[i].errnum;
	xs_link_unexpected("an error of unknown name");
	return -EPROTO;
}

/* Parses the id of a new transaction, in decimal. */
static int take_transaction(struct xs_request *r, const char *body, size_t len)
{
	uint64_t id = 0;

	for (size_t i = 0; i + 1 < len && body[i] >= '0' && body[i] <= '9'; i++)
		if (id <= UINT32_MAX)
			id = id * 10 + body[i] - '0';
	if (id == 0 || id > UINT32_MAX) {
		xs_link_unexpected("an invalid transaction id");
		return -EPROTO;
	}
	r->begun = id;
	if (r->abandoned) {
		xs_link_post(r->end, XS_TRANSACTION_END, id);
		r->end = NULL;
	}
	return 0;
}

/* Handles the reply to r. */
static int take_reply(struct xs_request *r, const struct xsd_sockmsg *hdr,
		      const char *body)
{
	if (hdr->type == XS_ERROR)
		return error_number(body, hdr->len);
	if (hdr->type != r->hdr.type) {
		xs_link_unexpected("a reply of the wrong type");
		return -EPROTO;
	}
	r->reply_len = hdr->len;
	if (r->wants_reply && !r->abandoned) {
		r->reply = malloc(hdr->len + 1);
		if (r->reply)
			memcpy(r->reply, body, hdr->len + 1);
	}
	if (hdr->type == XS_TRANSACTION_START)
		return take_transaction(r, body, hdr->len);
	return r->wants_reply && !r->reply ? -ENOMEM : 0;
}

static void dispatch(void)
{
	struct xsd_sockmsg *hdr = &message.hdr;
	struct xs_request **p = &conn.sent, *r;
	char *body = message.body;

	body[hdr->len] = '\0';
	if (hdr->type == XS_WATCH_EVENT) {
		xs_watch_event(body, hdr->len);
		return;
	}
	while ((r = *p) && r->hdr.req_id != hdr->req_id)
		p = &r->next;
	if (!r) {
		xs_link_unexpected("a reply to no request");
		return;
	}
	*p = r->next;
	conn.in_flight--;
	conn.answered = true;
	complete(r, take_reply(r, hdr, body));
	if (xs_link_held)
		wake(&xs_link_changed);
}

/* Reads the present message.  Returns 1 if it is complete, 0 if not, or -errno. */
static int receive(void)
{
	struct xsd_sockmsg *hdr = &message.hdr;

	for (;;) {
		size_t size = sizeof(*hdr);
		ssize_t n;

		if (conn.got >= size) {
			if (hdr->len > XENSTORE_PAYLOAD_MAX)
				return -EMSGSIZE;
			size += hdr->len;
		}
		if (conn.got == size) {
			conn.got = 0;
			return 1;
		}
		n = stream_read(&conn.in, (char *)&message + conn.got,
				size - conn.got);
		if (n <= 0)
			return n;
		conn.got += n;
	}
}

/*
 * Reads at most one ring of replies and events.  xenstored is notified each time that
 * there is room again; it drops a guest that does not read events for 20 s (core.c,
 * conn_timeout), so nothing here may wait for a consumer.
 */
static int read_some(void)
{
	uint32_t start = conn.in.at;
	int rc = 0;

	while (!conn.error && conn.in.at - start < conn.in.size && (rc = receive()) > 0)
		dispatch();
	if (!send_queued() && conn.in.at != start)
		evtchn_notify(&conn.port);
	return rc;
}

/* Returns the error of the connection, if this xenstored reports it. */
static uint32_t server_error(void)
{
	if (!(shared_load(&conn.page->server_features) & XENSTORE_SERVER_FEATURE_ERROR))
		return XENSTORE_ERROR_NONE;
	return shared_load(&conn.page->error);
}

static void reader(void *arg)
{
	(void)arg;
	while (!conn.error) {
		int rc = read_some();

		if (rc == -EMSGSIZE)
			fail("a message longer than the protocol allows");
		else if (rc < 0)
			fail("invalid index in the reply ring");
		else if (stream_writable(&conn.out) < 0)
			fail("invalid index in the request ring");
		else if (server_error())
			fail("xenstored reports an error of the connection");
		else if (rc > 0)
			thread_yield();
		else
			wait_until(&conn.port.waiters,
				   evtchn_take(&conn.port) || conn.error);
	}
}

/* The indexes are those that the last user left, the builder or a boot loader. */
static bool open_streams(void)
{
	struct xenstore_domain_interface __shared *page = conn.page;

	stream_open(&conn.out, page->req, XENSTORE_RING_SIZE, &page->req_prod,
		    &page->req_cons);
	stream_open(&conn.in, page->rsp, XENSTORE_RING_SIZE, &page->rsp_cons,
		    &page->rsp_prod);
	return stream_writable(&conn.out) >= 0 && stream_readable(&conn.in) >= 0 &&
	       !server_error();
}

/* docs/misc/xenstore-ring.txt, "The ring reconnection feature". */
static bool reconnect(void)
{
	uint64_t deadline = clock_now() + 2 * NSEC_PER_SEC;
	uint32_t __shared *state = &conn.page->connection;

	if (!(shared_load(&conn.page->server_features) &
	      XENSTORE_SERVER_FEATURE_RECONNECTION))
		return false;
	shared_store(state, XENSTORE_RECONNECT);
	evtchn_notify(&conn.port);
	if (!wait_until_deadline(&conn.port.waiters, deadline,
				 (evtchn_take(&conn.port),
				  shared_load(state) == XENSTORE_CONNECTED)))
		return false;
	return open_streams();
}

/* The contents of the rings are dropped: watches report everything again. */
void xs_link_restored(void)
{
	struct xenstore_domain_interface __shared *page = boot_info.xenstore_ring;

	if (conn.error)
		return;
	conn.page = page;
	conn.got = 0;
	shared_store(&page->rsp_cons, shared_load(&page->rsp_prod));
	shared_store(&page->req_prod, shared_load(&page->req_cons));
	if (evtchn_adopt(&conn.port, "xenstore", boot_info.xenstore_port) || !open_streams())
		fail("its ring is invalid");
	wake(&conn.port.waiters);
}

int xs_link_open(void)
{
	int rc;

	if (conn.page || !boot_info.xenstore_ring)
		return conn.error;
	conn.page = boot_info.xenstore_ring;
	/* An earlier user of the ring counted from 0: replies to it must not match. */
	conn.next_id = clock_now();
	rc = evtchn_adopt(&conn.port, "xenstore", boot_info.xenstore_port);
	if (rc)
		return rc;
	if (!open_streams() && !reconnect()) {
		log_error("xenstore: ring indexes are invalid; continuing without xenstore");
		return conn.error = -EIO;
	}
	conn.error = 0;
	return 0;
}

int xs_link_run(void)
{
	int rc = xs_link_open();

	if (rc)
		return rc;
	if (!thread_start("xenstore", THREAD_KERNEL, STACK_KERNEL, reader, NULL, NULL))
		return conn.error = -ENOMEM;
	return 0;
}

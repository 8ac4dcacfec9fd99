/* SPDX-License-Identifier: ISC */
/*
 * drivers/vchan.c over drivers/border/stream.c, one call from each state, the peer's indexes, bytes
 * and states being anything: nothing outside of the rings is accessed, nothing behind the end of a
 * session is read, and who gets -EAGAIN has asked to be notified before it looked for the last time.
 */
#include "tests/prove/peer.h"
#include "drivers/border/stream.c"
#define min vchan_min
#include "drivers/vchan.c"
#undef min
#include "tests/prove/waits.h"

#define SIZE 1024u			/* of each ring */
#define LEN 2048u

static struct vchan v, before;
static struct vchan_interface page;
static uint8_t in_ring[SIZE], out_ring[SIZE], private[LEN];
static unsigned notified, failures;
static bool asked[8];			/* by VCHAN_NOTIFY_*: the bit is set */
static bool looked[8];			/* then the index was read */
static bool moved_in, moved_out;

void log_at(enum log_level level, const char *fmt, ...)
{
	(void)level, (void)fmt;
}

void evtchn_notify(struct evtchn *port)
{
	CLAIM("of this channel", port == &v.port);
	notified++;
}

bool evtchn_take(struct evtchn *port)
{
	(void)port;
	return nondet_bool();
}

static void on_wake(const struct waitq *queue)
{
	CLAIM("those that wait for the channel", queue == &v.port.waiters);
	failures++;
}

static void others_run(void)
{
}

static void on_load(const void *p, uint32_t value)
{
	(void)value;
	if (p == v.in.theirs)
		looked[VCHAN_NOTIFY_WRITE] = asked[VCHAN_NOTIFY_WRITE];
	if (p == v.out.theirs)
		looked[VCHAN_NOTIFY_READ] = asked[VCHAN_NOTIFY_READ];
	if (p == v.peer_notify)
		CLAIM("the peer's wish is read after the index is published", fenced);
}

static void on_store(const void *p, uint32_t value)
{
	CLAIM("only this side's bytes are written",
	      p == v.in.ours || p == v.out.ours || p == v.our_notify || p == v.peer_notify ||
	      p == v.peer_live);
	if (p == v.our_notify)
		asked[value & (VCHAN_NOTIFY_READ | VCHAN_NOTIFY_WRITE)] = true;
}

static void on_get(const void *to, const void *from, size_t len)
{
	moved_in = true;
	CLAIM("bytes of the ring", len <= SIZE && (!len || ((const uint8_t *)from >= in_ring &&
	      (const uint8_t *)from + len <= in_ring + SIZE)));
	(void)to;
}

static void on_put(const void *to, const void *from, size_t len)
{
	moved_out = true;
	CLAIM("bytes of the ring", len <= SIZE && (!len || ((const uint8_t *)to >= out_ring &&
	      (const uint8_t *)to + len <= out_ring + SIZE)));
	(void)from;
}

static void any_channel(void)
{
	v.server = nondet_bool();
	v.read_order = v.write_order = 10;
	v.page = &page;
	vchan_begin(&v, v.server ? in_ring : out_ring, v.server ? out_ring : in_ring);
	v.in.at = nondet_uint32();
	v.out.at = nondet_uint32();
	v.state = nondet_uint8();
	v.error = nondet_bool() ? 0 : nondet_bool() ? -EPROTO : -ECONNRESET;
	v.end = nondet_uint32();
	v.session = nondet_uint32();
	ASSUME((v.state == VCHAN_OPEN || v.state == VCHAN_ENDED ||
			(v.state == VCHAN_WAITING && v.server)));
	ASSUME(v.state != VCHAN_ENDED || v.end - v.in.at <= SIZE);
	before = v;
	stores = loads = 0;
	REACHED("any channel");
}

static bool invariant(void)
{
	return v.in.size == SIZE && v.out.size == SIZE && v.in.buf == in_ring &&
	       v.out.buf == out_ring && v.error <= 0 && (!before.error || v.error == before.error) &&
	       (v.state != VCHAN_ENDED || v.end - v.in.at <= SIZE);
}

/* prove: unwind 2 seconds 6 */
void prove_read(void)
{
	size_t len = nondet_size();
	ssize_t n;

	any_channel();
	ASSUME(len <= LEN);
	n = vchan_try_read(&v, private, len);
	CLAIM("the invariant holds", invariant());
	CLAIM("at most what there is room for", n <= (ssize_t)len && n <= (ssize_t)SIZE);
	CLAIM("the index is as far as bytes were read", v.in.at - before.in.at == (n > 0 ? (uint32_t)n : 0));
	CLAIM("an ended session is not read past its end", before.state != VCHAN_ENDED || n <= 0 ||
	      n <= (ssize_t)(before.end - before.in.at));
	CLAIM("the end is told once", n || !len ? v.session == before.session :
	      v.session - before.session == v.server);
	CLAIM("who is to wait has asked, and has looked again then", n != -EAGAIN ||
	      (asked[VCHAN_NOTIFY_WRITE] && (looked[VCHAN_NOTIFY_WRITE])));
	CLAIM("a read writes nothing", !moved_out);
	if (n > 0)
		REACHED("bytes");
	if (n > 0 && notified)
		REACHED("bytes, and the peer is notified");
	if (n == 0 && len)
		REACHED("the end of a session");
	if (n == -EAGAIN)
		REACHED("nothing yet");
	if (n == -EPROTO && !before.error)
		REACHED("a peer that is wrong");
}

/*
 * Each turn of the loop writes a byte or more, so there are at most two.
 *
 * prove: unwind 3 seconds 6
 */
void prove_write(void)
{
	size_t len = nondet_size();
	ssize_t n;

	any_channel();
	ASSUME(len <= 2);
	n = vchan_try_write(&v, private, len);
	CLAIM("the invariant holds", invariant());
	CLAIM("at most what there is", n <= (ssize_t)len);
	CLAIM("the index is as far as bytes were written",
	      n > 0 ? v.out.at - before.out.at == (uint32_t)n : v.state != before.state ||
	      v.out.at == before.out.at);
	CLAIM("who is to wait has asked, and has looked again then", n != -EAGAIN ||
	      (asked[VCHAN_NOTIFY_READ] && looked[VCHAN_NOTIFY_READ]));
	CLAIM("nothing is written after the end", n <= 0 || v.state == VCHAN_OPEN || v.error);
	CLAIM("a write reads nothing", !moved_in);
	if (n > 0)
		REACHED("bytes");
	if (n == -EPIPE)
		REACHED("the peer is gone");
	if (n == -ENOTCONN)
		REACHED("no client");
	if (n == -EAGAIN)
		REACHED("full");
}

/* prove: unwind 2 */
void prove_ready(void)
{
	unsigned ready;

	any_channel();
	ready = vchan_ready(&v);
	CLAIM("the invariant holds", invariant());
	CLAIM("nothing is moved", !moved_in && !moved_out && v.in.at == before.in.at);
	CLAIM("who is to wait for bytes has asked, and has looked again then", ready & VCHAN_READABLE ||
	      (asked[VCHAN_NOTIFY_WRITE] && looked[VCHAN_NOTIFY_WRITE]));
	CLAIM("who is to wait for room has asked, and has looked again then", ready & VCHAN_WRITABLE ||
	      (asked[VCHAN_NOTIFY_READ] && looked[VCHAN_NOTIFY_READ]));
	if (ready == (VCHAN_READABLE | VCHAN_WRITABLE))
		REACHED("ready for both");
	if (!ready)
		REACHED("ready for nothing");
}

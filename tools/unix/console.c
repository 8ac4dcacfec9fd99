/* SPDX-License-Identifier: ISC */
/*
 * The console: the guest's ring (xen/io/console.h), and standard input and output.  If the reader
 * of standard output is slow, the ring fills up, and the guest waits as under xenconsoled.
 */
#include "tender.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <xen/io/console.h>

#define END_OF_INPUT 4 /* Ctrl-D; lib/file/tty.c */

static struct xencons_interface *ring;
static struct source in = { .fd = -1 }, out = { .fd = -1 };
static bool raw;	/* keep the carriage returns, which the guest writes */
static bool lost;	/* standard output is closed */
static char held[4096]; /* for standard output */
static size_t nheld;
static char typed[1024];
static size_t ntyped;

/* Moves what the guest wrote.  Returns whether there was anything. */
static bool take(void)
{
	uint32_t cons = ring->out_cons,
		 prod = __atomic_load_n(&ring->out_prod, __ATOMIC_ACQUIRE);
	bool any = false;

	if (prod - cons > sizeof(ring->out))
		cons = prod;
	while (cons != prod && nheld < sizeof(held)) {
		char c = ring->out[MASK_XENCONS_IDX(cons++, ring->out)];

		if (!raw && c == '\n' && nheld && held[nheld - 1] == '\r')
			nheld--;
		held[nheld++] = c;
		any = true;
	}
	__atomic_store_n(&ring->out_cons, cons, __ATOMIC_SEQ_CST);
	return any;
}

static void put(void)
{
	struct pollfd room = { .fd = 1, .events = POLLOUT };
	ssize_t n = nheld;

	/* A pipe that poll() calls writable takes at least these 4096 bytes without waiting. */
	if (!lost && nheld) {
		errno = EAGAIN;
		n = poll(&room, 1, 0) == 1 ? write(1, held, nheld) : -1;
	}
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		lost = true;
		n = nheld;
	}
	if (n > 0) {
		memmove(held, held + n, nheld - n);
		nheld -= n;
	}
	out.events = nheld ? POLLOUT : 0;
	out.fd = nheld && !lost ? 1 : -1;
}

static void give(void)
{
	uint32_t prod = ring->in_prod,
		 cons = __atomic_load_n(&ring->in_cons, __ATOMIC_SEQ_CST);
	size_t i = 0;

	for (; i < ntyped && prod - cons < sizeof(ring->in); i++)
		ring->in[MASK_XENCONS_IDX(prod++, ring->in)] = typed[i];
	__atomic_store_n(&ring->in_prod, prod, __ATOMIC_SEQ_CST);
	memmove(typed, typed + i, ntyped - i);
	ntyped -= i;
	if (i)
		port_notify(CONSOLE_PORT);
}

void console_event(void *arg)
{
	(void)arg;
	if (ntyped)
		give();
	while (take()) {
		put();
		port_notify(CONSOLE_PORT);
		if (nheld)
			break;
	}
}

static void writable(struct source *s)
{
	(void)s;
	put();
	console_event(NULL);
}

static void readable(struct source *s)
{
	ssize_t n = read(0, typed, sizeof(typed));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) { /* the guest's read() returns 0 then */
		s->fd = -1;
		typed[0] = END_OF_INPUT;
		n = 1;
	}
	ntyped = n;
	give();
}

static void wait_for_room(struct source *s)
{
	s->events = ntyped ? 0 : POLLIN;
}

void console_init(bool input, bool keep_returns)
{
	raw = keep_returns;
	ring = frame_page(domain.console_frame);
	out = (struct source){ .fd = -1, .ready = writable };
	source_add(&out);
	if (input) {
		in = (struct source){ .fd = 0,
				      .ready = readable,
				      .prepare = wait_for_room };
		source_add(&in);
	}
}

/* Standard output may not be read any more: then the rest is dropped after a second. */
void console_drain(void)
{
	uint64_t end = now_ns() + 1000000000;

	do {
		struct pollfd p = { .fd = 1, .events = POLLOUT };

		take();
		put();
		if (nheld)
			poll(&p, 1, 100);
	} while (!lost && (nheld || ring->out_cons != ring->out_prod) && now_ns() < end);
}

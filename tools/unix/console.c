/* SPDX-License-Identifier: ISC */
/*
 * The console: the guest's ring (xen/io/console.h), and standard input and output.  If the reader
 * of standard output is slow, the ring fills up, and the guest waits as under xenconsoled.
 */
#include "tender.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xen/io/console.h>

#define END_OF_INPUT 4 /* Ctrl-D; lib/file/tty.c */

static struct xencons_interface *ring;
static struct source in = { .fd = -1 }, out = { .fd = -1 };
static int output = 1;	   /* standard output, or the same terminal opened again */
static bool is_socket, is_terminal; /* standard output; standard input */
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

/*
 * Writes without waiting.  Standard output is shared with other programs, so it is not made
 * non-blocking.  A pipe that poll() calls writable takes at least these 4096 bytes.
 */
static ssize_t put_some(void)
{
	struct pollfd room = { .fd = output, .events = POLLOUT };

	if (is_socket)
		return send(output, held, nheld, MSG_DONTWAIT | MSG_NOSIGNAL);
	errno = EAGAIN;
	return poll(&room, 1, 0) == 1 ? write(output, held, nheld) : -1;
}

static void put(void)
{
	ssize_t n = lost || !nheld ? (ssize_t)nheld : put_some();

	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		if (errno != EPIPE && errno != EIO) /* the reader has gone */
			warn("standard output: %s; the rest of the console is lost",
			     strerror(errno));
		lost = true;
		n = nheld;
	}
	if (n > 0) {
		memmove(held, held + n, nheld - n);
		nheld -= n;
	}
	out.events = nheld ? POLLOUT : 0;
	out.fd = nheld && !lost ? output : -1;
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
	for (int i = 0; !nheld && take(); i++) {
		put();
		port_notify(CONSOLE_PORT);
		if (i == AT_ONCE / 16) {
			port_again(CONSOLE_PORT);
			break;
		}
	}
}

static void writable(struct source *s)
{
	(void)s;
	put();
	console_event(NULL);
}

/* Another job of the shell has the terminal, and what is typed is for it. */
static bool in_background(void)
{
	pid_t foreground = is_terminal ? tcgetpgrp(0) : -1;

	return foreground >= 0 && foreground != getpgrp();
}

#define LOOK_AGAIN 200000000ull /* ns */

static void readable(struct source *s)
{
	ssize_t n;

	if (in_background()) {
		s->at = now_ns() + LOOK_AGAIN;
		return;
	}
	n = read(0, typed, sizeof(typed));
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

static void look_again(struct source *s)
{
	(void)s;
}

static void wait_for_room(struct source *s)
{
	s->events = ntyped || s->at ? 0 : POLLIN;
}

/* A terminal that is called writable may take a byte only: another descriptor of it does not wait. */
static void output_init(void)
{
	struct stat st;
	int again;

	is_socket = !fstat(1, &st) && S_ISSOCK(st.st_mode);
	if (isatty(1)) {
		again = open("/proc/self/fd/1",
			     O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		if (again >= 0)
			output = again;
	}
}

void console_init(bool input, bool keep_returns)
{
	raw = keep_returns;
	ring = frame_page(domain.console_frame);
	output_init();
	is_terminal = isatty(0);
	out = (struct source){ .fd = -1, .ready = writable };
	source_add(&out);
	if (input) {
		in = (struct source){ .fd = 0,
				      .ready = readable,
				      .due = look_again,
				      .prepare = wait_for_room };
		source_add(&in);
	}
}

/* Standard output may not be read any more: then the rest is dropped after a second. */
void console_drain(void)
{
	uint64_t end = now_ns() + 1000000000;

	do {
		struct pollfd p = { .fd = output, .events = POLLOUT };

		take();
		put();
		if (nheld)
			poll(&p, 1, 100);
	} while (!lost && (nheld || ring->out_cons != ring->out_prod) && now_ns() < end);
}

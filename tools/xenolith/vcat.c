/* SPDX-License-Identifier: ISC */
/*
 * Connects standard input and output to a vchan.  Bytes are passed unchanged, since they
 * may not be text.  It ends when the peer ends or when standard output is closed.
 */
#include "xenolith.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

static void write_out(const char *p, int n)
{
	while (n > 0) {
		ssize_t m = write(1, p, n);

		if (m < 0)
			die(FAILED, "standard output is closed");
		p += m;
		n -= m;
	}
}

/* Whether the reader of standard output has closed it, as `| head` does. */
static int reader_has_gone(void)
{
	struct pollfd p = { .fd = 1 };

	return poll(&p, 1, 0) == 1 && p.revents & POLLERR;
}

void vcat(const struct words *w)
{
	const char *path = w->argv[0];
	int domid = w->domid, serve = !strcmp(w->option, "-l");
	static char in[65536], out[65536];
	struct libxenvchan *c;
	size_t have = 0, at = 0;
	int open = 1;

	c = serve ? libxenvchan_server_init(NULL, domid, path, 65536, 65536) :
		    libxenvchan_client_init(NULL, domid, path);
	if (!c)
		die(NO_ENDPOINT, serve ? "cannot serve domain %d at %s (modprobe xen-gntalloc?)" :
		    "domain %d does not serve %s, or has another client", domid, path);
	c->blocking = 0;
	while (serve && libxenvchan_is_open(c) == 2)
		channel_wait(c, domid, 0);
	for (;;) {
		struct pollfd p = { .fd = 0, .events = POLLIN };
		int n = libxenvchan_read(c, out, sizeof(out)), m = 0;

		if (n > 0)
			write_out(out, n);
		if (open && have == at && poll(&p, 1, 0) == 1) {
			ssize_t got = read(0, in, sizeof(in));

			at = 0;
			have = got > 0 ? got : 0;
			open = got > 0;
		}
		if (at < have)
			m = libxenvchan_write(c, in + at, have - at);
		at += m > 0 ? m : 0;
		if (m < 0)		/* the peer has ended; its data can still be read */
			have = at = open = 0;
		if (n < 0 || reader_has_gone())
			break;
		if (n == 0 && m == 0)
			channel_wait(c, domid, open && have == at);
	}
	libxenvchan_close(c);
}

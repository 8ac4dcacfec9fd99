/* SPDX-License-Identifier: ISC */
/*
 * gdb for the application of a guest.  Under `target remote | xenolith gdb D` this
 * program passes bytes between gdb and the guest's gdb server (control/gdb/gdb.c of
 * Xenolith).  With an ELF file, it starts gdb with this command.
 */
#include "xenolith.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TRIES 5

static char in[65536], out[65536];

static void start_gdb(const struct words *w)
{
	char self[256], target[320], *argv[32] = { "gdb", "-ex", target };
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	int at = 3;

	self[n > 0 ? n : 0] = '\0';
	snprintf(target, sizeof(target), "target remote | '%s' gdb %d", self, w->domid);
	for (int i = 0; i < w->argc && at < 31; i++)
		argv[at++] = w->argv[i];
	execvp(argv[0], argv);
	die(FAILED, "gdb: %s (apt install gdb)", strerror(errno));
}

static struct libxenvchan *connect_to(int domid)
{
	char path[64];
	struct libxenvchan *c;

	snprintf(path, sizeof(path), "/local/domain/%d/data/vchan/0/gdb", domid);
	c = channel_open(domid, path);
	if (!c)
		die(NO_ENDPOINT, "domain %d has no gdb server: its image was made without"
		    " GDB=1, or gdb=on is not on its command line", domid);
	return c;
}

static int show_all(const char *p, int n)
{
	while (n > 0) {
		ssize_t m = write(1, p, n);

		if (m < 0)
			return 0;
		p += m;
		n -= m;
	}
	return 1;
}

/*
 * Passes data until one side ends.  Returns 1 when done, or 0 if the guest closed the
 * connection before it sent anything; *have bytes of `in` are then still to be sent.
 */
static int carry(struct libxenvchan *c, int domid, size_t *have)
{
	int said = 0, open = 1;
	time_t end = 0;
	size_t at = 0;

	for (;;) {
		struct pollfd p = { .fd = 0, .events = POLLIN };
		int n = libxenvchan_read(c, out, sizeof(out)), m = 0;

		if (n > 0 && !show_all(out, n))
			return 1;
		said |= n > 0;
		/* Data that the guest has not replied to is kept for the next attempt. */
		if (open && *have == at && poll(&p, 1, 0) == 1) {
			ssize_t got;

			if (said)
				at = *have = 0;
			got = read(0, in + *have, sizeof(in) - *have);
			open = got > 0;
			end = time(NULL) + 5;
			*have += got > 0 ? got : 0;
		}
		if (at < *have)
			m = libxenvchan_write(c, in + at, *have - at);
		at += m > 0 ? m : 0;
		/*
		 * gdb has ended: the guest has some seconds to read the remaining data.
		 */
		if (n < 0 || m < 0 || (!open && (at == *have || time(NULL) >= end)))
			return said || !open;
		if (n == 0 && m == 0)
			channel_wait(c, domid, open && *have == at);
	}
}

void gdb(const struct words *w)
{
	size_t have = 0;

	if (w->argc)
		start_gdb(w);
	if (isatty(1))
		die(USAGE, "gdb DOMAIN without an ELF file is for gdb's `target remote |`; standard"
		    " output must not be a terminal");
	/*
	 * The guest may disconnect one that connects while another disconnects
	 * (drivers/vchan.h).
	 */
	for (int i = 0; i < TRIES; i++) {
		struct libxenvchan *c = connect_to(w->domid);
		int done = carry(c, w->domid, &have);

		libxenvchan_close(c);
		if (done)
			return;
	}
	die(FAILED, "domain %d does not reply", w->domid);
}

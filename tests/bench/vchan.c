/* SPDX-License-Identifier: ISC */
/*
 * The server of tests/xen/vchan with libxenvchan, for a Linux guest: vchan PATH BYTES
 *
 * It serves one client after another, each with rings of BYTES.
 */
#include "../xen/vchan/pattern.h"

#include <libxenvchan.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned char buf[PATTERN_MAX];

static int get(struct libxenvchan *c, uint64_t bytes)
{
	for (uint64_t got = 0; got < bytes; ) {
		int n = libxenvchan_read(c, buf, bytes - got < sizeof(buf) ? bytes - got : sizeof(buf));

		if (n <= 0)
			return -1;
		got += n;
	}
	return 0;
}

static int give(struct libxenvchan *c, uint64_t bytes)
{
	for (uint64_t at = 0; at < bytes; ) {
		uint64_t left = bytes - at;
		int n = libxenvchan_write(c, pattern_at(at, 1), left < PATTERN_MAX ? left : PATTERN_MAX);

		if (n <= 0)
			return -1;
		at += n;
	}
	return 0;
}

static void echo(struct libxenvchan *c)
{
	int n;

	while ((n = libxenvchan_read(c, buf, sizeof(buf))) > 0)
		if (libxenvchan_send(c, buf, n) != n)
			return;
}

static void session(struct libxenvchan *c)
{
	struct order o;

	if (libxenvchan_recv(c, &o, sizeof(o)) != sizeof(o) || o.magic != ORDER_MAGIC)
		return;
	if (o.how == ECHO) {
		echo(c);
		return;
	}
	if (get(c, o.to_guest) || give(c, o.from_guest))
		return;
	libxenvchan_send(c, &o.to_guest, sizeof(o.to_guest));
	while (libxenvchan_read(c, buf, sizeof(buf)) > 0)
		;
}

int main(int argc, char **argv)
{
	size_t size = argc == 3 ? atoi(argv[2]) : 0;

	pattern_init();
	for (int n = 0; size; n++) {
		struct libxenvchan *c = libxenvchan_server_init(NULL, 0, argv[1], size, size);

		if (!c) {
			perror("libxenvchan_server_init");
			return 1;
		}
		c->blocking = 1;
		if (n == 0) {
			printf("serving\n");
			fflush(stdout);
		}
		while (libxenvchan_is_open(c) == 2)
			libxenvchan_wait(c);
		session(c);
		libxenvchan_close(c);
	}
	return 2;
}

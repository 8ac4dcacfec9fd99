/* SPDX-License-Identifier: ISC */
/*
 * Messages of the tender (tools/unix/terminal.c) on a standard error that does not wait, and takes
 * a few bytes at a time or none.
 */
#include "tender.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#define SOME 7 /* bytes */

static char put[4096];
static size_t nput;
static unsigned writes;
static uint64_t ms; /* the time */
static bool takes = true;

uint64_t now_ns(void)
{
	return ms * 1000000;
}

void kill_guest(void)
{
}

void control_end(void)
{
}

int __wrap_poll(struct pollfd *p, nfds_t n, int timeout);
int __wrap_poll(struct pollfd *p, nfds_t n, int timeout)
{
	if (n) {
		p->revents = p->events;
		return 1;
	}
	ms += timeout;
	return 0;
}

ssize_t __real_write(int fd, const void *data, size_t n);
ssize_t __wrap_write(int fd, const void *data, size_t n);
ssize_t __wrap_write(int fd, const void *data, size_t n)
{
	if (fd != 2)
		return __real_write(fd, data, n);
	if (writes++ % 2 == 0 || !takes) {
		errno = EAGAIN;
		return -1;
	}
	n = n < SOME ? n : SOME;
	memcpy(put + nput, data, n);
	nput += n;
	return n;
}

static int claim(const char *what, bool holds)
{
	printf("%s terminal_test: %s\n", holds ? "ok    " : "FAILED", what);
	return !holds;
}

int main(void)
{
	static const char line[] = "xenolith: a line of more than a few bytes: 5\n";
	int wrong;

	tell("a line of more than a %s bytes: %d", "few", 5);
	wrong = claim("a line is written whole, in parts",
		      nput == sizeof(line) - 1 && !memcmp(put, line, nput));
	takes = false;
	writes = ms = 0;
	tell("a line");
	wrong += claim("it is given up after a second, without spinning",
		       ms >= 1000 && ms < 2000 && writes < 200 && writes > 10);
	return wrong;
}

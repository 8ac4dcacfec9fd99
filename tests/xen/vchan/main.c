/* SPDX-License-Identifier: ISC */
/*
 * The guest's side of the tests of vchan (test.py), with POSIX calls only:
 *
 *	serve ORDER ORDER [PATH]	sessions for dom0, until one requests the end
 *	connect PATH			one session, as dom0's client
 *	cat PATH | tac PATH		an echo: as client, as server
 */
#include "tests/xen/test.h"
#include "tests/xen/vchan/pattern.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <unistd.h>
#include <xenolith/vchan.h>

static unsigned char buf[PATTERN_MAX];
static int fd;

/* All of it, or how it ended: 0 the session did, -1 errno. */
static ssize_t read_all(void *to, size_t len)
{
	size_t done = 0;
	ssize_t n = 1;

	while (done < len && (n = read(fd, (char *)to + done, len - done)) > 0)
		done += n;
	return done == len ? (ssize_t)len : n;
}

struct giving {
	uint64_t left;
	int error;
};

static void *give(void *arg)
{
	struct giving *g = arg;

	for (uint64_t at = 0; g->left && !g->error; ) {
		size_t len = g->left < PATTERN_MAX ? g->left : PATTERN_MAX;
		ssize_t n = write(fd, pattern_at(at, 1), len);

		if (n < 0) {
			g->error = errno;
		} else {
			at += n;
			g->left -= n;
		}
	}
	return NULL;
}

/* Returns how many bytes arrived. */
static uint64_t get(const struct order *o)
{
	uint64_t got = 0;

	while (got < o->to_guest) {
		uint64_t left = o->to_guest - got;
		ssize_t n = read(fd, buf, left < sizeof(buf) ? left : sizeof(buf));

		if (n <= 0)
			break;
		if (o->how == CHECKED && memcmp(buf, pattern_at(got, 0), n))
			test_failure("wrong bytes before %llu", (unsigned long long)got + n);
		got += n;
	}
	return got;
}

static uint64_t echo(void)
{
	uint64_t got = 0;
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		if (write(fd, buf, n) != n)
			break;
		got += n;
	}
	return got;
}

/* False: the end was ordered. */
static bool session(unsigned number)
{
	struct order o;
	struct giving giving = { 0 };
	pthread_t giver;
	ssize_t n = read_all(&o, sizeof(o));
	uint64_t got;

	if (n != sizeof(o)) {
		printf("session %u: no order (%d)\n", number, n ? errno : 0);
		return true;
	}
	if (o.magic != ORDER_MAGIC)
		test_failure("session %u: an order of another kind", number);
	if (o.how == ECHO) {
		echo();
		return true;
	}
	giving.left = o.from_guest;
	expect_equal(pthread_create(&giver, NULL, give, &giving), 0);
	got = get(&o);
	expect_equal(pthread_join(giver, NULL), 0);
	if (got == o.to_guest && !giving.left) {
		if (write(fd, &got, sizeof(got)) != sizeof(got))
			printf("session %u: gone before the end\n", number);
	} else if (number < 20) {
		printf("session %u: %llu of %llu in, %llu left of %llu out\n", number,
		       (unsigned long long)got, (unsigned long long)o.to_guest, (unsigned long long)giving.left,
		       (unsigned long long)o.from_guest);
	}
	if (got < o.to_guest)
		return true;		/* that was the session's end */
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		;
	return o.to_guest || o.from_guest;
}

static void serve(unsigned read_order, unsigned write_order, const char *path)
{
	unsigned n = 1;

	fd = vchan_listen(0, path, read_order, write_order);
	if (fd < 0)
		test_failure("vchan_listen(%s): %s", path, strerror(errno));
	printf("serving\n");
	while (session(n))
		n++;
	expect_equal(close(fd), 0);
	printf("%u sessions\n", n);
}

static void as_client(const char *path)
{
	fd = vchan_connect(0, path);
	if (fd < 0)
		test_failure("vchan_connect(%s): %s", path, strerror(errno));
	session(1);
	expect_equal(close(fd), 0);
}

/* Readable before it is read, as an application with poll() does it. */
static void send_back(int channel)
{
	struct pollfd p = { .fd = channel, .events = POLLIN };
	ssize_t n;

	if (channel < 0)
		test_failure("%s", strerror(errno));
	fd = channel;
	printf("serving\n");
	for (;;) {
		expect_equal(poll(&p, 1, -1), 1);
		expect(p.revents & POLLIN);
		n = read(fd, buf, sizeof(buf));
		if (n == 0)
			break;
		expect(n > 0);
		expect_equal(write(fd, buf, n), n);
	}
	expect_equal(close(fd), 0);
}

int main(int argc, char **argv)
{
	pattern_init();
	if (argc >= 4 && !strcmp(argv[1], "serve"))
		serve(atoi(argv[2]), atoi(argv[3]), argc > 4 ? argv[4] : "data/vchan/0/test");
	else if (argc == 3 && !strcmp(argv[1], "connect"))
		as_client(argv[2]);
	else if (argc == 3 && !strcmp(argv[1], "cat"))
		send_back(vchan_connect(0, argv[2]));
	else if (argc == 3 && !strcmp(argv[1], "tac"))
		send_back(vchan_listen(0, argv[2], 11, 10));
	else
		test_error("usage");
	test_success();
}

/* SPDX-License-Identifier: ISC */
/*
 * Tiny writes on many connections while only k slots of the transmit ring are free.  The
 * others have datagrams for another guest, which dom0 delays, so the backend does not
 * respond.
 *
 *	few-slots SINK ECHO DELAY	the other guest's address; dom0's, with an echo server
 *					on port 7001; and the delay, ms
 *	few-slots			the other guest
 *
 * On a line of input k is 20, 19 ... 0.  Last, datagrams fill the whole queue.
 */
#include "drivers/xenbus/frontend.h"
#include "kernel/sched.h"
#include "tests/xen/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS 8
#define ROUNDS 6
#define SLOTS 256
#define STALL 5000			/* us */
#define TRIES 20				/* the emulated machine has pauses of its own */
#define DATAGRAM 200			/* in one slot, and more than netback copies */

static int connection[CONNECTIONS];
static int held = -1;
static struct sockaddr_in sink;
static uint64_t delay;			/* us */

static uint64_t now(void)		/* us */
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000ull + t.tv_nsec / 1000;
}

static void find(const char *key, const struct ring *r, void *arg)
{
	struct ring_use *use = arg;

	if (!strcmp(key, "tx-ring-ref"))
		ring_use(r, use);
}

static void look(const struct frontend *fe, void *arg)
{
	frontend_rings(fe, find, arg);
}

static unsigned free_slots(void)
{
	struct ring_use use = { .slots = 0 };

	kernel_enter();
	frontend_each(NULL, look, &use);
	kernel_leave();
	expect(use.slots > 0);
	return use.slots - use.used;
}

static struct sockaddr_in address(const char *text, unsigned port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };

	expect(inet_pton(AF_INET, text, &a.sin_addr) == 1);
	return a;
}

static void connect_all(const char *echo)
{
	struct sockaddr_in to = address(echo, 7001);
	int on = 1;

	for (int i = 0; i < CONNECTIONS; i++) {
		int s = connection[i] = socket(AF_INET, SOCK_STREAM, 0);

		expect(connect(s, (struct sockaddr *)&to, sizeof(to)) == 0);
		expect(setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0);
	}
}

static size_t length(unsigned round, int i)
{
	return 1 + (round * CONNECTIONS + i) * 7 % 40;
}

static void write_all(unsigned round)
{
	static const char bytes[40] = "What is written comes back as it was....";

	for (int i = 0; i < CONNECTIONS; i++) {
		ssize_t len = length(round, i);

		expect(write(connection[i], bytes, len) == len);
	}
}

static void read_all(unsigned round)
{
	char back[40];

	for (int i = 0; i < CONNECTIONS; i++) {
		size_t len = length(round, i), got = 0;

		while (got < len) {
			ssize_t n = read(connection[i], back, len - got);

			expect(n > 0);
			got += n;
		}
	}
}

/* The longest that all of them took there and back. */
static uint64_t tiny_writes(void)
{
	uint64_t most = 0;

	for (unsigned round = 0; round < ROUNDS; round++) {
		uint64_t start = now(), took;

		write_all(round);
		read_all(round);
		took = now() - start;
		most = took > most ? took : most;
	}
	return most;
}

static void datagram(void)
{
	static const char bytes[DATAGRAM];

	if (sendto(held, bytes, sizeof(bytes), 0, (struct sockaddr *)&sink, sizeof(sink)) !=
	    (ssize_t)sizeof(bytes))
		test_failure("sendto: %s", strerror(errno));
}

/* Responses are taken when frames are sent. */
static unsigned all_answered(void)
{
	for (int i = 0; i < 1000 && free_slots() < SLOTS; i++)
		tiny_writes();
	return free_slots();
}

/* The longest round trip of all connections with k slots free; usual: with all of them. */
static bool with_free_slots(unsigned k, uint64_t *usual)
{
	uint64_t most, start, filled;

	expect_equal(all_answered(), SLOTS);
	most = tiny_writes();
	*usual = most > *usual ? most : *usual;
	expect_equal(all_answered(), SLOTS);
	start = now();
	for (unsigned i = k; i < SLOTS; i++)
		datagram();
	filled = now() - start;
	if (free_slots() != k)		/* a word of the network's own got in between */
		return false;
	most = tiny_writes();
	printf("%u slots: filled in %llu us, at most %llu us, with all of them %llu us\n", k,
	       (unsigned long long)filled, (unsigned long long)most,
	       (unsigned long long)*usual);
	/* Without a free slot nothing is sent before the datagrams are processed. */
	return most <= *usual + STALL + (k ? 0 : delay + filled);
}

/* All that the device's queue takes, and one more. */
static void fill(int fd)
{
	static const char bytes[DATAGRAM];
	unsigned n = 0;

	while (send(fd, bytes, sizeof(bytes), 0) == (ssize_t)sizeof(bytes))
		expect(++n < 20000);
	expect_equal(errno, EAGAIN);
}

/* No datagram is lost in silence: there is EAGAIN, POLLOUT when there is room, or a wait. */
static void a_full_queue_is_told(void)
{
	static const char bytes[DATAGRAM];
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	expect_equal(connect(fd, (struct sockaddr *)&sink, sizeof(sink)), 0);
	fill(fd);
	expect_equal(poll(&p, 1, 60000), 1);
	expect_equal(p.revents, POLLOUT);
	expect_equal(send(fd, bytes, sizeof(bytes), 0), DATAGRAM);
	fill(fd);
	expect_equal(fcntl(fd, F_SETFL, 0), 0);
	expect_equal(send(fd, bytes, sizeof(bytes), 0), DATAGRAM);
	close(fd);
}

int main(int argc, char **argv)
{
	char line[8];

	if (argc < 4) {
		sink = address("0.0.0.0", 9);
		held = socket(AF_INET, SOCK_DGRAM, 0);
		expect(bind(held, (struct sockaddr *)&sink, sizeof(sink)) == 0);
		printf("sink\n");
		for (;;)
			sleep(1000);
	}
	sink = address(argv[1], 9);
	delay = strtoul(argv[3], NULL, 10) * 1000;
	held = socket(AF_INET, SOCK_DGRAM, 0);
	connect_all(argv[2]);
	datagram();
	all_answered();
	printf("ready\n");
	expect(fgets(line, sizeof(line), stdin));
	for (int k = 20; k >= 0; k--) {
		uint64_t usual = 0;

		for (int i = 0; !with_free_slots(k, &usual); i++)
			expect(i < TRIES);
	}
	a_full_queue_is_told();
	test_success();
}

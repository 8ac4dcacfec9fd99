/* SPDX-License-Identifier: ISC */
/*
 * A server for iperf3's clients: `iperf [PORT]`; the default is 5201. TCP and UDP, both
 * directions, many streams; one test at a time, as with `iperf3 -s`.
 *
 * iperf3 uses a control connection and streams, all to one port. Each connection begins
 * with a cookie that identifies the client. On the control connection the server sends
 * the state of the test, one byte each (esnet/iperf, iperf_api.h). JSON texts are
 * preceded by their length: the client's parameters at the beginning, and the results of
 * both sides at the end.
 *
 * control.c has the control connection, stream.c and datagrams.c the streams.
 */
#define _GNU_SOURCE
#include "apps/iperf/iperf.h"
#include "apps/listen.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE 10000000		/* microseconds, for a client before its test runs */
#define SILENCE 30000000		/* microseconds without data, while it runs */
#define EVENTS 64

struct test test;
int epoll;
struct peer datagrams = { .kind = DATAGRAMS };
int64_t now;
char buffer[BLOCK_MAX];
static unsigned port = 5201;
static struct peer listener = { .kind = LISTENER };
static struct peer *peers;

static int64_t clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

bool would_block(void)
{
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

bool watch(struct peer *p, int what, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = p };

	if (epoll_ctl(epoll, what, p->fd, &e) == 0)
		return true;
	perror("iperf: epoll");
	return false;
}

/* ---- peers */

struct peer *add_peer(enum kind kind, int fd)
{
	struct peer *p = calloc(1, sizeof(*p));

	if (p) {
		p->kind = kind;
		p->fd = fd;
		p->since = now;
		p->next = peers;
		peers = p;
	}
	return p;
}

/* It is freed at the end of the turn. */
void end_peer(struct peer *p)
{
	if (p->fd >= 0 && p->fd != datagrams.fd)
		close(p->fd);
	p->fd = -1;
}

static void free_ended(void)
{
	for (struct peer **link = &peers; *link;) {
		struct peer *p = *link;

		if (p->fd < 0) {
			*link = p->next;
			free(p);
		} else {
			link = &p->next;
		}
	}
}

/* ---- new connections */

static void refuse(struct peer *p)
{
	unsigned char denied = ACCESS_DENIED;

	send(p->fd, &denied, 1, MSG_NOSIGNAL);
	end_peer(p);
}

static void newcomer_event(struct peer *p)
{
	ssize_t n = recv(p->fd, p->cookie + p->got, COOKIE - p->got, 0);

	if (n <= 0) {
		if (n == 0 || !would_block())
			end_peer(p);
		return;
	}
	p->got += n;
	if (p->got < COOKIE)
		return;
	p->got = 0;
	if (!test.control) {
		p->kind = CONTROL;
		test.control = p;
		send_state(PARAM_EXCHANGE);
	} else if (test.state == CREATE_STREAMS && !test.params.udp &&
		   test.nstreams < test.wanted && !memcmp(p->cookie, test.control->cookie, COOKIE)) {
		watch(p, EPOLL_CTL_MOD, 0);
		add_stream(p);
	} else {
		refuse(p);
	}
}

static void accept_peers(void)
{
	for (;;) {
		int fd = accept4(listener.fd, NULL, NULL, SOCK_NONBLOCK);
		struct peer *p;

		if (fd < 0)
			return;
		p = add_peer(NEWCOMER, fd);
		if (!p)
			close(fd);
		else if (!watch(p, EPOLL_CTL_ADD, EPOLLIN))
			end_peer(p);
	}
}

/* ---- the loop */

/* The end of --omit: counting begins. */
static void end_omit(void)
{
	test.omitting = false;
	test.start = now;
	test.received = test.sent = 0;
	for (unsigned i = 0; i < test.nstreams; i++) {
		struct peer *p = test.streams[i];

		p->bytes = p->lost = 0;
		p->jitter = 0;
		p->omitted = p->sends ? p->packets : p->last;
	}
}

static void enforce_limits(void)
{
	const struct params *q = &test.params;

	for (struct peer *p = peers; p; p = p->next)
		if (p->kind == NEWCOMER && p->fd >= 0 && now - p->since > PATIENCE)
			end_peer(p);
	if (!test.control)
		return;
	if (test.state == TEST_RUNNING) {
		int64_t limit = (int64_t)(q->seconds + q->omit) * 1000000 + SILENCE;

		if ((q->seconds && now - test.start > limit) || now - test.moved > SILENCE)
			end_test("timeout: the client did not end the test");
	} else if (now - test.control->since > PATIENCE) {
		end_test("timeout: no message from the client");
	}
}

static int wait_time(void)
{
	if (test.control && test.state == TEST_RUNNING && test.params.udp &&
	    (test.params.reverse || test.params.both))
		return test.params.rate ? 1 : 0;
	return !peers ? -1 : test.omitting ? 100 : 1000;
}

static int open_socket(int type)
{
	int fd = listen_at(type, port, 256);

	if (fd < 0) {
		fprintf(stderr, "iperf: port %u: %s\n", port, strerror(errno));
		exit(1);
	}
	return fd;
}

static void handle(struct peer *p, uint32_t events)
{
	if (p->fd < 0)
		return;
	switch (p->kind) {
	case LISTENER: accept_peers(); break;
	case DATAGRAMS: receive_datagrams(); break;
	case NEWCOMER: newcomer_event(p); break;
	case CONTROL: control_event(p, events); break;
	case STREAM: stream_event(p); break;
	}
}

int main(int argc, char **argv)
{
	struct epoll_event events[EVENTS];

	if (argc > 2 || (argc == 2 && ((port = strtoul(argv[1], NULL, 10)) < 1 || port > 65535))) {
		fprintf(stderr, "usage: iperf [PORT]\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	epoll = epoll_create1(0);
	listener.fd = open_socket(SOCK_STREAM);
	datagrams.fd = open_socket(SOCK_DGRAM);
	if (!watch(&listener, EPOLL_CTL_ADD, EPOLLIN) ||
	    !watch(&datagrams, EPOLL_CTL_ADD, EPOLLIN))
		return 1;
	printf("iperf: port %u, for iperf3\n", port);
	fflush(stdout);
	for (;;) {
		int n = epoll_wait(epoll, events, EVENTS, wait_time());

		now = clock_now();
		for (int i = 0; i < n; i++)
			handle(events[i].data.ptr, events[i].events);
		if (test.control && test.state == TEST_RUNNING && test.params.udp)
			send_datagrams();
		if (test.omitting && now - test.start >= (int64_t)test.params.omit * 1000000)
			end_omit();
		enforce_limits();
		free_ended();
	}
}

/* SPDX-License-Identifier: ISC */
/* TCP sockets, with connections of the guest to itself: connecting, options, accept(). */
#include "tests/xen/socket/help.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

void test_data(void);		/* data.c */

static void connecting_fails_as_it_should(void)
{
	struct sockaddr_in nobody = { .sin_family = AF_INET, .sin_port = htons(9) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), error = 0;
	socklen_t len = sizeof(error);
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	nobody.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	expect(fd >= 0);
	expect_equal(send(fd, "x", 1, 0), -1);
	expect_equal(errno, EPIPE);
	expect_equal(connect(fd, (struct sockaddr *)&nobody, sizeof(nobody)), -1);
	expect_equal(errno, ECONNREFUSED);
	close(fd);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	p.fd = fd;
	expect_equal(connect(fd, (struct sockaddr *)&nobody, sizeof(nobody)), -1);
	expect_equal(errno, EINPROGRESS);
	expect_equal(poll(&p, 1, 1000), 1);
	expect(p.revents & POLLOUT && p.revents & POLLERR);
	expect_equal(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len), 0);
	expect_equal(error, ECONNREFUSED);
	expect_equal(connect(fd, (struct sockaddr *)&nobody, 3), -1);
	expect_equal(errno, EINVAL);
	nobody.sin_family = AF_INET6;
	expect_equal(connect(fd, (struct sockaddr *)&nobody, sizeof(nobody)), -1);
	expect_equal(errno, EAFNOSUPPORT);
	close(fd);
	expect_equal(connect(0, (struct sockaddr *)&nobody, sizeof(nobody)), -1);
	expect_equal(errno, ENOTSOCK);
	expect_equal(connect(999, (struct sockaddr *)&nobody, sizeof(nobody)), -1);
	expect_equal(errno, EBADF);
}

static void connecting_need_not_wait(void)
{
	struct sockaddr_in name;
	int listener = listening(AF_INET, 1), fd, peer, error = 1;
	socklen_t len = sizeof(name);
	struct pollfd p;
	bool told;

	expect_equal(getsockname(listener, (struct sockaddr *)&name, &len), 0);
	fcntl(listener, F_SETFL, O_NONBLOCK);
	expect_equal(accept(listener, NULL, NULL), -1);
	expect_equal(errno, EAGAIN);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	name.sin_addr.s_addr = 0;		/* ourselves */
	told = connect(fd, (struct sockaddr *)&name, sizeof(name)) == 0;
	if (!told)
		expect_equal(errno, EINPROGRESS);
	p = (struct pollfd){ .fd = fd, .events = POLLOUT };
	expect_equal(poll(&p, 1, 1000), 1);
	expect_equal(p.revents, POLLOUT);
	len = sizeof(error);
	expect_equal(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len), 0);
	expect_equal(error, 0);
	if (!told)			/* it tells once */
		expect_equal(connect(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	expect_equal(connect(fd, (struct sockaddr *)&name, sizeof(name)), -1);
	expect_equal(errno, EISCONN);
	p = (struct pollfd){ .fd = listener, .events = POLLIN };
	expect_equal(poll(&p, 1, 1000), 1);
	peer = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	expect(peer >= 0);
	expect(fcntl(peer, F_GETFL) & O_NONBLOCK);
	close(peer);
	close(fd);
	close(listener);
}

static void options_are_kept(void)
{
	struct { int level, option, value; } o[] = {
		{ IPPROTO_TCP, TCP_NODELAY, 1 }, { SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, 17 }, { IPPROTO_TCP, TCP_KEEPINTVL, 3 },
		{ IPPROTO_TCP, TCP_KEEPCNT, 5 }, { SOL_SOCKET, SO_REUSEADDR, 1 },
		{ IPPROTO_IP, IP_TOS, 16 }, { IPPROTO_IP, IP_TTL, 7 },
		{ SOL_SOCKET, SO_SNDBUF, 20000 }, { IPPROTO_TCP, TCP_CORK, 0 },
	};
	struct linger l = { 1, 5 };
	struct timeval tv = { 3, 250000 };
	int fds[2], n;
	socklen_t len = sizeof(n);

	connection(AF_INET, fds);
	for (size_t i = 0; i < sizeof(o) / sizeof(o[0]); i++) {
		expect_equal(setsockopt(fds[0], o[i].level, o[i].option, &o[i].value,
					sizeof(n)), 0);
		expect_equal(getsockopt(fds[0], o[i].level, o[i].option, &n, &len), 0);
		expect_equal(n, o[i].value);
	}
	expect_equal(getsockopt(fds[0], SOL_SOCKET, SO_TYPE, &n, &len), 0);
	expect_equal(n, SOCK_STREAM);
	expect_equal(getsockopt(fds[0], IPPROTO_TCP, TCP_MAXSEG, &n, &len), 0);
	expect(n >= 500);
	expect_equal(setsockopt(fds[0], SOL_SOCKET, 9999, &n, sizeof(n)), -1);
	expect_equal(errno, ENOPROTOOPT);
	expect_equal(setsockopt(fds[0], SOL_SOCKET, SO_LINGER, &l, sizeof(l)), 0);
	l.l_linger = 0;
	len = sizeof(l);
	expect_equal(getsockopt(fds[0], SOL_SOCKET, SO_LINGER, &l, &len), 0);
	expect_equal(l.l_linger, 5);
	expect_equal(setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
	tv.tv_sec = 0;
	len = sizeof(tv);
	expect_equal(getsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &tv, &len), 0);
	expect_equal(tv.tv_sec, 3);
	expect_equal(tv.tv_usec, 250000);
	close(fds[0]);
	close(fds[1]);
}

static void names_are_told(void)
{
	struct sockaddr_storage a, b;
	socklen_t la = sizeof(a), lb = sizeof(b);
	int fds[2];

	connection(AF_INET6, fds);
	expect_equal(getsockname(fds[0], (struct sockaddr *)&a, &la), 0);
	expect_equal(getpeername(fds[1], (struct sockaddr *)&b, &lb), 0);
	expect_equal(la, sizeof(struct sockaddr_in6));
	expect(!memcmp(&a, &b, la));
	close(fds[0]);
	close(fds[1]);
}

/* A socket for IPv6 also supports IPv4, except with IPV6_V6ONLY. */
static void ipv6_takes_ipv4(void)
{
	struct sockaddr_in6 name = { .sin6_family = AF_INET6 }, peer;
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	int listener, fd, c, one = 1;
	socklen_t len = sizeof(name);
	char text[INET6_ADDRSTRLEN];

	for (int only = 0; only < 2; only++) {
		listener = socket(AF_INET6, SOCK_STREAM, 0);
		expect(listener >= 0);
		if (only)
			expect_equal(setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &one,
						sizeof(one)), 0);
		name = (struct sockaddr_in6){ .sin6_family = AF_INET6 };
		expect_equal(bind(listener, (struct sockaddr *)&name, sizeof(name)), 0);
		expect_equal(listen(listener, 5), 0);
		len = sizeof(name);
		expect_equal(getsockname(listener, (struct sockaddr *)&name, &len), 0);
		fd = socket(AF_INET, SOCK_STREAM, 0);
		v4.sin_port = name.sin6_port;
		v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		expect_equal(connect(fd, (struct sockaddr *)&v4, sizeof(v4)), -only);
		if (only)
			expect_equal(errno, ECONNREFUSED);
		if (!only) {
			len = sizeof(peer);
			c = accept(listener, (struct sockaddr *)&peer, &len);
			expect(c >= 0);
			expect(inet_ntop(AF_INET6, &peer.sin6_addr, text, sizeof(text)));
			expect(!strcmp(text, "::ffff:127.0.0.1"));
			close(c);
		}
		close(fd);
		if (!only) {		/* and connects to it */
			inet_pton(AF_INET6, "::ffff:127.0.0.1", &name.sin6_addr);
			fd = socket(AF_INET6, SOCK_STREAM, 0);
			expect_equal(connect(fd, (struct sockaddr *)&name, sizeof(name)), 0);
			close(fd);
		}
		close(listener);
	}
}

static void ports_are_one_s_own(void)
{
	struct sockaddr_in name;
	int a = listening(AF_INET, 1), b = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof(name);

	expect_equal(getsockname(a, (struct sockaddr *)&name, &len), 0);
	expect_equal(bind(b, (struct sockaddr *)&name, sizeof(name)), -1);
	expect_equal(errno, EADDRINUSE);
	name.sin_addr.s_addr = htonl(0x01020304);
	expect_equal(bind(b, (struct sockaddr *)&name, sizeof(name)), -1);
	expect_equal(errno, EADDRNOTAVAIL);
	expect_equal(accept(b, NULL, NULL), -1);
	expect_equal(errno, EINVAL);
	close(a);
	close(b);
}

/* Connections that wait for accept(); they are accepted, and closed. */
static int accepted(int fd)
{
	int n = 0, c;

	while ((c = accept4(fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		close(c);
		n++;
	}
	expect_equal(errno, EAGAIN);
	return n;
}

/* With SO_REUSEPORT, listeners of the same address take connections by turns. */
static void listeners_share_a_port(void)
{
	struct sockaddr_in name = { .sin_family = AF_INET };
	socklen_t len = sizeof(name);
	int fds[3], clients[40], other, on = 1, n[3];

	name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (int i = 0; i < 3; i++) {
		expect((fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)) >= 0);
		expect_equal(setsockopt(fds[i], SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)), 0);
		expect_equal(bind(fds[i], (struct sockaddr *)&name, sizeof(name)), 0);
		expect_equal(listen(fds[i], 64), 0);
		expect_equal(getsockname(fds[i], (struct sockaddr *)&name, &len), 0);
	}
	expect((other = socket(AF_INET, SOCK_STREAM, 0)) >= 0);
	expect_equal(bind(other, (struct sockaddr *)&name, sizeof(name)), -1);
	expect_equal(errno, EADDRINUSE);
	close(other);
	for (int i = 0; i < 40; i++)
		clients[i] = connected_to(AF_INET, fds[i % 3]);
	usleep(50000);
	for (int i = 0; i < 3; i++)
		n[i] = accepted(fds[i]);
	expect_equal(n[0] + n[1] + n[2], 40);
	expect(n[0] > 0 && n[1] > 0 && n[2] > 0);
	for (int i = 0; i < 40; i++)
		close(clients[i]);
	/* The rest has all of them; also when the first one, or the last one, is closed. */
	close(fds[0]);
	for (int i = 0; i < 20; i++)
		clients[i] = connected_to(AF_INET, fds[1]);
	usleep(50000);
	n[1] = accepted(fds[1]);
	n[2] = accepted(fds[2]);
	expect(n[1] + n[2] == 20 && n[1] > 0 && n[2] > 0);
	for (int i = 0; i < 20; i++)
		close(clients[i]);
	close(fds[2]);
	clients[0] = connected_to(AF_INET, fds[1]);
	usleep(50000);
	expect_equal(accepted(fds[1]), 1);
	close(clients[0]);
	close(fds[1]);
	expect((other = socket(AF_INET, SOCK_STREAM, 0)) >= 0);
	expect_equal(connect(other, (struct sockaddr *)&name, len), -1);
	expect_equal(errno, ECONNREFUSED);
	close(other);
}

static void *later(void *arg)
{
	usleep(100000);
	expect_equal(write(*(int *)arg, "x", 1), 1);
	return NULL;
}

static void who_sleeps_is_woken(void)
{
	pthread_t thread;
	int fds[2];
	uint64_t start = now_ms();
	char c;

	connection(AF_INET, fds);
	expect_equal(pthread_create(&thread, NULL, later, &fds[1]), 0);
	expect_equal(read(fds[0], &c, 1), 1);
	expect(now_ms() - start >= 100);
	pthread_join(thread, NULL);
	close(fds[0]);
	close(fds[1]);
}

static void *shut(void *arg)
{
	usleep(50000);
	expect_equal(shutdown(*(int *)arg, SHUT_RDWR), 0);
	return NULL;
}

/* As on Linux. */
static void a_shutdown_ends_accept(void)
{
	struct sockaddr_in name;
	socklen_t len = sizeof(name);
	pthread_t thread;
	int fd = listening(AF_INET, 1), client = socket(AF_INET, SOCK_STREAM, 0), waiting;

	expect_equal(getsockname(fd, (struct sockaddr *)&name, &len), 0);
	waiting = connected_to(AF_INET, fd);
	close(accept(fd, NULL, NULL));
	expect_equal(pthread_create(&thread, NULL, shut, &fd), 0);
	expect_equal(accept(fd, NULL, NULL), -1);
	expect_equal(errno, EINVAL);
	pthread_join(thread, NULL);
	expect_equal(connect(client, (struct sockaddr *)&name, len), -1);
	expect_equal(errno, ECONNREFUSED);
	close(client);
	close(waiting);
	close(fd);
}

/* A connection for which there is no descriptor stays in the queue, as on Linux. */
static void no_descriptor_no_accept(void)
{
	int l = listening(AF_INET, 5), client = connected_to(AF_INET, l), first, fd, last = -1;
	struct pollfd p = { .fd = l, .events = POLLIN };
	char byte = 0;

	first = dup(l);
	while ((fd = dup(l)) >= 0)
		last = fd;
	expect(errno == EMFILE || errno == ENOMEM);
	for (int i = 0; i < 3; i++) {
		expect_equal(accept(l, NULL, NULL), -1);
		expect(errno == EMFILE || errno == ENOMEM);
		expect_equal(poll(&p, 1, 0), 1);
	}
	expect_equal(write(client, "x", 1), 1);
	close(last);
	fd = accept(l, NULL, NULL);
	expect_equal(fd, last);
	expect_equal(read(fd, &byte, 1), 1);
	expect_equal(byte, 'x');
	for (fd = first; fd <= last; fd++)
		close(fd);
	close(client);
	close(l);
}

/* A call that gets no connection keeps no descriptor. */
static void accept_in_vain_costs_nothing(void)
{
	int l = listening(AF_INET, 5), next = dup(l);

	close(next);
	fcntl(l, F_SETFL, O_NONBLOCK);
	for (int i = 0; i < 100; i++)
		expect_equal(accept(l, NULL, NULL), -1);
	expect_equal(dup(l), next);
	close(next);
	close(l);
}

int main(void)
{
	test_data();
	connecting_fails_as_it_should();
	connecting_need_not_wait();
	options_are_kept();
	names_are_told();
	ipv6_takes_ipv4();
	ports_are_one_s_own();
	listeners_share_a_port();
	who_sleeps_is_woken();
	a_shutdown_ends_accept();
	accept_in_vain_costs_nothing();
	no_descriptor_no_accept();
	test_success();
}

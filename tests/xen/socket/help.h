/* SPDX-License-Identifier: ISC */
/* For the tests of sockets: connections of the guest to itself. */
#ifndef TESTS_XEN_SOCKET_HELP_H
#define TESTS_XEN_SOCKET_HELP_H

#include "tests/xen/test.h"

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static inline uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ull + ts.tv_nsec / 1000000;
}

/* On any port of loopback. */
static inline int listening(int family, int backlog)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback };
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	int fd = socket(family, SOCK_STREAM, 0);

	v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	expect(fd >= 0);
	expect_equal(family == AF_INET ? bind(fd, (struct sockaddr *)&v4, sizeof(v4)) :
		     bind(fd, (struct sockaddr *)&v6, sizeof(v6)), 0);
	expect_equal(listen(fd, backlog), 0);
	return fd;
}

/* Connects to a listening socket. */
static inline int connected_to(int family, int listener)
{
	struct sockaddr_storage name;
	socklen_t len = sizeof(name);
	int fd = socket(family, SOCK_STREAM, 0);

	expect(fd >= 0);
	expect_equal(getsockname(listener, (struct sockaddr *)&name, &len), 0);
	expect_equal(connect(fd, (struct sockaddr *)&name, len), 0);
	return fd;
}

/* Both ends of a connection. */
static inline void connection(int family, int fds[2])
{
	int listener = listening(family, 5);

	fds[0] = connected_to(family, listener);
	fds[1] = accept(listener, NULL, NULL);
	expect(fds[1] >= 0);
	close(listener);
}

#endif

/* SPDX-License-Identifier: ISC */
/*
 * Echo (RFC 862) on TCP and UDP, IPv4 and IPv6: `echo [PORT]`; the default is port 7.
 *
 * The server does not read from a client that does not read. So no data of TCP is
 * dropped, and a connection needs at most one buffer.
 */
#define _GNU_SOURCE
#include "apps/listen.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER 65536			/* the maximum size of a datagram too */
#define EVENTS 64

struct connection {
	int fd;				/* the first two are the listener and the UDP socket */
	char *left;			/* data that could not be sent yet, or NULL */
	size_t at, len;
};

static int epoll;
static unsigned port = 7;
static char buffer[BUFFER];

static bool watch(struct connection *c, int what, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = c };

	if (epoll_ctl(epoll, what, c->fd, &e) == 0)
		return true;
	perror("echo: epoll");
	return false;
}

static int open_socket(int type)
{
	int fd = listen_at(type, port, 256);

	if (fd < 0) {
		fprintf(stderr, "echo: port %u: %s\n", port, strerror(errno));
		exit(1);
	}
	return fd;
}

static void end(struct connection *c)
{
	close(c->fd);
	free(c->left);
	free(c);
}

static bool busy(void)
{
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

static void receive(struct connection *c)
{
	ssize_t n = recv(c->fd, buffer, sizeof(buffer), 0), sent;

	if (n <= 0) {
		if (n == 0 || !busy())
			end(c);
		return;
	}
	sent = send(c->fd, buffer, n, MSG_NOSIGNAL);
	if (sent == n)
		return;
	if (sent < 0 && !busy()) {
		end(c);
		return;
	}
	c->at = 0;
	c->len = n - (sent > 0 ? sent : 0);
	c->left = malloc(c->len);
	if (!c->left) {
		end(c);
		return;
	}
	memcpy(c->left, buffer + n - c->len, c->len);
	watch(c, EPOLL_CTL_MOD, EPOLLOUT);
}

static void send_left(struct connection *c)
{
	ssize_t n = send(c->fd, c->left + c->at, c->len - c->at, MSG_NOSIGNAL);

	if (n < 0 && !busy()) {
		end(c);
		return;
	}
	c->at += n > 0 ? n : 0;
	if (c->at < c->len)
		return;
	free(c->left);
	c->left = NULL;
	watch(c, EPOLL_CTL_MOD, EPOLLIN);
}

static void accept_peer(int listener)
{
	int yes = 1, fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	struct connection *c = fd < 0 ? NULL : calloc(1, sizeof(*c));

	if (!c) {
		if (fd >= 0)
			close(fd);
		return;
	}
	c->fd = fd;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	if (!watch(c, EPOLL_CTL_ADD, EPOLLIN))
		end(c);
}

static unsigned port_of(const struct sockaddr_storage *a)
{
	return ntohs(a->ss_family == AF_INET ? ((struct sockaddr_in *)a)->sin_port :
		     ((struct sockaddr_in6 *)a)->sin6_port);
}

/*
 * Datagrams from another echo service are dropped: one forged source address would cause
 * an endless loop.
 */
static void datagrams(int fd)
{
	for (int i = 0; i < 64; i++) {
		struct sockaddr_storage from = { 0 };
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(fd, buffer, sizeof(buffer), 0, (struct sockaddr *)&from, &len);

		if (n < 0)
			return;
		if (port_of(&from) != port && port_of(&from) != 7)
			sendto(fd, buffer, n, MSG_NOSIGNAL, (struct sockaddr *)&from, len);
	}
}

int main(int argc, char **argv)
{
	static struct connection listener, udp;
	struct epoll_event events[EVENTS];

	if (argc > 2 || (argc == 2 && ((port = strtoul(argv[1], NULL, 10)) < 1 || port > 65535))) {
		fprintf(stderr, "usage: echo [PORT]\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	epoll = epoll_create1(0);
	listener.fd = open_socket(SOCK_STREAM);
	udp.fd = open_socket(SOCK_DGRAM);
	if (!watch(&listener, EPOLL_CTL_ADD, EPOLLIN) || !watch(&udp, EPOLL_CTL_ADD, EPOLLIN))
		return 1;
	printf("echo: port %u, TCP and UDP\n", port);
	fflush(stdout);
	for (;;) {
		int n = epoll_wait(epoll, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			struct connection *c = events[i].data.ptr;

			if (c == &listener)
				accept_peer(c->fd);
			else if (c == &udp)
				datagrams(c->fd);
			else if (c->left)
				send_left(c);
			else
				receive(c);
		}
	}
}

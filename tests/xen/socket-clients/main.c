/* SPDX-License-Identifier: ISC */
/*
 * Without arguments: echo on port 7, TCP and UDP, and the file /numbers over HTTP on port
 * 80, with a thread for each connection.  `call HOST PORT`: uses an echo server, and
 * ports without a server.  `say HOST PORT`: only sends.  `groups`: multicast is received
 * by members of the group.  `ended`: shutdown() ends connect().
 */
#include "tests/xen/socket/help.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#define SAID 900000

static void start(void *(*run)(void *), intptr_t fd)
{
	pthread_t thread;
	int error = pthread_create(&thread, NULL, run, (void *)fd);

	if (error)
		close(fd);
	else
		pthread_detach(thread);
}

static void *echo(void *arg)
{
	int fd = (intptr_t)arg;
	char data[16384];
	ssize_t n;

	while ((n = recv(fd, data, sizeof(data), 0)) > 0)
		if (send(fd, data, n, 0) != n)
			break;
	close(fd);
	return NULL;
}

static void *echo_datagrams(void *arg)
{
	int fd = (intptr_t)arg;
	static char data[65536];
	struct sockaddr_storage from;
	socklen_t len;
	ssize_t n;

	for (;;) {
		len = sizeof(from);
		n = recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&from, &len);
		if (n >= 0)
			sendto(fd, data, n, 0, (struct sockaddr *)&from, len);
	}
	return NULL;
}

static void *serve(void *arg)
{
	int fd = (intptr_t)arg, file = open("/numbers", O_RDONLY);
	char request[2048] = "", head[100];
	size_t have = 0;
	struct stat st;
	ssize_t n;

	expect_equal(fstat(file, &st), 0);
	while ((n = recv(fd, request + have, sizeof(request) - 1 - have, 0)) > 0) {
		off_t at = 0;

		have += n;
		request[have] = '\0';
		if (!strstr(request, "\r\n\r\n"))
			continue;
		have = 0;
		n = snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %ld\r\n\r\n",
			     (long)st.st_size);
		if (send(fd, head, n, MSG_MORE) != n ||
		    sendfile(fd, file, &at, st.st_size) != st.st_size)
			break;
		if (strstr(request, "HTTP/1.0") && !strstr(request, "eep-"))
			break;
	}
	close(file);
	close(fd);
	return NULL;
}

static int on_port(int type, int port)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	int fd = socket(AF_INET6, type, 0), one = 1;

	expect(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	expect_equal(bind(fd, (struct sockaddr *)&any, sizeof(any)), 0);
	expect(type != SOCK_STREAM || listen(fd, SOMAXCONN) == 0);
	return fd;
}

static void *accept_all(void *arg)
{
	int listener = (intptr_t)arg, fd;

	while ((fd = accept(listener, NULL, NULL)) >= 0)
		start(echo, fd);
	test_failure("accept: %s", strerror(errno));
}

static void call(const char *host, const char *port)
{
	static char out[500000], in[sizeof(out)];
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_family = AF_INET }, *to;
	struct sockaddr_in *in4;
	int fd;

	expect_equal(getaddrinfo(host, port, &hints, &to), 0);
	fd = socket(to->ai_family, to->ai_socktype | SOCK_NONBLOCK, to->ai_protocol);
	expect_equal(connect(fd, to->ai_addr, to->ai_addrlen), -1);
	expect_equal(errno, EINPROGRESS);
	expect_equal(poll(&(struct pollfd){ .fd = fd, .events = POLLOUT }, 1, 5000), 1);
	expect_equal(connect(fd, to->ai_addr, to->ai_addrlen), 0);	/* it tells once */
	expect_equal(connect(fd, to->ai_addr, to->ai_addrlen), -1);
	expect_equal(errno, EISCONN);
	expect_equal(fcntl(fd, F_SETFL, 0), 0);
	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = i % 251;
	expect_equal(send(fd, out, sizeof(out), 0), sizeof(out));
	expect_equal(shutdown(fd, SHUT_WR), 0);
	expect_equal(recv(fd, in, sizeof(in), MSG_WAITALL), sizeof(in));
	expect(!memcmp(in, out, sizeof(in)));
	expect_equal(recv(fd, in, 1, 0), 0);
	close(fd);
	in4 = (struct sockaddr_in *)to->ai_addr;
	in4->sin_port = htons(5999);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	expect_equal(connect(fd, to->ai_addr, to->ai_addrlen), -1);
	expect_equal(errno, ECONNREFUSED);
	in4->sin_addr.s_addr ^= htonl(0x60);		/* an unused address */
	expect_equal(connect(fd, to->ai_addr, to->ai_addrlen), -1);
	expect_equal(errno, EHOSTUNREACH);		/* as on Linux: no reply to ARP */
	close(fd);
	freeaddrinfo(to);
	expect_equal(getaddrinfo("no-such-name.test", NULL, &hints, &to), EAI_NONAME);
	test_success();
}

/* main returns at once: sent data still arrives. */
static int say(const char *host, const char *port)
{
	static char data[SAID];
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_family = AF_INET }, *to;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	expect_equal(getaddrinfo(host, port, &hints, &to), 0);
	expect_equal(connect(fd, to->ai_addr, to->ai_addrlen), 0);
	expect_equal(send(fd, data, sizeof(data), 0), sizeof(data));
	return 0;
}

/* 239.1.2.3 and ff15::123, at the first vif. */
static const struct ip_mreqn v4 = { .imr_multiaddr.s_addr = 0x030201ef, .imr_ifindex = 2 };
static const struct ipv6_mreq v6 = {
	.ipv6mr_multiaddr.s6_addr = { 0xff, 0x15, [14] = 1, [15] = 0x23 },
	.ipv6mr_interface = 2,
};

static int change(int fd, bool joins, int family)
{
	return family == AF_INET ?
	       setsockopt(fd, IPPROTO_IP, joins ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP, &v4,
			  sizeof(v4)) :
	       setsockopt(fd, IPPROTO_IPV6, joins ? IPV6_JOIN_GROUP : IPV6_LEAVE_GROUP, &v6,
			  sizeof(v6));
}

/* Returns whether a datagram for the group arrives; the guest receives its own. */
static bool heard(int receiver, int sender, int family, int port)
{
	struct sockaddr_in to4 = { .sin_family = AF_INET, .sin_port = htons(port),
				   .sin_addr = v4.imr_multiaddr };
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6, .sin6_port = htons(port),
				    .sin6_addr = v6.ipv6mr_multiaddr, .sin6_scope_id = 2 };
	struct pollfd p = { .fd = receiver, .events = POLLIN };
	char c;

	expect_equal(sendto(sender, "x", 1, 0, family == AF_INET ? (struct sockaddr *)&to4 :
			    (struct sockaddr *)&to6, family == AF_INET ? sizeof(to4) :
			    sizeof(to6)), 1);
	return poll(&p, 1, 200) == 1 && recv(receiver, &c, 1, 0) == 1;
}

static void a_group_is_left_by_who_is_closed(int family, int port)
{
	int receiver = on_port(SOCK_DGRAM, port), fds[3];
	int sender = family == AF_INET ? socket(AF_INET, SOCK_DGRAM, 0) : receiver, index = 2;

	for (int i = 0; i < 3; i++)
		fds[i] = socket(family, SOCK_DGRAM, 0);
	if (family == AF_INET)
		expect_equal(setsockopt(sender, IPPROTO_IP, IP_MULTICAST_IF, &v4, sizeof(v4)), 0);
	else
		expect_equal(setsockopt(sender, IPPROTO_IPV6, IPV6_MULTICAST_IF, &index,
					sizeof(index)), 0);
	expect(!heard(receiver, sender, family, port));
	expect_equal(change(fds[0], true, family), 0);
	expect_equal(change(fds[0], true, family), -1);
	expect_equal(errno, EADDRINUSE);
	expect_equal(change(fds[1], true, family), 0);
	expect_equal(change(fds[2], false, family), -1);
	expect_equal(errno, EADDRNOTAVAIL);
	expect(heard(receiver, sender, family, port));
	close(fds[0]);
	expect(heard(receiver, sender, family, port));
	close(fds[1]);
	expect(!heard(receiver, sender, family, port));
	expect_equal(change(fds[2], true, family), 0);
	expect(heard(receiver, sender, family, port));
	expect_equal(change(fds[2], false, family), 0);
	expect(!heard(receiver, sender, family, port));
	close(fds[2]);
	close(receiver);
	if (sender != receiver)
		close(sender);
}

static void groups(void)
{
	char name[IF_NAMESIZE];

	for (int i = 0; i < 100 && !if_indextoname(2, name); i++)
		usleep(50000);
	sleep(2);			/* duplicate address detection takes a second */
	a_group_is_left_by_who_is_closed(AF_INET, 1000);
	a_group_is_left_by_who_is_closed(AF_INET6, 1001);
	test_success();
}

/* No host has this address, so SYNs get no reply. */
static const struct sockaddr_in nobody = {
	.sin_family = AF_INET, .sin_port = 0x0900, .sin_addr.s_addr = 0x6300090a,
};

static void *connect_to_nobody(void *arg)
{
	static int error;

	error = connect((intptr_t)arg, (const void *)&nobody, sizeof(nobody)) ? errno : 0;
	return &error;
}

static uint64_t milliseconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ull + ts.tv_nsec / 1000000;
}

/* shutdown() ends connect(), and the socket may connect again. */
static void connects_that_are_ended(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), error = 0;
	struct sockaddr_in self = { .sin_family = AF_INET, .sin_port = htons(7),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct pollfd p;
	socklen_t len = sizeof(error);
	pthread_t t;
	void *result;
	uint64_t then;

	start(accept_all, on_port(SOCK_STREAM, 7));
	expect_equal(pthread_create(&t, NULL, connect_to_nobody, (void *)(intptr_t)fd), 0);
	usleep(300000);
	for (int i = 0; shutdown(fd, SHUT_RDWR); i++) {	/* the thread may not have begun */
		expect_equal(errno, ENOTCONN);
		expect(i < 100);
		usleep(50000);
	}
	then = milliseconds();
	expect_equal(pthread_join(t, &result), 0);
	expect_equal(*(int *)result, ECONNRESET);
	expect(milliseconds() - then < 1000);
	expect_equal(connect(fd, (void *)&self, sizeof(self)), 0);
	close(fd);

	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	expect_equal(connect(fd, (const void *)&nobody, sizeof(nobody)), -1);
	expect_equal(errno, EINPROGRESS);
	p = (struct pollfd){ .fd = fd, .events = POLLOUT };
	expect_equal(poll(&p, 1, 100), 0);
	expect_equal(shutdown(fd, SHUT_WR), 0);
	expect_equal(poll(&p, 1, 1000), 1);
	expect(p.revents & POLLERR);
	expect_equal(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len), 0);
	expect_equal(error, ECONNRESET);
	expect_equal(shutdown(fd, SHUT_WR), -1);
	expect_equal(errno, ENOTCONN);
	close(fd);
	test_success();
}

int main(int argc, char **argv)
{
	int fd, http;

	if (argc == 2 && !strcmp(argv[1], "ended"))
		connects_that_are_ended();

	if (argc == 2)
		groups();
	if (argc == 4 && !strcmp(argv[1], "say"))
		return say(argv[2], argv[3]);
	if (argc == 4)
		call(argv[2], argv[3]);
	start(accept_all, on_port(SOCK_STREAM, 7));
	start(echo_datagrams, on_port(SOCK_DGRAM, 7));
	http = on_port(SOCK_STREAM, 80);
	puts("serving");
	while ((fd = accept(http, NULL, NULL)) >= 0)
		start(serve, fd);
	test_failure("accept: %s", strerror(errno));
}

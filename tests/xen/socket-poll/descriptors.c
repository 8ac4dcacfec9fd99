/* SPDX-License-Identifier: ISC */
/* Descriptors that poll() can wait for: pipes and pairs of sockets; their numbers. */
#define _GNU_SOURCE
#include "tests/xen/socket/help.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static void *fill_pipe(void *arg)
{
	static char data[300000];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = i % 251;
	expect_equal(write(*(int *)arg, data, sizeof(data)), sizeof(data));
	close(*(int *)arg);
	return NULL;
}

static void a_pipe_carries_bytes(void)
{
	struct pollfd p = { .events = POLLIN };
	char data[999];
	size_t sum = 0;
	pthread_t thread;
	int fds[2];
	ssize_t n;

	expect_equal(pipe(fds), 0);
	p.fd = fds[0];
	expect_equal(poll(&p, 1, 0), 0);
	expect_equal(write(fds[0], "x", 1), -1);
	expect_equal(errno, EBADF);
	expect_equal(pthread_create(&thread, NULL, fill_pipe, &fds[1]), 0);
	while ((n = read(fds[0], data, sizeof(data))) > 0)
		for (ssize_t i = 0; i < n; i++, sum++)
			expect_equal(data[i], (char)(sum % 251));
	expect_equal(n, 0);
	expect_equal(sum, 300000);
	pthread_join(thread, NULL);
	expect_equal(poll(&p, 1, 0), 1);
	expect_equal(p.revents, POLLHUP);
	close(fds[0]);
	expect_equal(pipe(fds), 0);
	close(fds[0]);
	expect_equal(write(fds[1], "x", 1), -1);
	expect_equal(errno, EPIPE);
	close(fds[1]);
	expect_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	expect_equal(read(fds[0], data, 1), -1);
	expect_equal(errno, EAGAIN);
	expect_equal(write(fds[0], "ab", 2), 2);
	expect_equal(write(fds[1], "cde", 3), 3);
	expect_equal(read(fds[1], data, 9), 2);
	expect_equal(read(fds[0], data, 9), 3);
	close(fds[0]);
	expect_equal(read(fds[1], data, 9), 0);
	close(fds[1]);
}

static void *send_later(void *arg)
{
	usleep(50000);
	expect_equal(send(*(int *)arg, "later", 5, 0), 5);
	return NULL;
}

static void a_pair_is_of_sockets(void)
{
	struct timeval tv = { .tv_usec = 30000 };
	struct sockaddr_storage name;
	socklen_t len = sizeof(name);
	struct pollfd p = { .events = POLLIN | POLLRDHUP };
	char data[9], one[2], two[9];
	struct iovec v[2] = { { one, 2 }, { two, 9 } };
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 2 };
	static char big[100000];
	pthread_t thread;
	int fds[2], n;

	expect_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	expect_equal(send(fds[0], "abcde", 5, MSG_NOSIGNAL), 5);
	expect_equal(recv(fds[1], data, 3, MSG_PEEK), 3);
	expect_equal(recvmsg(fds[1], &m, 0), 5);
	expect(!memcmp(one, "ab", 2) && !memcmp(two, "cde", 3) && !memcmp(data, "abc", 3));
	expect_equal(recv(fds[1], data, 1, MSG_DONTWAIT), -1);
	expect_equal(errno, EAGAIN);
	expect_equal(setsockopt(fds[1], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
	expect_equal(recv(fds[1], data, 1, 0), -1);
	expect_equal(errno, EAGAIN);
	expect_equal(send(fds[1], "1234", 4, 0), 4);
	expect_equal(pthread_create(&thread, NULL, send_later, &fds[1]), 0);
	expect_equal(recv(fds[0], data, 9, MSG_WAITALL), 9);
	expect(!memcmp(data, "1234later", 9));
	pthread_join(thread, NULL);
	expect_equal(send(fds[0], big, sizeof(big), MSG_DONTWAIT), 65536);
	expect_equal(send(fds[0], big, 1, MSG_DONTWAIT), -1);
	expect_equal(errno, EAGAIN);
	expect_equal(ioctl(fds[1], FIONREAD, &n), 0);
	expect_equal(n, 65536);
	expect_equal(getpeername(fds[0], (struct sockaddr *)&name, &len), 0);
	expect(name.ss_family == AF_UNIX && len == sizeof(sa_family_t));
	len = sizeof(n);
	expect_equal(getsockopt(fds[0], SOL_SOCKET, SO_TYPE, &n, &len), 0);
	expect_equal(n, SOCK_STREAM);
	expect_equal(getsockopt(fds[0], IPPROTO_TCP, TCP_NODELAY, &n, &len), -1);
	expect_equal(errno, EOPNOTSUPP);
	expect_equal(listen(fds[0], 1), -1);
	expect_equal(errno, EOPNOTSUPP);
	p.fd = fds[1];
	expect_equal(shutdown(fds[0], SHUT_WR), 0);
	expect_equal(send(fds[0], "x", 1, 0), -1);
	expect_equal(errno, EPIPE);
	expect(poll(&p, 1, 0) == 1 && p.revents == (POLLIN | POLLRDHUP));
	for (n = 0; n < 65536; n += 4096)
		expect_equal(recv(fds[1], big, 4096, MSG_WAITALL), 4096);
	expect_equal(recv(fds[1], data, 1, 0), 0);
	expect_equal(send(fds[1], "yes", 3, 0), 3);
	expect_equal(recv(fds[0], data, 9, 0), 3);
	close(fds[0]);
	expect_equal(send(fds[1], "x", 1, 0), -1);
	expect_equal(errno, EPIPE);
	expect(poll(&p, 1, 0) == 1 && p.revents & POLLHUP);
	close(fds[1]);
}

/* One of a pair writes, and the other one closes without reading: as on Linux. */
static void what_is_lost_is_told(void)
{
	struct pollfd p = { .events = POLLIN };
	int fds[2], error = 0;
	socklen_t len = sizeof(error);
	char c[8];

	expect_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	expect_equal(write(fds[0], "a", 1), 1);
	expect_equal(write(fds[1], "bcd", 3), 3);
	close(fds[1]);
	p.fd = fds[0];
	expect_equal(poll(&p, 1, 0), 1);
	expect_equal(p.revents, POLLIN | POLLERR | POLLHUP);
	expect_equal(read(fds[0], c, 8), 3);
	expect_equal(read(fds[0], c, 8), -1);
	expect_equal(errno, ECONNRESET);
	expect_equal(read(fds[0], c, 8), 0);
	expect_equal(poll(&p, 1, 0), 1);
	expect_equal(p.revents, POLLIN | POLLHUP);
	expect_equal(send(fds[0], "a", 1, MSG_NOSIGNAL), -1);
	expect_equal(errno, EPIPE);
	close(fds[0]);

	expect_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	expect_equal(write(fds[0], "a", 1), 1);
	close(fds[1]);
	expect_equal(getsockopt(fds[0], SOL_SOCKET, SO_ERROR, &error, &len), 0);
	expect_equal(error, ECONNRESET);
	expect_equal(read(fds[0], c, 8), 0);
	close(fds[0]);
}

/* One byte with a descriptor. */
static int pass(int through, int fd)
{
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { .h = { .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET,
			     .cmsg_type = SCM_RIGHTS } };
	struct iovec byte = { "x", 1 };
	struct msghdr m = { .msg_iov = &byte, .msg_iovlen = 1, .msg_control = &control,
			    .msg_controllen = sizeof(control) };

	memcpy(CMSG_DATA(&control.h), &fd, sizeof(fd));
	return sendmsg(through, &m, 0) == 1 ? 1 : -errno;
}

static void *pass_the_second(void *pairs)
{
	int (*pair)[2] = pairs;

	return (void *)(intptr_t)pass(pair[0][0], pair[1][1]);
}

/* Not even if the one that would make them so has waited for room since it began. */
static void no_sockets_hold_each_other(void)
{
	static char full[65536];
	int pairs[2][2];
	pthread_t thread;
	void *rc;

	for (int i = 0; i < 2; i++)
		expect_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[i]), 0);
	expect_equal(pass(pairs[0][0], pairs[0][1]), -ETOOMANYREFS);
	expect_equal(write(pairs[0][0], full, sizeof(full)), sizeof(full));
	expect_equal(pthread_create(&thread, NULL, pass_the_second, pairs), 0);
	usleep(50000);
	expect_equal(pass(pairs[1][0], pairs[0][1]), 1);
	expect_equal(recv(pairs[0][1], full, sizeof(full), MSG_WAITALL), sizeof(full));
	expect_equal(pthread_join(thread, &rc), 0);
	expect_equal((intptr_t)rc, -ETOOMANYREFS);
	for (int i = 0; i < 2; i++)
		for (int j = 0; j < 2; j++)
			close(pairs[i][j]);
}

/* The lowest that is free, however they were closed. */
static void descriptors_are_the_lowest(void)
{
	int fds[300], first;

	for (int i = 0; i < 300; i++)
		expect((fds[i] = eventfd(0, 0)) >= 0);
	first = fds[0];
	for (int i = 0; i < 300; i++)
		expect_equal(fds[i], first + i);
	close(fds[250]);
	close(fds[3]);
	expect_equal(dup(fds[7]), fds[3]);
	expect_equal(dup(fds[7]), fds[250]);
	expect_equal(dup(fds[7]), first + 300);
	close(first + 300);
	close(fds[100]);
	expect_equal(fcntl(fds[7], F_DUPFD, 50), fds[100]);
	expect_equal(fcntl(fds[7], F_DUPFD, 5000), 5000);
	expect_equal(fcntl(fds[7], F_DUPFD, 5000), 5001);
	close(5000);
	close(5001);
	expect_equal(dup2(fds[7], fds[9]), fds[9]);
	expect_equal(fcntl(fds[7], F_DUPFD, -1), -1);
	expect_equal(errno, EINVAL);
	for (int i = 0; i < 300; i++)
		expect_equal(close(fds[i]), 0);
	expect_equal(close(fds[5]), -1);
	expect_equal(errno, EBADF);
}

/*
 * The flag has no effect, but is returned: it belongs to a descriptor, not to the file.
 */
static void closing_on_exec_is_told(void)
{
	int a = eventfd(0, EFD_CLOEXEC), b = dup(a), c = fcntl(b, F_DUPFD_CLOEXEC, 0), fds[2];

	expect_equal(fcntl(a, F_GETFD), FD_CLOEXEC);
	expect_equal(fcntl(b, F_GETFD), 0);
	expect_equal(fcntl(c, F_GETFD), FD_CLOEXEC);
	expect_equal(fcntl(a, F_SETFD, 0), 0);
	expect_equal(fcntl(b, F_SETFD, FD_CLOEXEC), 0);
	expect_equal(fcntl(a, F_GETFD), 0);
	expect_equal(fcntl(b, F_GETFD), FD_CLOEXEC);
	expect_equal(dup2(a, b), b);
	expect_equal(fcntl(b, F_GETFD), 0);
	close(a);
	close(b);
	close(c);
	expect_equal(pipe2(fds, O_CLOEXEC), 0);
	expect_equal(fcntl(fds[1], F_GETFD), FD_CLOEXEC);
	close(fds[0]);
	close(fds[1]);
	expect_equal(pipe(fds), 0);		/* the same numbers again */
	expect_equal(fcntl(fds[1], F_GETFD), 0);
	close(fds[0]);
	close(fds[1]);
	a = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	b = open("/dev/null", O_RDONLY | O_CLOEXEC);
	expect_equal(fcntl(a, F_GETFD), FD_CLOEXEC);
	expect_equal(fcntl(b, F_GETFD), FD_CLOEXEC);
	close(a);
	close(b);
}

void test_descriptors(void)
{
	a_pipe_carries_bytes();
	a_pair_is_of_sockets();
	what_is_lost_is_told();
	no_sockets_hold_each_other();
	descriptors_are_the_lowest();
	closing_on_exec_is_told();
}

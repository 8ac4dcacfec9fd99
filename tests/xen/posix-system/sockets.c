/* SPDX-License-Identifier: ISC */
/* Local sockets with names; TCP_INFO. */
#define _GNU_SOURCE
#include "tests/xen/posix-system/sockets.h"
#include "tests/xen/test.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define refused(call, why)						\
	do {								\
		errno = 0;						\
		expect((call) == -1);					\
		expect_equal(errno, why);				\
	} while (0)

#define RDM 4				/* a type of Linux */

static socklen_t named(struct sockaddr_un *to, const char *text, size_t len)
{
	*to = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(to->sun_path, text, len);
	return offsetof(struct sockaddr_un, sun_path) + len;
}

static int listener(const char *text, size_t len, int backlog)
{
	struct sockaddr_un name;
	socklen_t size = named(&name, text, len);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	expect(fd >= 0 && bind(fd, (struct sockaddr *)&name, size) == 0 && listen(fd, backlog) == 0);
	return fd;
}

static int connected(const char *text, size_t len, int flags)
{
	struct sockaddr_un name;
	socklen_t size = named(&name, text, len);
	int fd = socket(AF_UNIX, SOCK_STREAM | flags, 0), error;

	if (!connect(fd, (struct sockaddr *)&name, size))
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

static bool is_ready(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll(&p, 1, 0) == 1 && p.revents & events;
}

static void pass_descriptor(int from, int to)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { .header = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	struct iovec v = { "d", 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &control,
			    .msg_controllen = sizeof(control) };
	int fd = open("/etc/passwd", O_RDONLY);
	char text[5] = "", byte;

	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	expect(sendmsg(from, &m, 0) == 1 && close(fd) == 0);
	v.iov_base = &byte;
	m.msg_controllen = sizeof(control);
	expect(recvmsg(to, &m, 0) == 1 && byte == 'd');
	memcpy(&fd, CMSG_DATA(&control.header), sizeof(fd));
	expect(read(fd, text, 4) == 4 && !strcmp(text, "root") && close(fd) == 0);
}

static void by_path(void)
{
	int l = listener("/run/s", 6, 2), c, a, other = socket(AF_UNIX, SOCK_STREAM, 0);
	struct sockaddr_un name;
	socklen_t len = named(&name, "/run/s", 6);
	struct ucred peer;
	struct stat st;
	char text[8] = "";

	refused(bind(other, (struct sockaddr *)&name, len), EADDRINUSE);
	refused(listen(other, 1), EINVAL);
	refused(send(other, "x", 1, 0), ENOTCONN);
	close(other);
	expect(stat("/run/s", &st) == 0 && S_ISSOCK(st.st_mode));
	expect(!is_ready(l, POLLIN));
	refused(accept4(l, NULL, NULL, SOCK_NONBLOCK | 1), EINVAL);
	c = connected("/run/s", 7, 0);		/* with the NUL */
	expect(c >= 0 && is_ready(l, POLLIN));
	expect(write(c, "early", 5) == 5);
	len = sizeof(name);
	a = accept(l, (struct sockaddr *)&name, &len);
	expect(a >= 0 && len == sizeof(sa_family_t) && name.sun_family == AF_UNIX);
	expect(read(a, text, 8) == 5 && !strcmp(text, "early"));
	len = sizeof(name);
	expect(getpeername(c, (struct sockaddr *)&name, &len) == 0 && !strcmp(name.sun_path, "/run/s"));
	expect(len == offsetof(struct sockaddr_un, sun_path) + 7);
	len = sizeof(peer);
	expect(getsockopt(c, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.pid == getpid());
	pass_descriptor(a, c);
	pass_descriptor(c, a);
	close(a);
	expect(read(c, text, 8) == 0);
	close(c);
	expect(unlink("/run/s") == 0 && connected("/run/s", 6, 0) == -1 && errno == ENOENT);
	close(l);
	close(open("/run/s", O_CREAT | O_WRONLY, 0644));
	expect(connected("/run/s", 6, 0) == -1 && errno == ECONNREFUSED && unlink("/run/s") == 0);
}

static void *accept_later(void *fd)
{
	usleep(1000);
	return (void *)(intptr_t)accept(*(int *)fd, NULL, NULL);
}

/* A full queue: connect() waits, or fails; closing refuses what is in the queue. */
static void by_abstract_name(void)
{
	int l = listener("\0name", 5, 0), c[2], e;
	struct sockaddr_un name;
	socklen_t len = sizeof(sa_family_t);
	pthread_t thread;
	void *accepted;
	char byte;

	refused(connected("\0nam", 4, 0), ECONNREFUSED);
	c[0] = connected("\0name", 5, 0);
	expect(c[0] >= 0);
	refused(connected("\0name", 5, SOCK_NONBLOCK), EAGAIN);
	expect(pthread_create(&thread, NULL, accept_later, &l) == 0);
	c[1] = connected("\0name", 5, 0);
	expect(c[1] >= 0 && pthread_join(thread, &accepted) == 0 && (intptr_t)accepted >= 0);
	close((intptr_t)accepted);
	expect(read(c[0], &byte, 1) == 0);
	close(l);
	refused(read(c[1], &byte, 1), ECONNRESET);
	close(c[0]);
	close(c[1]);
	e = socket(AF_UNIX, SOCK_STREAM, 0);
	name.sun_family = AF_UNIX;
	expect(bind(e, (struct sockaddr *)&name, len) == 0);
	len = sizeof(name);
	expect(getsockname(e, (struct sockaddr *)&name, &len) == 0);
	expect(len == sizeof(sa_family_t) + 6 && !name.sun_path[0]);
	close(e);
	l = listener("\0name", 5, 1);
	close(l);
}

static void *shut_down_later(void *fd)
{
	usleep(20000);
	expect(shutdown(*(int *)fd, SHUT_RD) == 0);
	return NULL;
}

static void *connect_in_vain(void *unused)
{
	refused(connected("\0down", 5, 0), ECONNREFUSED);
	return unused;
}

/* shutdown() ends accept(), which first returns the connections that are there, and refuses others. */
static void shut_down(void)
{
	int l = listener("\0down", 5, 0), c, a;
	pthread_t thread;
	char byte = 0;

	expect(shutdown(l, SHUT_WR) == 0 && !is_ready(l, POLLIN));
	c = connected("\0down", 5, 0);
	expect(c >= 0 && write(c, "x", 1) == 1);
	expect(pthread_create(&thread, NULL, connect_in_vain, NULL) == 0);	/* there is no room */
	shut_down_later(&l);
	expect(is_ready(l, POLLIN));
	a = accept(l, NULL, NULL);
	expect(a >= 0 && read(a, &byte, 1) == 1 && byte == 'x');
	expect(pthread_join(thread, NULL) == 0);
	close(a);
	close(c);
	refused(accept(l, NULL, NULL), EINVAL);
	expect(is_ready(l, POLLIN));
	refused(connected("\0down", 5, 0), ECONNREFUSED);
	close(l);
	l = listener("\0down", 5, 0);
	expect(pthread_create(&thread, NULL, shut_down_later, &l) == 0);
	refused(accept(l, NULL, NULL), EINVAL);		/* which slept */
	expect(pthread_join(thread, NULL) == 0);
	close(l);
}

static int datagram(const char *text, size_t len)
{
	struct sockaddr_un name;
	socklen_t size = named(&name, text, len);
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	expect(fd >= 0 && (!len || bind(fd, (struct sockaddr *)&name, size) == 0));
	return fd;
}

static ssize_t send_by_name(int fd, const char *text, size_t len, const char *data, size_t n, int flags)
{
	struct sockaddr_un name;
	socklen_t size = named(&name, text, len);

	return sendto(fd, data, n, flags, (struct sockaddr *)&name, size);
}

/* Messages, their limits and their senders; a queue that is full; a peer that is closed. */
static void datagrams(void)
{
	int log = datagram("/run/dgm", 8), a = datagram("\0a", 2), b = datagram("", 0), n = 0;
	struct sockaddr_un name;
	socklen_t len;
	char text[8] = "";

	refused(send(b, "x", 1, 0), ENOTCONN);
	refused(send_by_name(b, "/run/none", 9, "x", 1, 0), ENOENT);
	refused(send_by_name(b, "\0none", 5, "x", 1, 0), ECONNREFUSED);
	refused(listen(log, 1), EOPNOTSUPP);
	expect(send_by_name(a, "/run/dgm", 8, "first", 5, 0) == 5);
	expect(send_by_name(b, "/run/dgm", 8, "", 0, 0) == 0);
	expect(send_by_name(b, "/run/dgm", 8, "a long one", 10, 0) == 10);
	len = sizeof(name);
	expect(recvfrom(log, text, 8, MSG_PEEK, (struct sockaddr *)&name, &len) == 5);
	len = sizeof(name);
	expect(recvfrom(log, text, 8, 0, (struct sockaddr *)&name, &len) == 5 && !memcmp(text, "first", 5));
	expect(len == sizeof(sa_family_t) + 2 && !memcmp(name.sun_path, "\0a", 2));
	len = sizeof(name);
	expect(recvfrom(log, text, 8, 0, (struct sockaddr *)&name, &len) == 0 && len == 0);
	expect(recv(log, text, 4, MSG_TRUNC) == 10 && !memcmp(text, "a lo", 4) && !is_ready(log, POLLIN));
	refused(recv(log, text, 8, MSG_DONTWAIT), EAGAIN);

	named(&name, "/run/dgm", 8);
	len = sizeof(sa_family_t) + 8;
	expect(connect(a, (struct sockaddr *)&name, len) == 0);
	while (send(a, "x", 1, MSG_DONTWAIT) == 1)
		n++;
	expect(errno == EAGAIN && n == 11 && !is_ready(a, POLLOUT));
	expect(recv(log, text, 8, 0) == 1 && is_ready(a, POLLOUT) && send(a, "y", 1, 0) == 1);
	named(&name, "\0a", 2);
	expect(connect(log, (struct sockaddr *)&name, sizeof(sa_family_t) + 2) == 0);
	refused(send_by_name(b, "/run/dgm", 8, "x", 1, 0), EPERM);
	pass_descriptor(log, a);
	close(log);
	refused(send(a, "x", 1, 0), ECONNREFUSED);
	refused(connected("/run/dgm", 8, 0), ECONNREFUSED);
	close(a);
	close(b);
	a = datagram("\0stream", 7);
	b = listener("\0stream", 7, 1);		/* another type */
	close(a);
	close(b);
	a = listener("/run/stream", 11, 1);
	b = datagram("", 0);
	refused(send_by_name(b, "/run/stream", 11, "x", 1, 0), EPROTOTYPE);
	close(a);
	close(b);
	expect(unlink("/run/dgm") == 0 && unlink("/run/stream") == 0);
}

static void *receive_later(void *fd)
{
	intptr_t n = 0;
	char byte = 0;

	usleep(1000);
	for (; byte != 'y'; n++)
		expect(recv(*(int *)fd, &byte, 1, 0) == 1);
	return (void *)n;
}

/* A connection of messages: accepted, waiting for room, ended by either side. */
static void packets(void)
{
	struct sockaddr_un name;
	socklen_t len = named(&name, "\0packets", 8);
	int l = socket(AF_UNIX, SOCK_SEQPACKET, 0), c = socket(AF_UNIX, SOCK_SEQPACKET, 0), a, pair[2], n = 0;
	pthread_t thread;
	char text[8] = "";
	void *got;

	expect(bind(l, (struct sockaddr *)&name, len) == 0 && listen(l, 2) == 0);
	refused(send(c, "x", 1, 0), ENOTCONN);
	expect(connect(c, (struct sockaddr *)&name, len) == 0 && send(c, "early", 5, 0) == 5);
	refused(connect(c, (struct sockaddr *)&name, len), EISCONN);
	expect((a = accept(l, NULL, NULL)) >= 0 && recv(a, text, 2, 0) == 2 && !is_ready(a, POLLIN));
	pass_descriptor(a, c);
	while (send(c, "x", 1, MSG_DONTWAIT) == 1)
		n++;
	expect(errno == EAGAIN && n > 100);
	expect(pthread_create(&thread, NULL, receive_later, &a) == 0 && send(c, "y", 1, 0) == 1);
	expect(pthread_join(thread, &got) == 0 && (intptr_t)got == n + 1);
	expect(shutdown(c, SHUT_WR) == 0 && is_ready(a, POLLRDHUP));
	expect(recv(a, text, 8, 0) == 0 && send(a, "z", 1, 0) == 1);
	close(a);
	refused(send(c, "x", 1, MSG_NOSIGNAL), EPIPE);
	len = sizeof(name);
	expect(recv(c, text, 8, 0) == 1 && recvfrom(c, text, 8, 0, (struct sockaddr *)&name, &len) == 0);
	expect(len == 0 && is_ready(c, POLLHUP));
	close(c);
	close(l);

	expect(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0 && send(pair[0], "one", 3, 0) == 3);
	expect(send(pair[0], "two", 3, 0) == 3 && read(pair[1], text, 8) == 3 && !memcmp(text, "one", 3));
	expect(send(pair[1], "lost", 4, 0) == 4);
	close(pair[0]);
	refused(recv(pair[1], text + 3, 0, 0), ECONNRESET);
	close(pair[1]);
	expect(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0 && write(pair[0], "one", 3) == 3);
	expect(read(pair[1], text, 8) == 3);
	close(pair[1]);
	refused(write(pair[0], "x", 1), ECONNREFUSED);
	close(pair[0]);
	refused(socket(AF_UNIX, SOCK_DGRAM, 2), EPROTONOSUPPORT);
	refused(socketpair(AF_UNIX, SOCK_SEQPACKET, 2, pair), EPROTONOSUPPORT);
	refused(socketpair(AF_UNIX, RDM, 0, pair), ESOCKTNOSUPPORT);
	refused(socket(AF_UNIX, RDM, 0), ESOCKTNOSUPPORT);
	refused(socket(AF_INET, RDM, 0), ESOCKTNOSUPPORT);
}

/* Another listener gets the name, then the first one, whose queue is full, is closed. */
static void *replace_later(void *fd)
{
	int other;

	usleep(1000);
	expect(unlink("/run/r") == 0);
	other = listener("/run/r", 6, 0);
	close(*(int *)fd);
	return (void *)(intptr_t)other;
}

static void by_a_name_that_moves(void)
{
	int l = listener("/run/r", 6, 0), first = connected("/run/r", 6, 0), c, a;
	pthread_t thread;
	void *other;

	expect(first >= 0 && pthread_create(&thread, NULL, replace_later, &l) == 0);
	c = connected("/run/r", 6, 0);
	expect(c >= 0 && pthread_join(thread, &other) == 0);
	a = accept((intptr_t)other, NULL, NULL);
	expect(a >= 0 && close(a) == 0 && close(c) == 0 && close(first) == 0);
	expect(close((intptr_t)other) == 0 && unlink("/run/r") == 0);
}

static void tcp_info(void)
{
	struct sockaddr_in name = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int l = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0), a;
	socklen_t len = sizeof(name);
	struct tcp_info info;

	expect(bind(l, (struct sockaddr *)&name, len) == 0 && listen(l, 1) == 0);
	expect(getsockname(l, (struct sockaddr *)&name, &len) == 0);
	expect(connect(c, (struct sockaddr *)&name, len) == 0 && (a = accept(l, NULL, NULL)) >= 0);
	len = sizeof(info);
	expect(getsockopt(l, IPPROTO_TCP, TCP_INFO, &info, &len) == 0);
	expect_equal(info.tcpi_state, TCP_LISTEN);
	len = sizeof(info);
	expect(getsockopt(c, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 && len == sizeof(info));
	expect(info.tcpi_state == TCP_ESTABLISHED && info.tcpi_snd_cwnd && info.tcpi_snd_mss >= 536);
	close(a);
	len = sizeof(info);
	expect(getsockopt(c, IPPROTO_TCP, TCP_INFO, &info, &len) == 0);
	expect_equal(info.tcpi_state, TCP_CLOSE_WAIT);
	close(c);
	close(l);
}

void local_sockets(void)
{
	tcp_info();
	by_path();
	by_abstract_name();
	shut_down();
	by_a_name_that_moves();
	datagrams();
	packets();
}

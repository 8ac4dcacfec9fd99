/* SPDX-License-Identifier: ISC */
/* TCP sockets: data, its end, and resets. */
#include "tests/xen/socket/help.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

static void *echo(void *arg)
{
	int fd = *(int *)arg;
	char data[4096];
	ssize_t n;

	while ((n = read(fd, data, sizeof(data))) > 0)
		expect_equal(write(fd, data, n), n);
	expect_equal(n, 0);
	expect_equal(close(fd), 0);
	return NULL;
}

/* A thread that echoes, through all sizes of pieces. */
static void echoes_come_back_whole(int family)
{
	static char out[200000], in[200000];
	int fds[2];
	pthread_t thread;
	ssize_t n;

	connection(family, fds);
	expect_equal(pthread_create(&thread, NULL, echo, &fds[1]), 0);
	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = i * 7 + i / 251;
	for (size_t at = 0, len = 1; at + len <= sizeof(out); at += len, len = len * 3 / 2 + 1) {
		expect_equal(send(fds[0], out + at, len, 0), len);
		expect_equal(recv(fds[0], in + at, len, MSG_WAITALL), len);
		expect(!memcmp(in + at, out + at, len));
	}
	expect_equal(shutdown(fds[0], SHUT_WR), 0);
	n = recv(fds[0], in, 1, 0);
	expect_equal(n, 0);
	expect_equal(pthread_join(thread, NULL), 0);
	close(fds[0]);
}

static void *drain(void *arg)
{
	static char data[100000];
	int fd = *(int *)arg;
	size_t sum = 0;
	ssize_t n;

	while ((n = recv(fd, data, sizeof(data), 0)) > 0)
		for (ssize_t i = 0; i < n; i++, sum++)
			if (data[i] != (char)(sum % 251))
				test_failure("byte %zu is wrong", sum);
	expect_equal(n, 0);
	return (void *)sum;
}

/* More than any buffer holds: the sender sleeps, and all arrives. */
static void a_big_write_is_all_sent(void)
{
	size_t size = 8 << 20;
	char *data = malloc(size);
	int fds[2];
	pthread_t thread;
	void *sum;

	expect(data);
	for (size_t i = 0; i < size; i++)
		data[i] = i % 251;
	connection(AF_INET, fds);
	expect_equal(pthread_create(&thread, NULL, drain, &fds[1]), 0);
	expect_equal(write(fds[0], data, size), size);
	close(fds[0]);
	expect_equal(pthread_join(thread, &sum), 0);
	expect_equal((size_t)sum, size);
	close(fds[1]);
	free(data);
}

static void pieces_are_one_stream(void)
{
	struct iovec out[64], in[3];
	char data[65], a[10], b[1], c[100];
	int fds[2];

	connection(AF_INET, fds);
	for (int i = 0; i < 64; i++) {
		data[i] = '0' + i;
		out[i] = (struct iovec){ data + i, i % 2 };
	}
	expect_equal(writev(fds[0], out, 64), 32);
	expect_equal(close(fds[0]), 0);
	in[0] = (struct iovec){ a, sizeof(a) };
	in[1] = (struct iovec){ b, sizeof(b) };
	in[2] = (struct iovec){ c, sizeof(c) };
	expect_equal(readv(fds[1], in, 3), 32);
	expect_equal(a[9], '0' + 19);
	expect_equal(b[0], '0' + 21);
	expect_equal(c[20], '0' + 63);
	expect_equal(readv(fds[1], in, 3), 0);
	close(fds[1]);
}

static void nothing_waits_that_must_not(void)
{
	struct timeval tv = { .tv_usec = 50000 };
	int fds[2], n = 0;
	char c[8];
	uint64_t start;

	connection(AF_INET, fds);
	expect_equal(recv(fds[0], c, 1, MSG_DONTWAIT), -1);
	expect_equal(errno, EAGAIN);
	expect_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	expect(fcntl(fds[0], F_GETFL) & O_NONBLOCK);
	expect_equal(read(fds[0], c, 1), -1);
	expect_equal(errno, EAGAIN);
	n = 0;
	expect_equal(ioctl(fds[0], FIONBIO, &n), 0);
	expect(!(fcntl(fds[0], F_GETFL) & O_NONBLOCK));
	expect_equal(setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
	start = now_ms();
	expect_equal(read(fds[0], c, 1), -1);
	expect_equal(errno, EAGAIN);
	expect(now_ms() - start >= 50 && now_ms() - start < 1000);
	expect_equal(send(fds[1], "abcdef", 6, 0), 6);
	expect_equal(recv(fds[0], c, 3, MSG_PEEK), 3);
	expect_equal(recv(fds[0], c, sizeof(c), MSG_PEEK), 6);
	expect_equal(ioctl(fds[0], FIONREAD, &n), 0);
	expect_equal(n, 6);
	expect_equal(recv(fds[0], c, sizeof(c), MSG_WAITALL), 6);	/* by the timeout */
	expect(!memcmp(c, "abcdef", 6));
	close(fds[0]);
	close(fds[1]);
}

/* All that fits.  The last bytes of a window are sent after 1.5 s, and make room. */
static size_t fill(int fd)
{
	static char data[65536];
	size_t sent = 0, before;

	do {
		ssize_t n;

		before = sent;
		while ((n = send(fd, data, sizeof(data), MSG_DONTWAIT)) > 0)
			sent += n;
		expect_equal(errno, EAGAIN);
		usleep(2500000);
	} while (sent > before);
	return sent;
}

/* Until nothing more fits, and the other side reads. */
static void a_full_connection_says_so(void)
{
	static char data[65536];
	struct timeval tv = { .tv_usec = 50000 };
	struct pollfd p;
	size_t sent, got = 0;
	int fds[2], waiting;
	ssize_t n;

	connection(AF_INET, fds);
	sent = fill(fds[0]);
	expect(sent > 65536);
	/* The receiver has acknowledged a part, and the rest waits. */
	expect_equal(ioctl(fds[0], TIOCOUTQ, &waiting), 0);
	expect(waiting > 0 && (size_t)waiting < sent);
	p = (struct pollfd){ .fd = fds[0], .events = POLLOUT };
	expect_equal(poll(&p, 1, 0), 0);
	expect_equal(setsockopt(fds[0], SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)), 0);
	expect_equal(send(fds[0], data, 1, 0), -1);
	expect_equal(errno, EAGAIN);
	while (got < sent) {
		n = recv(fds[1], data, sizeof(data), 0);
		expect(n > 0);
		got += n;
	}
	expect_equal(poll(&p, 1, 5000), 1);
	expect_equal(p.revents, POLLOUT);
	for (int i = 0; i < 500 && ioctl(fds[0], TIOCOUTQ, &waiting) == 0 && waiting; i++)
		usleep(10000);
	expect_equal(waiting, 0);
	close(fds[0]);
	close(fds[1]);
}

static void half_a_connection_goes_on(void)
{
	struct pollfd p;
	char c[4];
	int fds[2], n;

	connection(AF_INET, fds);
	expect_equal(shutdown(fds[0], SHUT_WR), 0);
	expect_equal(send(fds[0], "x", 1, MSG_NOSIGNAL), -1);
	expect_equal(errno, EPIPE);
	p = (struct pollfd){ .fd = fds[1], .events = POLLIN | POLLRDHUP };
	expect_equal(poll(&p, 1, 1000), 1);
	expect_equal(p.revents, POLLIN | POLLRDHUP);
	expect_equal(read(fds[1], c, 1), 0);
	expect_equal(write(fds[1], "abc", 3), 3);
	expect_equal(read(fds[0], c, 4), 3);
	expect_equal(shutdown(fds[1], SHUT_WR), 0);
	expect_equal(read(fds[0], c, 4), 0);
	p = (struct pollfd){ .fd = fds[0], .events = POLLOUT };
	expect_equal(poll(&p, 1, 1000), 1);
	expect_equal(p.revents, POLLOUT | POLLHUP);
	close(fds[0]);
	close(fds[1]);
	connection(AF_INET, fds);
	expect_equal(write(fds[1], "12345", 5), 5);
	usleep(10000);
	expect_equal(shutdown(fds[0], SHUT_RD), 0);
	p = (struct pollfd){ .fd = fds[0], .events = POLLIN | POLLRDHUP };
	expect_equal(poll(&p, 1, 0), 1);
	expect_equal(p.revents, POLLIN | POLLRDHUP);
	expect_equal(read(fds[0], c, 3), 3);	/* data that had arrived is read */
	expect_equal(read(fds[0], c, 4), 2);
	expect_equal(read(fds[0], c, 4), 0);
	expect_equal(write(fds[1], "abc", 3), 3);
	while (ioctl(fds[0], FIONREAD, &n) == 0 && n < 3)
		usleep(10000);
	expect_equal(recv(fds[0], c, 4, MSG_WAITALL), 3);	/* and what comes */
	expect_equal(read(fds[0], c, 4), 0);
	close(fds[0]);
	expect_equal(read(fds[1], c, 1), 0);	/* all was read: no reset */
	close(fds[1]);
	connection(AF_INET, fds);
	expect_equal(shutdown(fds[0], SHUT_RD), 0);
	expect_equal(write(fds[1], "abc", 3), 3);
	expect_equal(write(fds[0], "abc", 3), 3);
	expect_equal(read(fds[1], c, 4), 3);
	close(fds[0]);			/* unread data causes a reset */
	p = (struct pollfd){ .fd = fds[1], .events = POLLOUT };
	expect_equal(poll(&p, 1, 1000), 1);
	expect_equal(p.revents, POLLOUT | POLLERR | POLLHUP);
	close(fds[1]);
}

static void resets_are_told(void)
{
	struct linger now = { .l_onoff = 1 };
	struct pollfd p;
	int fds[2], error = 0;
	socklen_t len = sizeof(error);
	char c;

	connection(AF_INET, fds);	/* closed with data unread */
	expect_equal(write(fds[0], "abc", 3), 3);
	close(fds[1]);
	p = (struct pollfd){ .fd = fds[0], .events = POLLIN };
	expect_equal(poll(&p, 1, 1000), 1);
	expect(p.revents & POLLERR && p.revents & POLLHUP && p.revents & POLLIN);
	expect_equal(read(fds[0], &c, 1), -1);
	expect_equal(errno, ECONNRESET);
	expect_equal(read(fds[0], &c, 1), 0);
	expect_equal(write(fds[0], &c, 1), -1);
	expect_equal(errno, EPIPE);
	close(fds[0]);

	connection(AF_INET, fds);	/* by SO_LINGER, and returned by SO_ERROR */
	expect_equal(setsockopt(fds[1], SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
	close(fds[1]);
	expect_equal(poll(&(struct pollfd){ .fd = fds[0] }, 1, 1000), 1);
	expect_equal(getsockopt(fds[0], SOL_SOCKET, SO_ERROR, &error, &len), 0);
	expect_equal(error, ECONNRESET);
	expect_equal(getsockopt(fds[0], SOL_SOCKET, SO_ERROR, &error, &len), 0);
	expect_equal(error, 0);
	close(fds[0]);

	connection(AF_INET, fds);	/* in an orderly way: no reset */
	expect_equal(write(fds[0], "abc", 3), 3);
	expect_equal(read(fds[1], &c, 1), 1);
	expect_equal(read(fds[1], &c, 1), 1);
	expect_equal(read(fds[1], &c, 1), 1);
	close(fds[1]);
	expect_equal(read(fds[0], &c, 1), 0);
	close(fds[0]);
}

/* close() does not wait until sent data has arrived. */
static void data_outlives_its_sender(void)
{
	static char data[300000];
	size_t sum = 0;
	ssize_t n;
	int fds[2];

	connection(AF_INET, fds);
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	n = write(fds[0], data, sizeof(data));
	expect(n > 65536);
	close(fds[0]);
	for (ssize_t m; (m = read(fds[1], data, 5000)) > 0;)
		sum += m;
	expect_equal(sum, n);
	close(fds[1]);
}

void test_data(void)
{
	echoes_come_back_whole(AF_INET);
	echoes_come_back_whole(AF_INET6);
	a_big_write_is_all_sent();
	pieces_are_one_stream();
	nothing_waits_that_must_not();
	a_full_connection_says_so();
	half_a_connection_goes_on();
	resets_are_told();
	data_outlives_its_sender();
}

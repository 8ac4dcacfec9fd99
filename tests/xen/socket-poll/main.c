/* SPDX-License-Identifier: ISC */
/* poll(), select(), epoll and eventfd. */
#define _GNU_SOURCE
#include "tests/xen/socket/help.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/socket.h>

void test_descriptors(void);		/* descriptors.c */

static void *write_later(void *arg)
{
	usleep(50000);
	expect_equal(write(*(int *)arg, "abcdefgh", 8), 8);
	return NULL;
}

static void write_soon(int *fd)
{
	pthread_t thread;

	expect_equal(pthread_create(&thread, NULL, write_later, fd), 0);
	expect_equal(pthread_detach(thread), 0);
}

static void poll_waits_for_any_of_many(void)
{
	struct pollfd p[20];
	uint64_t start;
	int fds[20][2];
	char c[8];

	for (int i = 0; i < 20; i++) {
		connection(AF_INET, fds[i]);
		p[i] = (struct pollfd){ .fd = fds[i][0], .events = POLLIN, .revents = -1 };
	}
	expect_equal(poll(p, 20, 0), 0);
	start = now_ms();
	expect_equal(poll(p, 20, 50), 0);
	expect(now_ms() - start >= 50);
	write_soon(&fds[17][1]);
	expect_equal(poll(p, 20, -1), 1);
	expect_equal(p[17].revents, POLLIN);
	expect_equal(p[16].revents, 0);
	expect_equal(read(fds[17][0], c, 8), 8);
	p[3].fd = -1;
	p[4].fd = 12345;
	p[5].events |= POLLOUT;
	expect_equal(poll(p, 20, -1), 2);
	expect_equal(p[3].revents, 0);
	expect_equal(p[4].revents, POLLNVAL);
	expect_equal(p[5].revents, POLLOUT);
	expect_equal(poll(NULL, 0, 10), 0);
	expect_equal(poll(p, -1ul, 10), -1);
	expect_equal(errno, EINVAL);
	for (int i = 0; i < 20; i++) {
		close(fds[i][0]);
		close(fds[i][1]);
	}
}

/* Input is never there in this test, and there is always room for output. */
static void the_console_can_be_polled(void)
{
	struct pollfd p[2] = { { .fd = 0, .events = POLLIN }, { .fd = 1, .events = POLLOUT } };

	expect_equal(poll(p, 2, 1000), 1);
	expect_equal(p[1].revents, POLLOUT);
	expect_equal(poll(p, 1, 20), 0);
}

static void select_knows_three_sets(void)
{
	struct timeval tv = { .tv_usec = 20000 };
	fd_set in, out, except;
	int fds[2], n;
	char c[8];

	connection(AF_INET, fds);
	n = fds[0] > fds[1] ? fds[0] + 1 : fds[1] + 1;
	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_ZERO(&except);
	FD_SET(fds[0], &in);
	expect_equal(select(n, &in, NULL, NULL, &tv), 0);
	expect(!FD_ISSET(fds[0], &in));
	expect(!tv.tv_sec && !tv.tv_usec);	/* no time is left */
	FD_SET(fds[0], &in);
	FD_SET(fds[0], &out);
	FD_SET(fds[1], &out);
	FD_SET(fds[0], &except);
	expect_equal(select(n, &in, &out, &except, NULL), 2);
	expect(!FD_ISSET(fds[0], &in) && FD_ISSET(fds[1], &out) && !FD_ISSET(fds[0], &except));
	write_soon(&fds[1]);
	FD_SET(fds[0], &in);
	tv = (struct timeval){ .tv_sec = 60 };
	expect_equal(select(n, &in, NULL, NULL, &tv), 1);
	expect(tv.tv_sec < 60 && tv.tv_sec > 30 && tv.tv_usec < 1000000);
	expect_equal(read(fds[0], c, 8), 8);
	FD_SET(1000, &in);
	expect_equal(select(1001, &in, NULL, NULL, NULL), -1);
	expect_equal(errno, EBADF);
	expect_equal(select(FD_SETSIZE + 1, &in, NULL, NULL, NULL), -1);
	expect_equal(errno, EINVAL);
	close(fds[0]);
	close(fds[1]);
}

static int add(int ep, int fd, uint32_t events, uint64_t data)
{
	return epoll_ctl(ep, EPOLL_CTL_ADD, fd, &(struct epoll_event){
		.events = events, .data.u64 = data });
}

static void epoll_has_its_rules(void)
{
	int ep = epoll_create1(EPOLL_CLOEXEC), other = epoll_create(1), third = epoll_create1(0);
	struct epoll_event e;
	int fds[2];

	connection(AF_INET, fds);
	expect_equal(add(ep, fds[0], EPOLLIN, 1), 0);
	expect_equal(add(ep, fds[0], EPOLLIN, 1), -1);
	expect_equal(errno, EEXIST);
	expect_equal(epoll_ctl(ep, EPOLL_CTL_DEL, fds[1], NULL), -1);
	expect_equal(errno, ENOENT);
	expect_equal(epoll_ctl(ep, EPOLL_CTL_MOD, fds[1], &e), -1);
	expect_equal(errno, ENOENT);
	expect_equal(add(ep, 999, EPOLLIN, 1), -1);
	expect_equal(errno, EBADF);
	expect_equal(add(ep, ep, EPOLLIN, 1), -1);
	expect_equal(errno, EINVAL);
	expect_equal(add(fds[0], fds[1], EPOLLIN, 1), -1);
	expect_equal(errno, EINVAL);
	expect_equal(epoll_wait(ep, &e, 0, 0), -1);
	expect_equal(errno, EINVAL);
	expect_equal(add(other, ep, EPOLLIN, 7), 0);
	expect_equal(add(ep, other, EPOLLIN, 7), -1);
	expect_equal(errno, ELOOP);
	expect_equal(add(third, other, EPOLLIN, 7), -1);
	expect_equal(errno, ELOOP);
	expect_equal(epoll_wait(other, &e, 1, 0), 0);
	expect_equal(write(fds[1], "x", 1), 1);
	expect_equal(epoll_wait(other, &e, 1, 1000), 1);	/* one in the other */
	expect_equal(e.data.u64, 7);
	expect_equal(epoll_wait(ep, &e, 1, 0), 1);
	expect_equal(e.data.u64, 1);
	close(ep);
	expect_equal(epoll_wait(other, &e, 1, 0), 0);
	close(other);
	close(third);
	close(fds[0]);
	close(fds[1]);
}

static void level_is_told_again_and_edge_is_not(void)
{
	int level = epoll_create1(0), edge = epoll_create1(0), once = epoll_create1(0), fds[2];
	struct epoll_event e[4];
	char c[16];

	connection(AF_INET, fds);
	expect_equal(add(level, fds[0], EPOLLIN, 1), 0);
	expect_equal(add(edge, fds[0], EPOLLIN | EPOLLET, 2), 0);
	expect_equal(add(once, fds[0], EPOLLIN | EPOLLONESHOT, 3), 0);
	write_soon(&fds[1]);
	expect_equal(epoll_wait(level, e, 4, -1), 1);
	expect_equal(e[0].events, EPOLLIN);
	for (int i = 0; i < 3; i++)
		expect_equal(epoll_wait(level, e, 4, 0), 1);
	expect_equal(epoll_wait(edge, e, 4, 0), 1);
	expect_equal(e[0].data.u64, 2);
	expect_equal(epoll_wait(edge, e, 4, 0), 0);
	expect_equal(epoll_wait(once, e, 4, 0), 1);
	expect_equal(epoll_wait(once, e, 4, 0), 0);
	expect_equal(write(fds[1], "ij", 2), 2);
	expect_equal(epoll_wait(edge, e, 4, 1000), 1);	/* new data is a new edge */
	expect_equal(epoll_wait(edge, e, 4, 0), 0);
	expect_equal(epoll_wait(once, e, 4, 0), 0);
	e[0] = (struct epoll_event){ .events = EPOLLIN | EPOLLONESHOT, .data.u64 = 4 };
	expect_equal(epoll_ctl(once, EPOLL_CTL_MOD, fds[0], e), 0);
	expect_equal(epoll_wait(once, e, 4, 0), 1);	/* armed again, and still true */
	expect_equal(e[0].data.u64, 4);
	expect_equal(read(fds[0], c, 16), 10);
	expect_equal(epoll_wait(level, e, 4, 0), 0);
	expect_equal(epoll_wait(level, e, 4, 30), 0);
	close(fds[1]);
	expect_equal(epoll_wait(level, e, 4, 1000), 1);
	expect_equal(e[0].events, EPOLLIN);
	expect_equal(epoll_wait(edge, e, 4, 1000), 1);
	close(fds[0]);					/* and so out of all of them */
	expect_equal(epoll_wait(level, e, 4, 0), 0);
	close(level);
	close(edge);
	close(once);
}

/* Edge-triggered output: one edge when there is room again. */
static void room_is_an_edge(void)
{
	static char data[65536];
	int ep = epoll_create1(0), fds[2];
	struct epoll_event e;
	size_t sent = 0;
	ssize_t n;

	connection(AF_INET, fds);
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	expect_equal(add(ep, fds[0], EPOLLOUT | EPOLLET, 1), 0);
	expect_equal(epoll_wait(ep, &e, 1, 0), 1);
	while ((n = write(fds[0], data, sizeof(data))) > 0)
		sent += n;
	expect_equal(errno, EAGAIN);
	expect_equal(epoll_wait(ep, &e, 1, 0), 0);
	while (sent) {
		n = read(fds[1], data, sizeof(data));
		expect(n > 0);
		sent -= n;
	}
	expect_equal(epoll_wait(ep, &e, 1, 5000), 1);
	expect_equal(e.events, EPOLLOUT);
	expect_equal(epoll_wait(ep, &e, 1, 0), 0);
	close(fds[0]);
	close(fds[1]);
	close(ep);
}

/* More descriptors are ready than requested: all get a turn. */
static void nobody_is_forgotten(void)
{
	int ep = epoll_create1(0), fds[30][2], seen[30] = { 0 };
	struct epoll_event e[7];

	for (int i = 0; i < 30; i++) {
		connection(AF_INET, fds[i]);
		expect_equal(add(ep, fds[i][0], EPOLLIN, i), 0);
		expect_equal(write(fds[i][1], "x", 1), 1);
	}
	for (int round = 0; round < 15; round++) {
		int n = epoll_wait(ep, e, 7, 0);

		expect_equal(n, 7);
		for (int i = 0; i < n; i++)
			seen[e[i].data.u64]++;
	}
	for (int i = 0; i < 30; i++) {
		expect(seen[i] == 3 || seen[i] == 4);
		close(fds[i][0]);
		close(fds[i][1]);
	}
	expect_equal(epoll_wait(ep, e, 7, 0), 0);
	close(ep);
}

static int shared_ep;
static volatile int got;

static void *one_event(void *arg)
{
	struct epoll_event e;

	(void)arg;
	expect_equal(epoll_wait(shared_ep, &e, 1, 5000), 1);
	got++;
	return NULL;
}

static void threads_share_an_epoll(void)
{
	int fds[4][2];
	pthread_t t[4];

	shared_ep = epoll_create1(0);
	for (int i = 0; i < 4; i++) {
		connection(AF_INET, fds[i]);
		expect_equal(add(shared_ep, fds[i][0], EPOLLIN | EPOLLET, i), 0);
		expect_equal(pthread_create(&t[i], NULL, one_event, NULL), 0);
	}
	usleep(50000);
	for (int i = 0; i < 4; i++)
		expect_equal(write(fds[i][1], "x", 1), 1);
	for (int i = 0; i < 4; i++) {
		expect_equal(pthread_join(t[i], NULL), 0);
		close(fds[i][0]);
		close(fds[i][1]);
	}
	expect_equal(got, 4);
	close(shared_ep);
}

static void *signal_later(void *arg)
{
	usleep(50000);
	expect_equal(eventfd_write(*(int *)arg, 5), 0);
	return NULL;
}

static void an_eventfd_counts(void)
{
	int fd = eventfd(2, EFD_NONBLOCK), sem = eventfd(0, EFD_SEMAPHORE);
	int ep = epoll_create1(0);
	struct epoll_event e;
	pthread_t thread;
	eventfd_t n;

	expect_equal(eventfd_write(fd, 3), 0);
	expect_equal(eventfd_read(fd, &n), 0);
	expect_equal(n, 5);
	expect_equal(eventfd_read(fd, &n), -1);
	expect_equal(errno, EAGAIN);
	expect_equal(eventfd_write(fd, UINT64_MAX), -1);
	expect_equal(errno, EINVAL);
	expect_equal(eventfd_write(fd, UINT64_MAX - 1), 0);
	expect_equal(eventfd_write(fd, 1), -1);
	expect_equal(errno, EAGAIN);
	expect_equal(read(fd, &n, 7), -1);
	expect_equal(errno, EINVAL);
	expect_equal(add(ep, sem, EPOLLIN, 9), 0);
	expect_equal(pthread_create(&thread, NULL, signal_later, &sem), 0);
	expect_equal(epoll_wait(ep, &e, 1, -1), 1);
	for (int i = 0; i < 5; i++) {
		expect_equal(eventfd_read(sem, &n), 0);
		expect_equal(n, 1);
	}
	expect_equal(epoll_wait(ep, &e, 1, 0), 0);
	pthread_join(thread, NULL);
	close(fd);
	close(sem);
	close(ep);
}

int main(void)
{
	poll_waits_for_any_of_many();
	the_console_can_be_polled();
	select_knows_three_sets();
	epoll_has_its_rules();
	level_is_told_again_and_edge_is_not();
	room_is_an_edge();
	nobody_is_forgotten();
	threads_share_an_epoll();
	an_eventfd_counts();
	test_descriptors();
	test_success();
}

/* SPDX-License-Identifier: ISC */
/*
 * Large operations, one after another.  None may hold the monitor for long: test.py
 * checks the longest hold (kernel/hold.h).
 */
#include "tests/xen/test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define MIB (1ul << 20)
#define LARGE (24 * MIB)
#define FDS 4000
#define SLEEPERS 300

static void heap(void)
{
	char *p = malloc(LARGE), *q;

	expect(p);
	memset(p, 1, LARGE);
	q = realloc(p, 2 * LARGE);
	expect(q);
	q = realloc(q, MIB);
	free(q);
	p = calloc(1, LARGE);
	expect(p && !p[LARGE - 1]);
	free(p);
}

static void mappings(void)
{
	char *p = mmap(NULL, LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	expect(p != MAP_FAILED);
	expect_equal(mprotect(p, LARGE, PROT_READ), 0);
	expect_equal(mprotect(p, LARGE, PROT_NONE), 0);
	expect_equal(madvise(p, LARGE, MADV_DONTNEED), 0);
	expect_equal(mprotect(p, LARGE, PROT_READ | PROT_WRITE), 0);
	p[LARGE - 1] = 1;
	expect_equal(mprotect(p, LARGE / 2, PROT_NONE), 0);
	expect_equal(munmap(p, LARGE), 0);
}

static void devices(void)
{
	char *p = malloc(LARGE);
	int fd = open("/dev/zero", O_RDONLY), random = open("/dev/urandom", O_RDONLY);

	expect(p && fd >= 0 && random >= 0);
	expect_equal(read(fd, p, LARGE), LARGE);
	if (read(random, p, MIB) < 0)
		printf("no random numbers\n");
	close(random);
	close(fd);
	free(p);
}

static void *nothing(void *arg)
{
	return arg;
}

static void a_large_stack(void)
{
	pthread_attr_t attr;
	pthread_t thread;

	expect_equal(pthread_attr_init(&attr), 0);
	expect_equal(pthread_attr_setstacksize(&attr, LARGE), 0);
	expect_equal(pthread_create(&thread, &attr, nothing, NULL), 0);
	expect_equal(pthread_join(thread, NULL), 0);
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static unsigned asleep, go;

static void *sleeper(void *arg)
{
	pthread_mutex_lock(&mutex);
	asleep++;
	while (!go)
		pthread_cond_wait(&cond, &mutex);
	pthread_mutex_unlock(&mutex);
	return arg;
}

static void many_wake(void)
{
	static pthread_t threads[SLEEPERS];
	pthread_attr_t attr;

	expect_equal(pthread_attr_init(&attr), 0);
	expect_equal(pthread_attr_setstacksize(&attr, 32768), 0);
	for (int i = 0; i < SLEEPERS; i++)
		expect_equal(pthread_create(&threads[i], &attr, sleeper, NULL), 0);
	while (asleep < SLEEPERS)
		usleep(1000);
	pthread_mutex_lock(&mutex);
	go = 1;
	pthread_cond_broadcast(&cond);
	pthread_mutex_unlock(&mutex);
	for (int i = 0; i < SLEEPERS; i++)
		expect_equal(pthread_join(threads[i], NULL), 0);
}

static void many_descriptors(void)
{
	static struct pollfd fds[FDS];
	static struct epoll_event events[FDS];
	int epoll = epoll_create1(0), n, sum = 0;

	expect(epoll >= 0);
	for (int i = 0; i < FDS; i++) {
		struct epoll_event e = { .events = EPOLLIN | EPOLLET, .data.u32 = i };

		fds[i] = (struct pollfd){ .fd = eventfd(i, 0), .events = POLLIN };
		expect(fds[i].fd >= 0);
		expect_equal(epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i].fd, &e), 0);
	}
	expect_equal(poll(fds, FDS, 0), FDS - 1);
	for (int i = 0; i < FDS; i++)
		fds[i].events = 0;
	expect_equal(poll(fds, FDS, 20), 0);
	while ((n = epoll_wait(epoll, events, FDS, 0)) > 0)
		sum += n;
	expect_equal(sum, FDS - 1);
	close(epoll);
	for (int i = 0; i < FDS; i++)
		close(fds[i].fd);
	expect(dup2(0, 60000) == 60000);
	close(60000);
}

/* ---- other threads meanwhile */

static volatile bool over;

static void *run(void *what)
{
	(*(void (**)(void))what)();
	over = true;
	return NULL;
}

/* How often this thread wakes until another one has done it. */
static unsigned wakes_during(void (*what)(void))
{
	unsigned wakes = 0;
	pthread_t thread;

	over = false;
	expect_equal(pthread_create(&thread, NULL, run, &what), 0);
	for (; !over; wakes++)
		usleep(1000);
	expect_equal(pthread_join(thread, NULL), 0);
	return wakes;
}

static void from_device_to_device(void)
{
	int zero = open("/dev/zero", O_RDONLY), null = open("/dev/null", O_WRONLY);

	expect(zero >= 0 && null >= 0);
	expect_equal(sendfile(null, zero, NULL, 256 * MIB), 256 * MIB);
	close(zero);
	close(null);
}

/* Each of them has at most the size of one step. */
static void many_pieces(void)
{
	static struct iovec pieces[1024];
	static char place[65536];
	int zero = open("/dev/zero", O_RDONLY);

	expect(zero >= 0);
	for (int i = 0; i < 1024; i++)
		pieces[i] = (struct iovec){ place, sizeof(place) };
	for (int i = 0; i < 4; i++)
		expect_equal(readv(zero, pieces, 1024), 64 * MIB);
	close(zero);
}

static void others_run_meanwhile(void)
{
	expect(wakes_during(from_device_to_device) > 5);
	expect(wakes_during(many_pieces) > 10);
}

/* ---- many of the same kind */

/* Every second page is a mapping of its own. */
static void many_mappings(void)
{
	const size_t page = 4096, size = 8192 * page;
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	expect(p != MAP_FAILED);
	for (size_t at = 0; at < size; at += 2 * page)
		expect_equal(mprotect(p + at, page, PROT_READ), 0);
	expect_equal(msync(p, size, MS_SYNC), 0);
	expect_equal(mprotect(p, size, PROT_READ | PROT_WRITE), 0);
	memset(p, 1, size);
	expect_equal(madvise(p, size, MADV_DONTNEED), 0);
	expect(!p[0] && !p[size - 1]);
	expect_equal(munmap(p + page, size - 2 * page), 0);
	expect_equal(msync(p, size, MS_SYNC), -1);
	expect_equal(munmap(p, page), 0);
	expect_equal(munmap(p + size - page, page), 0);
}

#define RIGHTS 253

/* So often the same descriptor: 1, or the error. */
static int pass(int through, int fd)
{
	static union {
		struct cmsghdr h;
		char room[CMSG_SPACE(RIGHTS * sizeof(int))];
	} control;
	struct iovec byte = { "x", 1 };
	struct msghdr m = { .msg_iov = &byte, .msg_iovlen = 1, .msg_control = &control,
			    .msg_controllen = sizeof(control) };

	control.h = (struct cmsghdr){ .cmsg_len = CMSG_LEN(RIGHTS * sizeof(int)),
				      .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
	for (int i = 0; i < RIGHTS; i++)
		memcpy(CMSG_DATA(&control.h) + i * sizeof(int), &fd, sizeof(fd));
	return sendmsg(through, &m, 0) == 1 ? 1 : -errno;
}

/* Sockets in sockets: 253 * 253 * 253 * 253 ways from the first to the last. */
static void many_descriptors_under_way(void)
{
	int pairs[4][2], pipes[2];

	expect_equal(pipe(pipes), 0);
	for (int i = 0; i < 4; i++)
		expect_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[i]), 0);
	expect_equal(pass(pairs[0][0], pipes[0]), 1);
	for (int i = 1; i < 4; i++)
		expect_equal(pass(pairs[i][0], pairs[i - 1][1]), 1);
	expect_equal(pass(pairs[0][0], pairs[3][1]), -ETOOMANYREFS);
	for (int i = 0; i < 4; i++)
		for (int j = 0; j < 2; j++)
			close(pairs[i][j]);
	close(pipes[0]);
	close(pipes[1]);
}

#define RUN(what) (what(), printf("%s\n", #what))

int main(void)
{
	RUN(heap);
	RUN(mappings);
	RUN(devices);
	RUN(a_large_stack);
	RUN(many_wake);
	RUN(many_descriptors);
	RUN(others_run_meanwhile);
	RUN(many_mappings);
	RUN(many_descriptors_under_way);
	test_success();
}

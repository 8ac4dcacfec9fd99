/* SPDX-License-Identifier: ISC */
/*
 * Large things, one after another.  None may hold the monitor for long: test.py judges the
 * longest hold of all (kernel/hold.h).
 */
#include "tests/xen/test.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
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

#define RUN(what) (what(), printf("%s\n", #what))

int main(void)
{
	RUN(heap);
	RUN(mappings);
	RUN(devices);
	RUN(a_large_stack);
	RUN(many_wake);
	RUN(many_descriptors);
	test_success();
}

/* SPDX-License-Identifier: ISC */
/* A call that sleeps ends with EINTR when a signal is handled, or is restarted (SA_RESTART). */
#define _GNU_SOURCE
#include "help.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NAMED "/tmp/interrupted"
#define LOCKED "/tmp/interrupted.lock"

static int tcp[2], udp, pair[2], ends[2], full[2], listener, event, set, locks[2];

static int in_read(void) { char c; return read(ends[0], &c, 1); }
static int in_write(void) { char c[9000] = ""; return write(full[1], c, sizeof(c)); }
static int in_recv(void) { char c; return recv(tcp[0], &c, 1, 0); }
static int in_recvfrom(void) { char c; return recvfrom(udp, &c, 1, 0, NULL, NULL); }
static int in_pair(void) { char c; return recv(pair[0], &c, 1, 0); }
static int in_accept(void) { return accept(listener, NULL, NULL); }
static int in_eventfd(void) { uint64_t n; return read(event, &n, sizeof(n)); }
static sem_t sem;
static int in_sem(void) { return sem_wait(&sem); }
static int in_open(void) { return open(NAMED, O_RDONLY); }
static int in_flock(void) { return flock(locks[1], LOCK_EX); }

static int in_lock(void)
{
	return fcntl(locks[1], F_OFD_SETLKW, &(struct flock){ .l_type = F_WRLCK });
}

static int in_poll(void)
{
	struct pollfd fd = { .fd = ends[0], .events = POLLIN };

	return poll(&fd, 1, LONG * 1000);
}

static int in_select(void)
{
	struct timeval time = { .tv_sec = LONG };
	fd_set fds;

	FD_ZERO(&fds);
	FD_SET(ends[0], &fds);
	return select(ends[0] + 1, &fds, NULL, NULL, &time);
}

static int in_epoll(void)
{
	struct epoll_event e;

	return epoll_wait(set, &e, 1, LONG * 1000);
}

static int in_nanosleep(void)
{
	struct timespec time = { .tv_sec = LONG }, remain = { 0 };
	int rc = nanosleep(&time, &remain);

	expect(remain.tv_sec < LONG && remain.tv_sec >= LONG - 15);
	return rc;
}

static int in_usleep(void)
{
	int rc = usleep(900 * MS);

	return rc ? rc : usleep(900 * MS);
}

static int in_sleep(void)
{
	int rest = sleep(LONG);

	expect(rest > LONG - 15);
	errno = EINTR;
	return rest ? -1 : 0;
}

static int in_clock_nanosleep(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	time.tv_sec += LONG;
	errno = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL);
	return errno ? -1 : 0;
}

static int in_sigtimedwait(void)
{
	struct timespec time = { .tv_sec = LONG };
	sigset_t usr2 = set_of(SIGUSR2);

	return sigtimedwait(&usr2, NULL, &time);
}

static int in_recv_with_timeout(void)
{
	struct timeval time = { .tv_sec = LONG }, none = { 0 };
	int rc, error;

	expect(!setsockopt(tcp[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time)));
	rc = in_recv();
	error = errno;
	expect(!setsockopt(tcp[0], SOL_SOCKET, SO_RCVTIMEO, &none, sizeof(none)));
	errno = error;
	return rc;
}

static void feed_read(void) { expect(write(ends[1], "x", 1) == 1); }
static void feed_write(void) { char c[20000]; read(full[0], c, sizeof(c)); }
static void feed_recv(void) { expect(send(tcp[1], "x", 1, 0) == 1); }
static void feed_pair(void) { expect(send(pair[1], "x", 1, 0) == 1); }
static void feed_eventfd(void) { uint64_t n = 1; expect(write(event, &n, sizeof(n)) == 8); }
static void feed_sem(void) { sem_post(&sem); }
static void feed_flock(void) { expect(!flock(locks[0], LOCK_UN)); }

static void feed_lock(void)
{
	expect(!fcntl(locks[0], F_OFD_SETLK, &(struct flock){ .l_type = F_UNLCK }));
}

static void feed_open(void)
{
	int fd;

	while ((fd = open(NAMED, O_WRONLY | O_NONBLOCK)) < 0)
		usleep(MS);
	close(fd);
}

static void feed_recvfrom(void)
{
	struct sockaddr_in to;
	socklen_t len = sizeof(to);

	expect(!getsockname(udp, (void *)&to, &len));
	expect(sendto(udp, "x", 1, 0, (void *)&to, len) == 1);
}

static void feed_accept(void)
{
	struct sockaddr_in to;
	socklen_t len = sizeof(to);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	expect(!getsockname(listener, (void *)&to, &len));
	expect(!connect(fd, (void *)&to, len));
	close(fd);
}

static const struct wait {
	const char *name;
	int (*call)(void);
	void (*feed)(void);		/* it restarts with SA_RESTART, and this ends it; NULL: not */
} waits[] = {
	{ "read", in_read, feed_read },
	{ "write", in_write, feed_write },
	{ "recv", in_recv, feed_recv },
	{ "recvfrom", in_recvfrom, feed_recvfrom },
	{ "socketpair", in_pair, feed_pair },
	{ "accept", in_accept, feed_accept },
	{ "eventfd", in_eventfd, feed_eventfd },
	{ "sem_wait", in_sem, feed_sem },
	{ "open", in_open, feed_open },
	{ "flock", in_flock, feed_flock },
	{ "fcntl", in_lock, feed_lock },
	{ "poll", in_poll, NULL },
	{ "select", in_select, NULL },
	{ "epoll_wait", in_epoll, NULL },
	{ "nanosleep", in_nanosleep, NULL },
	{ "usleep", in_usleep, NULL },
	{ "sleep", in_sleep, NULL },
	{ "clock_nanosleep", in_clock_nanosleep, NULL },
	{ "sigtimedwait", in_sigtimedwait, NULL },
	{ "SO_RCVTIMEO", in_recv_with_timeout, NULL },
};

struct run {
	const struct wait *wait;
	sem_t there;
	int rc, error;
	volatile bool done;
};

static void *run(void *arg)
{
	struct run *r = arg;

	sem_post(&r->there);
	r->rc = r->wait->call();
	r->error = errno;
	r->done = true;
	return NULL;
}

static void interrupt(const struct wait *w, bool restart)
{
	struct run r = { .wait = w };
	pthread_t t;

	sem_init(&r.there, 0, 0);
	handle(SIGUSR1, restart ? SA_RESTART : 0);
	expect(!pthread_create(&t, NULL, run, &r));
	sem_wait(&r.there);
	usleep(30 * MS);
	expect(!r.done && !pthread_kill(t, SIGUSR1));
	if (restart && w->feed) {
		for (int i = 0; !came_in_other && i < 1000; i++)
			usleep(MS);
		usleep(10 * MS);
		if (r.done)
			test_failure("%s does not restart: %d, %d", w->name, r.rc, r.error);
		w->feed();
		expect(!pthread_join(t, NULL));
		if (r.rc < 0)
			test_failure("%s, restarted, gives %d, %d", w->name, r.rc, r.error);
	} else {
		expect(!pthread_join(t, NULL));
		if (r.rc != -1 || r.error != EINTR)
			test_failure("%s gives %d, %d, not EINTR", w->name, r.rc, r.error);
	}
	if (came != SIGUSR1 || came_in_other != 1)
		test_failure("%s: %d, and in the thread %d times", w->name, came, came_in_other);
}

static void make_files(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct epoll_event e = { .events = EPOLLIN };
	socklen_t len = sizeof(to);
	char c[4096] = "";

	listener = socket(AF_INET, SOCK_STREAM, 0);
	expect(!bind(listener, (void *)&to, len) && !listen(listener, 5));
	expect(!getsockname(listener, (void *)&to, &len));
	tcp[1] = socket(AF_INET, SOCK_STREAM, 0);
	expect(!connect(tcp[1], (void *)&to, len));
	tcp[0] = accept(listener, NULL, NULL);
	expect(tcp[0] >= 0);
	to.sin_port = 0;
	udp = socket(AF_INET, SOCK_DGRAM, 0);
	expect(!bind(udp, (void *)&to, len));
	expect(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair) && !pipe(ends) && !pipe(full));
	fcntl(full[1], F_SETFL, O_NONBLOCK);
	while (write(full[1], c, sizeof(c)) > 0)
		;
	fcntl(full[1], F_SETFL, 0);
	event = eventfd(0, 0);
	set = epoll_create1(0);
	e.data.fd = ends[0];
	expect(!epoll_ctl(set, EPOLL_CTL_ADD, ends[0], &e));
	sem_init(&sem, 0, 0);
	unlink(NAMED);
	expect(!mkfifo(NAMED, 0600));
	for (int i = 0; i < 2; i++)
		locks[i] = open(LOCKED, O_RDWR | O_CREAT, 0600);
	expect(!flock(locks[0], LOCK_EX));
	expect(!fcntl(locks[0], F_OFD_SETLK, &(struct flock){ .l_type = F_WRLCK }));
}

void test_interrupted_calls(void)
{
	make_files();
	for (unsigned i = 0; i < sizeof(waits) / sizeof(*waits); i++) {
		interrupt(&waits[i], false);
		interrupt(&waits[i], true);
	}
}

/* SPDX-License-Identifier: ISC */
/* FIFOs that are opened by name. */
#include "fifo.h"
#include "tests/xen/test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME "/tmp/fifo"

static short events(int fd, short wanted)
{
	struct pollfd p = { fd, wanted, 0 };

	expect(poll(&p, 1, 0) >= 0);
	return p.revents;
}

static void expect_eagain(int fd)
{
	char c;

	errno = 0;
	expect_equal(read(fd, &c, 1), -1);
	expect_equal(errno, EAGAIN);
}

static void ends_come_and_go(void)
{
	char buf[10];
	struct stat st;
	int in, out, other;

	errno = 0;
	expect_equal(open(NAME, O_WRONLY | O_NONBLOCK), -1);
	expect_equal(errno, ENXIO);
	in = open(NAME, O_RDONLY | O_NONBLOCK);
	expect(in >= 0);
	expect(fstat(in, &st) == 0 && S_ISFIFO(st.st_mode) && (st.st_mode & 0777) == 0600);
	expect(lseek(in, 0, SEEK_SET) < 0 && errno == ESPIPE);
	expect_equal(read(in, buf, 1), 0);
	expect_equal(events(in, POLLIN), 0);
	out = open(NAME, O_WRONLY | O_NONBLOCK);
	other = open(NAME, O_WRONLY);
	expect(out >= 0 && other >= 0);
	expect_eagain(in);
	expect_equal(write(out, "hello", 5), 5);
	expect_equal(events(in, POLLIN), POLLIN);
	expect_equal(close(out), 0);
	expect_equal(read(in, buf, sizeof(buf)), 5);
	expect(!memcmp(buf, "hello", 5));
	expect_eagain(in);		/* there is still a writer */
	expect_equal(write(other, "x", 1), 1);
	expect_equal(close(other), 0);
	expect_equal(events(in, POLLIN), POLLIN | POLLHUP);
	expect_equal(read(in, buf, sizeof(buf)), 1);
	expect_equal(read(in, buf, sizeof(buf)), 0);
	expect_equal(events(in, POLLIN), POLLHUP);
	out = open(NAME, O_WRONLY);
	expect(out >= 0);
	expect_eagain(in);
	expect_equal(close(in), 0);
	expect_equal(events(out, POLLOUT) & POLLERR, POLLERR);
	expect(write(out, "x", 1) < 0 && errno == EPIPE);
	expect_equal(close(out), 0);
}

static void *writer(void *arg)
{
	int out = open(NAME, O_WRONLY);

	expect(out >= 0);
	for (int i = 0; i < 1000; i++)
		expect_equal(write(out, &i, sizeof(i)), sizeof(i));
	expect_equal(close(out), 0);
	return arg;
}

static void open_waits_for_the_other_end(void)
{
	pthread_t thread;
	int in, got;

	expect_equal(pthread_create(&thread, NULL, writer, NULL), 0);
	in = open(NAME, O_RDONLY);
	expect(in >= 0);
	for (int i = 0; i < 1000; i++) {
		expect_equal(read(in, &got, sizeof(got)), sizeof(got));
		expect_equal(got, i);
	}
	expect_equal(read(in, &got, sizeof(got)), 0);
	expect_equal(close(in), 0);
	expect_equal(pthread_join(thread, NULL), 0);
}

static void one_file_is_both_ends(void)
{
	int both = open(NAME, O_RDWR);
	char c = 0;

	expect(both >= 0);
	expect_equal(write(both, "c", 1), 1);
	expect_equal(unlink(NAME), 0);
	expect_equal(read(both, &c, 1), 1);
	expect_equal(c, 'c');
	expect_equal(close(both), 0);
	expect(open(NAME, O_RDONLY) < 0 && errno == ENOENT);
}

void fifos(void)
{
	signal(SIGPIPE, SIG_IGN);
	expect_equal(mkfifo(NAME, 0600), 0);
	ends_come_and_go();
	open_waits_for_the_other_end();
	one_file_is_both_ends();
}

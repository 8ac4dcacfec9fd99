/* SPDX-License-Identifier: ISC */
/*
 * dom0's side of the tests of vchan, with libxenvchan:
 *
 *	peer client DOMID PATH HOW TO FROM [DIE]	a session; killed after DIE bytes
 *	peer server DOMID PATH LEFT RIGHT HOW TO FROM	a session as server; sizes of the rings
 *	peer many DOMID PATH COUNT			sessions, of which every third is killed
 *	peer ping DOMID PATH ROUNDS			round trips of 64 bytes; prints ns
 *	peer talk DOMID PATH REPLIES			sends standard input, prints REPLIES
 *	peer connect SOCKET BYTES			sends over a UNIX socket, expects an echo
 *	peer listen SOCKET BYTES			the same as server
 *
 * HOW: 0: all bytes are checked; 1: they are not.  Prints MB/s.
 */
#include "../pattern.h"

#include <libxenvchan.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/*
 * The end of the previous client was not noticed before this one connected
 * (drivers/vchan.h).
 */
#define SENT_AWAY 3

static struct libxenvchan *chan;
static unsigned char buf[PATTERN_MAX];

static void die(const char *what)
{
	fprintf(stderr, "peer: %s\n", what);
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

static void send_order(unsigned how, uint64_t to, uint64_t from)
{
	struct order o = { ORDER_MAGIC, how, to, from };

	chan->blocking = 1;
	if (libxenvchan_send(chan, &o, sizeof(o)) != sizeof(o))
		die("the order was not sent");
}

static void wait_for_guest(void)
{
	struct pollfd p = { .fd = libxenvchan_fd_for_select(chan), .events = POLLIN };

	if (poll(&p, 1, 60000) != 1)
		die("nothing moves for a minute");
	libxenvchan_wait(chan);
}

/* Both ways at once, or one way by sleeping calls. */
static void bulk(unsigned how, uint64_t to, uint64_t from, uint64_t die_after)
{
	uint64_t sent = 0, got = 0, confirmed = 0;

	chan->blocking = 0;
	while (sent < to || got < from) {
		uint64_t left = to - sent, due = from - got;
		int n = 0, m = 0;

		if (left)
			n = libxenvchan_write(chan, pattern_at(sent, 0),
					      left < PATTERN_MAX ? left : PATTERN_MAX);
		if (due)
			m = libxenvchan_read(chan, buf, due < sizeof(buf) ? due : sizeof(buf));
		if (n < 0 || m < 0)
			exit(SENT_AWAY);
		if (how == CHECKED && memcmp(buf, pattern_at(got, 1), m))
			die("wrong bytes");
		sent += n;
		got += m;
		if (die_after && sent + got >= die_after)
			kill(getpid(), SIGKILL);
		if (!n && !m)
			wait_for_guest();
	}
	chan->blocking = 1;
	if (libxenvchan_recv(chan, &confirmed, sizeof(confirmed)) != sizeof(confirmed) ||
	    confirmed != to)
		die("the guest did not get everything");
}

static void session(unsigned how, uint64_t to, uint64_t from, uint64_t die_after)
{
	double start = now();

	send_order(how, to, from);
	if (!to && !from)
		return;
	bulk(how, to, from, die_after);
	printf("%.1f\n", (to + from) / 1e6 / (now() - start));
}

/* The last client may not be quite gone. */
static void join(int domid, const char *path)
{
	for (int i = 0; i < 5000; i++) {
		chan = libxenvchan_client_init(NULL, domid, path);
		if (chan)
			return;
		usleep(1000);
	}
	die("cannot connect");
}

static void many(int domid, const char *path, int count)
{
	int again = 0;

	for (int i = 0; i < count; i++) {
		pid_t child = fork();
		int status;

		if (child == 0) {
			join(domid, path);
			send_order(CHECKED, 3000 + i, 2000 + i);
			bulk(CHECKED, 3000 + i, 2000 + i, i % 3 == 1 ? 1 + i * 7 % 4000 : 0);
			libxenvchan_close(chan);
			exit(0);
		}
		waitpid(child, &status, 0);
		/*
		 * Data of a client that the guest never saw cannot be told from
		 * the next client's.
		 */
		if (i % 3 == 1)
			usleep(20000);
		if (!WIFSIGNALED(status) && WEXITSTATUS(status) == SENT_AWAY) {
			again++;
			i--;
			continue;
		}
		if (WIFSIGNALED(status) ? i % 3 != 1 : WEXITSTATUS(status)) {
			fprintf(stderr, "session %d failed\n", i);
			exit(1);
		}
	}
	printf("%d came twice\n", again);
	if (again > count / 10)
		die("too many were sent away");
}

static void ping(int rounds)
{
	double start = now();

	send_order(ECHO, 0, 0);
	for (int i = -200; i < rounds; i++) {
		if (i == 0)
			start = now();
		if (libxenvchan_send(chan, buf, 64) != 64 || libxenvchan_recv(chan, buf, 64) != 64)
			die("no echo");
	}
	printf("%.0f\n", (now() - start) / rounds * 1e9);
}

static void serve(int domid, const char *path, size_t left, size_t right)
{
	chan = libxenvchan_server_init(NULL, domid, path, left, right);
	if (!chan)
		die("cannot serve");
	printf("serving\n");
	fflush(stdout);
	while (libxenvchan_is_open(chan) != 1)
		libxenvchan_wait(chan);
}

/* Of any bytes; replies end with NULs, which are shown as newlines. */
static void talk(int replies)
{
	static unsigned char all[PATTERN_MAX];
	size_t len = fread(all, 1, sizeof(all), stdin), sent = 0;

	chan->blocking = 0;
	while (sent < len || replies > 0) {
		int n = sent < len ? libxenvchan_write(chan, all + sent, len - sent) : 0;
		int m = libxenvchan_read(chan, buf, sizeof(buf));

		if (n < 0 || m < 0)
			die("the guest has gone");
		sent += n;
		for (int i = 0; i < m && replies > 0; i++) {	/* one more may have begun */
			replies -= !buf[i];
			putchar(buf[i] ? buf[i] : '\n');
		}
		fflush(stdout);
		if (!n && !m)
			wait_for_guest();
	}
}

/* ---- behind vchan-socket-proxy */

static void exchange(int fd, uint64_t bytes)
{
	uint64_t sent = 0, got = 0;

	while (got < bytes) {
		uint64_t left = bytes - sent;
		struct pollfd p = { fd, POLLIN | (left ? POLLOUT : 0), 0 };
		ssize_t n;

		if (poll(&p, 1, 60000) != 1)
			die("nothing moves for a minute");
		if (p.revents & POLLOUT) {
			n = send(fd, pattern_at(sent, 0), left < 5000 ? left : 5000,
				 MSG_DONTWAIT);
			sent += n > 0 ? n : 0;
		}
		if (!(p.revents & POLLIN))
			continue;
		n = read(fd, buf, sizeof(buf));
		if (n <= 0 || memcmp(buf, pattern_at(got, 0), n))
			die("not what was sent");
		got += n;
	}
}

static void by_socket(const char *path, bool server, uint64_t bytes)
{
	struct sockaddr_un where = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), listener;

	strncpy(where.sun_path, path, sizeof(where.sun_path) - 1);
	if (server) {
		listener = fd;
		unlink(path);
		if (bind(listener, (struct sockaddr *)&where, sizeof(where)) ||
		    listen(listener, 1))
			die("cannot listen");
		printf("serving\n");
		fflush(stdout);
		fd = accept(listener, NULL, NULL);
	} else {
		for (int i = 0; connect(fd, (struct sockaddr *)&where, sizeof(where)); i++) {
			if (i == 500)
				die("cannot connect");
			usleep(10000);
		}
	}
	exchange(fd, bytes);
	close(fd);
}

int main(int argc, char **argv)
{
	pattern_init();
	if (argc == 4) {
		by_socket(argv[2], !strcmp(argv[1], "listen"), strtoull(argv[3], NULL, 0));
		return 0;
	}
	if (argc >= 7 && !strcmp(argv[1], "client")) {
		join(atoi(argv[2]), argv[3]);
		session(atoi(argv[4]), strtoull(argv[5], NULL, 0), strtoull(argv[6], NULL, 0),
			argc > 7 ? strtoull(argv[7], NULL, 0) : 0);
	} else if (argc == 9 && !strcmp(argv[1], "server")) {
		serve(atoi(argv[2]), argv[3], atoi(argv[4]), atoi(argv[5]));
		session(atoi(argv[6]), strtoull(argv[7], NULL, 0), strtoull(argv[8], NULL, 0), 0);
	} else if (argc == 5 && !strcmp(argv[1], "many")) {
		many(atoi(argv[2]), argv[3], atoi(argv[4]));
		return 0;
	} else if (argc == 5 && !strcmp(argv[1], "talk")) {
		join(atoi(argv[2]), argv[3]);
		talk(atoi(argv[4]));
	} else if (argc == 5 && !strcmp(argv[1], "ping")) {
		join(atoi(argv[2]), argv[3]);
		ping(atoi(argv[4]));
	} else {
		die("usage");
	}
	libxenvchan_close(chan);
	return 0;
}

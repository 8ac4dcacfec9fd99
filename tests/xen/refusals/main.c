/* SPDX-License-Identifier: ISC */
/*
 * Calls functions with all numbers in the range of their options, flags, commands and
 * control messages, and prints a line with the result of each call that succeeds.  The
 * program also runs on Linux, and test.py compares: each of these calls succeeds there
 * with the same result.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096
#ifndef IP_RECVTTL
#define IP_RECVTTL 12
#endif

static unsigned said;

__attribute__((format(printf, 1, 2)))
static void say(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	printf("+ ");
	vprintf(fmt, args);
	printf("\n");
	va_end(args);
	said++;
}

static void must(bool claim, const char *what)
{
	if (claim)
		return;
	printf("FAILURE %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- sockets */

struct kind {
	const char *name;
	int family, type;
};
static const struct kind kinds[] = {
	{ "tcp", AF_INET, SOCK_STREAM }, { "udp", AF_INET, SOCK_DGRAM },
	{ "tcp6", AF_INET6, SOCK_STREAM }, { "udp6", AF_INET6, SOCK_DGRAM },
};
#define KINDS (sizeof(kinds) / sizeof(*kinds))

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static socklen_t loopback(union address *a, int family)
{
	memset(a, 0, sizeof(*a));
	a->any.sa_family = family;
	if (family == AF_INET)
		a->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		a->in6.sin6_addr = in6addr_loopback;
	return family == AF_INET ? sizeof(a->in) : sizeof(a->in6);
}

/* Two that are connected with each other. */
static void pair(const struct kind *k, int s[2])
{
	union address a;
	socklen_t len = loopback(&a, k->family);
	int first = socket(k->family, k->type, 0), second = socket(k->family, k->type, 0);

	must(first >= 0 && second >= 0, "socket");
	must(!bind(first, &a.any, len) && !getsockname(first, &a.any, &len), "bind");
	if (k->type == SOCK_STREAM) {
		must(!listen(first, 1) && !connect(second, &a.any, len), "connect");
		s[1] = accept(first, NULL, NULL);
		must(s[1] >= 0, "accept");
		close(first);
	} else {
		must(!connect(second, &a.any, len), "connect");
		must(!getsockname(second, &a.any, &len) && !connect(first, &a.any, len), "connect");
		s[1] = first;
	}
	s[0] = second;
}

static void close_pair(int s[2])
{
	close(s[0]);
	close(s[1]);
}

static const struct level {
	const char *name;
	int number, options;
} levels[] = {
	{ "SOL_SOCKET", SOL_SOCKET, 84 }, { "IP", IPPROTO_IP, 72 }, { "IPV6", IPPROTO_IPV6, 84 },
	{ "TCP", IPPROTO_TCP, 48 }, { "UDP", IPPROTO_UDP, 112 },
};
#define LEVELS (sizeof(levels) / sizeof(*levels))

static void option(const struct kind *k, const struct level *l, int n)
{
	int s = socket(k->family, k->type, 0), value = 1, got = -77;
	struct timeval t = { .tv_sec = 3 }, told = { .tv_sec = -1 };
	socklen_t len = sizeof(got);
	bool set;

	must(s >= 0, "socket");
	if (!setsockopt(s, l->number, n, &value, 0))
		say("setsockopt %s %s %d without a value", k->name, l->name, n);
	if (!setsockopt(s, l->number, n, &value, 1))
		say("setsockopt %s %s %d of a byte", k->name, l->name, n);
	set = !setsockopt(s, l->number, n, &value, sizeof(value));
	if (set)
		say("setsockopt %s %s %d", k->name, l->name, n);
	if (!getsockopt(s, l->number, n, &got, &len) && len == sizeof(got))
		say("getsockopt %s %s %d%s is %d", k->name, l->name, n, set ? " when set" : "", got);
	value = -5;
	if (!setsockopt(s, l->number, n, &value, sizeof(value)))
		say("setsockopt %s %s %d to -5", k->name, l->name, n);
	len = sizeof(told);
	if (!set && !setsockopt(s, l->number, n, &t, sizeof(t)) &&
	    !getsockopt(s, l->number, n, &told, &len))
		say("setsockopt %s %s %d to 3 s is %ld s", k->name, l->name, n, (long)told.tv_sec);
	close(s);
}

static void options(void)
{
	for (size_t k = 0; k < KINDS; k++)
		for (size_t l = 0; l < LEVELS; l++)
			for (int n = 0; n < levels[l].options; n++)
				option(&kinds[k], &levels[l], n);
}

static int ready(int s, int ms)
{
	struct pollfd p = { .fd = s, .events = POLLIN };

	return poll(&p, 1, ms);
}

static void send_flag(const struct kind *k, unsigned bit)
{
	char to[8] = "";
	int s[2];
	ssize_t n, came;

	pair(k, s);
	n = send(s[0], "abc", 3, 1u << bit | (1u << bit == MSG_DONTWAIT ? 0 : MSG_DONTWAIT));
	if (n >= 0) {
		ready(s[1], 1u << bit == MSG_MORE ? 2000 : 300);	/* Linux waits for 200 ms */
		came = recv(s[1], to, sizeof(to), MSG_DONTWAIT);
		say("send %s flag %u is %zd, came %zd %s", k->name, bit, n, came, came > 0 ? to : "-");
	}
	close_pair(s);
}

static void recv_flag(const struct kind *k, unsigned bit)
{
	char to[8] = "", more[8] = "";
	int s[2];
	ssize_t n, rest;

	pair(k, s);
	must(send(s[0], "abc", 3, 0) == 3, "send");
	ready(s[1], 300);
	n = recv(s[1], to, 2, (int)(1u << bit | MSG_DONTWAIT));
	if (n >= 0) {
		rest = recv(s[1], more, sizeof(more), MSG_DONTWAIT);
		say("recv %s flag %u is %zd %s, then %zd %s", k->name, bit, n, to, rest,
		    rest > 0 ? more : "-");
	}
	close_pair(s);
}

static void message(const struct kind *k, const struct level *l, int type, size_t size)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(64)];
	} control;
	struct iovec iov = { "abc", 3 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
			    .msg_controllen = CMSG_SPACE(size) };
	char to[8] = "";
	ssize_t came;
	int s[2];

	memset(&control, 0, sizeof(control));
	control.header.cmsg_level = l->number;
	control.header.cmsg_type = type;
	control.header.cmsg_len = CMSG_LEN(size);
	pair(k, s);
	if (size == sizeof(int))
		*(int *)CMSG_DATA(&control.header) = 1;
	if (sendmsg(s[0], &m, MSG_DONTWAIT) == 3) {
		ready(s[1], 300);
		came = recv(s[1], to, sizeof(to), MSG_DONTWAIT);
		say("sendmsg %s with %s %d of %zu bytes, came %zd %s", k->name, l->name, type, size,
		    came, came > 0 ? to : "-");
	}
	close_pair(s);
}

static void messages(void)
{
	for (size_t k = 0; k < KINDS; k++) {
		for (unsigned bit = 0; bit < 32; bit++) {
			if (1u << bit == MSG_WAITALL)
				continue;
			send_flag(&kinds[k], bit);
			recv_flag(&kinds[k], bit);
		}
		for (size_t l = 0; l < LEVELS; l++) {
			for (int type = 0; type < levels[l].options; type++) {
				message(&kinds[k], &levels[l], type, sizeof(int));
				message(&kinds[k], &levels[l], type, sizeof(struct in_pktinfo));
			}
		}
	}
}

static void sockets(void)
{
	for (int family = 0; family < 50; family++) {
		int s = socket(family, SOCK_DGRAM, 0);

		if (s >= 0)
			say("socket family %d", family);
		close(s);
	}
	for (int type = 0; type < 16; type++) {
		for (int protocol = 0; protocol < 300; protocol++) {
			int s = socket(AF_INET, type, protocol);

			if (s >= 0)
				say("socket type %d protocol %d", type, protocol);
			close(s);
		}
	}
	for (unsigned bit = 4; bit < 32; bit++) {
		int s = socket(AF_INET, (int)(SOCK_DGRAM | 1u << bit), 0);

		if (s >= 0)
			say("socket flag %u", bit);
		close(s);
	}
	for (int how = -2; how < 8; how++) {
		int s[2];

		pair(&kinds[0], s);
		if (!shutdown(s[0], how))
			say("shutdown %d", how);
		close_pair(s);
	}
}

/* ---- descriptors, memory, clocks */

static void flags_of_new_descriptors(void)
{
	for (unsigned bit = 0; bit < 32; bit++) {
		int p[2], fd, flag = (int)(1u << bit);

		fd = eventfd(3, flag);
		if (fd >= 0)
			say("eventfd flag %u", bit);
		close(fd);
		fd = epoll_create1(flag);
		if (fd >= 0)
			say("epoll_create1 flag %u", bit);
		close(fd);
		if (bit < 12 && getrandom(p, sizeof(p), flag) == sizeof(p))
			say("getrandom flag %u", bit);
	}
}

static void epoll_and_poll(void)
{
	int e = epoll_create1(0), s[2];

	pair(&kinds[0], s);
	for (unsigned bit = 0; bit < 32; bit++) {
		struct epoll_event event = { .events = 1u << bit };
		struct pollfd p = { .fd = s[0], .events = (short)(1u << bit) };

		if (!epoll_ctl(e, EPOLL_CTL_ADD, s[0], &event)) {
			say("epoll_ctl event %u gives %d", bit, epoll_wait(e, &event, 1, 0));
			epoll_ctl(e, EPOLL_CTL_DEL, s[0], NULL);
		}
		if (bit < 15 && poll(&p, 1, 0) >= 0)
			say("poll event %u gives %x", bit, (unsigned)p.revents);
	}
	for (int op = -1; op < 8; op++) {
		struct epoll_event event = { .events = EPOLLIN };

		if (!epoll_ctl(e, op, s[1], &event))
			say("epoll_ctl operation %d", op);
	}
	close(e);
	close_pair(s);
}

static void memory(void)
{
	for (unsigned bit = 0; bit < 32; bit++) {
		int flags = (int)(MAP_PRIVATE | MAP_ANONYMOUS | 1u << bit);
		void *at;

		if (1u << bit == MAP_FIXED || bit == 20 || bit == 18 || bit == 8)
			continue;	/* where no page may be; large pages; growing stacks */
		at = mmap(NULL, PAGE, PROT_READ, flags, -1, 0);
		if (at != MAP_FAILED)
			say("mmap flag %u", bit);
	}
	for (int advice = -1; advice < 120; advice++) {
		char *at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		must(at != MAP_FAILED, "mmap");
		if (advice >= 100 && advice <= 102)
			continue;	/* memory errors, guard pages */
		at[5] = 7;
		if (!madvise(at, PAGE, advice) && advice != 8)
			say("madvise %d leaves %d", advice, at[5]);
		munmap(at, PAGE);
	}
	for (int flag = 0; flag < 16; flag++) {
		void *at = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (!msync(at, PAGE, flag))
			say("msync %d", flag);
		if (!mprotect(at, PAGE, flag))
			say("mprotect %d", flag);
		munmap(at, PAGE);
	}
}

static void clocks(void)
{
	for (int id = -3; id < 20; id++) {
		struct timespec t, none = { 0 };

		if (!clock_gettime((clockid_t)id, &t))
			say("clock_gettime %d", id);
		if (!clock_getres((clockid_t)id, &t))
			say("clock_getres %d", id);
		if (!clock_nanosleep((clockid_t)id, 0, &none, NULL))
			say("clock_nanosleep %d", id);
		if (!clock_nanosleep(CLOCK_MONOTONIC, id, &none, NULL))
			say("clock_nanosleep flags %d", id);
	}
}

static void files(void)
{
	int fd = open("/dev/null", O_RDWR);

	must(fd >= 0, "/dev/null");
	for (int op = 0; op < 40; op++) {
		if (!flock(fd, op) && !flock(fd, LOCK_UN))
			say("flock %d", op);
		if (op < 8 && !lockf(fd, op, 0))
			say("lockf %d", op);
		if (!posix_fadvise(fd, 0, 0, op))
			say("posix_fadvise %d", op);
		if (op < 12 && lseek(fd, 0, op) >= 0)
			say("lseek %d", op);
	}
	close(fd);
}

static void names(void)
{
	for (unsigned bit = 0; bit < 16; bit++) {
		struct addrinfo hints = { .ai_flags = (int)(1u << bit) }, *found;
		char host[64];
		union address a;
		socklen_t len = loopback(&a, AF_INET);

		if (!getaddrinfo("127.0.0.1", "80", &hints, &found)) {
			say("getaddrinfo flag %u", bit);
			freeaddrinfo(found);
		}
		if (!getnameinfo(&a.any, len, host, sizeof(host), NULL, 0,
				 (int)(NI_NUMERICHOST | 1u << bit)))
			say("getnameinfo flag %u", bit);
	}
	for (int family = 0; family < 40; family++) {
		struct addrinfo hints = { .ai_family = family }, *found;

		if (!getaddrinfo(NULL, "80", &hints, &found)) {
			say("getaddrinfo family %d", family);
			freeaddrinfo(found);
		}
	}
}

/* ---- effects of accepted options */

static void effects(void)
{
	struct timeval t = { .tv_usec = 100000 };
	int s[2], n = 3, yes = 1, ttl = 7;
	char to[8];

	pair(&kinds[0], s);
	if (!setsockopt(s[1], SOL_SOCKET, SO_RCVLOWAT, &n, sizeof(n))) {
		must(write(s[0], "ab", 2) == 2, "write");
		say("SO_RCVLOWAT 3 with 2 bytes: %d", ready(s[1], 100));
		must(write(s[0], "c", 1) == 1, "write");
		say("SO_RCVLOWAT 3 with 3 bytes: %d", ready(s[1], 100));
		must(read(s[1], to, sizeof(to)) == 3, "read");
	}
	if (!setsockopt(s[1], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t))) {
		ssize_t got = recv(s[1], to, 1, 0);

		say("SO_RCVTIMEO: %zd %s", got, got < 0 ? strerror(errno) : "-");
	}
	must(write(s[0], "abc", 3) == 3, "write");
	say("MSG_WAITALL: %zd", recv(s[1], to, 3, MSG_WAITALL));
	close_pair(s);

	pair(&kinds[1], s);
	if (!setsockopt(s[0], IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl)) &&
	    !setsockopt(s[1], IPPROTO_IP, IP_RECVTTL, &yes, sizeof(yes))) {
		char control[64];
		struct iovec iov = { to, sizeof(to) };
		struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
				    .msg_controllen = sizeof(control) };
		struct cmsghdr *c;

		must(send(s[0], "x", 1, 0) == 1 && ready(s[1], 100) == 1 &&
		     recvmsg(s[1], &m, 0) == 1, "a datagram");
		c = CMSG_FIRSTHDR(&m);
		say("IP_TTL is %d", c && c->cmsg_type == IP_TTL ? *(int *)CMSG_DATA(c) : -1);
	}
	close_pair(s);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOFBF, 65536);
	sockets();
	options();
	messages();
	flags_of_new_descriptors();
	epoll_and_poll();
	memory();
	clocks();
	files();
	names();
	effects();
	printf("done %u\n", said);
	return 0;
}
